"""Random inputs for the checks: weights without pattern, states that are not zero."""

from typing import TypeVar

import numpy as np

from lstm_ref.params import Array

__all__ = ["bias", "normal", "parameters", "weight"]

P = TypeVar("P")


def normal(rng: np.random.Generator, *shape: int) -> Array:
    """Draw standard normal numbers of any shape."""
    return rng.standard_normal(shape)


def weight(rng: np.random.Generator, hidden_size: int, input_size: int) -> Array:
    """Draw a weight ``(H, H + D)`` that keeps gates away from saturation."""
    width = hidden_size + input_size
    return rng.normal(scale=1.5 / np.sqrt(width), size=(hidden_size, width))


def bias(rng: np.random.Generator, hidden_size: int) -> Array:
    """Draw a bias ``(H,)``."""
    return rng.standard_normal(hidden_size)


def parameters(kind: type[P], rng: np.random.Generator, hidden_size: int, input_size: int) -> P:
    """Draw every field of a parameter tuple: ``W_*`` as a weight, all others as a bias."""
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    return kind(
        *(
            weight(rng, hidden_size, input_size) if name.startswith("W") else bias(rng, hidden_size)
            for name in fields
        )
    )
