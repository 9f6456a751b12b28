"""The plain recurrent network, and how its gradients vanish or explode.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. ``x (B, D)``, ``h (B, H)``; the weight
``W (H, H + D)`` acts on ``[h, x]``. Sequences are time-major: ``xs (T, B, D)``.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.params import Array, RNNCache, RNNParams
from lstm_ref.unroll import cell_of_h, unroll, unroll_backward
from lstm_ref.validation import check_array, check_backward, check_step

__all__ = [
    "gradient_norms",
    "rnn_backward",
    "rnn_forward",
    "rnn_forward_cached",
    "rnn_jacobian",
    "rnn_step",
    "rnn_step_backward",
    "rnn_step_cached",
]


def rnn_step(x: Array, h: Array, W: Array, b: Array) -> Array:
    """Advance a plain recurrent network by one step: ``h' = tanh(W · [h, x] + b)``.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h : ndarray, shape (B, H)
        Hidden state before the step.
    W : ndarray, shape (H, H + D)
    b : ndarray, shape (H,)

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    References
    ----------
    J. L. Elman (1990). Finding Structure in Time. Cognitive Science 14(2).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import rnn_step
    >>> rnn_step(np.ones((1, 3)), np.zeros((1, 2)), np.zeros((2, 5)), np.array([0.0, 50.0]))
    array([[0., 1.]])
    """
    return rnn_step_cached(x, h, RNNParams(W, b))[0]


def rnn_step_cached(x: Array, h: Array, params: RNNParams) -> tuple[Array, RNNCache]:
    """Advance by one step and keep what `rnn_step_backward` needs.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h : ndarray, shape (B, H)
    params : RNNParams
        The ``W`` and ``b`` of `rnn_step`, whose errors these are.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : RNNCache
        Its ``x`` and ``h`` are the caller's own arrays: leave them alone until the backward pass.
    """
    check_step(x, params, RNNParams, h=h)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    h_next = np.tanh(hx @ params.W.T + params.b)  # (B, H)
    return h_next, RNNCache(x, h, h_next)


def rnn_step_backward(
    dh_next: Array, cache: RNNCache, params: RNNParams
) -> tuple[Array, Array, RNNParams]:
    r"""Take a loss gradient back through one plain recurrent step.

    Parameters
    ----------
    dh_next : ndarray, shape (B, H)
        Loss gradient of the state after the step.
    cache : RNNCache
        From `rnn_step_cached`.
    params : RNNParams

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh : ndarray, shape (B, H)
        Loss gradient of the state before the step.
    grads : RNNParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If the gradient or the parameters do not fit the cache.

    Notes
    -----
    .. math::
        \delta = dh' \cdot (1 - h'^2), \quad [dh, dx] = \delta W, \quad dW = \delta^T [h, x]
    """
    check_backward(cache, params, RNNParams, dh_next=dh_next)
    x, h, h_next = cache
    delta = dh_next * (1 - h_next**2)  # (B, H)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    dhx = delta @ params.W  # (B, H + D)
    H = h.shape[1]
    grads = RNNParams(delta.T @ hx, delta.sum(axis=0))
    return dhx[:, H:].copy(), dhx[:, :H].copy(), grads


_RNN = cell_of_h(RNNParams, rnn_step_cached, rnn_step_backward)


def rnn_forward(
    xs: Array, h0: Array, W: Array, b: Array, lengths: ArrayLike | None = None
) -> Array:
    """Run a plain recurrent network over a batch of sequences.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0 : ndarray, shape (B, H)
    W : ndarray, shape (H, H + D)
    b : ndarray, shape (H,)
    lengths : array_like of int, shape (B,), optional
        As in `lstm_forward`: rows past a sequence's end are zero.

    Returns
    -------
    ndarray, shape (T, B, H)
        Row ``t`` is the hidden state after input ``xs[t]``.

    Raises
    ------
    ValueError
        As `rnn_step` and `lstm_forward` do.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import rnn_forward
    >>> rnn_forward(np.ones((7, 3, 2)), np.zeros((3, 5)), np.zeros((5, 7)), np.zeros(5)).shape
    (7, 3, 5)
    """
    return rnn_forward_cached(xs, h0, RNNParams(W, b), lengths)[0]


def rnn_forward_cached(
    xs: Array, h0: Array, params: RNNParams, lengths: ArrayLike | None = None
) -> tuple[Array, Array, list[RNNCache]]:
    """Run over time and keep what `rnn_backward` needs.

    Parameters and errors are those of `rnn_forward`, with ``W`` and ``b`` as `RNNParams`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    h_T : ndarray, shape (B, H)
        The state after each sequence's last step.
    caches : list of RNNCache
        One a time step.
    """
    hs, (h_T,), caches = unroll(_RNN, xs, (h0,), params, lengths)
    return hs, h_T, caches


def rnn_backward(
    dhs: Array,
    caches: list[RNNCache],
    params: RNNParams,
    dh_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, RNNParams]:
    """Take loss gradients back through a plain recurrent network over time.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    caches : list of RNNCache
        The ``T`` caches of `rnn_forward_cached`.
    params : RNNParams
    dh_T : ndarray, shape (B, H), optional
        Loss gradient of the final state, over and above `dhs`; zero if omitted.
    lengths : array_like of int, shape (B,), optional
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0 : ndarray, shape (B, H)
    grads : RNNParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If the numbers of gradients and caches differ, or shapes do not fit.

    References
    ----------
    P. J. Werbos (1990). Backpropagation Through Time: What It Does and How to Do It. Proceedings
    of the IEEE 78(10).
    """
    dxs, (dh0,), grads = unroll_backward(_RNN, dhs, caches, params, (dh_T,), lengths)
    return dxs, dh0, grads


def rnn_jacobian(h_next: Array, W: Array) -> Array:
    """Return the Jacobian of one step: ``J[b, i, j] = ∂h_next[b, i] / ∂h[b, j]``.

    Parameters
    ----------
    h_next : ndarray, shape (B, H)
        Hidden state after the step.
    W : ndarray, shape (H, H + D)

    Returns
    -------
    ndarray, shape (B, H, H)
        ``diag(1 − h_next²) · W_h`` with ``W_h`` the first ``H`` columns of `W`.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import rnn_jacobian
    >>> rnn_jacobian(np.array([[0.0, 1.0]]), np.ones((2, 5)))
    array([[[1., 1.],
            [0., 0.]]])
    """
    check_array("h_next", h_next, ("B", "H"))
    H = h_next.shape[1]
    check_array("W", W, (H, "H + D"))
    return np.asarray((1 - h_next**2)[:, :, None] * W[:, :H])  # (B, H, H)


def gradient_norms(jacobians: Array) -> Array:
    """Measure how much a gradient can grow on its way back: norms of products of Jacobians.

    Parameters
    ----------
    jacobians : ndarray, shape (T, H, H)
        ``J_1 … J_T`` of one sequence.

    Returns
    -------
    ndarray, shape (T + 1,)
        Entry ``k`` is the largest singular value of ``J_T J_{T−1} …`` with ``k`` factors; entry 0
        is 1. Too large or too small for the dtype becomes ``inf`` or 0.

    Raises
    ------
    ValueError
        If the matrices are not square, there is none, or an entry is not finite.

    Notes
    -----
    The product is kept near 1 by powers of two, which is exact, and they are put back into its
    norm: so a product that has left the range of the dtype is still told apart from one that came
    back into it.

    References
    ----------
    S. Hochreiter (1991). Untersuchungen zu dynamischen neuronalen Netzen. Diploma thesis, TU
    München. Y. Bengio, P. Simard, P. Frasconi (1994). Learning Long-Term Dependencies with
    Gradient Descent Is Difficult. IEEE Transactions on Neural Networks 5(2).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gradient_norms
    >>> gradient_norms(np.array([0.5 * np.eye(2)] * 3))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    check_array("jacobians", jacobians, ("T", "H", "H"))
    if jacobians.shape[1] != jacobians.shape[2]:
        raise ValueError(f"expected jacobians of shape (T, H, H), got {jacobians.shape}")
    if not np.isfinite(jacobians).all():
        bad = int((~np.isfinite(jacobians)).sum())
        raise ValueError(f"expected finite numbers in jacobians, got {bad} NaN or inf")
    product, exponent = np.eye(jacobians.shape[1], dtype=jacobians.dtype), 0  # (H, H)
    norms = np.ones(len(jacobians) + 1, dtype=jacobians.dtype)  # (T + 1,)
    for k, J in enumerate(jacobians[::-1], start=1):
        product = product @ J
        shift = int(np.frexp(np.abs(product).max())[1])
        product, exponent = np.ldexp(product, -shift), exponent + shift
        with np.errstate(over="ignore"):
            norms[k] = np.ldexp(np.linalg.norm(product, 2), exponent)
    return norms
