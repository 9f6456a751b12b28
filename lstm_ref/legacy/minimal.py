"""minGRU and minLSTM: gates that do not look at the state, so that time runs in parallel.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size; weights ``(H, D)``, biases ``(H,)``.

References
----------
L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi (2024). Were RNNs All We Needed?
arXiv:2410.01201.
"""

from typing import Any, NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array
from lstm_ref.validation import check_array

__all__ = [
    "MinGRUParams",
    "MinLSTMParams",
    "linear_scan",
    "linear_scan_backward",
    "min_gru_backward",
    "min_gru_forward",
    "min_gru_step",
    "min_lstm_backward",
    "min_lstm_forward",
    "min_lstm_step",
]


class MinGRUParams(NamedTuple):
    """Weights ``(H, D)`` and biases ``(H,)`` of a minGRU: update gate and candidate."""

    W_z: Array
    b_z: Array
    W_h: Array
    b_h: Array


class MinLSTMParams(NamedTuple):
    """Weights ``(H, D)`` and biases ``(H,)`` of a minLSTM: forget gate, input gate, candidate."""

    W_f: Array
    b_f: Array
    W_i: Array
    b_i: Array
    W_h: Array
    b_h: Array


# --- the scan -------------------------------------------------------------------------------------


def linear_scan(keep: Array, write: Array, h0: Array) -> Array:
    r"""Compute every state of ``h_t = keep_t · h_{t−1} + write_t`` without a loop over time.

    Parameters
    ----------
    keep, write : ndarray, shape (T, ...)
        Any sign.
    h0 : ndarray, shape (...)
        State before the first step.

    Returns
    -------
    ndarray, shape (T, ...)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or an axis is empty.

    Notes
    -----
    Two steps in a row are one step of the same kind,

    .. math::
        (a_2, b_2) ∘ (a_1, b_1) = (a_2 a_1, \; a_2 b_1 + b_2),

    and ``∘`` is associative. So neighbours are joined in pairs, the half as long sequence is
    scanned the same way, and the states in between are filled in: ``2 log₂ T`` vectorised rounds
    instead of ``T``, with about ``3 T`` multiplications. No division and no logarithm, hence no
    trouble with a gate of 0, as there would be with cumulative products.

    That is two and a half times the arithmetic of the loop. It pays on hardware that does many
    numbers at once; here, on one core, only where a step is small (one sequence, few units) and
    the loop's own cost weighs more than its arithmetic.

    References
    ----------
    G. E. Blelloch (1990). Prefix Sums and Their Applications. CMU-CS-90-190. — E. Martin, C. Cundy
    (2018). Parallelizing Linear Recurrent Neural Nets Over Sequence Length. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import linear_scan
    >>> linear_scan(np.full(4, 0.5), np.ones(4), np.array(8.0))
    array([5.   , 3.5  , 2.75 , 2.375])
    """
    _check_scan(keep, write, h0)
    first = keep[:1] * h0 + write[:1]  # with the start folded in, the recurrence starts from zero
    return _scan(keep, np.concatenate([first, write[1:]]))


def _scan(keep: Array, write: Array) -> Array:
    """Scan from a zero state; ``keep[0]`` plays no part."""
    h = np.empty(write.shape, dtype=np.result_type(keep, write))
    _scan_into(keep, write, h)
    return h


def _scan_into(keep: Array, write: Array, h: Array) -> None:
    steps = keep.shape[0]
    h[0] = write[0]
    if steps == 1:
        return
    odd = slice(1, None, 2)  # steps 1, 3, 5, …: each is joined with the step before it
    before, rest = slice(0, steps - 1, 2), slice(2, None, 2)
    joined = keep[odd] * write[before]
    joined += write[odd]
    _scan_into(keep[odd] * keep[before], joined, h[odd])
    np.multiply(keep[rest], h[1 : steps - 1 : 2], out=h[rest])
    h[rest] += write[rest]


def linear_scan_backward(
    dhs: Array, keep: Array, write: Array, h0: Array
) -> tuple[Array, Array, Array]:
    r"""Take a loss gradient back through `linear_scan`: the same scan, from the other end.

    Parameters
    ----------
    dhs : ndarray, shape (T, ...)
        Loss gradient of every state.
    keep, write, h0
        As given to the forward pass.

    Returns
    -------
    dkeep, dwrite : ndarray, shape (T, ...)
    dh0 : ndarray, shape (...)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    With ``g_t`` for the total gradient of ``h_t``:

    .. math::
        g_t = dh_t + keep_{t+1} \, g_{t+1}, \quad dwrite_t = g_t, \quad dkeep_t = g_t \, h_{t-1},
        \quad dh_0 = keep_1 \, g_1

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import linear_scan_backward
    >>> linear_scan_backward(
    ...     np.array([0.0, 0.0, 1.0]), np.full(3, 0.5), np.ones(3), np.array(0.0)
    ... )[1]
    array([0.25, 0.5 , 1.  ])
    """
    hs = linear_scan(keep, write, h0)
    check_array("dhs", dhs, hs.shape)
    shifted = np.concatenate([np.zeros_like(keep[:1]), keep[:0:-1]])  # keep of the step after
    g = _scan(shifted, dhs[::-1])[::-1]
    before = np.concatenate([np.asarray(h0)[None], hs[:-1]])
    return g * before, g.copy(), np.asarray(g[0] * keep[0])


def _check_scan(keep: Any, write: Any, h0: Any) -> None:
    if not isinstance(keep, np.ndarray) or keep.ndim == 0:
        raise ValueError(f"expected keep as an array of shape (T, ...), got {type(keep).__name__}")
    check_array("keep", keep, ("T", *keep.shape[1:]))
    check_array("write", write, keep.shape)
    check_array("h0", h0, keep.shape[1:])


# --- minGRU ---------------------------------------------------------------------------------------


def min_gru_step(x: Array, h: Array, params: MinGRUParams) -> Array:
    r"""Advance a minGRU by one time step.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h : ndarray, shape (B, H)
    params : MinGRUParams

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or a weight is NaN.

    Notes
    -----
    .. math::
        z = σ(W_z x + b_z), \quad \tilde h = W_h x + b_h, \quad h' = (1 - z) · h + z · \tilde h

    A GRU without reset gate, whose gate and candidate see the input alone; the ``tanh`` is gone.

    References
    ----------
    L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi (2024). Were RNNs All We Needed?
    arXiv:2410.01201.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import MinGRUParams, min_gru_step
    >>> p = MinGRUParams(np.zeros((1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1))
    >>> min_gru_step(np.array([[3.0]]), np.array([[1.0]]), p)
    array([[2.]])
    """
    check_array("x", x, ("B", "D"))
    return np.asarray(min_gru_forward(x[None], h, params)[0])


def min_gru_forward(xs: Array, h0: Array, params: MinGRUParams) -> Array:
    """Run a minGRU over a batch of sequences, all time steps at once.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0 : ndarray, shape (B, H)
    params : MinGRUParams

    Returns
    -------
    ndarray, shape (T, B, H)
        ``out[t]`` is the state after input ``xs[t]``.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, or a weight is NaN.

    Notes
    -----
    The gates of all steps are known before the first state is, so the recurrence is a
    `linear_scan` with ``keep = 1 − z`` and ``write = z · h̃``.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import MinGRUParams, min_gru_forward
    >>> p = MinGRUParams(np.zeros((1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1))
    >>> min_gru_forward(np.ones((3, 1, 1)), np.zeros((1, 1)), p)[:, 0, 0]
    array([0.5  , 0.75 , 0.875])
    """
    _check_minimal(xs, h0, params)
    z = sigmoid(xs @ params.W_z.T + params.b_z)  # (T, B, H)
    candidate = xs @ params.W_h.T + params.b_h  # (T, B, H)
    return linear_scan(1 - z, z * candidate, h0)


def min_gru_backward(
    dhs: Array, xs: Array, h0: Array, params: MinGRUParams
) -> tuple[Array, Array, MinGRUParams]:
    """Take loss gradients back through `min_gru_forward`.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every state.
    xs, h0, params
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0 : ndarray, shape (B, H)
    grads : MinGRUParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import MinGRUParams, min_gru_backward
    >>> p = MinGRUParams(np.zeros((1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1))
    >>> dxs, dh0, _ = min_gru_backward(
    ...     np.array([[[0.0]], [[1.0]]]), np.ones((2, 1, 1)), np.zeros((1, 1)), p
    ... )
    >>> dxs[:, 0, 0], dh0
    (array([0.25, 0.5 ]), array([[0.25]]))
    """
    _check_minimal(xs, h0, params)
    z = sigmoid(xs @ params.W_z.T + params.b_z)
    candidate = xs @ params.W_h.T + params.b_h
    dkeep, dwrite, dh0 = linear_scan_backward(dhs, 1 - z, z * candidate, h0)
    delta_z = (dwrite * candidate - dkeep) * (z * (1 - z))
    delta_h = dwrite * z
    dxs = delta_z @ params.W_z + delta_h @ params.W_h
    return dxs, dh0, MinGRUParams(*_sums(delta_z, xs), *_sums(delta_h, xs))


# --- minLSTM --------------------------------------------------------------------------------------


def min_lstm_step(x: Array, h: Array, params: MinLSTMParams, normalize: bool = True) -> Array:
    r"""Advance a minLSTM by one time step.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h : ndarray, shape (B, H)
    params : MinLSTMParams
    normalize : bool
        Whether the two gates are made to sum to 1, which keeps the state's scale independent of
        the sequence's length. False leaves them as they are.

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or a weight is NaN.

    Notes
    -----
    .. math::
        f &= σ(W_f x + b_f), \quad i = σ(W_i x + b_i), \quad \tilde h = W_h x + b_h \\
        f' &= \frac{f}{f + i}, \quad i' = \frac{i}{f + i}, \quad h' = f' · h + i' · \tilde h

    No output gate and no separate cell state. The ratio is computed as ``σ(log f − log i)``, which
    holds where both gates are too small for a float.

    References
    ----------
    L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi (2024). Were RNNs All We Needed?
    arXiv:2410.01201.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import MinLSTMParams, min_lstm_step
    >>> p = MinLSTMParams(*[np.zeros((1, 1)), np.zeros(1)] * 2, np.ones((1, 1)), np.zeros(1))
    >>> min_lstm_step(np.array([[3.0]]), np.array([[1.0]]), p)
    array([[2.]])
    """
    check_array("x", x, ("B", "D"))
    return np.asarray(min_lstm_forward(x[None], h, params, normalize)[0])


def min_lstm_forward(xs: Array, h0: Array, params: MinLSTMParams, normalize: bool = True) -> Array:
    """Run a minLSTM over a batch of sequences, all time steps at once.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0 : ndarray, shape (B, H)
    params : MinLSTMParams
    normalize : bool
        Whether the two gates are made to sum to 1.

    Returns
    -------
    ndarray, shape (T, B, H)
        ``out[t]`` is the state after input ``xs[t]``.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import MinLSTMParams, min_lstm_forward
    >>> p = MinLSTMParams(*[np.zeros((1, 1)), np.zeros(1)] * 2, np.ones((1, 1)), np.zeros(1))
    >>> min_lstm_forward(np.ones((3, 1, 1)), np.zeros((1, 1)), p)[:, 0, 0]
    array([0.5  , 0.75 , 0.875])
    """
    _check_minimal(xs, h0, params)
    keep, take, _, _ = _min_lstm_gates(xs, params, normalize)
    candidate = xs @ params.W_h.T + params.b_h  # (T, B, H)
    return linear_scan(keep, take * candidate, h0)


def min_lstm_backward(
    dhs: Array, xs: Array, h0: Array, params: MinLSTMParams, normalize: bool = True
) -> tuple[Array, Array, MinLSTMParams]:
    r"""Take loss gradients back through `min_lstm_forward`.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every state.
    xs, h0, params, normalize
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0 : ndarray, shape (B, H)
    grads : MinLSTMParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    With ``f' = σ(u)``, ``i' = 1 − f'``, ``u = log f − log i`` and pre-activations ``z``:

    .. math::
        du = (df' - di') f' i', \qquad dz_f = du \, (1 - f), \qquad dz_i = -du \, (1 - i)

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import MinLSTMParams, min_lstm_backward
    >>> p = MinLSTMParams(*[np.zeros((1, 1)), np.zeros(1)] * 2, np.ones((1, 1)), np.zeros(1))
    >>> dxs, dh0, _ = min_lstm_backward(
    ...     np.array([[[0.0]], [[1.0]]]), np.ones((2, 1, 1)), np.zeros((1, 1)), p
    ... )
    >>> dxs[:, 0, 0], dh0
    (array([0.25, 0.5 ]), array([[0.25]]))
    """
    _check_minimal(xs, h0, params)
    keep, take, f, i = _min_lstm_gates(xs, params, normalize)
    candidate = xs @ params.W_h.T + params.b_h
    dkeep, dwrite, dh0 = linear_scan_backward(dhs, keep, take * candidate, h0)
    dtake = dwrite * candidate
    if normalize:
        du = (dkeep - dtake) * (keep * take)
        delta_f, delta_i = du * (1 - f), -du * (1 - i)
    else:
        delta_f, delta_i = dkeep * (f * (1 - f)), dtake * (i * (1 - i))
    delta_h = dwrite * take
    dxs = delta_f @ params.W_f + delta_i @ params.W_i + delta_h @ params.W_h
    grads = MinLSTMParams(*_sums(delta_f, xs), *_sums(delta_i, xs), *_sums(delta_h, xs))
    return dxs, dh0, grads


def _min_lstm_gates(
    xs: Array, params: MinLSTMParams, normalize: bool
) -> tuple[Array, Array, Array, Array]:
    """Give what is kept, what is taken, and the gates ``f`` and ``i`` they come from."""
    z_f = xs @ params.W_f.T + params.b_f  # (T, B, H)
    z_i = xs @ params.W_i.T + params.b_i  # (T, B, H)
    f, i = sigmoid(z_f), sigmoid(z_i)
    if not normalize:
        return f, i, f, i
    # log σ(z) = −log(1 + exp(−z))
    u = np.logaddexp(0, -z_i, dtype=z_i.dtype) - np.logaddexp(0, -z_f, dtype=z_f.dtype)
    return sigmoid(u), sigmoid(-u), f, i


def _sums(delta: Array, xs: Array) -> tuple[Array, Array]:
    """Gradients of a weight and its bias, summed over time and batch."""
    rows = delta.reshape(-1, delta.shape[-1])  # (T B, H)
    return rows.T @ xs.reshape(-1, xs.shape[-1]), rows.sum(axis=0)


def _check_minimal(xs: Any, h0: Any, params: Any) -> None:
    check_array("xs", xs, ("T", "B", "D"))
    check_array("b_h", params.b_h, ("H",))
    hidden_size, input_size = params.b_h.shape[0], xs.shape[2]
    for name, value in zip(params._fields, params, strict=True):
        shape = (hidden_size, input_size) if name.startswith("W") else (hidden_size,)
        check_array(name, value, shape)
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")
    check_array("h0", h0, (xs.shape[1], hidden_size))
