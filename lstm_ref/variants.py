"""The LSTM's relatives: the cell of 1997, peepholes, coupled gates. Each is a diff of `cells`.

Shapes: ``B`` batch, ``D`` input size, ``H`` hidden size; weights ``(H, H + D)`` act on ``[h, x]``.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.cells import sigmoid
from lstm_ref.params import (
    Array,
    CoupledParams,
    LSTM1997Cache,
    LSTM1997Params,
    LSTMCache,
    PeepholeParams,
)
from lstm_ref.unroll import cell_of_h_and_c, unroll, unroll_backward
from lstm_ref.validation import check_sequence, check_step

__all__ = [
    "coupled_backward",
    "coupled_forward_cached",
    "coupled_step",
    "coupled_step_backward",
    "coupled_step_cached",
    "lstm1997_backward",
    "lstm1997_forward_cached",
    "lstm1997_step",
    "lstm1997_step_backward",
    "lstm1997_step_cached",
    "peephole_backward",
    "peephole_forward_cached",
    "peephole_step",
    "peephole_step_backward",
    "peephole_step_cached",
]


# ------------------------------------------------------------------------- without a forget gate


def lstm1997_step(x: Array, h: Array, c: Array, params: LSTM1997Params) -> tuple[Array, Array]:
    r"""Advance the original cell by one step: nothing is ever forgotten, ``c' = c + i · c̃``.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h, c : ndarray, shape (B, H)
    params : LSTM1997Params

    Returns
    -------
    h_next, c_next : ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Notes
    -----
    .. math::
        i &= \sigma(W_i [h, x] + b_i), \quad \tilde c = \tanh(W_c [h, x] + b_c) \\
        c' &= c + i \cdot \tilde c, \quad o = \sigma(W_o [h, x] + b_o), \quad h' = o \cdot \tanh c'

    The paper's own squashing functions are twice as wide, its gates see the other gates too, and
    cells share gates in blocks; what is kept here is what matters to the gradient.

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTM1997Params, lstm1997_step
    >>> p = LSTM1997Params(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    >>> lstm1997_step(np.ones((1, 3)), np.zeros((1, 2)), np.full((1, 2), 2.0), p)[1]
    array([[2., 2.]])
    """
    h_next, cache = lstm1997_step_cached(x, h, c, params)
    return h_next, cache.c_next


def lstm1997_step_cached(
    x: Array, h: Array, c: Array, params: LSTM1997Params
) -> tuple[Array, LSTM1997Cache]:
    """Advance by one step and keep what the backward pass needs; see `lstm1997_step`."""
    check_step(x, params, h=h, c=c)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    i = sigmoid(hx @ params.W_i.T + params.b_i)  # (B, H)
    candidate = np.tanh(hx @ params.W_c.T + params.b_c)
    o = sigmoid(hx @ params.W_o.T + params.b_o)
    c_next = c + i * candidate
    return o * np.tanh(c_next), LSTM1997Cache(x, h, c, i, candidate, o, c_next)


def lstm1997_step_backward(
    dh_next: Array, dc_next: Array, cache: LSTM1997Cache, params: LSTM1997Params
) -> tuple[Array, Array, Array, LSTM1997Params]:
    """Take a loss gradient back through one step; as `lstm_step_backward` with ``f = 1``.

    These are the full gradients; the paper cut those that reach the gates through ``h``.

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
    grads : LSTM1997Params
        Summed over the batch.
    """
    x, h, _, i, candidate, o, c_next = cache
    tanh_c = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - tanh_c**2)  # (B, H)
    delta_i = dc * candidate * i * (1 - i)
    delta_c = dc * i * (1 - candidate**2)
    delta_o = dh_next * tanh_c * o * (1 - o)

    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    dhx = delta_i @ params.W_i + delta_c @ params.W_c + delta_o @ params.W_o
    grads = LSTM1997Params(*_gradients(hx, delta_i, delta_c, delta_o))
    H = h.shape[1]
    return dhx[:, H:].copy(), dhx[:, :H].copy(), dc, grads


def _gradients(hx: Array, *deltas: Array) -> list[Array]:
    """Return the gradients of a weight and a bias for each pre-activation's gradient."""
    return [gradient for d in deltas for gradient in (d.T @ hx, d.sum(axis=0))]


# -------------------------------------------------------------------------------------- peepholes


def peephole_step(x: Array, h: Array, c: Array, params: PeepholeParams) -> tuple[Array, Array]:
    r"""Advance an LSTM with peepholes by one step: the gates also look at the cell.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h, c : ndarray, shape (B, H)
    params : PeepholeParams

    Returns
    -------
    h_next, c_next : ndarray, shape (B, H)

    Raises
    ------
    ValueError
        As `lstm1997_step` does.

    Notes
    -----
    .. math::
        f &= \sigma(W_f [h, x] + b_f + p_f \cdot c), \quad
        i = \sigma(W_i [h, x] + b_i + p_i \cdot c) \\
        c' &= f \cdot c + i \cdot \tanh(W_c [h, x] + b_c) \\
        o &= \sigma(W_o [h, x] + b_o + p_o \cdot c'), \quad h' = o \cdot \tanh c'

    References
    ----------
    F. A. Gers, J. Schmidhuber (2000). Recurrent Nets that Time and Count. IJCNN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import PeepholeParams, peephole_step
    >>> W, b, p = np.zeros((2, 5)), np.zeros(2), np.full(2, 50.0)
    >>> params = PeepholeParams(W, b, W, b, W, b, W, b, p, p, p)
    >>> peephole_step(np.ones((1, 3)), np.zeros((1, 2)), np.full((1, 2), 2.0), params)[1]
    array([[2., 2.]])
    """
    h_next, cache = peephole_step_cached(x, h, c, params)
    return h_next, cache.c_next


def peephole_step_cached(
    x: Array, h: Array, c: Array, params: PeepholeParams
) -> tuple[Array, LSTMCache]:
    """Advance by one step and keep what the backward pass needs; see `peephole_step`."""
    check_step(x, params, h=h, c=c)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    f = sigmoid(hx @ params.W_f.T + params.b_f + params.p_f * c)  # (B, H)
    i = sigmoid(hx @ params.W_i.T + params.b_i + params.p_i * c)
    candidate = np.tanh(hx @ params.W_c.T + params.b_c)
    c_next = f * c + i * candidate
    o = sigmoid(hx @ params.W_o.T + params.b_o + params.p_o * c_next)
    return o * np.tanh(c_next), LSTMCache(x, h, c, f, i, candidate, o, c_next)


def peephole_step_backward(
    dh_next: Array, dc_next: Array, cache: LSTMCache, params: PeepholeParams
) -> tuple[Array, Array, Array, PeepholeParams]:
    """Take a loss gradient back through one step of `peephole_step`.

    The peepholes open three more ways to the cell: through ``o`` to the new state, through ``f``
    and ``i`` to the old one.

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
    grads : PeepholeParams
        Summed over the batch.
    """
    x, h, c, f, i, candidate, o, c_next = cache
    tanh_c = np.tanh(c_next)
    delta_o = dh_next * tanh_c * o * (1 - o)  # (B, H)
    dc_total = dc_next + dh_next * o * (1 - tanh_c**2) + delta_o * params.p_o
    delta_f = dc_total * c * f * (1 - f)
    delta_i = dc_total * candidate * i * (1 - i)
    delta_c = dc_total * i * (1 - candidate**2)
    dc = dc_total * f + delta_f * params.p_f + delta_i * params.p_i

    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    dhx = delta_f @ params.W_f + delta_i @ params.W_i + delta_c @ params.W_c + delta_o @ params.W_o
    W_f, b_f, W_i, b_i, W_c, b_c, W_o, b_o = _gradients(hx, delta_f, delta_i, delta_c, delta_o)
    p_f, p_i = (delta_f * c).sum(axis=0), (delta_i * c).sum(axis=0)
    p_o = (delta_o * c_next).sum(axis=0)
    grads = PeepholeParams(W_f, b_f, W_i, b_i, W_c, b_c, W_o, b_o, p_f, p_i, p_o)
    H = h.shape[1]
    return dhx[:, H:].copy(), dhx[:, :H].copy(), dc, grads


# ---------------------------------------------------------------------------------- coupled gates


def coupled_step(x: Array, h: Array, c: Array, params: CoupledParams) -> tuple[Array, Array]:
    r"""Advance an LSTM that writes as much as it forgets: ``c' = f · c + (1 − f) · c̃``.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h, c : ndarray, shape (B, H)
    params : CoupledParams

    Returns
    -------
    h_next, c_next : ndarray, shape (B, H)

    Raises
    ------
    ValueError
        As `lstm1997_step` does.

    References
    ----------
    K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber (2017). LSTM: A
    Search Space Odyssey. IEEE Transactions on Neural Networks and Learning Systems 28(10), where
    it is called CIFG.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import CoupledParams, coupled_step
    >>> p = CoupledParams(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    >>> coupled_step(np.ones((1, 3)), np.zeros((1, 2)), np.full((1, 2), 2.0), p)[1]
    array([[1., 1.]])
    """
    h_next, cache = coupled_step_cached(x, h, c, params)
    return h_next, cache.c_next


def coupled_step_cached(
    x: Array, h: Array, c: Array, params: CoupledParams
) -> tuple[Array, LSTMCache]:
    """Advance by one step and keep what the backward pass needs; see `coupled_step`."""
    check_step(x, params, h=h, c=c)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    f = sigmoid(hx @ params.W_f.T + params.b_f)  # (B, H)
    candidate = np.tanh(hx @ params.W_c.T + params.b_c)
    o = sigmoid(hx @ params.W_o.T + params.b_o)
    c_next = f * c + (1 - f) * candidate
    return o * np.tanh(c_next), LSTMCache(x, h, c, f, 1 - f, candidate, o, c_next)


def coupled_step_backward(
    dh_next: Array, dc_next: Array, cache: LSTMCache, params: CoupledParams
) -> tuple[Array, Array, Array, CoupledParams]:
    """Take a loss gradient back through one step of `coupled_step`.

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
    grads : CoupledParams
        Summed over the batch.
    """
    x, h, c, f, i, candidate, o, c_next = cache
    tanh_c = np.tanh(c_next)
    dc_total = dc_next + dh_next * o * (1 - tanh_c**2)  # (B, H)
    delta_f = dc_total * (c - candidate) * f * (1 - f)
    delta_c = dc_total * i * (1 - candidate**2)
    delta_o = dh_next * tanh_c * o * (1 - o)

    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    dhx = delta_f @ params.W_f + delta_c @ params.W_c + delta_o @ params.W_o
    grads = CoupledParams(*_gradients(hx, delta_f, delta_c, delta_o))
    H = h.shape[1]
    return dhx[:, H:].copy(), dhx[:, :H].copy(), dc_total * f, grads


# -------------------------------------------------------------------------------------- over time

_CELL_1997 = cell_of_h_and_c(lstm1997_step_cached, lstm1997_step_backward)
_PEEPHOLE = cell_of_h_and_c(peephole_step_cached, peephole_step_backward)
_COUPLED = cell_of_h_and_c(coupled_step_cached, coupled_step_backward)


def lstm1997_forward_cached(
    xs: Array, h0: Array, c0: Array, params: LSTM1997Params, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, ...], list[LSTM1997Cache]]:
    """Run the cell of 1997 over time; parameters, returns, errors as `lstm_forward_cached`."""
    check_sequence(xs, params, h0=h0, c0=c0)
    return unroll(_CELL_1997, xs, (h0, c0), params, lengths)


def lstm1997_backward(
    dhs: Array,
    caches: list[LSTM1997Cache],
    params: LSTM1997Params,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, LSTM1997Params]:
    """Take loss gradients back through time; parameters, returns, errors as `lstm_backward`."""
    dxs, (dh, dc), grads = unroll_backward(_CELL_1997, dhs, caches, params, (dh_T, dc_T), lengths)
    return dxs, dh, dc, grads


def peephole_forward_cached(
    xs: Array, h0: Array, c0: Array, params: PeepholeParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, ...], list[LSTMCache]]:
    """Run the LSTM with peepholes over time; all as `lstm_forward_cached`."""
    check_sequence(xs, params, h0=h0, c0=c0)
    return unroll(_PEEPHOLE, xs, (h0, c0), params, lengths)


def peephole_backward(
    dhs: Array,
    caches: list[LSTMCache],
    params: PeepholeParams,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, PeepholeParams]:
    """Take loss gradients back through time; parameters, returns, errors as `lstm_backward`."""
    dxs, (dh, dc), grads = unroll_backward(_PEEPHOLE, dhs, caches, params, (dh_T, dc_T), lengths)
    return dxs, dh, dc, grads


def coupled_forward_cached(
    xs: Array, h0: Array, c0: Array, params: CoupledParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, ...], list[LSTMCache]]:
    """Run the LSTM with coupled gates over time; all as `lstm_forward_cached`."""
    check_sequence(xs, params, h0=h0, c0=c0)
    return unroll(_COUPLED, xs, (h0, c0), params, lengths)


def coupled_backward(
    dhs: Array,
    caches: list[LSTMCache],
    params: CoupledParams,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, CoupledParams]:
    """Take loss gradients back through time; parameters, returns, errors as `lstm_backward`."""
    dxs, (dh, dc), grads = unroll_backward(_COUPLED, dhs, caches, params, (dh_T, dc_T), lengths)
    return dxs, dh, dc, grads
