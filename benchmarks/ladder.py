"""One trick at a time: from the equations as written to `lstm_ref.fast`, each rung timed.

Every function runs an LSTM forward over ``xs (T, B, D)`` and returns ``hs (T, B, H)``; each keeps
what the one before it has learned. All but the last run in one thread.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

import lstm_ref
from benchmarks.contestants import Problem
from lstm_ref import fast, sigmoid
from lstm_ref.fast import sequence
from lstm_ref.fast.threads import one_blas_thread
from lstm_ref.params import Array, LSTMParams

__all__ = ["FORWARD_RUNGS", "TRAINING_RUNGS", "share_of_a_step"]


def _stack(params: LSTMParams) -> tuple[Array, Array]:
    """Stack the gates ``o, i, f, c``: ``(H + D, 4H)`` and ``(4H,)``."""
    weights = np.concatenate([params.W_o, params.W_i, params.W_f, params.W_c])
    return np.ascontiguousarray(weights.T), np.concatenate(
        [params.b_o, params.b_i, params.b_f, params.b_c]
    )


def _halve_sigmoids(stacked: Array, H: int) -> Array:
    halved = stacked.copy()
    halved[..., : 3 * H] *= 0.5
    return halved


def as_written(given: Problem) -> Array:
    """Run the readable tier: four products a step, one a gate."""
    xs, h0, params, _ = given
    return lstm_ref.lstm_forward(xs, h0, h0, params)[0]


def one_product(given: Problem) -> Array:
    """Stack the weights: one product a step."""
    xs, h, params, _ = given
    c, H = h, h.shape[1]
    W, b = _stack(params)
    hs: Array = np.empty((len(xs), *h.shape), h.dtype)
    for t, x in enumerate(xs):
        z = np.concatenate([h, x], axis=1) @ W + b  # (B, 4H)
        o, i, f = (sigmoid(z[:, k * H : (k + 1) * H]) for k in range(3))
        c = f * c + i * np.tanh(z[:, 3 * H :])
        h = o * np.tanh(c)
        hs[t] = h
    return hs


def one_tanh(given: Problem) -> Array:
    """Make every gate a tanh: ``σ(z) = ½ + ½ tanh(z / 2)``."""
    xs, h, params, _ = given
    c, H = h, h.shape[1]
    W, b = (_halve_sigmoids(a, H) for a in _stack(params))
    hs: Array = np.empty((len(xs), *h.shape), h.dtype)
    for t, x in enumerate(xs):
        gates = np.tanh(np.concatenate([h, x], axis=1) @ W + b)  # (B, 4H)
        o, i, f = np.split(0.5 + 0.5 * gates[:, : 3 * H], 3, axis=1)
        c = f * c + i * gates[:, 3 * H :]
        h = o * np.tanh(c)
        hs[t] = h
    return hs


def nothing_born(given: Problem) -> Array:
    """Lay all inputs out as ``[h, x, 1]`` beforehand and compute in place: no array in the loop."""
    xs, h0, params, _ = given
    (T, B, _), H = xs.shape, h0.shape[1]
    W, b = (_halve_sigmoids(a, H) for a in _stack(params))
    W = np.concatenate([W, b[None]])  # (H + D + 1, 4H)
    inputs: Array = np.empty((T + 1, B, len(W)), h0.dtype)
    inputs[0, :, :H], inputs[:-1, :, H:-1], inputs[:, :, -1] = h0, xs, 1
    gates, c, term = np.empty((B, 4 * H), h0.dtype), h0.copy(), np.empty_like(h0)
    sigmoids, candidate = gates[:, : 3 * H], gates[:, 3 * H :]
    o, i, f = (gates[:, k * H : (k + 1) * H] for k in range(3))
    half = np.array(0.5, h0.dtype)
    for hx, h_next in zip(inputs[:-1], inputs[1:, :, :H], strict=True):
        np.dot(hx, W, gates)
        np.tanh(gates, gates)
        np.multiply(sigmoids, half, sigmoids)
        np.add(sigmoids, half, sigmoids)
        np.multiply(i, candidate, term)
        np.multiply(f, c, c)
        np.add(c, term, c)
        np.tanh(c, term)
        np.multiply(o, term, h_next)
    return inputs[1:, :, :H].copy()


def batch_last(given: Problem) -> Array:
    """Let the batch come last, so gates lie in one piece: the fast tier in one thread."""
    xs, h0, params, _ = given
    return fast.lstm_forward(xs, h0, h0, params, threads=1)[0]


def two_threads(given: Problem) -> Array:
    """Run the fast tier as it is: halves of a large batch in two threads."""
    xs, h0, params, _ = given
    return fast.lstm_forward(xs, h0, h0, params)[0]


FORWARD_RUNGS: dict[str, Callable[[Problem], Array]] = {
    "as written": as_written,
    "one product": one_product,
    "one tanh": one_tanh,
    "nothing born in the loop": nothing_born,
    "batch last": batch_last,
    "two threads": two_threads,
}


def _train(given: Problem, threads: int | None) -> Array:
    xs, h0, params, dhs = given
    _, _, tape = fast.lstm_forward_cached(xs, h0, h0, params, threads=threads)
    return fast.lstm_backward(dhs, tape)[0]


def train_as_written(given: Problem) -> Array:
    """Train with the readable tier."""
    xs, h0, params, dhs = given
    caches = lstm_ref.lstm_forward_cached(xs, h0, h0, params)[2]
    return lstm_ref.lstm_backward(dhs, caches, params)[0]


@contextmanager
def _single_steps() -> Iterator[None]:
    """Let a block of time be a single step."""
    before = sequence.BLOCK_NUMBERS, sequence.BLOCK_COLUMNS
    sequence.BLOCK_NUMBERS = sequence.BLOCK_COLUMNS = 1
    try:
        yield
    finally:
        sequence.BLOCK_NUMBERS, sequence.BLOCK_COLUMNS = before


def train_step_by_step(given: Problem) -> Array:
    """Train fused, but with local derivatives and weight gradients step by step."""
    with _single_steps():
        return _train(given, threads=1)


def train_in_blocks(given: Problem) -> Array:
    """Train with local derivatives and weight gradients for a block of time at once."""
    return _train(given, threads=1)


def train_two_threads(given: Problem) -> Array:
    """Train with the fast tier as it is."""
    return _train(given, threads=None)


TRAINING_RUNGS: dict[str, Callable[[Problem], Array]] = {
    "as written": train_as_written,
    "fused": train_step_by_step,
    "blocks of time": train_in_blocks,
    "two threads": train_two_threads,
}


def share_of_a_step(given: Problem) -> dict[str, Callable[[], object]]:
    """Name what training one thread's whole batch cannot do without, to be timed on its own.

    ``products`` are the recurrent products of all steps, forward and backward, and those for the
    gradients of weights and inputs; ``tanh`` those of gates and cell state. What training takes
    over and above is passes over memory, layout, and the price of calling NumPy.
    """
    (T, B, D), H = given.xs.shape, given.h0.shape[1]
    W, dtype = _stack(given.params)[0], given.h0.dtype  # (H + D, 4H)
    forward = np.ascontiguousarray(np.concatenate([W, W[:1]]).T)  # (4H, H + D + 1)
    backward, on_x = W[:H].copy(), W[H:].copy()  # (H, 4H), (D, 4H)
    inputs, gates = np.ones((H + D + 1, B), dtype), np.zeros((4 * H, B), dtype)
    dh, c = np.empty((H, B), dtype), np.ones((H, B), dtype)
    blocks = list(sequence.time_blocks(T, 6 * H * B, B))
    many = (blocks[0].stop - blocks[0].start) * B
    all_inputs, all_deltas = np.ones((H + D + 1, many), dtype), np.ones((4 * H, many), dtype)

    def products() -> None:
        with one_blas_thread():
            for _ in range(T):
                np.dot(forward, inputs, gates)
                np.dot(backward, gates, dh)
            for block in blocks:
                columns = (block.stop - block.start) * B
                all_deltas[:, :columns] @ all_inputs[:, :columns].T
                on_x @ all_deltas[:, :columns]

    def tanh() -> None:
        values = np.full((4 * H, B), 0.5, dtype)
        for _ in range(T):
            np.tanh(values, gates)
            np.tanh(c, dh)

    return {"products": products, "tanh": tanh, "training": lambda: _train(given, threads=1)}
