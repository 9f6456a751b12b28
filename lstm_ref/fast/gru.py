r"""The course's GRU over time, fused; the same numbers as `lstm_ref.gru_forward` and its backward.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. Callers see ``(T, B, D)`` and course
weights; inside, the batch comes last (see `lstm_ref.fast.sequence`).

Notes
-----
The reset gate acts before the candidate's product, so a step has two products, one after the
other. Their inputs ``[h, x, 1]`` and ``[r · h, x, 1]`` share ``x`` and 1 in one buffer
``[r · h, x, 1, h]``: its first rows are what the candidate sees, its last what the gates see. What
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
    repeated,
    spread_gradients,
    states_at,
    time_blocks,
    write_inputs,
    write_outputs,
)
from lstm_ref.fast.threads import plan_parts, run_parts
from lstm_ref.fast.workspace import Loan, borrow
from lstm_ref.params import Array, GRUParams
from lstm_ref.validation import check_sequence

__all__ = ["GRUTape", "gru_backward", "gru_forward", "gru_forward_cached"]


class GRUWeights(NamedTuple):
    """Weights with their biases as a column, in the order of rows of the shared buffer."""

    gates: Array  # (2 H, D + 1 + H)  [W_z; W_r] acting on [x, 1, h]
    candidate: Array  # (H, H + D + 1)  W_h acting on [r · h, x, 1]


class ForwardSpace:
    """Arrays and views of a forward pass over one part of the batch.

    ``inputs (T + 1, H + D + 1 + H, B)`` are ``[r · h, x, 1, h]``, ``gates (T, 3 H, B)`` are
    ``[z, r, candidate]``.
    """

    def __init__(self, steps: int, B: int, D: int, H: int, dtype: Any, keep: bool) -> None:
        K = H + D + 1
        self.inputs: Array = np.empty((steps + 1, K + H, B), dtype)
        self.inputs[:, K - 1] = 1
        self.gates = repeated(steps, (3 * H, B), dtype, keep)
        self.change: Array = np.empty((H, B), dtype)
        self.walk = list(
            zip(
                self.inputs[:-1, H:],  # what the gates see
                self.inputs[:-1, :K],  # what the candidate sees
                self.inputs[:-1, :H],
                self.inputs[:-1, K:],
                self.gates[:, : 2 * H],
                self.gates[:, :H],
                self.gates[:, H : 2 * H],
                self.gates[:, 2 * H :],
                self.inputs[1:, K:],
                strict=True,
            )
        )


class BackwardSpace:
    """Arrays and views of a backward pass over one part of the batch.

    ``spread (T + 1, H, B)`` are the loss gradients of the hidden states; for a block of n steps,
    ``local (n, 5, H, B)`` is what gradients are multiplied by and ``deltas (n, 5, H, B)`` are
    ``[δ_h, dh' · (1 − z), δ_z, δ_r, d(r · h) · r]``.
    """

    def __init__(self, steps: int, B: int, H: int, dtype: Any) -> None:
        self.size = block_size(steps, 5 * H * B, B)
        self.spread: Array = np.empty((steps + 1, H, B), dtype)
        self.local: Array = np.empty((self.size, 5, H, B), dtype)
        self.deltas: Array = np.empty_like(self.local)
        self.d_reset_h: Array = np.empty((H, B), dtype)
        self.dh_3_times: Array = np.empty((3, H, B), dtype)
        self.d_reset_h_twice: Array = np.empty((2, H, B), dtype)
        self.spread_walk = list(self.spread)
        self.block_walk = list(
            zip(
                self.local[:, :3],
                self.local[:, 3:],
                self.deltas[:, :3],
                self.deltas[:, 3:],
                self.deltas[:, 0],
                self.deltas[:, 1],
                self.deltas.reshape(self.size, 5 * H, B)[:, 2 * H : 4 * H],
                self.deltas[:, 4],
                strict=True,
            )
        )


class GRUPart(NamedTuple):
    """What the forward pass of one part of the batch leaves behind."""

    columns: slice
    lengths: Lengths | None
    loan: Loan[ForwardSpace]


class GRUTape(NamedTuple):
    """What `gru_forward_cached` keeps for `gru_backward`, which may use it many times.

    Holds a copy of the weights: a later change of the parameters does not reach it.
    """

    weights: GRUWeights
    shape: tuple[int, int, int]  # T, B, D
    parts: list[GRUPart]


def _pack(params: GRUParams) -> GRUWeights:
    W_z, b_z, W_r, b_r, W_h, b_h = params
    H = len(b_z)
    W, b = np.concatenate([W_z, W_r]), np.concatenate([b_z, b_r])  # (2H, H + D), (2H,)
    return GRUWeights(
        np.concatenate([W[:, H:], b[:, None], W[:, :H]], axis=1),
        np.concatenate([W_h, b_h[:, None]], axis=1),
    )


def _unpack(packed: GRUWeights) -> GRUParams:
    """Take a packed gradient apart again."""
    H = len(packed.candidate)
    D = packed.candidate.shape[1] - H - 1
    W = np.concatenate([packed.gates[:, D + 1 :], packed.gates[:, :D]], axis=1)  # (2H, H + D)
    b, candidate = packed.gates[:, D], packed.candidate
    parts = (W[:H], b[:H], W[H:], b[H:], candidate[:, :-1], candidate[:, -1])
    return GRUParams(*(part.copy() for part in parts))


def _forward_part(
    xs: Array, h0: Array, weights: GRUWeights, lengths: Lengths | None, keep: bool
) -> Loan[ForwardSpace]:
    """Run one part of the batch."""
    batch_size, H = h0.shape
    loan = borrow(ForwardSpace, *xs.shape, H, xs.dtype, keep)
    inputs, change = loan.space.inputs, loan.space.change
    write_inputs(inputs[:-1, H : -H - 1], xs, lengths)
    inputs[-1, : -H - 1] = 0
    inputs[0, -H:] = h0.T
    one, order = np.array(1, xs.dtype), order_for(batch_size)
    for_gates = np.multiply(weights.gates, -one, order=order).dot
    for_candidate = weights.candidate.copy(order=order).dot
    exp, tanh, divide = np.exp, np.tanh, np.divide
    add, subtract, multiply = np.add, np.subtract, np.multiply
    for hx, reset_hx, reset_h, h, z_r, z, r, candidate, h_next in loan.space.walk:
        for_gates(hx, z_r)
        exp(z_r, z_r)
        add(z_r, one, z_r)
        divide(one, z_r, z_r)
        multiply(r, h, reset_h)
        for_candidate(reset_hx, candidate)
        tanh(candidate, candidate)
        subtract(candidate, h, change)
        multiply(z, change, change)
        add(h, change, h_next)
    return loan


def _forward(
    xs: Array,
    h0: Array,
    params: GRUParams,
    lengths: ArrayLike | None,
    threads: int | None,
    keep: bool,
) -> tuple[Array, Array, GRUTape]:
    """Check, cut the batch into parts, run them, and gather what comes back."""
    check_sequence(xs, params, GRUParams, h0=h0)
    ends = read_lengths(lengths, *xs.shape[:2])
    dtype = np.result_type(xs, h0, *params)
    xs, h0 = xs.astype(dtype, copy=False), h0.astype(dtype, copy=False)
    weights = GRUWeights(*(w.astype(dtype, copy=False) for w in _pack(params)))
    steps, batch_size, H = *xs.shape[:2], h0.shape[1]
    hs, h_T = np.empty((steps, batch_size, H), dtype), np.empty((batch_size, H), dtype)

    def run(at: slice) -> GRUPart:
        stops = None if ends is None else ends[at]
        loan = _forward_part(xs[:, at], h0[at], weights, stops, keep)
        states = loan.space.inputs[:, -H:]
        write_outputs(hs[:, at], states[1:], stops)
        h_T[at] = states_at(states, stops)
        return GRUPart(at, stops, loan)

    step_cost = batch_size * (weights.gates.size + weights.candidate.size)
    parts = run_parts(run, plan_parts(batch_size, step_cost, threads))
    return hs, h_T, GRUTape(weights, xs.shape, parts)


def gru_forward(
    xs: Array,
    h0: Array,
    params: GRUParams,
    lengths: ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Array, Array]:
    """Run a GRU over a batch of sequences; the numbers of `lstm_ref.gru_forward`.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0 : ndarray, shape (B, H)
    params : GRUParams
    lengths : array_like of int, shape (B,), optional
        As in `lstm_ref.fast.lstm_forward`, like `threads`.
    threads : int, optional

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    h_T : ndarray, shape (B, H)
        The state after each sequence's last step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, a weight is NaN, a length is negative or
        larger than T, or `threads` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRUParams, fast
    >>> p = GRUParams(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    >>> hs, h = fast.gru_forward(np.ones((3, 1, 3)), np.ones((1, 2)), p)
    >>> hs[:, 0, 0], h
    (array([0.5  , 0.25 , 0.125]), array([[0.125, 0.125]]))
    """
    return _forward(xs, h0, params, lengths, threads, keep=False)[:2]


def gru_forward_cached(
    xs: Array,
    h0: Array,
    params: GRUParams,
    lengths: ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Array, Array, GRUTape]:
    """Run over time and keep what `gru_backward` needs.

    Parameters and errors are those of `gru_forward`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    h_T : ndarray, shape (B, H)
    tape : GRUTape
    """
    return _forward(xs, h0, params, lengths, threads, keep=True)


def _local_derivatives(gates: Array, h: Array, local: Array) -> None:
    """Fill ``local (n, 5, H, B)`` with all that a backward step multiplies by, for n steps.

    Rows 0 to 2 take the gradient of h' on to the candidate's pre-activation, directly to h, and
    to z's pre-activation; rows 3 and 4 take that of ``r · h`` on to r's pre-activation and to h.
    """
    n, H, batch_size = h.shape
    z, r, candidate = gates.reshape(n, 3, H, batch_size).transpose(1, 0, 2, 3)
    local[:, 0] = z - z * candidate**2
    local[:, 1] = 1 - z
    local[:, 2] = (candidate - h) * (z - z**2)
    local[:, 3] = h * (r - r**2)
    local[:, 4] = r


def _backward_steps(
    space: BackwardSpace, block: slice, dh: Array, recurrent: tuple[Any, Any]
) -> None:
    """Go back through one block of time; fills `deltas` and updates ``dh (H, B)``.

    ``recurrent`` are two callables: one writes ``d(r · h)`` from ``δ_h``, the other the gates'
    share of ``dh`` from ``[δ_z, δ_r]``.
    """
    add, multiply = np.add, np.multiply
    through_candidate, through_gates = recurrent
    dh_3_times, d_reset_h = space.dh_3_times, space.d_reset_h
    d_reset_h_twice = space.d_reset_h_twice
    after, n = slice(block.start + 1, block.stop + 1), block.stop - block.start
    for dh_t, (by_h, by_reset_h, from_h, from_reset_h, delta_h, kept, delta_z_r, through_r) in zip(
        space.spread_walk[after][::-1], space.block_walk[:n][::-1], strict=True
    ):
        add(dh_t, dh, dh_t)
        dh_3_times[...] = dh_t  # an assignment repeats it cheaper than the product would
        multiply(by_h, dh_3_times, from_h)
        through_candidate(delta_h, d_reset_h)
        d_reset_h_twice[...] = d_reset_h
        multiply(by_reset_h, d_reset_h_twice, from_reset_h)
        through_gates(delta_z_r, dh)
        add(dh, kept, dh)
        add(dh, through_r, dh)


def _backward_part(
    dhs: Array, part: GRUPart, weights: GRUWeights, dxs: Array, dh_T: Array | None
) -> tuple[Array, GRUWeights]:
    """Take one part of the batch back; writes `dxs`, returns ``dh0`` and the weight gradients."""
    (steps, batch_size, H), D = dhs.shape, dxs.shape[2]
    K = H + D + 1
    loan, forward = borrow(BackwardSpace, *dhs.shape, dxs.dtype), part.loan.space
    space, order = loan.space, order_for(batch_size)
    spread_gradients(space.spread, dhs, dh_T, part.lengths)
    recurrent = (
        weights.candidate[:, :H].T.copy(order).dot,  # (H, H)
        weights.gates[:, D + 1 :].T.copy(order).dot,  # (H, 2H)
    )
    on_x = np.concatenate([weights.candidate[:, H:-1], weights.gates[:, :D]])  # (3H, D)
    weights_x = np.ascontiguousarray(on_x.T)
    gradient = GRUWeights(*map(np.zeros_like, weights))
    dh = np.zeros_like(space.spread[0])
    for block in time_blocks(steps, space.size):
        n = block.stop - block.start
        _local_derivatives(forward.gates[block], forward.inputs[block, K:], space.local[:n])
        _backward_steps(space, block, dh, recurrent)
        delta = as_columns(space.deltas[:n, [0, 2, 3]].reshape(n, 3 * H, batch_size))  # (3H, n B)
        inputs = as_columns(forward.inputs[block])
        gradient.candidate[...] += delta[:H] @ inputs[:K].T
        gradient.gates[...] += delta[H:] @ inputs[H:].T
        dxs[block] = (weights_x @ delta).reshape(D, n, batch_size).transpose(1, 2, 0)
    return (dh + space.spread[0]).T.copy(), gradient


def gru_backward(
    dhs: Array, tape: GRUTape, dh_T: Array | None = None
) -> tuple[Array, Array, GRUParams]:
    """Take loss gradients back through time; the numbers of `lstm_ref.gru_backward`.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    tape : GRUTape
        From `gru_forward_cached`; holds the weights and lengths, and is left as it is.
    dh_T : ndarray, shape (B, H), optional
        Loss gradient of the final state, over and above `dhs`; zero if omitted.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0 : ndarray, shape (B, H)
    grads : GRUParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If a shape or dtype does not fit.
    """
    weights, (steps, batch_size, D), parts = tape
    check_gradients(dhs, (steps, batch_size, len(weights.candidate)), dh_T=dh_T)
    dxs = np.empty((steps, batch_size, D), weights.candidate.dtype)

    def run(part: GRUPart) -> tuple[Array, GRUWeights]:
        at = part.columns
        final = None if dh_T is None else dh_T[at]
        return _backward_part(dhs[:, at], part, weights, dxs[:, at], final)

    dh0s, gradients = zip(*run_parts(run, parts), strict=True)
    total = GRUWeights(*(sum(g[1:], start=g[0]) for g in zip(*gradients, strict=True)))
    return dxs, np.concatenate(dh0s), _unpack(total)
