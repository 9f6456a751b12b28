r"""The plain recurrent network over time, fused; the same numbers as `lstm_ref.rnn_forward_cached`.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. Callers see ``(T, B, D)`` and course
weights; inside, the batch comes last (see `lstm_ref.fast.sequence`).

Notes
-----
The smallest of the three, and the one to read first: a forward step is one product
``[W b] · [h, x, 1]`` and one ``tanh``, a backward step two element-wise calls and one product. What
the tricks buy is told in `lstm_ref.fast.lstm`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.fast.sequence import (
    Lengths,
    affine_inputs,
    as_columns,
    check_gradients,
    keep_memory,
    order_for,
    read_lengths,
    spread_gradients,
    states_at,
    time_blocks,
    write_outputs,
)
from lstm_ref.fast.threads import plan_parts, run_parts
from lstm_ref.params import Array, RNNParams
from lstm_ref.validation import check_sequence

__all__ = ["RNNTape", "rnn_backward", "rnn_forward", "rnn_forward_cached"]


class RNNPart(NamedTuple):
    """What the forward pass of one part of the batch leaves behind."""

    columns: slice
    lengths: Lengths | None
    inputs: Array  # (T + 1, H + D + 1, B)  [h, x, 1] before each step


class RNNTape(NamedTuple):
    """What `rnn_forward_cached` keeps for `rnn_backward`, which may use it many times.

    Holds a copy of the weights: a later change of the parameters does not reach it.
    """

    weights: Array  # (H, H + D + 1)
    parts: list[RNNPart]


def rnn_forward(
    xs: Array,
    h0: Array,
    W: Array,
    b: Array,
    lengths: ArrayLike | None = None,
    threads: int | None = None,
) -> Array:
    """Run a plain recurrent network over a batch; the numbers of `lstm_ref.rnn_forward`.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0 : ndarray, shape (B, H)
    W : ndarray, shape (H, H + D)
    b : ndarray, shape (H,)
    lengths : array_like of int, shape (B,), optional
        Rows past a sequence's end are zero.
    threads : int, optional
        As in `lstm_ref.fast.lstm_forward`.

    Returns
    -------
    ndarray, shape (T, B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, a weight is NaN, a length is negative or
        larger than T, or `threads` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import fast
    >>> fast.rnn_forward(np.ones((7, 3, 2)), np.zeros((3, 5)), np.zeros((5, 7)), np.zeros(5)).shape
    (7, 3, 5)
    """
    return rnn_forward_cached(xs, h0, RNNParams(W, b), lengths, threads)[0]


def rnn_forward_cached(
    xs: Array,
    h0: Array,
    params: RNNParams,
    lengths: ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Array, Array, RNNTape]:
    """Run over time and keep what `rnn_backward` needs.

    Parameters and errors are those of `rnn_forward`, with ``W`` and ``b`` as `RNNParams`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    h_T : ndarray, shape (B, H)
    tape : RNNTape
    """
    check_sequence(xs, params, RNNParams, h0=h0)
    keep_memory()
    ends = read_lengths(lengths, *xs.shape[:2])
    weights = np.concatenate([params.W, params.b[:, None]], axis=1)  # (H, H + D + 1)
    dtype = np.result_type(xs, h0, weights)
    xs, h0, weights = (a.astype(dtype, copy=False) for a in (xs, h0, weights))
    steps, batch_size, H = *xs.shape[:2], h0.shape[1]
    hs, h_T = np.empty((steps, batch_size, H), dtype), np.empty((batch_size, H), dtype)

    def run(at: slice) -> RNNPart:
        stops = None if ends is None else ends[at]
        inputs = affine_inputs(xs[:, at], stops, lead=H)
        inputs[0, :H] = h0[at].T
        product, tanh = weights.copy(order_for(batch_size)).dot, np.tanh
        for hx, h_next in zip(inputs[:-1], inputs[1:, :H], strict=True):
            product(hx, h_next)
            tanh(h_next, h_next)
        write_outputs(hs[:, at], inputs[1:, :H], stops)
        h_T[at] = states_at(inputs[:, :H], stops)
        return RNNPart(at, stops, inputs)

    parts = run_parts(run, plan_parts(batch_size, batch_size * weights.size, threads))
    return hs, h_T, RNNTape(weights, parts)


def _backward_steps(local: Array, deltas: Array, dhs: Array, dh: Array, recurrent: Any) -> None:
    """Go back through one block of time; fills ``deltas (n, H, B)`` and updates ``dh (H, B)``."""
    add, multiply = np.add, np.multiply
    for dh_t, slope, delta in zip(dhs[::-1], local[::-1], deltas[::-1], strict=True):
        add(dh_t, dh, dh_t)
        multiply(dh_t, slope, delta)
        recurrent(delta, dh)


def _backward_part(
    dhs: Array, part: RNNPart, weights: Array, dxs: Array, dh_T: Array | None
) -> tuple[Array, Array]:
    """Take one part of the batch back; writes `dxs`, returns ``dh0`` and the weight gradient."""
    H = len(weights)
    spread = spread_gradients(dhs, dh_T, part.lengths, weights.dtype)  # (T + 1, H, B)
    recurrent = weights[:, :H].T.copy(order_for(dhs.shape[1])).dot
    weights_x = np.ascontiguousarray(weights[:, H:-1].T)  # (D, H)
    gradient = np.zeros_like(weights)
    dh = np.zeros_like(spread[0])
    for block in time_blocks(len(dxs), dh.size, dh.shape[1]):
        after = slice(block.start + 1, block.stop + 1)
        local = 1 - part.inputs[after, :H] ** 2  # (n, H, B)
        deltas = np.empty_like(local)
        _backward_steps(local, deltas, spread[after], dh, recurrent)
        delta = as_columns(deltas)  # (H, n B)
        gradient += delta @ as_columns(part.inputs[block]).T
        dxs[block] = (weights_x @ delta).reshape(-1, *deltas.shape[::2]).transpose(1, 2, 0)
    return (dh + spread[0]).T.copy(), gradient


def rnn_backward(
    dhs: Array, tape: RNNTape, dh_T: Array | None = None
) -> tuple[Array, Array, RNNParams]:
    """Take loss gradients back through time; the numbers of `lstm_ref.rnn_backward`.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    tape : RNNTape
        From `rnn_forward_cached`; holds the weights and lengths, and is left as it is.
    dh_T : ndarray, shape (B, H), optional
        Loss gradient of the final state, over and above `dhs`; zero if omitted.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0 : ndarray, shape (B, H)
    grads : RNNParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If a shape or dtype does not fit.
    """
    weights, parts = tape
    steps, H, batch_size = len(parts[0].inputs) - 1, len(weights), parts[-1].columns.stop
    check_gradients(dhs, (steps, batch_size, H), dh_T=dh_T)
    dxs = np.empty((steps, batch_size, weights.shape[1] - H - 1), weights.dtype)

    def run(part: RNNPart) -> tuple[Array, Array]:
        at = part.columns
        final = None if dh_T is None else dh_T[at]
        return _backward_part(dhs[:, at], part, weights, dxs[:, at], final)

    dh0s, gradients = zip(*run_parts(run, parts), strict=True)
    gradient = sum(gradients[1:], start=gradients[0])
    return dxs, np.concatenate(dh0s), RNNParams(gradient[:, :-1].copy(), gradient[:, -1].copy())
