"""The gated recurrent unit, with its reset gate in either of its two places.

``gru_…`` is the course's: the reset gate acts on ``h`` *before* the product with ``W_h``.
``gru_reset_after_…`` is PyTorch's: it acts on the product.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. ``x (B, D)``, ``h (B, H)``; weights
``(H, H + D)`` act on ``[h, x]``. Sequences are time-major: ``xs (T, B, D)``.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array, GRUCache, GRUParams, GRUResetAfterParams
from lstm_ref.unroll import cell_of_h, unroll, unroll_backward
from lstm_ref.validation import check_backward, check_step

__all__ = [
    "gru_backward",
    "gru_forward",
    "gru_forward_cached",
    "gru_reset_after_backward",
    "gru_reset_after_forward",
    "gru_reset_after_forward_cached",
    "gru_reset_after_step",
    "gru_reset_after_step_backward",
    "gru_reset_after_step_cached",
    "gru_step",
    "gru_step_backward",
    "gru_step_cached",
]


def gru_step(x: Array, h: Array, params: GRUParams) -> Array:
    r"""Advance a GRU by one step; the reset gate acts on ``h`` before the product.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h : ndarray, shape (B, H)
        Hidden state before the step.
    params : GRUParams

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Notes
    -----
    .. math::
        z &= \sigma(W_z [h, x] + b_z), \quad r = \sigma(W_r [h, x] + b_r) \\
        \tilde h &= \tanh(W_h [r \cdot h, x] + b_h) \\
        h' &= (1 - z) \cdot h + z \cdot \tilde h

    References
    ----------
    K. Cho et al. (2014). Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation. EMNLP. With ``z`` writing, as in J. Chung, C. Gulcehre, K. Cho,
    Y. Bengio (2014), Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRUParams, gru_step
    >>> p = GRUParams(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    >>> gru_step(np.ones((1, 3)), np.ones((1, 2)), p)
    array([[0.5, 0.5]])
    """
    return gru_step_cached(x, h, params)[0]


def gru_step_cached(x: Array, h: Array, params: GRUParams) -> tuple[Array, GRUCache]:
    """Advance by one step and keep what `gru_step_backward` needs.

    Parameters and errors are those of `gru_step`.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : GRUCache
        Its ``x`` and ``h`` are the caller's own arrays: leave them alone until the backward pass.
    """
    check_step(x, params, GRUParams, h=h)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    z = sigmoid(hx @ params.W_z.T + params.b_z)  # (B, H)
    r = sigmoid(hx @ params.W_r.T + params.b_r)
    candidate = np.tanh(np.concatenate([r * h, x], axis=1) @ params.W_h.T + params.b_h)
    return (1 - z) * h + z * candidate, GRUCache(x, h, z, r, candidate)


def gru_step_backward(
    dh_next: Array, cache: GRUCache, params: GRUParams
) -> tuple[Array, Array, GRUParams]:
    r"""Take a loss gradient back through one step of `gru_step`.

    Parameters
    ----------
    dh_next : ndarray, shape (B, H)
        Loss gradient of the state after the step.
    cache : GRUCache
        From `gru_step_cached`.
    params : GRUParams

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh : ndarray, shape (B, H)
        Loss gradient of the state before the step.
    grads : GRUParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If the gradient or the parameters do not fit the cache.

    Notes
    -----
    With ``δ`` for the gradient of a pre-activation, and :math:`W_g = [U_g, V_g]`, the columns for
    ``h`` and those for ``x``:

    .. math::
        δ_z &= dh' · (\tilde h - h) · z (1 - z), \quad δ_h = dh' · z · (1 - \tilde h^2) \\
        δ_r &= (δ_h U_h) · h · r (1 - r) \\
        dh &= dh' · (1 - z) + (δ_h U_h) · r + δ_z U_z + δ_r U_r \\
        dx &= δ_h V_h + δ_z V_z + δ_r V_r
    """
    check_backward(cache, params, GRUParams, dh_next=dh_next)
    x, h, z, r, candidate = cache
    H = h.shape[1]
    delta_z = dh_next * (candidate - h) * z * (1 - z)  # (B, H)
    delta_h = dh_next * z * (1 - candidate**2)
    drhx = delta_h @ params.W_h  # (B, H + D)
    delta_r = drhx[:, :H] * h * r * (1 - r)

    hx = np.concatenate([h, x], axis=1)
    rhx = np.concatenate([r * h, x], axis=1)
    dhx = delta_z @ params.W_z + delta_r @ params.W_r  # (B, H + D)
    dh = dh_next * (1 - z) + drhx[:, :H] * r + dhx[:, :H]
    grads = GRUParams(
        delta_z.T @ hx,
        delta_z.sum(axis=0),
        delta_r.T @ hx,
        delta_r.sum(axis=0),
        delta_h.T @ rhx,
        delta_h.sum(axis=0),
    )
    return drhx[:, H:] + dhx[:, H:], dh, grads


def gru_reset_after_step(x: Array, h: Array, params: GRUResetAfterParams) -> Array:
    r"""Advance a GRU by one step; the reset gate acts after the product, as PyTorch computes it.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h : ndarray, shape (B, H)
        Hidden state before the step.
    params : GRUResetAfterParams

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Notes
    -----
    With :math:`W_h = [U, V]`, the columns for ``h`` and those for ``x``, the candidate is

    .. math::
        \tilde h = \tanh(r \cdot (U h + b_{hh}) + V x + b_h)

    and all else as in `gru_step`. (PyTorch's ``z`` is one minus ours: see `gru_to_torch`.) The
    product with ``U`` no longer waits for the reset gate, so all three products on ``h`` can be
    made in one.

    References
    ----------
    K. Cho et al. (2014). Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation. arXiv 1406.1078v1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRUResetAfterParams, gru_reset_after_step
    >>> p = GRUResetAfterParams(*[np.zeros((2, 5)), np.zeros(2)] * 3, np.full(2, 100.0))
    >>> gru_reset_after_step(np.ones((1, 3)), np.zeros((1, 2)), p)
    array([[0.5, 0.5]])
    """
    return gru_reset_after_step_cached(x, h, params)[0]


def gru_reset_after_step_cached(
    x: Array, h: Array, params: GRUResetAfterParams
) -> tuple[Array, GRUCache]:
    """Advance by one step and keep what `gru_reset_after_step_backward` needs.

    Parameters and errors are those of `gru_reset_after_step`.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : GRUCache
        Its ``x`` and ``h`` are the caller's own arrays: leave them alone until the backward pass.
    """
    check_step(x, params, GRUResetAfterParams, h=h)
    H = h.shape[1]
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    z = sigmoid(hx @ params.W_z.T + params.b_z)  # (B, H)
    r = sigmoid(hx @ params.W_r.T + params.b_r)
    inner = h @ params.W_h[:, :H].T + params.b_hh
    candidate = np.tanh(r * inner + x @ params.W_h[:, H:].T + params.b_h)
    return (1 - z) * h + z * candidate, GRUCache(x, h, z, r, candidate)


def gru_reset_after_step_backward(
    dh_next: Array, cache: GRUCache, params: GRUResetAfterParams
) -> tuple[Array, Array, GRUResetAfterParams]:
    """Take a loss gradient back through one step of `gru_reset_after_step`.

    Parameters
    ----------
    dh_next : ndarray, shape (B, H)
        Loss gradient of the state after the step.
    cache : GRUCache
        From `gru_reset_after_step_cached`.
    params : GRUResetAfterParams

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh : ndarray, shape (B, H)
        Loss gradient of the state before the step.
    grads : GRUResetAfterParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If the gradient or the parameters do not fit the cache.
    """
    check_backward(cache, params, GRUResetAfterParams, dh_next=dh_next)
    x, h, z, r, candidate = cache
    H = h.shape[1]
    U, V = params.W_h[:, :H], params.W_h[:, H:]
    inner = h @ U.T + params.b_hh  # (B, H)
    delta_z = dh_next * (candidate - h) * z * (1 - z)
    delta_h = dh_next * z * (1 - candidate**2)
    delta_r = delta_h * inner * r * (1 - r)
    dinner = delta_h * r

    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    dhx = delta_z @ params.W_z + delta_r @ params.W_r
    dh = dh_next * (1 - z) + dinner @ U + dhx[:, :H]
    grads = GRUResetAfterParams(
        delta_z.T @ hx,
        delta_z.sum(axis=0),
        delta_r.T @ hx,
        delta_r.sum(axis=0),
        np.concatenate([dinner.T @ h, delta_h.T @ x], axis=1),
        delta_h.sum(axis=0),
        dinner.sum(axis=0),
    )
    return delta_h @ V + dhx[:, H:], dh, grads


_GRU = cell_of_h(GRUParams, gru_step_cached, gru_step_backward)
_RESET_AFTER = cell_of_h(
    GRUResetAfterParams, gru_reset_after_step_cached, gru_reset_after_step_backward
)


def gru_forward(
    xs: Array, h0: Array, params: GRUParams, lengths: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Run a GRU over a batch of sequences.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0 : ndarray, shape (B, H)
    params : GRUParams
    lengths : array_like of int, shape (B,), optional
        As in `lstm_forward`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
        ``hs[t]`` is the hidden state after input ``xs[t]``.
    h_T : ndarray, shape (B, H)
        The state after each sequence's last step.

    Raises
    ------
    ValueError
        As `gru_step` and `lstm_forward` do.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRUParams, gru_forward
    >>> p = GRUParams(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    >>> hs, h = gru_forward(np.ones((3, 1, 3)), np.ones((1, 2)), p)
    >>> hs[:, 0, 0], h
    (array([0.5  , 0.25 , 0.125]), array([[0.125, 0.125]]))
    """
    return gru_forward_cached(xs, h0, params, lengths)[:2]


def gru_forward_cached(
    xs: Array, h0: Array, params: GRUParams, lengths: ArrayLike | None = None
) -> tuple[Array, Array, list[GRUCache]]:
    """Run over time and keep what `gru_backward` needs.

    Parameters and errors are those of `gru_forward`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    h_T : ndarray, shape (B, H)
    caches : list of GRUCache
        One a time step.
    """
    hs, (h_T,), caches = unroll(_GRU, xs, (h0,), params, lengths)
    return hs, h_T, caches


def gru_backward(
    dhs: Array,
    caches: list[GRUCache],
    params: GRUParams,
    dh_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, GRUParams]:
    """Take loss gradients back through a GRU over time.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    caches : list of GRUCache
        The ``T`` caches of `gru_forward_cached`.
    params : GRUParams
    dh_T : ndarray, shape (B, H), optional
        Loss gradient of the final state, over and above `dhs`; zero if omitted.
    lengths : array_like of int, shape (B,), optional
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0 : ndarray, shape (B, H)
    grads : GRUParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If the numbers of gradients and caches differ, or shapes do not fit.
    """
    dxs, (dh0,), grads = unroll_backward(_GRU, dhs, caches, params, (dh_T,), lengths)
    return dxs, dh0, grads


def gru_reset_after_forward(
    xs: Array, h0: Array, params: GRUResetAfterParams, lengths: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Run a GRU whose reset gate acts after the product over a batch of sequences.

    Parameters, returns and errors are those of `gru_forward`, with `GRUResetAfterParams`.
    """
    return gru_reset_after_forward_cached(xs, h0, params, lengths)[:2]


def gru_reset_after_forward_cached(
    xs: Array, h0: Array, params: GRUResetAfterParams, lengths: ArrayLike | None = None
) -> tuple[Array, Array, list[GRUCache]]:
    """Run over time and keep what `gru_reset_after_backward` needs.

    Parameters, returns and errors are those of `gru_forward_cached`, with `GRUResetAfterParams`.
    """
    hs, (h_T,), caches = unroll(_RESET_AFTER, xs, (h0,), params, lengths)
    return hs, h_T, caches


def gru_reset_after_backward(
    dhs: Array,
    caches: list[GRUCache],
    params: GRUResetAfterParams,
    dh_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, GRUResetAfterParams]:
    """Take loss gradients back through time, the reset gate after the product.

    Parameters, returns and errors are those of `gru_backward`, with `GRUResetAfterParams`.
    """
    dxs, (dh0,), grads = unroll_backward(_RESET_AFTER, dhs, caches, params, (dh_T,), lengths)
    return dxs, dh0, grads
