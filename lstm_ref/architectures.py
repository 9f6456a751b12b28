"""LSTM layers put together: both directions, layers on layers, cut gradients; and their size.

Shapes: ``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size; sequences are time-major.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.layers import count_parameters, lstm_backward, lstm_forward_cached
from lstm_ref.params import Array, LSTMCache, LSTMParams
from lstm_ref.tree import tree_map
from lstm_ref.validation import check_array, check_lengths, check_sequence

__all__ = [
    "BidirectionalTape",
    "StackedTape",
    "bidirectional_backward",
    "bidirectional_forward",
    "bidirectional_forward_cached",
    "lstm_truncated_backward",
    "parameter_counts",
    "stacked_backward",
    "stacked_forward",
    "stacked_forward_cached",
]


def _zero_state(xs: Array, params: LSTMParams) -> Array:
    return np.zeros((xs.shape[1], params.b_f.shape[0]), dtype=xs.dtype)  # (B, H)


def _as_lengths(lengths: ArrayLike | None, xs: Array) -> NDArray[np.integer] | None:
    if lengths is None:
        return None
    check_lengths(lengths, xs.shape[0], xs.shape[1])
    return np.asarray(lengths)


# -------------------------------------------------------------------------------- both directions


class BidirectionalTape(NamedTuple):
    """What `bidirectional_forward_cached` keeps: each direction's caches, and the time reversal."""

    forward_caches: list[LSTMCache]
    backward_caches: list[LSTMCache]
    reversal: NDArray[np.intp]
    lengths: NDArray[np.integer] | None


def _reversal(steps: int, batch: int, lengths: NDArray[np.integer] | None) -> NDArray[np.intp]:
    """Return, for each step and sequence, the step that takes its place when time runs back.

    Every sequence is turned within its own length, so that it still starts at step 0.
    """
    t = np.arange(steps)[:, None]  # (T, 1)
    ends = np.full(batch, steps) if lengths is None else lengths  # (B,)
    return np.where(t < ends, ends - 1 - t, t).astype(np.intp)  # (T, B)


def _turn(sequence: Array, reversal: NDArray[np.intp]) -> Array:
    return np.asarray(sequence[reversal, np.arange(reversal.shape[1])])


def bidirectional_forward(
    xs: Array, forward: LSTMParams, backward: LSTMParams, lengths: ArrayLike | None = None
) -> Array:
    """Run one LSTM forwards and another backwards in time, from zero states, and join them.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    forward, backward : LSTMParams
    lengths : array_like of int, shape (B,), optional
        The backward direction starts at each sequence's own end; rows past it are zero.

    Returns
    -------
    ndarray, shape (T, B, 2H)
        Row ``t`` joins both directions' states at input ``t``, forward first. It sees the future:
        never use it in a forecast.

    Raises
    ------
    ValueError
        As `lstm_forward` does.

    References
    ----------
    M. Schuster, K. K. Paliwal (1997). Bidirectional Recurrent Neural Networks. IEEE Transactions
    on Signal Processing 45(11). A. Graves, J. Schmidhuber (2005). Framewise Phoneme Classification
    with Bidirectional LSTM and Other Neural Network Architectures. Neural Networks 18.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, bidirectional_forward
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> out = bidirectional_forward(np.ones((7, 3, 3)), p, p)
    >>> out.shape, np.allclose(out[0, 0, :2], out[-1, 0, 2:])
    ((7, 3, 4), True)
    """
    return bidirectional_forward_cached(xs, forward, backward, lengths)[0]


def bidirectional_forward_cached(
    xs: Array, forward: LSTMParams, backward: LSTMParams, lengths: ArrayLike | None = None
) -> tuple[Array, tuple[tuple[Array, Array], tuple[Array, Array]], BidirectionalTape]:
    """Run both directions and keep what `bidirectional_backward` needs.

    Parameters and errors are those of `bidirectional_forward`.

    Returns
    -------
    out : ndarray, shape (T, B, 2H)
    states : tuple of (h_T, c_T)
        The forward direction's final state, then the backward direction's, which belongs to the
        first input.
    tape : BidirectionalTape
    """
    check_sequence(xs, forward)
    check_sequence(xs, backward)
    ends = _as_lengths(lengths, xs)
    reversal = _reversal(xs.shape[0], xs.shape[1], ends)
    zero_f, zero_b = _zero_state(xs, forward), _zero_state(xs, backward)
    hs_f, state_f, caches_f = lstm_forward_cached(xs, zero_f, zero_f, forward, ends)
    turned = _turn(xs, reversal)
    hs_b, state_b, caches_b = lstm_forward_cached(turned, zero_b, zero_b, backward, ends)
    out = np.concatenate([hs_f, _turn(hs_b, reversal)], axis=2)  # (T, B, 2H)
    return out, (state_f, state_b), BidirectionalTape(caches_f, caches_b, reversal, ends)


def bidirectional_backward(
    dout: Array, tape: BidirectionalTape, forward: LSTMParams, backward: LSTMParams
) -> tuple[Array, LSTMParams, LSTMParams]:
    """Take loss gradients back through a bidirectional layer.

    Parameters
    ----------
    dout : ndarray, shape (T, B, 2H)
    tape : BidirectionalTape
    forward, backward : LSTMParams

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    grads_forward, grads_backward : LSTMParams

    Raises
    ------
    ValueError
        If `dout` does not fit the tape.
    """
    steps, batch = tape.reversal.shape
    H = forward.b_f.shape[0]
    check_array("dout", dout, (steps, batch, H + backward.b_f.shape[0]))
    dxs_f, _, _, grads_f = lstm_backward(
        dout[:, :, :H], tape.forward_caches, forward, lengths=tape.lengths
    )
    dxs_b, _, _, grads_b = lstm_backward(
        _turn(dout[:, :, H:], tape.reversal), tape.backward_caches, backward, lengths=tape.lengths
    )
    return dxs_f + _turn(dxs_b, tape.reversal), grads_f, grads_b


# ------------------------------------------------------------------------------- layers on layers


class StackedTape(NamedTuple):
    """What `stacked_forward_cached` keeps: caches and dropout masks, bottom layer first."""

    caches: list[list[LSTMCache]]
    masks: list[Array | None]
    lengths: NDArray[np.integer] | None


def stacked_forward(
    xs: Array,
    layers: list[LSTMParams],
    lengths: ArrayLike | None = None,
    dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> tuple[Array, list[tuple[Array, Array]]]:
    """Run LSTM layers on top of each other, from zero states.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    layers : list of LSTMParams
        Bottom first; each layer's input size is the hidden size of the one below.
    lengths : array_like of int, shape (B,), optional
        As in `lstm_forward`.
    dropout : float
        Probability with which a value between two layers is dropped; the others are scaled up
        by ``1 / (1 − dropout)``. Leave it at 0 outside training.
    rng : numpy.random.Generator, optional
        Needed for dropout.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
        Of the top layer.
    states : list of (h_T, c_T)
        One pair a layer, bottom first.

    Raises
    ------
    ValueError
        As `lstm_forward` does; if there is no layer; if `dropout` lies outside [0, 1) or has no
        `rng`.

    References
    ----------
    A. Graves, A. Mohamed, G. Hinton (2013). Speech Recognition with Deep Recurrent Neural
    Networks. ICASSP. W. Zaremba, I. Sutskever, O. Vinyals (2014). Recurrent Neural Network
    Regularization, for dropout between layers only.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, stacked_forward
    >>> bottom = LSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> top = LSTMParams(*[np.zeros((3, 5)), np.ones(3)] * 4)
    >>> hs, states = stacked_forward(np.ones((7, 1, 3)), [bottom, top])
    >>> hs.shape, [h.shape for h, c in states]
    ((7, 1, 3), [(1, 2), (1, 3)])
    """
    return stacked_forward_cached(xs, layers, lengths, dropout, rng)[:2]


def stacked_forward_cached(
    xs: Array,
    layers: list[LSTMParams],
    lengths: ArrayLike | None = None,
    dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> tuple[Array, list[tuple[Array, Array]], StackedTape]:
    """Run stacked layers and keep what `stacked_backward` needs; see `stacked_forward`."""
    if len(layers) == 0:
        raise ValueError("expected at least one layer, got an empty list")
    if not 0 <= dropout < 1:
        raise ValueError(f"expected a dropout of at least 0 and below 1, got {dropout}")
    if dropout > 0 and rng is None:
        raise ValueError("expected a generator for dropout, got rng=None")
    check_array("xs", xs, ("T", "B", "D"))
    ends = _as_lengths(lengths, xs)
    hs, states, tape = xs, [], StackedTape([], [], ends)
    for k, params in enumerate(layers):
        mask = None
        if k > 0 and rng is not None and dropout > 0:
            mask = ((rng.random(hs.shape) >= dropout) / (1 - dropout)).astype(hs.dtype)
            hs = hs * mask
        zero = _zero_state(hs, params)
        hs, state, caches = lstm_forward_cached(hs, zero, zero, params, ends)
        states.append(state)
        tape.caches.append(caches)
        tape.masks.append(mask)
    return hs, states, tape


def stacked_backward(
    dhs: Array, tape: StackedTape, layers: list[LSTMParams]
) -> tuple[Array, list[LSTMParams]]:
    """Take loss gradients of the top layer's states back through all layers.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
    tape : StackedTape
    layers : list of LSTMParams

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    grads : list of LSTMParams
        Bottom first.

    Raises
    ------
    ValueError
        If `dhs` does not fit the tape.
    """
    grads = []
    for params, caches, mask in zip(layers[::-1], tape.caches[::-1], tape.masks[::-1], strict=True):
        dhs, _, _, layer_grads = lstm_backward(dhs, caches, params, lengths=tape.lengths)
        dhs = dhs if mask is None else dhs * mask
        grads.append(layer_grads)
    return dhs, grads[::-1]


# ------------------------------------------------------------------------------- cut in time


def lstm_truncated_backward(
    dhs: Array, caches: list[LSTMCache], params: LSTMParams, window: int
) -> tuple[Array, LSTMParams]:
    """Take loss gradients back at most to the start of each window of steps.

    The states were carried across the windows, the gradients are not: dependencies longer than
    a window are seen but not learned.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
    caches : list of LSTMCache
        Of the whole forward pass.
    params : LSTMParams
    window : int
        Steps a window, at least 1; the last one may be shorter.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    grads : LSTMParams
        Summed over the windows. With ``window ≥ T`` the same as `lstm_backward`.

    Raises
    ------
    ValueError
        If `window` is below 1, or `dhs` does not fit the caches.

    References
    ----------
    R. J. Williams, J. Peng (1990). An Efficient Gradient-Based Algorithm for On-Line Training of
    Recurrent Network Trajectories. Neural Computation 2(4).
    """
    if window < 1:
        raise ValueError(f"expected a window of at least 1 step, got {window}")
    if len(dhs) != len(caches):
        raise ValueError(f"expected dhs for {len(caches)} steps, got {len(dhs)}")
    dxs, grads = [], tree_map(np.zeros_like, params)
    for start in range(0, len(caches), window):
        part = slice(start, start + window)
        dx, _, _, part_grads = lstm_backward(dhs[part], caches[part], params)
        dxs.append(dx)
        grads = LSTMParams(*(g + p for g, p in zip(grads, part_grads, strict=True)))
    return np.concatenate(dxs), grads


def parameter_counts(input_size: int, hidden_size: int) -> dict[str, int]:
    """Count the parameters of one layer of each kind.

    Parameters
    ----------
    input_size, hidden_size : int
        At least 1.

    Returns
    -------
    dict of str to int
        Keys ``rnn, gru, lstm, lstm1997, peephole, bidirectional``.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> from lstm_ref import parameter_counts
    >>> parameter_counts(input_size=3, hidden_size=2)["peephole"]
    54
    """
    lstm = count_parameters(input_size, hidden_size)
    one = lstm // 4
    return {
        "rnn": one,
        "gru": 3 * one,
        "lstm": lstm,
        "lstm1997": 3 * one,
        "peephole": lstm + 3 * hidden_size,
        "bidirectional": 2 * lstm,
    }
