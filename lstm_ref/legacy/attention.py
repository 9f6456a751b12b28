"""Attention, and attention behind a gate.

Shapes
------
``Tq`` queries, ``Tk`` keys with a value each, ``d`` size of query and key, ``m`` size of a value.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array
from lstm_ref.validation import check_array

__all__ = [
    "gated_attention",
    "gated_attention_backward",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
]


def scaled_dot_product_attention(
    q: Array, k: Array, v: Array, mask: ArrayLike | None = None
) -> tuple[Array, Array]:
    r"""Read from a set of values, each weighted by how well its key answers the query.

    Parameters
    ----------
    q : ndarray, shape (Tq, d)
    k : ndarray, shape (Tk, d)
    v : ndarray, shape (Tk, m)
    mask : array_like of bool, shape (Tq, Tk), optional
        True where a query may attend to a key. Everywhere if omitted.

    Returns
    -------
    out : ndarray, shape (Tq, m)
    weights : ndarray, shape (Tq, Tk)
        Each row sums to 1. A query that may attend to nothing has zeros in both.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or a number is NaN.

    Notes
    -----
    .. math::
        A = \operatorname{softmax}\left( Q K^T / \sqrt d \right), \qquad O = A V

    Without the root the scores' spread grows with ``d`` and the softmax saturates.

    References
    ----------
    A. Vaswani et al. (2017). Attention Is All You Need. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import scaled_dot_product_attention
    >>> v = np.array([[1.0], [3.0]])
    >>> out, weights = scaled_dot_product_attention(
    ...     np.zeros((2, 4)), np.ones((2, 4)), v, mask=[[True, True], [False, False]]
    ... )
    >>> out[:, 0], weights
    (array([2., 0.]), array([[0.5, 0.5],
           [0. , 0. ]]))
    """
    _check_attention(q, k, v)
    allowed = _as_mask(mask, (q.shape[0], k.shape[0]))
    weights = _weights(q, k, allowed)
    return weights @ v, weights


def scaled_dot_product_attention_backward(
    dout: Array, q: Array, k: Array, v: Array, mask: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    r"""Take a loss gradient back through `scaled_dot_product_attention`.

    Parameters
    ----------
    dout : ndarray, shape (Tq, m)
        Loss gradient of ``out``.
    q, k, v, mask
        As given to the forward pass.

    Returns
    -------
    dq : ndarray, shape (Tq, d)
    dk : ndarray, shape (Tk, d)
    dv : ndarray, shape (Tk, m)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    .. math::
        dV &= A^T dO, \quad dA = dO \, V^T, \quad
        dS = A · \left( dA - \textstyle\sum_j dA_j A_j \right) \\
        dQ &= dS \, K / \sqrt d, \quad dK = dS^T Q / \sqrt d

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import scaled_dot_product_attention_backward
    >>> _, _, dv = scaled_dot_product_attention_backward(
    ...     np.ones((1, 1)), np.zeros((1, 4)), np.ones((2, 4)), np.ones((2, 1))
    ... )
    >>> dv[:, 0]
    array([0.5, 0.5])
    """
    _check_attention(q, k, v)
    check_array("dout", dout, (q.shape[0], v.shape[1]))
    weights = _weights(q, k, _as_mask(mask, (q.shape[0], k.shape[0])))
    dweights = dout @ v.T  # (Tq, Tk)
    dscores = weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))
    root = _root(q)
    return dscores @ k / root, dscores.T @ q / root, weights.T @ dout


def gated_attention(
    q: Array, k: Array, v: Array, gate: Array, mask: ArrayLike | None = None
) -> Array:
    r"""Let an output gate decide what of the attention's answer to show.

    Parameters
    ----------
    q : ndarray, shape (Tq, d)
    k : ndarray, shape (Tk, d)
    v : ndarray, shape (Tk, m)
    gate : ndarray, shape (Tq, m)
        Pre-activations of the gate.
    mask : array_like of bool, shape (Tq, Tk), optional
        True where a query may attend to a key.

    Returns
    -------
    ndarray, shape (Tq, m)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    ``attention(q, k, v) · σ(gate)``: the LSTM's output gate, on another memory. A softmax must
    spend its whole weight somewhere; the gate is how a query can take nothing.

    References
    ----------
    W. Hua, Z. Dai, H. Liu, Q. V. Le (2022). Transformer Quality in Linear Time. ICML. — Z. Qiu et
    al. (2025). Gated Attention for Large Language Models. arXiv:2505.06708.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gated_attention
    >>> q, k, v = np.zeros((1, 4)), np.ones((2, 4)), np.array([[1.0, 1.0], [3.0, 3.0]])
    >>> gated_attention(q, k, v, gate=np.array([[0.0, -1000.0]]))
    array([[1., 0.]])
    """
    out, _ = scaled_dot_product_attention(q, k, v, mask)
    check_array("gate", gate, out.shape)
    return np.asarray(out * sigmoid(gate))


def gated_attention_backward(
    dout: Array, q: Array, k: Array, v: Array, gate: Array, mask: ArrayLike | None = None
) -> tuple[Array, Array, Array, Array]:
    """Take a loss gradient back through `gated_attention`.

    Parameters
    ----------
    dout : ndarray, shape (Tq, m)
        Loss gradient of the output.
    q, k, v, gate, mask
        As given to the forward pass.

    Returns
    -------
    dq, dk, dv, dgate : ndarray
        Of the shapes of ``q``, ``k``, ``v`` and ``gate``.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gated_attention_backward
    >>> q, k, v = np.zeros((1, 4)), np.ones((2, 4)), np.array([[1.0], [3.0]])
    >>> *_, dgate = gated_attention_backward(np.ones((1, 1)), q, k, v, np.zeros((1, 1)))
    >>> dgate
    array([[0.5]])
    """
    attended, _ = scaled_dot_product_attention(q, k, v, mask)
    check_array("gate", gate, attended.shape)
    check_array("dout", dout, attended.shape)
    o = sigmoid(gate)  # (Tq, m)
    dq, dk, dv = scaled_dot_product_attention_backward(np.asarray(dout * o), q, k, v, mask)
    return dq, dk, dv, np.asarray(dout * attended * (o * (1 - o)))


def _weights(q: Array, k: Array, allowed: NDArray[np.bool_]) -> Array:
    """Softmax of the scaled scores over the allowed keys; zeros where none is allowed."""
    limit = float(np.finfo(q.dtype).max)
    with np.errstate(over="ignore", invalid="ignore"):  # scores beyond the largest float tie
        scores = np.nan_to_num((q / _root(q)) @ k.T, nan=0.0, posinf=limit, neginf=-limit)
        scores = np.where(allowed, scores, -np.inf)  # (Tq, Tk)
        best = scores.max(axis=1, keepdims=True)
        e = np.exp(scores - np.where(np.isfinite(best), best, 0))
    total = e.sum(axis=1, keepdims=True)
    return np.asarray(e / np.where(total == 0, 1, total)).astype(q.dtype)


def _root(q: Array) -> float:
    return math.sqrt(q.shape[1])


def _check_attention(q: Any, k: Any, v: Any) -> None:
    check_array("q", q, ("Tq", "d"))
    check_array("k", k, ("Tk", q.shape[1]))
    check_array("v", v, (k.shape[0], "m"))
    for name, value in (("q", q), ("k", k), ("v", v)):
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")


def _as_mask(mask: ArrayLike | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones(shape, dtype=bool)
    allowed = np.asarray(mask)
    if allowed.shape != shape:
        raise ValueError(f"expected mask of shape {shape}, got {allowed.shape}")
    if allowed.dtype != bool:
        raise ValueError(f"expected a mask of booleans, got {allowed.dtype}")
    return allowed
