"""LSTM layers put together: both directions, layers on layers, cut gradients; and their size.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. Sequences are time-major:
``xs (T, B, D)``, ``hs (T, B, H)``; a state is a pair ``(h, c)`` of ``(B, H)`` arrays.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.layers import count_parameters, lstm_backward, lstm_forward_cached
from lstm_ref.params import Array, LSTMCache, LSTMParams
from lstm_ref.tree import tree_map
from lstm_ref.validation import (
    check_array,
    check_backward,
    check_generator,
    check_lengths,
    check_sequence,
)

State = tuple[Array, Array]

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
    "time_windows",
]


def _zero_state(xs: Array, params: LSTMParams) -> Array:
    return np.zeros((xs.shape[1], params.b_f.shape[0]), dtype=xs.dtype)  # (B, H)


def _as_lengths(lengths: ArrayLike | None, xs: Array) -> NDArray[np.integer] | None:
    if lengths is None:
        return None
    check_lengths(lengths, xs.shape[0], xs.shape[1])
    return np.array(lengths)  # a copy: the tape keeps it until the backward pass


# -------------------------------------------------------------------------------- both directions


class BidirectionalTape(NamedTuple):
    """What `bidirectional_forward_cached` keeps for the backward pass.

    Attributes
    ----------
    forward_caches : list of LSTMCache
        Of the forward direction, first input first.
    backward_caches : list of LSTMCache
        Of the backward direction, last input first.
    reversal : ndarray of int, shape (T, B)
        For each step and sequence, the step that takes its place when time runs back.
    lengths : ndarray of int, shape (B,), or None
    """

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
    xs: Array,
    forward: LSTMParams,
    backward: LSTMParams,
    lengths: ArrayLike | None = None,
    initial: tuple[State, State] | None = None,
) -> tuple[Array, tuple[State, State], BidirectionalTape]:
    """Run both directions and keep what `bidirectional_backward` needs.

    Parameters
    ----------
    xs, forward, backward, lengths
        As in `bidirectional_forward`, whose errors these are.
    initial : pair of (h0, c0), optional
        Where the forward direction starts, at the first input, and where the backward direction
        does, at each sequence's last; zero if omitted.

    Returns
    -------
    out : ndarray, shape (T, B, 2H)
    states : tuple of (h_T, c_T)
        The forward direction's final state, then the backward direction's, which belongs to the
        first input.
    tape : BidirectionalTape
    """
    check_sequence(xs, forward, LSTMParams)
    check_sequence(xs, backward, LSTMParams)
    if initial is not None and len(initial) != 2:
        raise ValueError(f"expected 2 initial states, one a direction, got {len(initial)}")
    ends = _as_lengths(lengths, xs)
    reversal = _reversal(xs.shape[0], xs.shape[1], ends)
    zero_f, zero_b = _zero_state(xs, forward), _zero_state(xs, backward)
    start_f, start_b = ((zero_f, zero_f), (zero_b, zero_b)) if initial is None else initial
    hs_f, state_f, caches_f = lstm_forward_cached(xs, *start_f, forward, ends)
    hs_b, state_b, caches_b = lstm_forward_cached(_turn(xs, reversal), *start_b, backward, ends)
    out = np.concatenate([hs_f, _turn(hs_b, reversal)], axis=2)  # (T, B, 2H)
    return out, (state_f, state_b), BidirectionalTape(caches_f, caches_b, reversal, ends)


def bidirectional_backward(
    dout: Array,
    tape: BidirectionalTape,
    forward: LSTMParams,
    backward: LSTMParams,
    dfinal: tuple[State, State] | None = None,
) -> tuple[Array, tuple[State, State], tuple[LSTMParams, LSTMParams]]:
    """Take loss gradients back through a bidirectional layer.

    Parameters
    ----------
    dout : ndarray, shape (T, B, 2H)
        Loss gradient of the joined states.
    tape : BidirectionalTape
        From `bidirectional_forward_cached`.
    forward, backward : LSTMParams
    dfinal : pair of (dh_T, dc_T), optional
        Loss gradients of both directions' final states, over and above `dout`; zero if omitted.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dinitial : pair of (dh0, dc0)
        Loss gradients of both directions' initial states.
    grads : pair of LSTMParams
        The forward direction's, then the backward direction's.

    Raises
    ------
    ValueError
        If `dout`, `dfinal` or the parameters do not fit the tape.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, bidirectional_backward, bidirectional_forward_cached
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> out, _, tape = bidirectional_forward_cached(np.ones((7, 3, 3)), p, p)
    >>> dxs, _, (grads, _) = bidirectional_backward(np.ones_like(out), tape, p, p)
    >>> dxs.shape, grads.W_f.shape
    ((7, 3, 3), (2, 5))
    """
    check_backward(tape.forward_caches[0], forward, LSTMParams)
    check_backward(tape.backward_caches[0], backward, LSTMParams)
    steps, batch = tape.reversal.shape
    H = forward.b_f.shape[0]
    check_array("dout", dout, (steps, batch, H + backward.b_f.shape[0]))
    if dfinal is not None and len(dfinal) != 2:
        raise ValueError(f"expected gradients of 2 final states, got {len(dfinal)}")
    (dh_T_f, dc_T_f), (dh_T_b, dc_T_b) = dfinal or ((None, None), (None, None))
    dxs_f, dh_f, dc_f, grads_f = lstm_backward(
        dout[:, :, :H], tape.forward_caches, forward, dh_T_f, dc_T_f, tape.lengths
    )
    dturned = _turn(dout[:, :, H:], tape.reversal)
    dxs_b, dh_b, dc_b, grads_b = lstm_backward(
        dturned, tape.backward_caches, backward, dh_T_b, dc_T_b, tape.lengths
    )
    dxs = dxs_f + _turn(dxs_b, tape.reversal)  # (T, B, D)
    return dxs, ((dh_f, dc_f), (dh_b, dc_b)), (grads_f, grads_b)


# ------------------------------------------------------------------------------- layers on layers


class StackedTape(NamedTuple):
    """What `stacked_forward_cached` keeps for the backward pass, bottom layer first.

    Attributes
    ----------
    caches : list of list of LSTMCache
        One list a layer.
    masks : list of ndarray or None
        What each layer's input was multiplied by; None where nothing was dropped.
    lengths : ndarray of int, shape (B,), or None
    """

    caches: list[list[LSTMCache]]
    masks: list[Array | None]
    lengths: NDArray[np.integer] | None


def stacked_forward(
    xs: Array,
    layers: list[LSTMParams],
    lengths: ArrayLike | None = None,
    dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> tuple[Array, list[State]]:
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
    initial: list[State] | None = None,
) -> tuple[Array, list[State], StackedTape]:
    """Run stacked layers and keep what `stacked_backward` needs.

    Parameters
    ----------
    xs, layers, lengths, dropout, rng
        As in `stacked_forward`, whose errors these are.
    initial : list of (h0, c0), optional
        Where each layer starts, bottom first; zero if omitted.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    states : list of (h_T, c_T)
    tape : StackedTape
    """
    if len(layers) == 0:
        raise ValueError("expected at least one layer, got an empty list")
    if not 0 <= dropout < 1:
        raise ValueError(f"expected a dropout of at least 0 and below 1, got {dropout}")
    if dropout > 0:
        check_generator(rng)
    if initial is not None and len(initial) != len(layers):
        raise ValueError(f"expected {len(layers)} initial states, one a layer, got {len(initial)}")
    check_array("xs", xs, ("T", "B", "D"))
    ends = _as_lengths(lengths, xs)
    hs, states, tape = xs, [], StackedTape([], [], ends)
    for k, params in enumerate(layers):
        mask = None
        if k > 0 and rng is not None and dropout > 0:
            mask = ((rng.random(hs.shape) >= dropout) / (1 - dropout)).astype(hs.dtype)
            hs = hs * mask
        check_sequence(hs, params, LSTMParams)
        zero = _zero_state(hs, params)
        start = (zero, zero) if initial is None else initial[k]
        hs, state, caches = lstm_forward_cached(hs, *start, params, ends)
        states.append(state)
        tape.caches.append(caches)
        tape.masks.append(mask)
    return hs, states, tape


def stacked_backward(
    dhs: Array,
    tape: StackedTape,
    layers: list[LSTMParams],
    dfinal: list[State] | None = None,
) -> tuple[Array, list[State], list[LSTMParams]]:
    """Take loss gradients back through all layers, top to bottom.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of the top layer's hidden states.
    tape : StackedTape
        From `stacked_forward_cached`.
    layers : list of LSTMParams
        Bottom first.
    dfinal : list of (dh_T, dc_T), optional
        Loss gradients of every layer's final states, bottom first, over and above `dhs`; zero if
        omitted.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dinitial : list of (dh0, dc0)
        Loss gradients of every layer's initial states, bottom first.
    grads : list of LSTMParams
        Bottom first.

    Raises
    ------
    ValueError
        If `dhs`, `dfinal` or the layers do not fit the tape.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, stacked_backward, stacked_forward_cached
    >>> layers = [LSTMParams(*[np.zeros((3, 3 + k)), np.ones(3)] * 4) for k in (2, 3)]
    >>> hs, _, tape = stacked_forward_cached(np.ones((7, 1, 2)), layers)
    >>> dxs, _, grads = stacked_backward(np.ones_like(hs), tape, layers)
    >>> dxs.shape, [g.W_f.shape for g in grads]
    ((7, 1, 2), [(3, 5), (3, 6)])
    """
    for name, given in (("layers", layers), ("final states in dfinal", dfinal)):
        if given is not None and len(given) != len(tape.caches):
            raise ValueError(f"expected {len(tape.caches)} {name}, got {len(given)}")
    dinitial, grads = [], []
    for k in reversed(range(len(layers))):
        dh_T, dc_T = (None, None) if dfinal is None else dfinal[k]
        dhs, dh0, dc0, layer_grads = lstm_backward(
            dhs, tape.caches[k], layers[k], dh_T, dc_T, tape.lengths
        )
        mask = tape.masks[k]
        dhs = dhs if mask is None else dhs * mask
        dinitial.append((dh0, dc0))
        grads.append(layer_grads)
    return dhs, dinitial[::-1], grads[::-1]


# ------------------------------------------------------------------------------- cut in time


def time_windows(
    steps: int, window: int, lengths: ArrayLike | None = None
) -> list[tuple[slice, NDArray[np.intp] | None]]:
    """Cut time into windows, for truncated backpropagation with a carried state.

    Parameters
    ----------
    steps : int
        ``T``, at least 1.
    window : int
        Steps a window, at least 1; the last window may be shorter.
    lengths : array_like of int, shape (B,), optional
        How many steps of each sequence count.

    Returns
    -------
    list of (part, ends)
        ``xs[part]`` are a window's steps. ``ends (B,)`` says how many of them count, 0 for a
        sequence that has ended and holds its state; it is None without `lengths`.

    Raises
    ------
    ValueError
        If `steps` or `window` is below 1, or a length is negative or larger than `steps`.

    Examples
    --------
    Train on a long sequence in windows of four steps. The state goes on from window to window and
    the parameters change in between:

    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, lstm_backward, lstm_forward_cached, time_windows
    >>> params = LSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> xs, state = np.ones((10, 1, 3)), (np.zeros((1, 2)), np.zeros((1, 2)))
    >>> for part, _ in time_windows(len(xs), window=4):
    ...     hs, state, caches = lstm_forward_cached(xs[part], *state, params)
    ...     grads = lstm_backward(hs - 1, caches, params)[3]
    ...     params = LSTMParams(*(p - 0.1 * g for p, g in zip(params, grads)))
    ...     print(len(hs), round(float(((hs - 1) ** 2).mean()), 2))
    4 0.22
    4 0.08
    2 0.06
    """
    if steps < 1:
        raise ValueError(f"expected at least 1 step, got {steps}")
    if window < 1:
        raise ValueError(f"expected a window of at least 1 step, got {window}")
    parts = [slice(start, min(start + window, steps)) for start in range(0, steps, window)]
    if lengths is None:
        return [(part, None) for part in parts]
    check_lengths(lengths, steps, np.size(lengths))
    ends = np.asarray(lengths, dtype=np.intp)
    return [(part, np.clip(ends - part.start, 0, part.stop - part.start)) for part in parts]


def lstm_truncated_backward(
    dhs: Array,
    caches: list[LSTMCache],
    params: LSTMParams,
    window: int,
    lengths: ArrayLike | None = None,
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
    lengths : array_like of int, shape (B,), optional
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    grads : LSTMParams
        Summed over the windows. With ``window ≥ T`` the same as `lstm_backward`.

    Raises
    ------
    ValueError
        If `window` is below 1, or `dhs`, the parameters or the lengths do not fit the caches.

    References
    ----------
    R. J. Williams, J. Peng (1990). An Efficient Gradient-Based Algorithm for On-Line Training of
    Recurrent Network Trajectories. Neural Computation 2(4).
    """
    if len(caches) == 0:
        raise ValueError("expected at least one cache, got an empty list")
    check_backward(caches[0], params, LSTMParams)
    check_array("dhs", dhs, (len(caches), *caches[0].h.shape))
    dxs, grads = [], tree_map(np.zeros_like, params)
    for part, ends in time_windows(len(caches), window, lengths):
        dx, _, _, part_grads = lstm_backward(dhs[part], caches[part], params, lengths=ends)
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
