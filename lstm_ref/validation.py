"""Checks at the public edges: what was expected, what came, as a `ValueError`.

Every public function checks what it is given before it computes. A layer checks the whole sequence
before its first step, so a bad length or state is named before any work is done.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "as_floating",
    "check_array",
    "check_at_least",
    "check_backward",
    "check_broadcast",
    "check_gate",
    "check_generator",
    "check_lengths",
    "check_parameters",
    "check_sequence",
    "check_sizes",
    "check_step",
]


def check_array(name: str, value: Any, shape: tuple[int | str, ...]) -> None:
    """Raise unless `value` is a floating array of `shape`; a letter stands for any size ≥ 1."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and _fits(value.shape, shape, 1):
        return
    text = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    if not isinstance(value, np.ndarray):
        raise ValueError(f"expected {name} as an array of shape {text}, got {type(value).__name__}")
    if not _fits(value.shape, shape, 0):
        raise ValueError(f"expected {name} of shape {text}, got {value.shape}")
    if not _fits(value.shape, shape, 1):
        empty = shape[value.shape.index(0)]
        raise ValueError(f"expected {name} of shape {text} with {empty} ≥ 1, got {value.shape}")
    raise ValueError(f"expected {name} of a floating dtype, got {value.dtype}")


def _fits(got: tuple[int, ...], want: tuple[int | str, ...], least: int) -> bool:
    return len(got) == len(want) and all(
        size >= least if isinstance(letter, str) else size == letter
        for size, letter in zip(got, want, strict=True)
    )


def as_floating(name: str, value: ArrayLike) -> NDArray[np.floating[Any]]:
    """Read numbers as a floating array; integers become float64, anything else is refused."""
    array = np.asarray(value)
    if array.dtype == bool or np.issubdtype(array.dtype, np.integer):
        return array.astype(np.float64)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"expected {name} as real numbers, got {array.dtype}")
    return array


def check_broadcast(**values: Any) -> None:
    """Raise unless numbers or arrays have shapes that broadcast against each other."""
    shapes = [np.shape(value) for value in values.values()]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"expected {', '.join(values)} of shapes that broadcast, "
            f"got {', '.join(map(str, shapes))}"
        ) from None


def check_gate(h: Any, x: Any, **weights: Any) -> None:
    """Raise unless ``h (B, H)``, ``x (B, D)``, weights ``W_*`` and biases ``b_*`` fit together."""
    check_array("h", h, ("B", "H"))
    check_array("x", x, (h.shape[0], "D"))
    _check_weights(weights, h.shape[1], x.shape[1])


def check_at_least(least: int, **numbers: Any) -> None:
    """Raise unless all numbers are whole and none is below `least`."""
    for name, number in numbers.items():
        try:
            whole = int(number) == number
        except (TypeError, ValueError, OverflowError):  # no number, NaN, infinite
            whole = False
        if not whole or number < least:
            raise ValueError(f"expected {name} as an integer of at least {least}, got {number}")


def check_sizes(*sizes: Any) -> None:
    """Raise unless all sizes are whole numbers of at least 1."""
    if not all(size == int(size) and size >= 1 for size in sizes):
        raise ValueError(f"expected sizes of at least 1, got {' and '.join(map(str, sizes))}")


def check_generator(rng: Any) -> None:
    """Raise unless `rng` can draw: a seed, say, cannot."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"expected rng as a numpy.random.Generator, got {type(rng).__name__}")


def check_parameters(params: Any, input_size: int | None = None, kind: Any = None) -> int:
    """Raise unless the fields of a parameter tuple fit each other, `input_size` and `kind`.

    Parameters
    ----------
    params : NamedTuple of ndarray
        A weight ``W_* (H, H + D)`` first; all that is no weight is ``(H,)``.
    input_size : int, optional
        ``D``; left to the first weight if omitted.
    kind : NamedTuple type, optional
        Whose fields `params` must have.

    Returns
    -------
    int
        The hidden size ``H``.
    """
    fields = getattr(params, "_fields", None)
    if kind is not None and fields != kind._fields:
        raise ValueError(
            f"expected params as {kind.__name__}({', '.join(kind._fields)}), "
            f"got {type(params).__name__}" + (f"({', '.join(fields)})" if fields else "")
        )
    weight, bias = params[0], params[1]
    check_array(params._fields[0], weight, ("H", "H + D"))
    check_array(params._fields[1], bias, ("H",))
    hidden_size: int = bias.shape[0]
    if input_size is None:
        input_size = max(weight.shape[1] - hidden_size, 1)
    _check_weights(params._asdict(), hidden_size, input_size)
    return hidden_size


def _check_weights(named: dict[str, Any], hidden_size: int, input_size: int) -> None:
    for name, value in named.items():
        weight = name.startswith("W")
        check_array(
            name, value, (hidden_size, hidden_size + input_size) if weight else (hidden_size,)
        )
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")


def check_step(x: Any, params: Any, kind: Any = None, **states: Any) -> None:
    """Raise unless one step's input ``x (B, D)``, states ``(B, H)`` and parameters fit together."""
    check_array("x", x, ("B", "D"))
    hidden_size = check_parameters(params, x.shape[1], kind)
    for name, state in states.items():
        check_array(name, state, (x.shape[0], hidden_size))


def check_sequence(xs: Any, params: Any, kind: Any = None, **states: Any) -> None:
    """Raise unless a sequence ``xs (T, B, D)``, states ``(B, H)`` and parameters fit together."""
    check_array("xs", xs, ("T", "B", "D"))
    hidden_size = check_parameters(params, xs.shape[2], kind)
    for name, state in states.items():
        check_array(name, state, (xs.shape[1], hidden_size))


def check_backward(cache: Any, params: Any, kind: Any = None, **gradients: Any) -> None:
    """Raise unless loss gradients ``(B, H)`` and parameters fit what a step left behind."""
    hidden_size = check_parameters(params, cache.x.shape[1], kind)
    if cache.h.shape[1] != hidden_size:
        raise ValueError(
            f"expected params of hidden size {cache.h.shape[1]}, as in the forward pass, "
            f"got {hidden_size}"
        )
    for name, gradient in gradients.items():
        check_array(name, gradient, cache.h.shape)


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
