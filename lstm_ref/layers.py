"""Cells over time: whole sequences, forward and backward.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. Sequences are time-major:
``xs (T, B, D)``, ``hs (T, B, H)``; states are ``(B, H)``.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.cells import lstm_step_backward, lstm_step_cached
from lstm_ref.params import Array, LSTMCache, LSTMParams
from lstm_ref.validation import (
    check_array,
    check_backward,
    check_lengths,
    check_sequence,
    check_sizes,
)

__all__ = ["count_parameters", "lstm_backward", "lstm_forward", "lstm_forward_cached"]


def lstm_forward(
    xs: Array, h0: Array, c0: Array, params: LSTMParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Run an LSTM over a batch of sequences.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0, c0 : ndarray, shape (B, H)
        Initial states.
    params : LSTMParams
    lengths : array_like of int, shape (B,), optional
        How many steps of each sequence count. Past its end a sequence's state is held and its
        rows of `hs` are zero; a length of 0 leaves the initial state. All steps count if omitted.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
        ``hs[t]`` is the hidden state after input ``xs[t]``.
    (h_T, c_T) : tuple of ndarray, shape (B, H)
        The states after each sequence's last step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, a weight is NaN, or a length is negative or
        larger than T.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, lstm_forward
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> zero = np.zeros((3, 2))
    >>> hs, (h, c) = lstm_forward(np.ones((7, 3, 3)), zero, zero, p, lengths=[7, 4, 0])
    >>> hs.shape, bool((hs[4:, 1] == 0).all()), bool((h[1] == hs[3, 1]).all()), h[2]
    ((7, 3, 2), True, True, array([0., 0.]))
    """
    hs, states, _ = lstm_forward_cached(xs, h0, c0, params, lengths)
    return hs, states


def lstm_forward_cached(
    xs: Array, h0: Array, c0: Array, params: LSTMParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[Array, Array], list[LSTMCache]]:
    """Run an LSTM over time and keep what `lstm_backward` needs.

    Parameters and errors are those of `lstm_forward`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    (h_T, c_T) : tuple of ndarray, shape (B, H)
    caches : list of LSTMCache
        One a time step.
    """
    check_sequence(xs, params, LSTMParams, h0=h0, c0=c0)
    steps, batch_size, _ = xs.shape
    if lengths is not None:
        check_lengths(lengths, steps, batch_size)
        lengths = np.asarray(lengths)
    h, c = h0.copy(), c0.copy()
    hs = np.zeros((steps, *h0.shape), dtype=np.result_type(xs, h0, params.W_f))  # (T, B, H)
    caches = []
    for t in range(steps):
        h_next, cache = lstm_step_cached(xs[t], h, c, params)
        caches.append(cache)
        running = True if lengths is None else (t < lengths)[:, None]  # (B, 1)
        hs[t] = np.where(running, h_next, 0)
        h, c = np.where(running, h_next, h), np.where(running, cache.c_next, c)
    return hs, (h, c), caches


def lstm_backward(
    dhs: Array,
    caches: list[LSTMCache],
    params: LSTMParams,
    dh_T: Array | None = None,
    dc_T: Array | None = None,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array, LSTMParams]:
    """Take loss gradients back through time.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    caches : list of LSTMCache
        The ``T`` caches of `lstm_forward_cached`.
    params : LSTMParams
    dh_T, dc_T : ndarray, shape (B, H), optional
        Loss gradients of the final states, over and above `dhs`; zero if omitted.
    lengths : array_like of int, shape (B,), optional
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0, dc0 : ndarray, shape (B, H)
    grads : LSTMParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If the numbers of gradients and caches differ, or shapes do not fit.

    Notes
    -----
    The gradient of a state has two sources: what the loss makes of it at its own step, ``dhs[t]``,
    and what it does later, carried back by the step after. The two add up.

    References
    ----------
    P. J. Werbos (1990). Backpropagation Through Time: What It Does and How to Do It. Proceedings
    of the IEEE 78(10).
    """
    if len(caches) == 0:
        raise ValueError("expected at least one cache, got an empty list")
    check_backward(caches[0], params, LSTMParams)
    batch_size, hidden_size = caches[0].h.shape
    check_array("dhs", dhs, (len(caches), batch_size, hidden_size))
    if lengths is not None:
        check_lengths(lengths, len(caches), batch_size)
        lengths = np.asarray(lengths)
    dh = np.zeros_like(dhs[0]) if dh_T is None else dh_T
    dc = np.zeros_like(dhs[0]) if dc_T is None else dc_T
    check_array("dh_T", dh, (batch_size, hidden_size))
    check_array("dc_T", dc, (batch_size, hidden_size))

    dxs = np.zeros((len(caches), *caches[0].x.shape), dtype=dhs.dtype)  # (T, B, D)
    grads = LSTMParams(*(np.zeros_like(value) for value in params))
    for t in reversed(range(len(caches))):
        running = np.True_ if lengths is None else (t < lengths)[:, None]  # (B, 1)
        dxs[t], dh_before, dc_before, step_grads = lstm_step_backward(
            np.where(running, dhs[t] + dh, 0), np.where(running, dc, 0), caches[t], params
        )
        grads = LSTMParams(*(g + s for g, s in zip(grads, step_grads, strict=True)))
        # A finished sequence holds its state, so its gradient passes unchanged.
        dh, dc = np.where(running, dh_before, dh), np.where(running, dc_before, dc)
    return dxs, dh, dc, grads


def count_parameters(input_size: int, hidden_size: int) -> int:
    """Count the weights and biases of one LSTM layer: ``4 (H (H + D) + H)``.

    Parameters
    ----------
    input_size, hidden_size : int
        At least 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> from lstm_ref import count_parameters
    >>> count_parameters(input_size=3, hidden_size=2)
    48
    """
    check_sizes(input_size, hidden_size)
    return 4 * (hidden_size * (hidden_size + input_size) + hidden_size)
