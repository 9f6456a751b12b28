"""The memory cell before it learns: a store with valves, its half-life, a latch set by hand."""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array, LSTMParams

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

    Examples
    --------
    >>> from lstm_ref import apply_gate
    >>> apply_gate([-1000.0, 0.0, 1000.0], 4.0)
    array([0., 2., 4.])
    """
    return np.asarray(sigmoid(np.asarray(z)) * np.asarray(v))


def carry(c0: ArrayLike, f: Array, i: Array, candidate: Array) -> Array:
    """Unroll ``c_t = f_t · c_{t−1} + i_t · c̃_t``.

    Parameters
    ----------
    c0 : array_like, shape (…)
        Initial content.
    f, i, candidate : ndarray, shape (T, …)

    Returns
    -------
    ndarray, shape (T, …)
        Entry ``t`` is the content after step ``t``.

    Raises
    ------
    ValueError
        If the three sequences differ in shape, or there is no step.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import carry
    >>> carry(8.0, np.full(3, 0.5), np.array([0.0, 0.0, 1.0]), np.ones(3))
    array([4., 2., 2.])
    """
    if not (f.shape == i.shape == candidate.shape) or f.ndim == 0 or len(f) == 0:
        raise ValueError(
            "expected f, i and candidate of one shape (T, …) with T ≥ 1, got "
            f"{f.shape}, {i.shape} and {candidate.shape}"
        )
    c = np.asarray(c0, dtype=f.dtype)
    contents = np.empty_like(f)  # (T, …)
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
    gate = np.asarray(f)
    gate = gate if np.issubdtype(gate.dtype, np.floating) else gate.astype(float)
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
