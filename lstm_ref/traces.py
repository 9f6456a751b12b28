"""Looking inside an LSTM: its gates over time, its belt, and the gradient along its cell.

Shapes
------
``T`` time, ``B`` batch, ``H`` hidden size; sequences are time-major.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.layers import lstm_forward_cached
from lstm_ref.params import Array, LSTMParams
from lstm_ref.validation import as_floating

__all__ = ["belt_contributions", "carousel_gradient", "gate_trace"]


def gate_trace(xs: Array, h0: Array, c0: Array, params: LSTMParams) -> dict[str, Array]:
    """Record every gate and state of an LSTM over time.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0, c0 : ndarray, shape (B, H)
    params : LSTMParams

    Returns
    -------
    dict of str to ndarray, shape (T, B, H)
        Keys ``f, i, candidate, o, c, h``; the states are those after each step.

    Raises
    ------
    ValueError
        As `lstm_forward` does.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, gate_trace
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.zeros(2)] * 4)
    >>> trace = gate_trace(np.ones((7, 1, 3)), np.zeros((1, 2)), np.zeros((1, 2)), p)
    >>> list(trace), trace["f"].shape
    (['f', 'i', 'candidate', 'o', 'c', 'h'], (7, 1, 2))
    """
    hs, _, caches = lstm_forward_cached(xs, h0, c0, params)
    trace = {
        name: np.stack([getattr(cache, name) for cache in caches])
        for name in ("f", "i", "candidate", "o")
    }
    return {**trace, "c": np.stack([cache.c_next for cache in caches]), "h": hs}


def belt_contributions(f: ArrayLike, i: ArrayLike, candidate: ArrayLike, c0: float) -> Array:
    r"""Split one unit's cell state by the step that put it there.

    Parameters
    ----------
    f, i, candidate : array_like, shape (T,)
        The gates and the candidate of one unit.
    c0 : float
        Initial cell state.

    Returns
    -------
    ndarray, shape (T, T + 1)
        Entry ``[t, 0]`` is what is left of `c0` after step ``t``, entry ``[t, s + 1]`` what step
        ``s`` wrote and is still there, 0 for ``s > t``. Rows sum to the cell state.

    Raises
    ------
    ValueError
        If the three rows differ in shape or are empty, or `c0` is no scalar.

    Notes
    -----
    Everything on the belt is scaled by each forget gate it passes:

    .. math::
        c_t = c_0 \prod_{r \le t} f_r + \sum_{s \le t} i_s \tilde c_s \prod_{s < r \le t} f_r

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import belt_contributions
    >>> belt_contributions(np.full(2, 0.5), np.ones(2), np.array([1.0, -1.0]), 8.0)
    array([[ 4. ,  1. ,  0. ],
           [ 2. ,  0.5, -1. ]])
    """
    f, i, candidate = (
        as_floating(name, value) for name, value in (("f", f), ("i", i), ("candidate", candidate))
    )
    if not (f.shape == i.shape == candidate.shape) or f.ndim != 1 or len(f) == 0:
        raise ValueError(
            "expected f, i and candidate of shape (T,) with T ≥ 1, got "
            f"{f.shape}, {i.shape} and {candidate.shape}"
        )
    if np.ndim(c0) != 0:
        raise ValueError(f"expected c0 as a scalar, got shape {np.shape(c0)}")
    belt = np.zeros((len(f), len(f) + 1), dtype=np.result_type(f, i, candidate))  # (T, T + 1)
    items = np.zeros_like(belt[0])  # (T + 1,)
    items[0] = c0
    for t in range(len(f)):
        items = items * f[t]
        items[t + 1] = i[t] * candidate[t]
        belt[t] = items
    return belt


def carousel_gradient(fs: ArrayLike) -> Array:
    """Return the gradient along the cell state alone, ``∂c_T/∂c_t = f_{t+1} ⋯ f_T``.

    Parameters
    ----------
    fs : array_like, shape (T, …)
        Forget gates of steps 1 to T.

    Returns
    -------
    ndarray, shape (T + 1, …)
        Entry ``t`` is the product of ``fs[t:]``; the last one is 1. It is the direct path only:
        the gates open others, through ``h``.

    Raises
    ------
    ValueError
        If there is no step.

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8), for the
    carousel (with f = 1).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import carousel_gradient
    >>> carousel_gradient(np.array([0.5, 1.0, 0.25]))
    array([0.125, 0.25 , 0.25 , 1.   ])
    """
    gates = as_floating("fs", fs)
    if gates.ndim == 0 or len(gates) == 0:
        raise ValueError(f"expected fs of shape (T, …) with T ≥ 1, got {gates.shape}")
    return np.concatenate([np.cumprod(gates[::-1], axis=0)[::-1], np.ones_like(gates[:1])])
