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
    as_columns,
    block_size,
    check_gradients,
    order_for,
    read_lengths,
    spread_gradients,
    states_at,
    time_blocks,
    write_inputs,
    write_outputs,
)
from lstm_ref.fast.threads import plan_parts, run_parts
from lstm_ref.fast.workspace import Loan, borrow
from lstm_ref.params import Array, RNNParams
from lstm_ref.validation import check_sequence

__all__ = ["RNNTape", "rnn_backward", "rnn_forward", "rnn_forward_cached"]


class ForwardSpace:
    """Arrays and views of a forward pass: ``inputs (T + 1, H + D + 1, B)``, the ``[h, x, 1]``."""

    def __init__(self, steps: int, B: int, D: int, H: int, dtype: Any) -> None:
        self.inputs: Array = np.empty((steps + 1, H + D + 1, B), dtype)
        self.inputs[:, -1] = 1
        self.walk = list(zip(self.inputs[:-1], self.inputs[1:, :H], strict=True))


class BackwardSpace:
    """Arrays and views of a backward pass.

    ``spread (T + 1, H, B)`` are the loss gradients of the hidden states; for a block of n steps,
    ``slopes (n, H, B)`` are the derivatives of tanh and ``deltas (n, H, B)`` what comes of them.
    """

    def __init__(self, steps: int, B: int, H: int, dtype: Any) -> None:
        self.size = block_size(steps, H * B, B)
        self.spread: Array = np.empty((steps + 1, H, B), dtype)
        self.slopes: Array = np.empty((self.size, H, B), dtype)
        self.deltas: Array = np.empty_like(self.slopes)
        self.spread_walk = list(self.spread)
        self.block_walk = list(zip(self.slopes, self.deltas, strict=True))


class RNNPart(NamedTuple):
    """What the forward pass of one part of the batch leaves behind."""

    columns: slice
    lengths: Lengths | None
    loan: Loan[ForwardSpace]


class RNNTape(NamedTuple):
    """What `rnn_forward_cached` keeps for `rnn_backward`, which may use it many times.

    Holds a copy of the weights: a later change of the parameters does not reach it.
    """

    weights: Array  # (H, H + D + 1)
    shape: tuple[int, int, int]  # T, B, D
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
    ends = read_lengths(lengths, *xs.shape[:2])
    weights = np.concatenate([params.W, params.b[:, None]], axis=1)  # (H, H + D + 1)
    dtype = np.result_type(xs, h0, weights)
    xs, h0, weights = (a.astype(dtype, copy=False) for a in (xs, h0, weights))
    steps, batch_size, H = *xs.shape[:2], h0.shape[1]
    hs, h_T = np.empty((steps, batch_size, H), dtype), np.empty((batch_size, H), dtype)

    def run(at: slice) -> RNNPart:
        stops = None if ends is None else ends[at]
        loan = borrow(ForwardSpace, *xs[:, at].shape, H, dtype)
        inputs = loan.space.inputs
        write_inputs(inputs[:-1, H:-1], xs[:, at], stops)
        inputs[-1, H:-1] = 0
        inputs[0, :H] = h0[at].T
        product, tanh = weights.copy(order_for(inputs.shape[2])).dot, np.tanh
        for hx, h_next in loan.space.walk:
            product(hx, h_next)
            tanh(h_next, h_next)
        write_outputs(hs[:, at], inputs[1:, :H], stops)
        h_T[at] = states_at(inputs[:, :H], stops)
        return RNNPart(at, stops, loan)

    parts = run_parts(run, plan_parts(batch_size, batch_size * weights.size, threads))
    return hs, h_T, RNNTape(weights, xs.shape, parts)


def _backward_steps(space: BackwardSpace, block: slice, dh: Array, recurrent: Any) -> None:
    """Go back through one block of time; fills ``deltas`` and updates ``dh (H, B)``."""
    add, multiply = np.add, np.multiply
    after, n = slice(block.start + 1, block.stop + 1), block.stop - block.start
    for dh_t, (slope, delta) in zip(
        space.spread_walk[after][::-1], space.block_walk[:n][::-1], strict=True
    ):
        add(dh_t, dh, dh_t)
        multiply(dh_t, slope, delta)
        recurrent(delta, dh)


def _backward_part(
    dhs: Array, part: RNNPart, weights: Array, dxs: Array, dh_T: Array | None
) -> tuple[Array, Array]:
    """Take one part of the batch back; writes `dxs`, returns ``dh0`` and the weight gradient."""
    steps, batch_size, H = dhs.shape
    loan, inputs = borrow(BackwardSpace, *dhs.shape, weights.dtype), part.loan.space.inputs
    space = loan.space
    spread_gradients(space.spread, dhs, dh_T, part.lengths)
    recurrent = weights[:, :H].T.copy(order_for(batch_size)).dot
    weights_x = np.ascontiguousarray(weights[:, H:-1].T)  # (D, H)
    gradient = np.zeros_like(weights)
    dh = np.zeros_like(space.spread[0])
    for block in time_blocks(steps, space.size):
        n = block.stop - block.start
        h = inputs[block.start + 1 : block.stop + 1, :H]
        np.multiply(h, h, space.slopes[:n])
        np.subtract(1, space.slopes[:n], space.slopes[:n])  # tanh′ = 1 − tanh²
        _backward_steps(space, block, dh, recurrent)
        delta = as_columns(space.deltas[:n])  # (H, n B)
        gradient += delta @ as_columns(inputs[block]).T
        dxs[block] = (weights_x @ delta).reshape(-1, n, batch_size).transpose(1, 2, 0)
    return (dh + space.spread[0]).T.copy(), gradient


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
    weights, (steps, batch_size, D), parts = tape
    check_gradients(dhs, (steps, batch_size, len(weights)), dh_T=dh_T)
    dxs = np.empty((steps, batch_size, D), weights.dtype)

    def run(part: RNNPart) -> tuple[Array, Array]:
        at = part.columns
        final = None if dh_T is None else dh_T[at]
        return _backward_part(dhs[:, at], part, weights, dxs[:, at], final)

    dh0s, gradients = zip(*run_parts(run, parts), strict=True)
    gradient = sum(gradients[1:], start=gradients[0])
    return dxs, np.concatenate(dh0s), RNNParams(gradient[:, :-1].copy(), gradient[:, -1].copy())
