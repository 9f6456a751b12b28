"""The LSTM's relatives: the cell of 1997, peepholes, coupled gates. Each is a diff of `cells`.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. ``x (B, D)``, ``h (B, H)``,
``c (B, H)``; weights ``(H, H + D)`` act on ``[h, x]``, biases and peepholes are ``(H,)``. Sequences
are time-major: ``xs (T, B, D)``.
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
from lstm_ref.validation import check_backward, check_step

__all__ = [
    "coupled_backward",
    "coupled_forward",
    "coupled_forward_cached",
    "coupled_step",
    "coupled_step_backward",
    "coupled_step_cached",
    "lstm1997_backward",
    "lstm1997_forward",
    "lstm1997_forward_cached",
    "lstm1997_step",
    "lstm1997_step_backward",
    "lstm1997_step_cached",
    "peephole_backward",
    "peephole_forward",
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

    The paper squashes with ``4σ(x) − 2`` and ``2σ(x) − 1`` where we use ``tanh``, lets the gates
    see the other gates too, and has cells share gates in blocks. What is kept here is what matters
    to the gradient: the cell state is only ever added to.

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
    """Advance by one step and keep what `lstm1997_step_backward` needs.

    Parameters and errors are those of `lstm1997_step`.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : LSTM1997Cache
        The new cell state is ``cache.c_next``. ``x``, ``h`` and ``c`` are the caller's own arrays:
        leave them alone until the backward pass.
    """
    check_step(x, params, LSTM1997Params, h=h, c=c)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    i = sigmoid(hx @ params.W_i.T + params.b_i)  # (B, H)
    candidate = np.tanh(hx @ params.W_c.T + params.b_c)
    o = sigmoid(hx @ params.W_o.T + params.b_o)
    c_next = c + i * candidate
    return o * np.tanh(c_next), LSTM1997Cache(x, h, c, i, candidate, o, c_next)


def lstm1997_step_backward(
    dh_next: Array, dc_next: Array, cache: LSTM1997Cache, params: LSTM1997Params
) -> tuple[Array, Array, Array, LSTM1997Params]:
    r"""Take a loss gradient back through one step; as `lstm_step_backward` with ``f = 1``.

    These are the full gradients; the paper cut those that reach the gates through ``h``.

    Parameters
    ----------
    dh_next, dc_next : ndarray, shape (B, H)
        Loss gradients of the states after the step, as in `lstm_step_backward`.
    cache : LSTM1997Cache
        From `lstm1997_step_cached`.
    params : LSTM1997Params

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
        Loss gradients of the states before the step.
    grads : LSTM1997Params
        Summed over the batch.

    Raises
    ------
    ValueError
        If the gradients or the parameters do not fit the cache.

    Notes
    -----
    With ``δ`` for the gradient of a pre-activation:

    .. math::
        dc &= dc' + dh' · o · (1 - \tanh^2 c') \\
        δ_i &= dc · \tilde c · i (1 - i), \quad δ_c = dc · i · (1 - \tilde c^2) \\
        δ_o &= dh' · \tanh c' · o (1 - o)

    Along the cell itself nothing is multiplied: ``dc`` passes from step to step unchanged. That is
    the constant error carousel.
    """
    check_backward(cache, params, LSTM1997Params, dh_next=dh_next, dc_next=dc_next)
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
    """Advance by one step and keep what `peephole_step_backward` needs.

    Parameters and errors are those of `peephole_step`.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : LSTMCache
        The new cell state is ``cache.c_next``. ``x``, ``h`` and ``c`` are the caller's own arrays:
        leave them alone until the backward pass.
    """
    check_step(x, params, PeepholeParams, h=h, c=c)
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
    r"""Take a loss gradient back through one step of `peephole_step`.

    The peepholes open three more ways to the cell: through ``o`` to the new state, through ``f``
    and ``i`` to the old one.

    Parameters
    ----------
    dh_next, dc_next : ndarray, shape (B, H)
        Loss gradients of the states after the step, as in `lstm_step_backward`.
    cache : LSTMCache
        From `peephole_step_cached`.
    params : PeepholeParams

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
        Loss gradients of the states before the step.
    grads : PeepholeParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If the gradients or the parameters do not fit the cache.

    Notes
    -----
    As in `lstm_step_backward`, with

    .. math::
        dc' &\mathrel{+}= dh' · o · (1 - \tanh^2 c') + δ_o · p_o \\
        dc &= dc' · f + δ_f · p_f + δ_i · p_i \\
        dp_f &= δ_f · c, \quad dp_i = δ_i · c, \quad dp_o = δ_o · c'
    """
    check_backward(cache, params, PeepholeParams, dh_next=dh_next, dc_next=dc_next)
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

    Notes
    -----
    .. math::
        f &= \sigma(W_f [h, x] + b_f), \quad \tilde c = \tanh(W_c [h, x] + b_c) \\
        c' &= f \cdot c + (1 - f) \cdot \tilde c, \quad
        o = \sigma(W_o [h, x] + b_o), \quad h' = o \cdot \tanh c'

    The cell is a weighted mean of what it held and what it is offered, so from ``c = 0`` it stays
    in (−1, 1); the LSTM's own cell is unbounded.

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
    """Advance by one step and keep what `coupled_step_backward` needs.

    Parameters and errors are those of `coupled_step`.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : LSTMCache
        The new cell state is ``cache.c_next``. ``x``, ``h`` and ``c`` are the caller's own arrays:
        leave them alone until the backward pass.
    """
    check_step(x, params, CoupledParams, h=h, c=c)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    f = sigmoid(hx @ params.W_f.T + params.b_f)  # (B, H)
    candidate = np.tanh(hx @ params.W_c.T + params.b_c)
    o = sigmoid(hx @ params.W_o.T + params.b_o)
    c_next = f * c + (1 - f) * candidate
    return o * np.tanh(c_next), LSTMCache(x, h, c, f, 1 - f, candidate, o, c_next)


def coupled_step_backward(
    dh_next: Array, dc_next: Array, cache: LSTMCache, params: CoupledParams
) -> tuple[Array, Array, Array, CoupledParams]:
    r"""Take a loss gradient back through one step of `coupled_step`.

    Parameters
    ----------
    dh_next, dc_next : ndarray, shape (B, H)
        Loss gradients of the states after the step, as in `lstm_step_backward`.
    cache : LSTMCache
        From `coupled_step_cached`.
    params : CoupledParams

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
        Loss gradients of the states before the step.
    grads : CoupledParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If the gradients or the parameters do not fit the cache.

    Notes
    -----
    As in `lstm_step_backward`; one gate does two things, so its gradient has two terms:

    .. math::
        δ_f = dc' · (c - \tilde c) · f (1 - f), \quad δ_c = dc' · (1 - f) · (1 - \tilde c^2)
    """
    check_backward(cache, params, CoupledParams, dh_next=dh_next, dc_next=dc_next)
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

_CELL_1997 = cell_of_h_and_c(LSTM1997Params, lstm1997_step_cached, lstm1997_step_backward)
_PEEPHOLE = cell_of_h_and_c(PeepholeParams, peephole_step_cached, peephole_step_backward)
_COUPLED = cell_of_h_and_c(CoupledParams, coupled_step_cached, coupled_step_backward)


def lstm1997_forward(
    xs: Array, h0: Array, c0: Array, params: LSTM1997Params, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Run the original cell over a batch of sequences.

    Parameters, returns and errors are those of `lstm_forward`, with `LSTM1997Params`.
    """
    return lstm1997_forward_cached(xs, h0, c0, params, lengths)[:2]


def lstm1997_forward_cached(
    xs: Array, h0: Array, c0: Array, params: LSTM1997Params, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array], list[LSTM1997Cache]]:
    """Run over time and keep what `lstm1997_backward` needs.

    Parameters, returns and errors are those of `lstm_forward_cached`, with `LSTM1997Params`; the
    caches are of type `LSTM1997Cache`.
    """
    hs, (h_T, c_T), caches = unroll(_CELL_1997, xs, (h0, c0), params, lengths)
    return hs, (h_T, c_T), caches


def lstm1997_backward(
    dhs: Array,
    caches: list[LSTM1997Cache],
    params: LSTM1997Params,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, LSTM1997Params]:
    """Take loss gradients back through the original cell over time.

    Parameters, returns and errors are those of `lstm_backward`, with `LSTM1997Params`.
    """
    dxs, (dh, dc), grads = unroll_backward(_CELL_1997, dhs, caches, params, (dh_T, dc_T), lengths)
    return dxs, dh, dc, grads


def peephole_forward(
    xs: Array, h0: Array, c0: Array, params: PeepholeParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Run an LSTM with peepholes over a batch of sequences.

    Parameters, returns and errors are those of `lstm_forward`, with `PeepholeParams`.
    """
    return peephole_forward_cached(xs, h0, c0, params, lengths)[:2]


def peephole_forward_cached(
    xs: Array, h0: Array, c0: Array, params: PeepholeParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array], list[LSTMCache]]:
    """Run over time and keep what `peephole_backward` needs.

    Parameters, returns and errors are those of `lstm_forward_cached`, with `PeepholeParams`; the
    caches are of type `LSTMCache`.
    """
    hs, (h_T, c_T), caches = unroll(_PEEPHOLE, xs, (h0, c0), params, lengths)
    return hs, (h_T, c_T), caches


def peephole_backward(
    dhs: Array,
    caches: list[LSTMCache],
    params: PeepholeParams,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, PeepholeParams]:
    """Take loss gradients back through an LSTM with peepholes over time.

    Parameters, returns and errors are those of `lstm_backward`, with `PeepholeParams`.
    """
    dxs, (dh, dc), grads = unroll_backward(_PEEPHOLE, dhs, caches, params, (dh_T, dc_T), lengths)
    return dxs, dh, dc, grads


def coupled_forward(
    xs: Array, h0: Array, c0: Array, params: CoupledParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Run an LSTM with coupled gates over a batch of sequences.

    Parameters, returns and errors are those of `lstm_forward`, with `CoupledParams`.
    """
    return coupled_forward_cached(xs, h0, c0, params, lengths)[:2]


def coupled_forward_cached(
    xs: Array, h0: Array, c0: Array, params: CoupledParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array], list[LSTMCache]]:
    """Run over time and keep what `coupled_backward` needs.

    Parameters, returns and errors are those of `lstm_forward_cached`, with `CoupledParams`; the
    caches are of type `LSTMCache`.
    """
    hs, (h_T, c_T), caches = unroll(_COUPLED, xs, (h0, c0), params, lengths)
    return hs, (h_T, c_T), caches


def coupled_backward(
    dhs: Array,
    caches: list[LSTMCache],
    params: CoupledParams,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, CoupledParams]:
    """Take loss gradients back through an LSTM with coupled gates over time.

    Parameters, returns and errors are those of `lstm_backward`, with `CoupledParams`.
    """
    dxs, (dh, dc), grads = unroll_backward(_COUPLED, dhs, caches, params, (dh_T, dc_T), lengths)
    return dxs, dh, dc, grads
