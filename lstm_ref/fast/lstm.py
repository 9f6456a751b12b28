r"""The LSTM over time, fused; the same numbers as `lstm_ref.lstm_forward` and its backward pass.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. Callers see ``(T, B, D)`` and course
weights; inside, the batch comes last (see `lstm_ref.fast.sequence`).

Notes
-----
What each trick buys is measured by ``benchmarks.speed`` and told in the book:

1. One product a step. ``[W_o W_i W_f W_c b] · [h, x, 1]`` yields all four gates with input and
   bias included.
2. One ``exp`` for all four gates: ``σ(z) = 1 / (1 + e^−z)`` and ``tanh(z) = 2 σ(2z) − 1``. NumPy's
   ``exp`` takes half the time of its ``tanh``. Signs and twos are multiplied into the weights
   beforehand, which is exact in binary. Where ``e^−z`` is too large for a number it becomes
   infinite and the gate 0, as it should.
3. No array is born inside a loop: results go to where they are needed.
4. Neighbours in memory. The batch comes last and a step's rows are ``[o, i, f, c̃, c]``, so the
   gates are one piece, and the one product ``[i, f] · [c̃, c]`` makes both terms of the new cell
   state.
5. Local derivatives for a block of time at once, so a backward step is seven NumPy calls, and
   weight gradients in one product a block: ``dW = Σ δ_t [h, x, 1]_tᵀ``, biases included.
6. Arrays, and the views the loops walk over, are made once and lent out again (see
   `lstm_ref.fast.workspace`).
7. Halves of a large batch run in two threads (see `lstm_ref.fast.threads`).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.fast.sequence import (
    Lengths,
    as_columns,
    block_size,
    check_gradients,
    joining_states,
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
from lstm_ref.params import Array, LSTMParams
from lstm_ref.validation import check_sequence

__all__ = ["LSTMTape", "lstm_backward", "lstm_forward", "lstm_forward_cached"]


class ForwardSpace:
    """Arrays and views of a forward pass over one part of the batch.

    ``inputs (T + 1, H + D + 1, B)`` are ``[h, x, 1]`` before each step, ``gates (T + 1, 5 H, B)``
    are ``[o, i, f, candidate, c before the step]``, ``tanh_c (T, H, B)`` is of the cell state after
    each step.
    """

    def __init__(self, steps: int, B: int, D: int, H: int, dtype: Any, keep: bool) -> None:
        self.inputs: Array = np.empty((steps + 1, H + D + 1, B), dtype)
        self.inputs[:, -1] = 1
        self.gates = repeated(steps + 1, (5 * H, B), dtype, keep)
        self.tanh_c = repeated(steps, (H, B), dtype, keep)
        self.terms: Array = np.empty((2 * H, B), dtype)  # [i · candidate, f · c]
        self.numerators: Array = np.ones((4 * H, B), dtype)
        self.numerators[3 * H :] = 2
        now = self.gates[:-1]
        self.walk = list(
            zip(
                self.inputs[:-1],
                now[:, : 4 * H],
                now[:, :H],
                now[:, H : 3 * H],
                now[:, 3 * H : 4 * H],
                now[:, 3 * H :],
                self.gates[1:, 4 * H :],
                self.tanh_c,
                self.inputs[1:, :H],
                strict=True,
            )
        )


class BackwardSpace:
    """Arrays and views of a backward pass over one part of the batch.

    ``spread (T + 1, H, B)`` are the loss gradients of the hidden states; for a block of n steps,
    ``local (n, 6, H, B)`` is what gradients are multiplied by and ``deltas (n, 6, H, B)`` are
    ``[dc, δ_o, δ_i, δ_f, δ_candidate, dc before the step]``.
    """

    def __init__(self, steps: int, B: int, H: int, dtype: Any) -> None:
        self.size = block_size(steps, 6 * H * B, B)
        self.spread: Array = np.empty((steps + 1, H, B), dtype)
        self.local: Array = np.empty((self.size, 6, H, B), dtype)
        self.deltas: Array = np.empty_like(self.local)
        self.dh_twice: Array = np.empty((2, H, B), dtype)
        self.dc_4_times: Array = np.empty((4, H, B), dtype)
        self.spread_walk = list(self.spread)
        self.block_walk = list(
            zip(
                self.local[:, :2],
                self.local[:, 2:],
                self.deltas[:, :2],
                self.deltas[:, 2:],
                self.deltas[:, 0],
                self.deltas[:, 5],
                self.deltas.reshape(self.size, 6 * H, B)[:, H : 5 * H],
                strict=True,
            )
        )


class LSTMPart(NamedTuple):
    """What the forward pass of one part of the batch leaves behind."""

    columns: slice
    lengths: Lengths | None
    loan: Loan[ForwardSpace]


class LSTMTape(NamedTuple):
    """What `lstm_forward_cached` keeps for `lstm_backward`, which may use it many times.

    Holds a copy of the weights: a later change of the parameters does not reach it.
    """

    weights: Array  # (4 H, H + D + 1)
    shape: tuple[int, int, int]  # T, B, D
    parts: list[LSTMPart]


def _pack(params: LSTMParams) -> Array:
    """Stack weights and biases as ``[[W_o, b_o], [W_i, b_i], [W_f, b_f], [W_c, b_c]]``."""
    W_f, b_f, W_i, b_i, W_c, b_c, W_o, b_o = params
    weights = np.concatenate([W_o, W_i, W_f, W_c])  # (4H, H + D)
    biases = np.concatenate([b_o, b_i, b_f, b_c])  # (4H,)
    return np.concatenate([weights, biases[:, None]], axis=1)


def _unpack(packed: Array) -> LSTMParams:
    """Take a packed gradient apart again."""
    W_o, W_i, W_f, W_c = packed[:, :-1].copy().reshape(4, len(packed) // 4, -1)
    b_o, b_i, b_f, b_c = packed[:, -1].copy().reshape(4, -1)
    return LSTMParams(W_f, b_f, W_i, b_i, W_c, b_c, W_o, b_o)


def _for_exp(weights: Array, batch_size: int) -> Array:
    """Scale rows so that the product is ``−z`` for sigmoid gates, ``−2 z`` for the candidate."""
    scaled = weights.copy(order_for(batch_size))
    scaled *= -1
    scaled[3 * len(weights) // 4 :] *= 2
    return scaled


def _forward_part(
    xs: Array, h0: Array, c0: Array, weights: Array, lengths: Lengths | None, keep: bool
) -> Loan[ForwardSpace]:
    """Run one part of the batch."""
    H = h0.shape[1]
    loan = borrow(ForwardSpace, *xs.shape, H, xs.dtype, keep)
    space = loan.space
    write_inputs(space.inputs[:-1, H:-1], xs, lengths)
    space.inputs[-1, H:-1] = 0
    space.inputs[0, :H], space.gates[0, 4 * H :] = h0.T, c0.T
    product, numerators, terms = _for_exp(weights, len(h0)).dot, space.numerators, space.terms
    written, kept, one = terms[:H], terms[H:], np.array(1, xs.dtype)
    exp, add, subtract, multiply = np.exp, np.add, np.subtract, np.multiply
    divide, tanh = np.divide, np.tanh
    for hx, z, o, i_f, candidate, candidate_c, c_next, tanh_c, h_next in space.walk:
        product(hx, z)
        exp(z, z)
        add(z, one, z)
        divide(numerators, z, z)  # o, i, f, and candidate + 1
        subtract(candidate, one, candidate)
        multiply(i_f, candidate_c, terms)
        add(written, kept, c_next)
        tanh(c_next, tanh_c)
        multiply(o, tanh_c, h_next)
    return loan


def _forward(
    xs: Array,
    h0: Array,
    c0: Array,
    params: LSTMParams,
    lengths: ArrayLike | None,
    threads: int | None,
    keep: bool,
) -> tuple[Array, tuple[Array, Array], LSTMTape]:
    """Check, cut the batch into parts, run them, and gather what comes back."""
    check_sequence(xs, params, LSTMParams, h0=h0, c0=c0)
    ends = read_lengths(lengths, *xs.shape[:2])
    weights = _pack(params)
    dtype = np.result_type(xs, h0, c0, weights)
    xs, h0, c0, weights = (a.astype(dtype, copy=False) for a in (xs, h0, c0, weights))
    steps, batch_size, H = *xs.shape[:2], h0.shape[1]
    hs = np.empty((steps, batch_size, H), dtype)
    h_T, c_T = np.empty_like(h0, order="C"), np.empty_like(c0, order="C")

    def run(at: slice) -> LSTMPart:
        stops = None if ends is None else ends[at]
        # A cell state in mid-sequence is only there to be read if every step has its own.
        loan = _forward_part(xs[:, at], h0[at], c0[at], weights, stops, keep or ends is not None)
        states = loan.space.inputs[:, :H]
        write_outputs(hs[:, at], states[1:], stops)
        h_T[at] = states_at(states, stops)
        c_T[at] = states_at(loan.space.gates[:, 4 * H :], stops)
        return LSTMPart(at, stops, loan)

    parts = run_parts(run, plan_parts(batch_size, batch_size * weights.size, threads))
    return hs, (h_T, c_T), LSTMTape(weights, xs.shape, parts)


def lstm_forward(
    xs: Array,
    h0: Array,
    c0: Array,
    params: LSTMParams,
    lengths: ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Array, tuple[Array, Array]]:
    """Run an LSTM over a batch of sequences; the numbers of `lstm_ref.lstm_forward`.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    h0, c0 : ndarray, shape (B, H)
        Initial states.
    params : LSTMParams
    lengths : array_like of int, shape (B,), optional
        How many steps of each sequence count. Past its end a sequence's state is held and its
        rows of `hs` are zero; a length of 0 leaves the initial state. All steps count if omitted.
    threads : int, optional
        Parts the batch is cut into, each run in a thread. By default as many as BLAS may use
        (``OPENBLAS_NUM_THREADS``), and one where a second would not pay.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
        ``hs[t]`` is the hidden state after input ``xs[t]``.
    (h_T, c_T) : tuple of ndarray, shape (B, H)
        The states after each sequence's last step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, a weight is NaN, a length is negative or
        larger than T, or `threads` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, fast
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> zero = np.zeros((3, 2))
    >>> hs, (h, c) = fast.lstm_forward(np.ones((7, 3, 3)), zero, zero, p, lengths=[7, 4, 0])
    >>> hs.shape, bool((h[1] == hs[3, 1]).all()), bool((h[2] == 0).all())
    ((7, 3, 2), True, True)
    """
    hs, states, _ = _forward(xs, h0, c0, params, lengths, threads, keep=False)
    return hs, states


def lstm_forward_cached(
    xs: Array,
    h0: Array,
    c0: Array,
    params: LSTMParams,
    lengths: ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Array, tuple[Array, Array], LSTMTape]:
    """Run an LSTM over time and keep what `lstm_backward` needs.

    Parameters and errors are those of `lstm_forward`.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    (h_T, c_T) : tuple of ndarray, shape (B, H)
    tape : LSTMTape
    """
    return _forward(xs, h0, c0, params, lengths, threads, keep=True)


def _local_derivatives(forward: ForwardSpace, block: slice, local: Array, scratch: Array) -> None:
    """Fill ``local (n, 6, H, B)`` with all that a backward step multiplies by, for n steps.

    Rows 0 and 1 take the gradient of h on to c and to o's pre-activation; rows 2 to 5 take that
    of c on to the pre-activations of i, f, candidate, and to the cell state before. With
    ``h' = o · tanh c'`` and the terms ``i · candidate`` and ``f · c`` the derivatives of σ and tanh
    need few passes: ``o · tanh′ = o − h' · tanh c'``, ``tanh c' · σ′ = h' − h' · o``.
    """
    n, _, H, batch_size = local.shape
    gates = forward.gates[block].reshape(n, 5, H, batch_size)
    tanh_c, h = forward.tanh_c[block], forward.inputs[block.start + 1 : block.stop + 1, :H]
    o, i, candidate = gates[:, 0], gates[:, 1], gates[:, 3]
    terms = local[:, 2:4]
    np.multiply(h, tanh_c, local[:, 0])
    np.subtract(o, local[:, 0], local[:, 0])
    np.multiply(h, o, local[:, 1])
    np.subtract(h, local[:, 1], local[:, 1])
    np.multiply(gates[:, 1:3], gates[:, 3:], terms)  # i · candidate, f · c
    np.multiply(terms[:, 0], candidate, local[:, 4])
    np.subtract(i, local[:, 4], local[:, 4])
    np.multiply(terms, gates[:, 1:3], scratch[:, 2:4])
    np.subtract(terms, scratch[:, 2:4], terms)
    local[:, 5] = gates[:, 2]


def _backward_steps(
    space: BackwardSpace, block: slice, dh: Array, dc: Array, joining: list[Any], recurrent: Any
) -> Array:
    """Go back through one block of time; fills `deltas`, updates `dh`, returns the new ``dc``.

    Parameters
    ----------
    space : BackwardSpace
        With `local` filled by `_local_derivatives`.
    block : slice
    dh, dc : ndarray, shape (H, B)
        What comes from the later steps.
    joining : list
        For each number of steps None, or the gradient of final cell states reached with it.
    recurrent : callable
        ``recurrent(δ, dh)`` writes ``W_hᵀ δ`` into ``dh``.
    """
    add, multiply, dh_twice, dc_4_times = np.add, np.multiply, space.dh_twice, space.dc_4_times
    after, n = slice(block.start + 1, block.stop + 1), block.stop - block.start
    for dh_t, final, (by_h, by_c, from_h, from_c, dc_t, dc_before, delta) in zip(
        space.spread_walk[after][::-1],
        joining[after][::-1],
        space.block_walk[:n][::-1],
        strict=True,
    ):
        if final is not None:
            dc = dc + final
        add(dh_t, dh, dh_t)
        dh_twice[...] = dh_t  # an assignment repeats it cheaper than the product would
        multiply(by_h, dh_twice, from_h)
        add(dc_t, dc, dc_t)
        dc_4_times[...] = dc_t
        multiply(by_c, dc_4_times, from_c)
        recurrent(delta, dh)
        dc = dc_before
    return dc.copy()


def _backward_part(
    dhs: Array, part: LSTMPart, weights: Array, dxs: Array, dh_T: Array | None, dc_T: Array | None
) -> tuple[Array, Array, Array]:
    """Take one part of the batch back through time.

    Writes ``dxs (T, B, D)``; returns ``dh0, dc0 (B, H)`` and the packed weight gradient.
    """
    steps, batch_size, H = dhs.shape
    loan, forward = borrow(BackwardSpace, *dhs.shape, weights.dtype), part.loan.space
    space = loan.space
    spread_gradients(space.spread, dhs, dh_T, part.lengths)
    joining = joining_states(dc_T, part.lengths, steps, batch_size)
    recurrent = weights[:, :H].T.copy(order_for(batch_size)).dot  # (H, 4H)
    weights_x = np.ascontiguousarray(weights[:, H:-1].T)  # (D, 4H)
    gradient = np.zeros_like(weights)
    dh = np.zeros_like(space.spread[0])
    dc = np.zeros_like(dh)
    for block in time_blocks(steps, space.size):
        n = block.stop - block.start
        _local_derivatives(forward, block, space.local[:n], space.deltas[:n])
        dc = _backward_steps(space, block, dh, dc, joining, recurrent)
        delta = as_columns(space.deltas[:n, 1:5].reshape(n, 4 * H, batch_size))  # (4H, n B)
        gradient += delta @ as_columns(forward.inputs[block]).T
        dxs[block] = (weights_x @ delta).reshape(-1, n, batch_size).transpose(1, 2, 0)
    if joining[0] is not None:
        dc += joining[0]
    return (dh + space.spread[0]).T.copy(), dc.T.copy(), gradient


def lstm_backward(
    dhs: Array, tape: LSTMTape, dh_T: Array | None = None, dc_T: Array | None = None
) -> tuple[Array, Array, Array, LSTMParams]:
    """Take loss gradients back through time; the numbers of `lstm_ref.lstm_backward`.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    tape : LSTMTape
        From `lstm_forward_cached`; holds the weights and lengths, and is left as it is.
    dh_T, dc_T : ndarray, shape (B, H), optional
        Loss gradients of the final states, over and above `dhs`; zero if omitted.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dh0, dc0 : ndarray, shape (B, H)
    grads : LSTMParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If a shape or dtype does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, fast
    >>> p = LSTMParams(*[np.ones((2, 5)), np.ones(2)] * 4)
    >>> zero = np.zeros((3, 2))
    >>> hs, states, tape = fast.lstm_forward_cached(np.ones((7, 3, 3)), zero, zero, p)
    >>> dxs, dh0, dc0, grads = fast.lstm_backward(np.ones_like(hs), tape)
    >>> dxs.shape, dh0.shape, grads.W_f.shape
    ((7, 3, 3), (3, 2), (2, 5))
    """
    weights, (steps, batch_size, D), parts = tape
    check_gradients(dhs, (steps, batch_size, len(weights) // 4), dh_T=dh_T, dc_T=dc_T)
    dxs = np.empty((steps, batch_size, D), weights.dtype)

    def run(part: LSTMPart) -> tuple[Array, Array, Array]:
        at = part.columns
        finals = (None if d is None else d[at] for d in (dh_T, dc_T))
        return _backward_part(dhs[:, at], part, weights, dxs[:, at], *finals)

    dh0s, dc0s, gradients = zip(*run_parts(run, parts), strict=True)
    gradient = sum(gradients[1:], start=gradients[0])
    return dxs, np.concatenate(dh0s), np.concatenate(dc0s), _unpack(gradient)
