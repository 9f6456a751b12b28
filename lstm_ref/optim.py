"""Optimisers: what to do with a gradient.

Pure: state goes in, state comes out. Parameters, gradients and state are trees (`lstm_ref.tree`),
so a dict of arrays and the named tuples of the course are served alike.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from lstm_ref.params import Array
from lstm_ref.tree import tree_items, tree_map

__all__ = ["AdamState", "Optimizer", "SGDState", "adam", "clip_by_global_norm", "sgd"]

T = TypeVar("T")
Schedule: TypeAlias = float | Callable[[int], float]


class Optimizer(NamedTuple):
    """A pair of pure functions, made by `sgd` or `adam`.

    ``init(params) -> state`` and ``update(grads, state, params) -> (params, state)``.
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


class SGDState(NamedTuple):
    """Steps done (an integer array without axes) and a velocity for every parameter."""

    step: Any
    velocity: Any


class AdamState(NamedTuple):
    """Steps done (an integer array without axes) and a pair of moments for every parameter."""

    step: Any
    first: Any
    second: Any


def clip_by_global_norm(grads: T, max_norm: float) -> tuple[T, float]:
    """Shorten gradients that are too long, keeping their direction.

    Parameters
    ----------
    grads : dict of str to ndarray, or any tree
        Gradients of all parameters.
    max_norm : float
        Positive; ``inf`` measures and clips nothing.

    Returns
    -------
    clipped : like `grads`
        New arrays, dtype kept: all scaled by the same ``min(1, max_norm / norm)``.
    norm : float
        Euclidean norm of all gradients together, before clipping.

    Raises
    ------
    ValueError
        If `max_norm` is not positive, there is no gradient, or one is not finite.

    Notes
    -----
    ``norm = √ Σ_k ‖g_k‖²``. The largest entry is divided out before squaring, so neither huge nor
    tiny gradients overflow or vanish on the way.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio (2013). On the Difficulty of Training Recurrent Neural
    Networks. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import clip_by_global_norm
    >>> clip_by_global_norm({"W": np.array([3.0]), "b": np.array([4.0])}, max_norm=1.0)
    ({'W': array([0.6]), 'b': array([0.8])}, 5.0)
    """
    if not max_norm > 0:
        raise ValueError(f"expected a max_norm above 0, got {max_norm}")
    largest = 0.0
    for name, g in (items := list(tree_items(grads))):
        if not np.isfinite(g).all():
            raise ValueError(f"expected finite gradients, got NaN or inf in {name or 'grads'}")
        largest = max(largest, float(np.max(np.abs(g), initial=0.0)))
    if not items:
        raise ValueError("expected at least one gradient, got none")
    if largest == 0:
        return tree_map(np.copy, grads), 0.0
    total = sum(float(((np.asarray(g, np.float64) / largest) ** 2).sum()) for _, g in items)
    length = total**0.5  # in units of the largest entry: between 1 and √(number of entries)
    scale = min(1.0, max_norm / largest / length)
    return tree_map(lambda g: _times(g, scale), grads), largest * length


def _times(g: Array, scale: float) -> Array:
    """Scale in float64 and return the dtype that came: a tiny scale must not vanish in float32."""
    return np.asarray(np.multiply(g, scale, dtype=np.float64)).astype(g.dtype)


def sgd(learning_rate: Schedule, momentum: float = 0.0) -> Optimizer:
    """Gradient descent, with momentum if asked.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a function from the count of steps done (0 at first) to a number.
    momentum : float
        From 0 to below 1.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    ``v ← μ v + g``, ``θ ← θ − η v``.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams (1986). Learning Representations by
    Back-Propagating Errors. Nature 323.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import sgd
    >>> optimizer = sgd(0.1, momentum=0.9)
    >>> params = np.array([1.0])
    >>> state = optimizer.init(params)
    >>> for _ in range(2):
    ...     params, state = optimizer.update(np.array([1.0]), state, params)
    >>> params.round(6)
    array([0.71])
    """
    _check_rate(learning_rate)
    _check_fraction("momentum", momentum)

    def init(params: Any) -> SGDState:
        return SGDState(np.array(0), tree_map(np.zeros_like, params))

    def update(grads: Any, state: SGDState, params: T) -> tuple[T, SGDState]:
        rate = _rate(learning_rate, int(state.step))
        velocity = tree_map(lambda v, g: _like(v, momentum * v + g), state.velocity, grads)
        params = tree_map(lambda p, v: _like(p, p - rate * v), params, velocity)
        return params, SGDState(np.array(int(state.step) + 1), velocity)

    return Optimizer(init, update)


def adam(
    learning_rate: Schedule = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Optimizer:
    r"""Adam with bias correction.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a function from the count of steps done (0 at first) to a number.
    beta1, beta2 : float
        Decay of the two running means, from 0 to below 1.
    epsilon : float
        Positive; keeps a parameter without gradient from dividing by zero.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    .. math::
        m &← β_1 m + (1 - β_1) g, \qquad v ← β_2 v + (1 - β_2) g^2 \\
        θ &← θ - η \, \frac{m / (1 - β_1^k)}{\sqrt{v / (1 - β_2^k)} + ε}

    at step ``k = 1, 2, …``. A gradient whose square exceeds the largest float leaves its parameter
    where it is: clip first.

    References
    ----------
    D. P. Kingma, J. Ba (2015). Adam: A Method for Stochastic Optimization. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import adam
    >>> optimizer = adam(learning_rate=0.1)
    >>> params = {"w": np.array([1.0, 1.0])}
    >>> params, state = optimizer.update(
    ...     {"w": np.array([5.0, -0.001])}, optimizer.init(params), params
    ... )
    >>> params["w"].round(4), int(state.step)
    (array([0.9, 1.1]), 1)
    """
    _check_rate(learning_rate)
    _check_fraction("beta1", beta1)
    _check_fraction("beta2", beta2)
    if not epsilon > 0:
        raise ValueError(f"expected an epsilon above 0, got {epsilon}")

    def init(params: Any) -> AdamState:
        zeros = tree_map(np.zeros_like, params)
        return AdamState(np.array(0), zeros, tree_map(np.copy, zeros))

    def update(grads: Any, state: AdamState, params: T) -> tuple[T, AdamState]:
        step = int(state.step) + 1
        rate = _rate(learning_rate, step - 1) / (1 - beta1**step)
        correction = (1 - beta2**step) ** 0.5
        first = tree_map(lambda m, g: _like(m, beta1 * m + (1 - beta1) * g), state.first, grads)
        with np.errstate(over="ignore"):
            second = tree_map(
                lambda v, g: _like(v, beta2 * v + (1 - beta2) * g * g), state.second, grads
            )
        params = tree_map(
            lambda p, m, v: _like(p, p - rate * m / (np.sqrt(v) / correction + epsilon)),
            params,
            first,
            second,
        )
        return params, AdamState(np.array(step), first, second)

    return Optimizer(init, update)


def _like(model: Array, value: Array) -> Array:
    """Make an array of the model's dtype, also where NumPy made a scalar of it."""
    return np.asarray(value, dtype=model.dtype)


def _rate(learning_rate: Schedule, step: int) -> float:
    return float(learning_rate(step) if callable(learning_rate) else learning_rate)


def _check_rate(learning_rate: Schedule) -> None:
    if not callable(learning_rate) and not 0 < learning_rate < float("inf"):
        raise ValueError(f"expected a learning_rate above 0, got {learning_rate}")


def _check_fraction(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"expected {name} from 0 to below 1, got {value}")
