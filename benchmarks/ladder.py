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
from lstm_ref.fast import sequence, workspace
from lstm_ref.fast.threads import one_blas_thread
from lstm_ref.params import Array, LSTMParams

__all__ = ["FORWARD_RUNGS", "TRAINING_RUNGS", "share_of_a_step"]


def _stack(params: LSTMParams) -> tuple[Array, Array]:
    """Stack the gates ``o, i, f, c``: ``(H + D, 4H)`` and ``(4H,)``."""
    weights = np.concatenate([params.W_o, params.W_i, params.W_f, params.W_c])
    return np.ascontiguousarray(weights.T), np.concatenate(
        [params.b_o, params.b_i, params.b_f, params.b_c]
    )


def _for_exp(stacked: Array, H: int) -> Array:
    """Scale for ``e^−z``, and ``e^−2z`` where the candidate is."""
    scaled = -stacked
    scaled[..., 3 * H :] *= 2
    return scaled


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


@np.errstate(over="ignore")
def one_exp(given: Problem) -> Array:
    """Make every gate of one exponential: ``σ(z) = 1 / (1 + e^−z)``, ``tanh(z) = 2 σ(2z) − 1``."""
    xs, h, params, _ = given
    c, H = h, h.shape[1]
    W, b = (_for_exp(a, H) for a in _stack(params))
    hs: Array = np.empty((len(xs), *h.shape), h.dtype)
    for t, x in enumerate(xs):
        gates = 1 / (1 + np.exp(np.concatenate([h, x], axis=1) @ W + b))  # (B, 4H)
        o, i, f, doubled = np.split(gates, 4, axis=1)
        c = f * c + i * (2 * doubled - 1)
        h = o * np.tanh(c)
        hs[t] = h
    return hs


@np.errstate(over="ignore")
def nothing_born(given: Problem) -> Array:
    """Lay all inputs out as ``[h, x, 1]`` beforehand and compute in place: no array in the loop."""
    xs, h0, params, _ = given
    (T, B, _), H = xs.shape, h0.shape[1]
    W, b = (_for_exp(a, H) for a in _stack(params))
    W = np.concatenate([W, b[None]])  # (H + D + 1, 4H)
    inputs: Array = np.empty((T + 1, B, len(W)), h0.dtype)
    inputs[0, :, :H], inputs[:-1, :, H:-1], inputs[:, :, -1] = h0, xs, 1
    gates, c, term = np.empty((B, 4 * H), h0.dtype), h0.copy(), np.empty_like(h0)
    o, i, f, candidate = (gates[:, k * H : (k + 1) * H] for k in range(4))
    one = np.array(1, h0.dtype)
    numerators = np.repeat(np.array([1, 1, 1, 2], h0.dtype), H)  # (4H,)
    for hx, h_next in zip(inputs[:-1], inputs[1:, :, :H], strict=True):
        np.dot(hx, W, gates)
        np.exp(gates, gates)
        np.add(gates, one, gates)
        np.divide(numerators, gates, gates)
        np.subtract(candidate, one, candidate)
        np.multiply(i, candidate, term)
        np.multiply(f, c, c)
        np.add(c, term, c)
        np.tanh(c, term)
        np.multiply(o, term, h_next)
    return inputs[1:, :, :H].copy()


@contextmanager
def _no_workspaces() -> Iterator[None]:
    """Let every pass make its arrays and views anew."""
    before, workspace.KEEP_BYTES = workspace.KEEP_BYTES, 0
    workspace.clear()
    try:
        yield
    finally:
        workspace.KEEP_BYTES = before


def batch_last(given: Problem) -> Array:
    """Let the batch come last, so gates lie in one piece."""
    with _no_workspaces():
        return workspaces(given)


def workspaces(given: Problem) -> Array:
    """Keep arrays and views from one call to the next: the fast tier in one thread."""
    xs, h0, params, _ = given
    return fast.lstm_forward(xs, h0, h0, params, threads=1)[0]


def two_threads(given: Problem) -> Array:
    """Run the fast tier as it is: halves of a large batch in two threads."""
    xs, h0, params, _ = given
    return fast.lstm_forward(xs, h0, h0, params)[0]


FORWARD_RUNGS: dict[str, Callable[[Problem], Array]] = {
    "as written": as_written,
    "one product": one_product,
    "one exponential": one_exp,
    "nothing born in the loop": nothing_born,
    "batch last": batch_last,
    "workspaces": workspaces,
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
    with _single_steps(), _no_workspaces():
        return _train(given, threads=1)


def train_in_blocks(given: Problem) -> Array:
    """Compute local derivatives and weight gradients for a block of time at once."""
    with _no_workspaces():
        return _train(given, threads=1)


def train_workspaces(given: Problem) -> Array:
    """Keep arrays and views from one training step to the next."""
    return _train(given, threads=1)


def train_two_threads(given: Problem) -> Array:
    """Train with the fast tier as it is."""
    return _train(given, threads=None)


TRAINING_RUNGS: dict[str, Callable[[Problem], Array]] = {
    "as written": train_as_written,
    "fused": train_step_by_step,
    "blocks of time": train_in_blocks,
    "workspaces": train_workspaces,
    "two threads": train_two_threads,
}


def share_of_a_step(given: Problem) -> dict[str, Callable[[], object]]:
    """Name what training one thread's whole batch cannot do without, to be timed on its own.

    ``products`` are the recurrent products of all steps, forward and backward, and those for the
    gradients of weights and inputs; ``exp and tanh`` those of gates and cell state. What training
    takes over and above is passes over memory, layout, and the price of calling NumPy.
    """
    (T, B, D), H = given.xs.shape, given.h0.shape[1]
    W, dtype = _stack(given.params)[0], given.h0.dtype  # (H + D, 4H)
    forward = np.ascontiguousarray(np.concatenate([W, W[:1]]).T)  # (4H, H + D + 1)
    backward, on_x = W[:H].copy(), W[H:].copy()  # (H, 4H), (D, 4H)
    inputs, gates = np.ones((H + D + 1, B), dtype), np.zeros((4 * H, B), dtype)
    dh, c = np.empty((H, B), dtype), np.ones((H, B), dtype)
    size = sequence.block_size(T, 6 * H * B, B)
    blocks, many = list(sequence.time_blocks(T, size)), size * B
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

    def exp_and_tanh() -> None:
        values = np.full((4 * H, B), 0.5, dtype)
        for _ in range(T):
            np.exp(values, gates)
            np.tanh(c, dh)

    return {
        "products": products,
        "exp and tanh": exp_and_tanh,
        "training": lambda: _train(given, threads=1),
    }
