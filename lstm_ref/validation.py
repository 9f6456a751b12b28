"""Checks at the public edges: what was expected, what came, as a `ValueError`.

A cell checks its own step; a layer checks a whole sequence once and then runs unchecked.
"""

from typing import Any

import numpy as np

__all__ = ["check_array", "check_lengths", "check_parameters", "check_sequence", "check_step"]


def check_array(name: str, value: Any, shape: tuple[int | str, ...]) -> None:
    """Raise unless `value` is a floating array of `shape`; a letter stands for any size ≥ 1."""
    text = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    if not isinstance(value, np.ndarray):
        raise ValueError(f"expected {name} as an array of shape {text}, got {type(value).__name__}")
    fits = value.ndim == len(shape) and all(
        isinstance(want, str) or want == got for want, got in zip(shape, value.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"expected {name} of shape {text}, got {value.shape}")
    for letter, got in zip(shape, value.shape, strict=True):
        if got == 0:
            raise ValueError(
                f"expected {name} of shape {text} with {letter} ≥ 1, got {value.shape}"
            )
    if not np.issubdtype(value.dtype, np.floating):
        raise ValueError(f"expected {name} of a floating dtype, got {value.dtype}")


def check_parameters(params: Any, input_size: int) -> int:
    """Raise unless the fields of a parameter tuple fit each other and `input_size`.

    Returns
    -------
    int
        The hidden size.
    """
    first = params[1]
    if not isinstance(first, np.ndarray) or first.ndim != 1 or first.size == 0:
        raise ValueError(
            f"expected {params._fields[1]} of shape (H,) with H ≥ 1, got {np.shape(first)}"
        )
    hidden_size: int = first.shape[0]
    for name, value in zip(params._fields, params, strict=True):
        weight = name.startswith("W")
        shape = (hidden_size, hidden_size + input_size) if weight else (hidden_size,)
        check_array(name, value, shape)
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")
    return hidden_size


def check_step(x: Any, params: Any, **states: Any) -> None:
    """Raise unless one step's input ``x (B, D)``, states ``(B, H)`` and parameters fit together."""
    check_array("x", x, ("B", "D"))
    hidden_size = check_parameters(params, x.shape[1])
    for name, state in states.items():
        check_array(name, state, (x.shape[0], hidden_size))


def check_sequence(xs: Any, params: Any, **states: Any) -> None:
    """Raise unless a sequence ``xs (T, B, D)``, states ``(B, H)`` and parameters fit together."""
    check_array("xs", xs, ("T", "B", "D"))
    hidden_size = check_parameters(params, xs.shape[2])
    for name, state in states.items():
        check_array(name, state, (xs.shape[1], hidden_size))


def check_lengths(lengths: Any, steps: int, batch_size: int) -> None:
    """Raise unless `lengths` are ``batch_size`` integers between 0 and `steps`."""
    lengths = np.asarray(lengths)
    if lengths.shape != (batch_size,):
        raise ValueError(f"expected lengths of shape ({batch_size},), got {lengths.shape}")
    if not np.issubdtype(lengths.dtype, np.integer):
        raise ValueError(f"expected lengths as integers, got {lengths.dtype}")
    bad = (lengths < 0) | (lengths > steps)
    if bad.any():
        raise ValueError(f"expected lengths between 0 and T = {steps}, got {lengths[bad][0]}")
