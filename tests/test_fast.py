"""The fast tier gives the readable tier's numbers, whatever the sizes, lengths and threads."""

import copy
import pickle
import re
import threading
import warnings

import numpy as np
import pytest

import lstm_ref
from lstm_ref import GRUParams, LSTMParams, RNNParams, fast
from lstm_ref.fast import sequence, threads, workspace

# T, B, D, H: distinct primes, one step, one sequence, one unit, several blocks of time.
SIZES = [(7, 5, 3, 2), (13, 1, 5, 11), (1, 7, 2, 3), (31, 3, 7, 1), (3, 17, 1, 13), (503, 2, 3, 5)]


class Cell:
    """One cell in both tiers, with random inputs."""

    def __init__(self, kind, forward, forward_cached, backward, states):
        self.kind, self.states = kind, states
        self.forward = getattr(fast, forward)
        self.cached = getattr(fast, forward_cached)
        self.backward = getattr(fast, backward)
        self.readable_cached = getattr(lstm_ref, forward_cached)
        self.readable_backward = getattr(lstm_ref, backward)

    def params(self, rng, D, H, dtype=np.float64):
        shapes = [(H, H + D) if name.startswith("W") else (H,) for name in self.kind._fields]
        return self.kind(*(rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes))

    def draw(self, rng, T, B, D, H, dtype=np.float64):
        """Return xs, initial states, parameters, dhs and gradients of the final states."""
        states = rng.normal(size=(2, self.states, B, H)).astype(dtype)
        xs, dhs = (rng.normal(size=(T, B, k)).astype(dtype) for k in (D, H))
        return xs, tuple(states[0]), self.params(rng, D, H, dtype), dhs, tuple(states[1])

    def run(self, xs, states, params, dhs, finals, lengths=None, threads=None):
        """Return all that the fast forward and backward pass give, but the tape."""
        *outputs, tape = self.cached(xs, *states, params, lengths, threads)
        return *outputs, *self.backward(dhs, tape, *finals)

    def run_readable(self, xs, states, params, dhs, finals, lengths=None):
        *outputs, caches = self.readable_cached(xs, *states, params, lengths)
        return *outputs, *self.readable_backward(dhs, caches, params, *finals, lengths)


CELLS = {
    "lstm": Cell(LSTMParams, "lstm_forward", "lstm_forward_cached", "lstm_backward", 2),
    "gru": Cell(GRUParams, "gru_forward", "gru_forward_cached", "gru_backward", 1),
    "rnn": Cell(RNNParams, "rnn_forward", "rnn_forward_cached", "rnn_backward", 1),
}


@pytest.fixture(params=list(CELLS))
def cell(request):
    return CELLS[request.param]


@pytest.fixture
def rng(request):
    return np.random.default_rng(sum(map(ord, request.node.name)))


def arrays(nested):
    """List every array of nested tuples."""
    if isinstance(nested, np.ndarray):
        return [nested]
    return [array for part in nested for array in arrays(part)]


def assert_same(got, want, tolerance=1e-12):
    got, want = arrays(got), arrays(want)
    assert [a.shape for a in got] == [a.shape for a in want]
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", SIZES)
def test_numbers_are_those_of_the_readable_tier(cell, rng, size):
    case = cell.draw(rng, *size)
    assert_same(cell.run(*case), cell.run_readable(*case))


@pytest.mark.parametrize("size", SIZES)
def test_lengths_end_sequences_where_the_readable_tier_does(cell, rng, size):
    case = cell.draw(rng, *size)
    lengths = rng.integers(0, size[0], size[1], endpoint=True)
    lengths[rng.integers(size[1])] = 0
    assert_same(cell.run(*case, lengths=lengths), cell.run_readable(*case, lengths=lengths))


def test_a_whole_batch_may_have_length_zero(cell, rng):
    case = cell.draw(rng, 5, 3, 2, 7)
    lengths = [0, 0, 0]
    assert_same(cell.run(*case, lengths=lengths), cell.run_readable(*case, lengths=lengths))


def test_final_gradients_are_zero_if_omitted(cell, rng):
    xs, states, params, dhs, finals = cell.draw(rng, 11, 3, 2, 5)
    lengths = [11, 4, 0]
    zeros = tuple(np.zeros_like(d) for d in finals)
    assert_same(
        cell.run(xs, states, params, dhs, (), lengths),
        cell.run(xs, states, params, dhs, zeros, lengths),
    )


def test_forward_alone_gives_what_the_cached_one_gives(cell, rng):
    xs, states, params, _, _ = cell.draw(rng, 17, 5, 3, 7)
    for lengths in (None, [17, 3, 0, 9, 16]):
        *want, _ = cell.cached(xs, *states, params, lengths)
        if cell.kind is RNNParams:
            got, want = cell.forward(xs, *states, *params, lengths), want[0]
        else:
            got = cell.forward(xs, *states, params, lengths)
        assert_same(got, want, tolerance=0)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_numbers_do_not_depend_on_the_number_of_threads(cell, rng, batch_size):
    case = cell.draw(rng, 19, batch_size, 3, 5)
    lengths = rng.integers(0, 19, batch_size, endpoint=True)
    want = cell.run_readable(*case, lengths=lengths)
    for count in (1, 2, 3, 50):
        assert_same(cell.run(*case, lengths=lengths, threads=count), want)


def test_large_batches_run_in_threads_and_give_the_same_numbers(rng, monkeypatch):
    monkeypatch.setattr(threads, "blas_threads", lambda: 2)
    case = CELLS["lstm"].draw(rng, 3, 61, 67, 71)
    assert 61 * 4 * 71 * (71 + 67 + 1) > 2 * threads.WORTH_A_THREAD
    *_, tape = fast.lstm_forward_cached(case[0], *case[1], case[2])
    assert [part.columns for part in tape.parts] == [slice(0, 30), slice(30, 61)]
    assert_same(CELLS["lstm"].run(*case), CELLS["lstm"].run_readable(*case))


def test_float32_stays_float32_and_close(cell, rng):
    case = cell.draw(rng, 7, 5, 3, 11, np.float32)
    got = cell.run(*case)
    assert {a.dtype for a in arrays(got)} == {np.dtype(np.float32)}
    assert_same(got, cell.run_readable(*case), tolerance=2e-5)


def test_inputs_are_left_untouched_and_not_aliased(cell, rng):
    for case in (cell.draw(rng, 7, 5, 3, 11), cell.draw(rng, 1, 1, 1, 1)):
        before = [a.copy() for a in arrays(case)]
        got = arrays(cell.run(*case, threads=2))
        assert_same(arrays(case), before, tolerance=0)
        assert not any(np.shares_memory(a, b) for a in got for b in arrays(case))


def test_a_tape_serves_twice_and_knows_nothing_of_later_changes(cell, rng):
    xs, states, params, dhs, finals = cell.draw(rng, 23, 3, 2, 5)
    lengths = np.array([23, 0, 7])
    *_, tape = cell.cached(xs, *states, params, lengths, 2)
    first = cell.backward(dhs, tape, *finals)
    for array in arrays((xs, states, params, lengths)):
        array[...] = 5
    assert_same(cell.backward(dhs, tape, *finals), first, tolerance=0)


def test_outputs_may_be_changed_without_harm_to_the_tape(cell, rng):
    xs, states, params, dhs, finals = cell.draw(rng, 5, 3, 2, 5)
    *outputs, tape = cell.cached(xs, *states, params)
    first = cell.backward(dhs, tape, *finals)
    for array in arrays(outputs):
        array[...] = 7
    assert_same(cell.backward(dhs, tape, *finals), first, tolerance=0)


def test_any_layout_in_memory_will_do(cell, rng):
    xs, states, params, dhs, finals = cell.draw(rng, 7, 5, 3, 11)
    want = cell.run(xs, states, params, dhs, finals)

    def scattered(array):
        wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]))
        wide[..., ::2] = array
        return wide[..., ::2]

    got = cell.run(
        np.asfortranarray(xs),
        tuple(map(scattered, states)),
        cell.kind(*map(scattered, params)),
        np.flip(np.flip(dhs, 0).copy(), 0),
        tuple(map(np.asfortranarray, finals)),
    )
    assert_same(got, want)


def test_what_lies_past_an_end_does_no_harm(cell, rng):
    xs, states, params, dhs, finals = cell.draw(rng, 7, 2, 3, 5)
    lengths = np.array([7, 3])
    want = cell.run(xs, states, params, dhs, finals, lengths)
    xs[3:, 1], dhs[3:, 1] = np.nan, np.inf
    got = cell.run(xs, states, params, dhs, finals, lengths)
    assert_same(got, want, tolerance=0)
    assert not got[-3 if len(finals) == 1 else -4][3:, 1].any()  # dxs


def test_large_numbers_pass_silently(cell, rng):
    case = cell.draw(rng, 5, 3, 2, 7)
    params = cell.kind(*(1000 * value for value in case[2]))
    case = (*case[:2], params, *case[3:])
    assert all(np.isfinite(a).all() for a in arrays(cell.run(*case)))


def test_several_callers_at_once_do_not_disturb_each_other(cell, rng, three_blas_threads):
    cases = [cell.draw(rng, 29, 5, 3, 7) for _ in range(4)]
    results = [None] * 4

    def work(k):
        results[k] = [cell.run(*cases[k], threads=2) for _ in range(5)]

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for case, result in zip(cases, results, strict=True):
        want = cell.run_readable(*case)
        for got in result:
            assert_same(got, want)
    assert threads.blas_threads() == 3


@pytest.fixture
def three_blas_threads():
    if (found := threads._openblas()) is None:
        pytest.skip("this NumPy has no OpenBLAS whose number of threads can be set")
    read, write = found
    before = read()
    write(3)
    yield
    write(before)


def test_blas_has_one_thread_meanwhile_and_its_own_number_back(three_blas_threads):
    assert threads.run_parts(lambda part: threads.blas_threads(), [0, 1]) == [1, 1]
    assert threads.blas_threads() == 3


def test_blas_has_its_threads_back_after_an_error(three_blas_threads):
    def fail(part):
        raise RuntimeError(f"part {part}")

    with pytest.raises(RuntimeError, match="part"):
        threads.run_parts(fail, [0, 1])
    assert threads.blas_threads() == 3


def test_a_run_within_a_run_plans_with_the_usual_number_of_threads(three_blas_threads):
    with threads.one_blas_thread():
        assert len(threads.plan_parts(60, 10**9, None)) == 3


def test_parts_run_one_by_one_where_no_thread_can_start(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert threads.run_parts(lambda part: 2 * part, [1, 2, 3]) == [2, 4, 6]


def test_without_a_known_blas_everything_runs_in_one_thread(cell, rng, monkeypatch):
    monkeypatch.setattr(threads, "_openblas", lambda: None)
    assert threads.blas_threads() == 1
    assert threads.plan_parts(64, 10**9, None) == [slice(0, 64)]
    case = cell.draw(rng, 7, 5, 3, 11)
    assert_same(cell.run(*case), cell.run_readable(*case))


def test_error_state_reaches_the_threads():
    def divide(part):
        return np.float64(1) / np.zeros(1)

    with np.errstate(divide="ignore"):
        results = threads.run_parts(divide, [0, 1])
    assert all(np.isinf(r).all() for r in results)
    with warnings.catch_warnings(), np.errstate(divide="raise"):
        with pytest.raises(FloatingPointError):
            threads.run_parts(lambda part: divide(part) if part else 0, [0, 1])


@pytest.mark.parametrize(
    ("steps", "numbers", "batch_size"), [(1, 1, 1), (7, 10**9, 500), (999, 70, 3), (5000, 9, 1)]
)
def test_blocks_cover_time_once_from_the_end(steps, numbers, batch_size):
    size = sequence.block_size(steps, numbers, batch_size)
    blocks = list(sequence.time_blocks(steps, size))
    assert [t for block in blocks[::-1] for t in range(steps)[block]] == list(range(steps))
    assert {block.stop - block.start for block in blocks[:-1]} <= {size}


def test_a_later_pass_leaves_earlier_results_and_tapes_alone(cell, rng):
    first, second = (cell.draw(rng, 11, 3, 2, 5) for _ in range(2))
    *outputs, tape = cell.cached(first[0], *first[1], first[2])
    gradients = cell.backward(first[3], tape, *first[4])
    before = [a.copy() for a in arrays((outputs, gradients))]
    for lengths in (None, [2, 11, 0]):
        for _ in range(3):
            cell.run(*second, lengths=lengths)
    assert_same((outputs, gradients), before, tolerance=0)
    assert_same(cell.backward(first[3], tape, *first[4]), gradients, tolerance=0)


def test_a_workspace_is_used_again_only_when_its_tape_is_gone(cell, rng):
    workspace.clear()
    xs, states, params, _, _ = cell.draw(rng, 7, 3, 2, 5)
    *_, first = cell.cached(xs, *states, params)
    *_, second = cell.cached(xs, *states, params)
    used = [tape.parts[0].loan.space for tape in (first, second)]
    assert used[0] is not used[1]
    del first
    *_, third = cell.cached(xs, *states, params)
    assert third.parts[0].loan.space is used[0]


def test_a_tape_cannot_be_copied(cell, rng):
    xs, states, params, _, _ = cell.draw(rng, 7, 3, 2, 5)
    *_, tape = cell.cached(xs, *states, params)
    for copy_it in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="run the forward pass again"):
            copy_it(tape)


def test_idle_workspaces_are_forgotten_when_they_are_too_many(monkeypatch):
    class Space:
        def __init__(self, number):
            self.array = np.empty(100, np.uint8)
            self.repeated = np.lib.stride_tricks.as_strided(np.empty(10, np.uint8), (9, 10), (0, 1))

    workspace.clear()
    monkeypatch.setattr(workspace, "KEEP_BYTES", 250)
    spaces = [workspace.borrow(Space, number).space for number in range(3)]
    assert workspace._pool.bytes == 220
    assert workspace.borrow(Space, 2).space is spaces[2]
    assert workspace.borrow(Space, 1).space is spaces[1]
    assert workspace.borrow(Space, 0).space is not spaces[0]
    workspace.clear()
    assert workspace.borrow(Space, 2).space is not spaces[2]


BAD = [
    ("xs", np.ones((5, 3)), "expected xs of shape (T, B, D), got (5, 3)"),
    ("xs", np.ones((0, 3, 2)), "expected xs of shape (T, B, D) with T ≥ 1, got (0, 3, 2)"),
    ("xs", np.ones((5, 0, 2)), "expected xs of shape (T, B, D) with B ≥ 1, got (5, 0, 2)"),
    ("xs", np.ones((5, 3, 2), int), "expected xs of a floating dtype, got int64"),
    ("xs", [[[1.0]]], "expected xs as an array of shape (T, B, D), got list"),
    ("h0", np.ones((2, 7)), "expected h0 of shape (3, 7), got (2, 7)"),
    ("lengths", [1, 2], "expected lengths of shape (3,), got (2,)"),
    ("lengths", [1, 2, 6], "expected lengths between 0 and T = 5, got 6"),
    ("lengths", [1, -1, 5], "expected lengths between 0 and T = 5, got -1"),
    ("lengths", [1.0, 2.0, 3.0], "expected lengths as integers, got float64"),
    ("threads", 0, "expected threads of at least 1, got 0"),
    ("params", "nan", "expected numbers in "),
    ("params", "shape", "expected W"),
    ("params", "kind", "expected params as "),
    ("dhs", np.ones((4, 3, 7)), "expected dhs of shape (5, 3, 7), got (4, 3, 7)"),
    ("dhs", np.ones((5, 3, 7), int), "expected dhs of a floating dtype, got int64"),
    ("dh_T", np.ones((3, 6)), "expected dh_T of shape (3, 7), got (3, 6)"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_bad_input_is_named(cell, rng, name, value, message):
    xs, states, params, dhs, finals = cell.draw(rng, 5, 3, 2, 7)
    given = {"xs": xs, "h0": states[0], "params": params, "lengths": None, "threads": None}
    given |= {"dhs": dhs, "dh_T": finals[0]}
    if name == "params":
        field = params._fields[0]
        broken = {"nan": np.full((7, 9), np.nan), "shape": np.ones((7, 8))}
        value = tuple(params) if value == "kind" else params._replace(**{field: broken[value]})
    given[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        *_, tape = cell.cached(
            given["xs"],
            given["h0"],
            *states[1:],
            given["params"],
            given["lengths"],
            given["threads"],
        )
        cell.backward(given["dhs"], tape, given["dh_T"])


def test_bad_cell_states_are_named(rng):
    xs, (h0, c0), params, dhs, _ = CELLS["lstm"].draw(rng, 5, 3, 2, 7)
    with pytest.raises(ValueError, match=re.escape("expected c0 of shape (3, 7), got (3, 8)")):
        fast.lstm_forward(xs, h0, np.ones((3, 8)), params)
    *_, tape = fast.lstm_forward_cached(xs, h0, c0, params)
    with pytest.raises(ValueError, match=re.escape("expected dc_T of shape (3, 7), got (7, 3)")):
        fast.lstm_backward(dhs, tape, dc_T=np.ones((7, 3)))
