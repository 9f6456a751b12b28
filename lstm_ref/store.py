"""The memory cell before it learns: a store with valves, its half-life, a latch set by hand.

Shapes
------
``T`` time; ``…`` any further axes, so one cell, many, or a batch of them.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array, LSTMParams
from lstm_ref.validation import as_floating, check_broadcast

__all__ = ["apply_gate", "carry", "half_life", "latch_params"]


def apply_gate(z: ArrayLike, v: ArrayLike) -> Array:
    """Let a value through a valve: ``σ(z) · v``.

    Parameters
    ----------
    z, v : array_like
        Shapes that broadcast against each other.

    Returns
    -------
    ndarray
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> from lstm_ref import apply_gate
    >>> apply_gate([-1000.0, 0.0, 1000.0], 4.0)
    array([0., 2., 4.])
    """
    check_broadcast(z=z, v=v)
    return np.asarray(np.multiply(sigmoid(z), v))


def carry(c0: ArrayLike, f: ArrayLike, i: ArrayLike, candidate: ArrayLike) -> Array:
    """Unroll ``c_t = f_t · c_{t−1} + i_t · c̃_t``.

    Parameters
    ----------
    c0 : array_like, shape (…)
        Initial content.
    f, i, candidate : array_like, shape (T, …)
        What to keep, how much to write, and what.

    Returns
    -------
    ndarray, shape (T, …)
        Entry ``t`` is the content after step ``t``.

    Raises
    ------
    ValueError
        If the three sequences differ in shape, `c0` does not fit them, or there is no step.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import carry
    >>> carry(8.0, np.full(3, 0.5), np.array([0.0, 0.0, 1.0]), np.ones(3))
    array([4., 2., 2.])
    """
    f, i, candidate = (
        as_floating(name, value) for name, value in (("f", f), ("i", i), ("candidate", candidate))
    )
    if not (f.shape == i.shape == candidate.shape) or f.ndim == 0 or len(f) == 0:
        raise ValueError(
            "expected f, i and candidate of one shape (T, …) with T ≥ 1, got "
            f"{f.shape}, {i.shape} and {candidate.shape}"
        )
    contents = np.empty(f.shape, dtype=np.result_type(f, i, candidate))  # (T, …)
    c = as_floating("c0", c0).astype(contents.dtype)
    try:
        c = np.broadcast_to(c, f.shape[1:])
    except ValueError:
        raise ValueError(f"expected c0 of shape {f.shape[1:]}, got {c.shape}") from None
    for t in range(len(f)):
        contents[t] = c = f[t] * c + i[t] * candidate[t]
    return contents


def half_life(f: ArrayLike) -> Array:
    """Return the steps in which a constant forget gate halves the memory, ``ln ½ / ln f``.

    Parameters
    ----------
    f : array_like
        Gate values in [0, 1].

    Returns
    -------
    ndarray
        Same shape, in steps; ``inf`` where ``f`` is 1, 0 where it is 0.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1].

    Examples
    --------
    >>> from lstm_ref import half_life
    >>> half_life([0.0, 0.5, 1.0])
    array([ 0.,  1., inf])
    """
    gate = as_floating("f", f)
    if not ((gate >= 0) & (gate <= 1)).all():
        raise ValueError(f"expected forget gates between 0 and 1, got {gate.min()} to {gate.max()}")
    inner = np.where((gate > 0) & (gate < 1), gate, gate.dtype.type(0.5))
    steps = np.log(gate.dtype.type(0.5)) / np.log(inner)
    return np.asarray(np.where(gate == 0, 0, np.where(gate == 1, np.inf, steps)), gate.dtype)


def latch_params() -> LSTMParams:
    """Set the weights of a latch by hand: input ``(value, write)``, one hidden unit.

    Returns
    -------
    LSTMParams
        With ``D = 2`` and ``H = 1``. Where ``write = 1`` the forget gate shuts, the input gate
        opens, and the cell takes up ``tanh(10 · value)``; elsewhere it is the other way round. The
        output gate stays open. At ``write = 0`` the cell keeps σ(20) of its content, which leaves
        99.9998 % of it after 1,000 steps.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import latch_params, lstm_forward
    >>> xs = np.zeros((1001, 1, 2))
    >>> xs[0] = [-1.0, 1.0]
    >>> h = lstm_forward(xs, np.zeros((1, 1)), np.zeros((1, 1)), latch_params())[1][0]
    >>> h.round(2)
    array([[-0.76]])
    """

    def row(h: float, value: float, write: float) -> Array:
        return np.array([[h, value, write]], dtype=float)

    return LSTMParams(
        W_f=row(0, 0, -40),
        b_f=np.array([20.0]),
        W_i=row(0, 0, 40),
        b_i=np.array([-20.0]),
        W_c=row(0, 10, 0),
        b_c=np.array([0.0]),
        W_o=row(0, 0, 0),
        b_o=np.array([20.0]),
    )
