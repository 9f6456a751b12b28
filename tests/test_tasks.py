"""The tasks: every sequence obeys its description, and the criteria are the paper's."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm_ref as ref

SEEDED = {
    "embedded_reber": lambda rng, n, **k: ref.embedded_reber(rng, n, **k),
    "noise_free_lag": lambda rng, n, **k: ref.noise_free_lag(rng, n, p=11, **k),
    "random_lag": lambda rng, n, **k: ref.random_lag(rng, n, p=11, **k),
    "very_long_lag": lambda rng, n, **k: ref.very_long_lag(rng, n, p=5, q=7, **k),
    "two_sequence 3a": lambda rng, n, **k: ref.two_sequence(rng, n, 30, 3, **k),
    "two_sequence 3b": lambda rng, n, **k: ref.two_sequence(rng, n, 30, 1, noisy_inputs=True, **k),
    "two_sequence 3c": lambda rng, n, **k: ref.two_sequence(rng, n, 30, 3, noisy_targets=True, **k),
    "adding_1997": lambda rng, n, **k: ref.adding_1997(rng, n, 40, **k),
    "multiplication_1997": lambda rng, n, **k: ref.multiplication_1997(rng, n, 40, **k),
    "temporal_order 6a": lambda rng, n, **k: ref.temporal_order(rng, n, 2, **k),
    "temporal_order 6b": lambda rng, n, **k: ref.temporal_order(rng, n, 3, **k),
    "adding_problem": lambda rng, n, **k: ref.adding_problem(rng, n, 17, **k),
    "copy_task": lambda rng, n, **k: ref.copy_task(rng, n, 7, 5, 3, **k),
    "parity_task": lambda rng, n, **k: ref.parity_task(rng, n, 23, 3, **k),
}


def draw(name, count=300, seed=0, **options):
    return SEEDED[name](np.random.default_rng(seed), count, **options)


@pytest.mark.parametrize("name", SEEDED)
def test_shapes_lengths_and_padding(name):
    batch = draw(name)
    T, B, _ = batch.xs.shape
    assert B == 300 and batch.lengths.shape == (300,)
    assert batch.lengths.max() == T or name.startswith("parity")
    assert batch.lengths.min() >= 1 and batch.lengths.dtype == np.int64
    padding = np.arange(T)[:, None] >= batch.lengths
    assert not batch.xs[padding].any()
    assert batch.targets.shape[:2] == (T, B) or batch.targets.shape[0] == B


@pytest.mark.parametrize("name", SEEDED)
def test_the_generator_decides_everything(name):
    first, again, other = draw(name), draw(name), draw(name, seed=1)
    for a, b in zip(first, again, strict=True):
        assert_array_equal(a, b)
    assert first.xs.shape != other.xs.shape or not np.array_equal(first.xs, other.xs)


@pytest.mark.parametrize("name", SEEDED)
def test_single_precision_on_request_is_the_same_sequence(name):
    double, single = draw(name, 20), draw(name, 20, dtype=np.float32)
    assert single.xs.dtype == np.float32
    assert_array_equal(single.xs, double.xs.astype(np.float32))
    if double.targets.dtype == np.float64:
        assert single.targets.dtype == np.float32
        assert_allclose(single.targets, double.targets, rtol=1e-6)


@pytest.mark.parametrize("name", SEEDED)
def test_an_empty_batch_is_refused(name):
    for count in (0, -1, 1.5):
        with pytest.raises(ValueError, match="expected count as an integer of at least 1, got"):
            draw(name, count)


# --- experiment 1 ---------------------------------------------------------------------------------


def strings(batch):
    for b, length in enumerate(batch.lengths):
        codes = [*batch.xs[:length, b].argmax(axis=1), batch.targets[length - 1, b]]
        yield "".join(ref.REBER_SYMBOLS[k] for k in codes)


def accepts(string):
    """A second statement of Reber's automaton, by the strings that may follow a state."""
    arcs = {
        0: {"B": 1},
        1: {"T": 2, "P": 3},
        2: {"S": 2, "X": 4},
        3: {"T": 3, "V": 5},
        4: {"X": 3, "S": 6},
        5: {"P": 4, "V": 6},
        6: {"E": 7},
    }
    state = 0
    for symbol in string:
        state = arcs.get(state, {}).get(symbol)
        if state is None:
            return False
    return state == 7


def test_every_string_is_an_embedded_reber_string():
    seen = list(strings(draw("embedded_reber")))
    for string in seen:
        outer = re.fullmatch(r"B([TP])(.+)([TP])E", string)
        assert outer and outer[1] == outer[3] and accepts(outer[2]), string
    assert len(set(seen)) > 50
    assert 0.4 < np.mean([s[1] == "T" for s in seen]) < 0.6
    assert min(map(len, seen)) == 9


def test_targets_are_the_next_symbols_and_among_the_possible_ones():
    batch = draw("embedded_reber")
    inputs = batch.xs.argmax(axis=2)
    for b, length in enumerate(batch.lengths):
        assert_array_equal(batch.targets[: length - 1, b], inputs[1:length, b])
        assert batch.targets[length - 1, b] == ref.REBER_SYMBOLS.index("E")
        assert batch.possible[np.arange(length), b, batch.targets[:length, b]].all()
        counts = batch.possible[:length, b].sum(axis=1)
        assert set(counts) <= {1, 2} and counts[-2] == 1  # only the remembered symbol
        assert counts[0] == 2
    assert not batch.possible[np.arange(len(batch.xs))[:, None] >= batch.lengths].any()


def test_what_is_possible_really_occurs():
    """Where the grammar allows two symbols after the same beginning, both are drawn."""
    after = {}
    batch = draw("embedded_reber", 2000)
    names = np.array(list(ref.REBER_SYMBOLS))
    for b, string in enumerate(strings(batch)):
        for t in range(5):
            allowed = "".join(sorted(names[batch.possible[t, b]]))
            assert after.setdefault(string[: t + 1], (allowed, set()))[0] == allowed
            after[string[: t + 1]][1].add(string[t + 1])
    frequent = [k for k in after if len(k) <= 4]
    assert frequent and all("".join(sorted(after[k][1])) == after[k][0] for k in frequent)


def test_the_criterion_needs_every_step_and_ignores_padding():
    batch = draw("embedded_reber", 5)
    good = np.where(batch.possible, 0.6, 0.4)
    padding = np.arange(len(good))[:, None] >= batch.lengths
    good[padding] = np.random.default_rng(0).random((padding.sum(), 7))
    assert ref.embedded_reber_correct(good, batch).all()
    bad = good.copy()
    impossible = np.flatnonzero(~batch.possible[batch.lengths[2] - 1, 2])[0]
    bad[batch.lengths[2] - 1, 2, impossible] = 0.7
    assert_array_equal(ref.embedded_reber_correct(bad, batch), [True, True, False, True, True])


# --- experiment 2 ---------------------------------------------------------------------------------


def test_2a_has_two_sequences_whose_ends_agree():
    batch = draw("noise_free_lag")
    codes = np.concatenate([batch.xs.argmax(axis=2), batch.targets[-1:].argmax(axis=2)])  # (12, B)
    assert batch.xs.shape == batch.targets.shape == (11, 300, 12)
    assert_array_equal(codes[0], codes[-1])
    assert set(codes[0]) == {10, 11}
    assert (codes[1:-1] == np.arange(10)[:, None]).all()
    assert_array_equal(batch.targets[:-1], batch.xs[1:])


def test_2b_has_a_random_middle_from_the_same_alphabet():
    batch = draw("random_lag")
    codes = batch.xs.argmax(axis=2)
    assert_array_equal(codes[0], batch.targets.argmax(axis=1))
    assert set(codes[0]) == {10, 11} and set(codes[1:].ravel()) == set(range(10))
    assert batch.xs.shape == (11, 300, 12) and batch.targets.shape == (300, 12)


def test_2c_asks_after_the_trigger_for_the_second_symbol():
    batch = draw("very_long_lag", 4000)
    assert batch.xs.shape[2] == 9
    for b, length in enumerate(batch.lengths):
        codes = batch.xs[:length, b].argmax(axis=1)
        assert codes[0] == 6 and codes[-1] == 5  # b first, e last
        assert codes[1] - 7 == batch.targets[b].argmax()
        assert (codes[2:-1] < 5).all()
    assert batch.lengths.min() == 7 + 3
    # with the answer, q + 13 symbols on average
    assert_allclose(batch.lengths.mean() + 1, 7 + 13, atol=0.5)
    grown = batch.lengths - 10
    assert_allclose((grown > 0).mean(), 0.9, atol=0.02)
    assert_allclose((grown[grown > 0] > 1).mean(), 0.9, atol=0.02)


def test_the_lags_criteria():
    batch = draw("noise_free_lag", 3)
    outputs = batch.targets + 0.2499
    outputs[5, 1, 3] += 0.001
    assert_array_equal(ref.long_lag_correct(outputs, batch), [True, False, True])
    later = draw("very_long_lag", 2)
    off = np.array([[0, 0.1999], [0, 0.2001]])
    assert_array_equal(ref.very_long_lag_correct(later.targets + off, later), [True, False])


# --- experiment 3 ---------------------------------------------------------------------------------


def test_3a_tells_the_class_first_and_then_only_noise():
    batch = ref.two_sequence(np.random.default_rng(0), 2000, T=100, informative=3)
    assert set(batch.lengths) == set(range(100, 111))
    assert_array_equal(batch.xs[:3, :, 0], np.broadcast_to(2 * batch.targets[:, 0] - 1, (3, 2000)))
    noise = batch.xs[3:100]
    assert_allclose(noise.mean(), 0, atol=0.01)
    assert_allclose(noise.var(), 0.2, rtol=0.02)
    assert 0.45 < batch.targets.mean() < 0.55


def test_3b_has_noise_on_the_informative_numbers_too():
    batch = ref.two_sequence(np.random.default_rng(0), 5000, noisy_inputs=True)
    noise = batch.xs[:3, :, 0] - (2 * batch.targets[:, 0] - 1)
    assert_allclose(noise.var(), 0.2, rtol=0.05)
    assert_allclose(noise.mean(), 0, atol=0.02)


def test_3c_has_noisy_targets():
    batch = ref.two_sequence(np.random.default_rng(0), 20_000, 10, 3, noisy_targets=True)
    first = batch.xs[0, :, 0] == 1
    assert set(batch.xs[0, :, 0]) == {-1.0, 1.0}
    for targets, mean in ((batch.targets[first], 0.2), (batch.targets[~first], 0.8)):
        assert_allclose(targets.mean(), mean, atol=0.01)
        assert_allclose(targets.var(), 0.1, rtol=0.05)


@pytest.mark.parametrize(
    "options, wrong, error, expected",
    [
        ({}, 0, 0.009, (True, True)),
        ({}, 0, 0.011, (True, False)),
        ({}, 1, 0.0, (False, False)),
        ({"noisy_inputs": True}, 5, 0.03, (True, True)),
        ({"noisy_inputs": True}, 5, 0.039, (True, False)),  # the five weigh in
        ({"noisy_inputs": True}, 6, 0.0, (False, False)),
        ({"noisy_targets": True}, 0, 0.014, (True, True)),
        ({"noisy_targets": True}, 0, 0.016, (True, False)),
        ({"noisy_targets": True}, 1, 0.0, (False, False)),
    ],
)
def test_the_two_stopping_criteria(options, wrong, error, expected):
    clean = np.full((256, 1), 0.5)
    outputs = clean + error
    outputs[:wrong] = clean[:wrong] + 0.201
    assert ref.two_sequence_solved(outputs, clean, **options) == expected


# --- experiments 4 to 6 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "generator, low, neutral, combine",
    [
        (ref.adding_1997, -1, 0.0, lambda a, b: 0.5 + (a + b) / 4),
        (ref.multiplication_1997, 0, 1.0, lambda a, b: a * b),
    ],
)
def test_marked_numbers_are_combined(generator, low, neutral, combine):
    batch = generator(np.random.default_rng(0), 3000, T=100)
    hidden = 0
    for b, length in enumerate(batch.lengths):
        value, marker = batch.xs[:length, b].T
        assert marker[0] == marker[-1] == -1
        marked = np.flatnonzero(marker == 1)
        assert set(marker[1:-1]) <= {0, 1} and marked.min() < 51
        assert marked.max() < 50  # among the first T/2 − 1 that were still unmarked
        numbers = list(value[marked])
        if len(marked) == 1:  # the other one was the first step, which keeps its −1
            hidden += 1
            numbers.append(neutral)
        assert len(numbers) == 2
        assert_allclose(batch.targets[b, 0], combine(*numbers))
        assert value.min() >= low and value.max() <= 1
    assert_allclose(hidden / 3000, 0.1 + 0.9 / 49, atol=0.02)
    assert set(batch.lengths) == set(range(100, 111))
    assert batch.targets.min() >= 0 and batch.targets.max() <= 1


def test_one_mark_is_among_the_first_ten():
    batch = ref.adding_1997(np.random.default_rng(0), 500)
    firsts = [np.flatnonzero(m == 1)[0] for m in batch.xs[:, :, 1].T]
    assert max(firsts) <= 49 and np.mean(np.array(firsts) < 10) > 0.85


@pytest.mark.parametrize(
    "marks, windows", [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])]
)
def test_the_order_of_marks_is_the_class(marks, windows):
    batch = ref.temporal_order(np.random.default_rng(0), 2000, marks)
    places = []
    for b, length in enumerate(batch.lengths):
        word = "".join(ref.TEMPORAL_ORDER_SYMBOLS[k] for k in batch.xs[:length, b].argmax(axis=1))
        assert re.fullmatch("E[XYabcd]+B", word)
        at = [t for t, symbol in enumerate(word) if symbol in "XY"]
        assert len(at) == marks
        kind = int("".join("01"[word[t] == "Y"] for t in at), 2)
        assert batch.targets[b, kind] == 1 and batch.targets[b].sum() == 1
        places.append([t + 1 for t in at])  # the paper counts from 1
    for column, (low, high) in zip(np.array(places).T, windows, strict=True):
        assert (column.min(), column.max()) == (low, high)
    assert set(batch.lengths) == set(range(100, 111))
    assert batch.targets.mean(axis=0).min() > 0.5 / 2**marks


def test_the_criteria_of_experiments_4_to_6():
    batch = draw("adding_1997", 2)
    off = np.array([[0.0399], [-0.0401]])
    assert_array_equal(ref.adding_correct(batch.targets + off, batch), [True, False])
    order = draw("temporal_order 6b", 2)
    outputs = order.targets + 0.299
    outputs[1, 7] += 0.002
    assert_array_equal(ref.temporal_order_correct(outputs, order), [True, False])


def test_training_stops_as_the_paper_stops():
    fine = np.full(2000, 0.005)
    assert ref.training_finished(fine)
    assert not ref.training_finished(fine[1:])
    assert ref.training_finished(np.concatenate([[9.0] * 50, fine]))
    one_wrong = fine.copy()
    one_wrong[7] = 0.04
    assert not ref.training_finished(one_wrong)
    assert not ref.training_finished(np.full(2000, 0.011))
    assert ref.training_finished(np.full(2000, 0.09), tolerance=0.3, mean_below=0.1)
    many = np.where(np.arange(2000) < 139, 0.05, 0.03)
    assert ref.training_finished(many, mean_below=None, wrong_below=140)
    assert not ref.training_finished(many, mean_below=None, wrong_below=139)
    assert not ref.training_finished(np.full(2000, np.nan))


# --- later years ----------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [2, 3, 50])
def test_todays_adding_problem_marks_one_number_in_each_half(T):
    batch = ref.adding_problem(np.random.default_rng(0), 4000, T)
    value, marker = np.moveaxis(batch.xs, 2, 0)
    assert set(marker.ravel()) <= {0.0, 1.0}
    assert (marker[: T // 2].sum(axis=0) == 1).all() and (marker[T // 2 :].sum(axis=0) == 1).all()
    assert_allclose(batch.targets[:, 0], (value * marker).sum(axis=0))
    assert value.min() >= 0 and value.max() <= 1
    assert_allclose(((batch.targets - 1) ** 2).mean(), 1 / 6, rtol=0.05)


def test_the_copy_task_wants_its_word_after_the_signal():
    batch = ref.copy_task(np.random.default_rng(0), 100, lag=7, symbols=5, word=3)
    codes = batch.xs.argmax(axis=2)
    assert codes.shape == (13, 100)
    assert (codes[:3] < 5).all() and (codes[3:9] == 5).all()
    assert (codes[9] == 6).all() and (codes[10:] == 5).all()
    assert_array_equal(batch.targets[10:], codes[:3])
    assert (batch.targets[:10] == 5).all()
    for size in (6, 7):
        outputs = np.eye(size)[batch.targets]
        assert ref.copy_correct(outputs, batch).all()
        outputs[12, 5] = np.roll(outputs[12, 5], 1)
        assert not ref.copy_correct(outputs, batch)[5]


def test_parity_counts_every_bit():
    batch = draw("parity_task")
    for b, length in enumerate(batch.lengths):
        bits = batch.xs[:length, b, 0].astype(int)
        assert_array_equal(batch.targets[:length, b], np.cumsum(bits) % 2)
    assert (batch.lengths.min(), batch.lengths.max()) == (3, 23)
    assert not batch.targets[np.arange(23)[:, None] >= batch.lengths].any()
    assert (ref.parity_task(np.random.default_rng(0), 5, 4).lengths == 4).all()


# --- bad input ------------------------------------------------------------------------------------

rng = np.random.default_rng(0)
BAD = {
    "2a lag": (lambda: ref.noise_free_lag(rng, 3, p=1), "p as an integer of at least 2, got 1"),
    "2b lag": (lambda: ref.random_lag(rng, 3, p=1), "p as an integer of at least 2, got 1"),
    "2c distractors": (lambda: ref.very_long_lag(rng, 3, p=0), "p as an integer of at least 1"),
    "2c lag": (lambda: ref.very_long_lag(rng, 3, q=-1), "q as an integer of at least 0"),
    "3 length": (lambda: ref.two_sequence(rng, 3, T=0), "T as an integer of at least 1"),
    "3 informative": (
        lambda: ref.two_sequence(rng, 3, T=5, informative=6),
        "informative up to T = 5, got 6",
    ),
    "4 length": (lambda: ref.adding_1997(rng, 3, T=19), "T as an integer of at least 20, got 19"),
    "5 length": (lambda: ref.multiplication_1997(rng, 3, T=19.5), "T as an integer"),
    "6 marks": (lambda: ref.temporal_order(rng, 3, marks=4), "marks as 2 or 3, got 4"),
    "adding length": (lambda: ref.adding_problem(rng, 3, T=1), "T as an integer of at least 2"),
    "copy lag": (lambda: ref.copy_task(rng, 3, lag=0), "lag as an integer of at least 1"),
    "copy word": (lambda: ref.copy_task(rng, 3, word=0), "word as an integer of at least 1"),
    "copy alphabet": (lambda: ref.copy_task(rng, 3, symbols=0), "symbols as an integer"),
    "parity length": (lambda: ref.parity_task(rng, 3, T=0), "T as an integer of at least 1"),
    "parity shortest": (
        lambda: ref.parity_task(rng, 3, T=5, shortest=6),
        "shortest up to T = 5, got 6",
    ),
    "parity none": (lambda: ref.parity_task(rng, 3, 5, shortest=0), "shortest as an integer"),
    "reber outputs": (
        lambda: ref.embedded_reber_correct(np.zeros((2, 3)), draw("embedded_reber", 3)),
        r"outputs of shape \(\d+, 3, 7\), got \(2, 3\)",
    ),
    "lag outputs": (
        lambda: ref.long_lag_correct(np.zeros((3, 1)), draw("random_lag", 3)),
        r"outputs of shape \(3, 12\), got \(3, 1\)",
    ),
    "2c outputs": (
        lambda: ref.very_long_lag_correct(np.zeros(2), draw("very_long_lag", 3)),
        r"outputs of shape \(3, 2\)",
    ),
    "3 outputs": (
        lambda: ref.two_sequence_solved(np.zeros(3), np.zeros((3, 1))),
        r"outputs of shape \(3, 1\), got \(3,\)",
    ),
    "4 outputs": (
        lambda: ref.adding_correct(np.zeros(3), draw("adding_1997", 3)),
        r"outputs of shape \(3, 1\), got \(3,\)",
    ),
    "6 outputs": (
        lambda: ref.temporal_order_correct(np.zeros((3, 8)), draw("temporal_order 6a", 3)),
        r"outputs of shape \(3, 4\), got \(3, 8\)",
    ),
    "copy outputs": (
        lambda: ref.copy_correct(np.zeros((13, 3, 2)), draw("copy_task", 3)),
        r"outputs of shape \(13, 3, 6\), got \(13, 3, 2\)",
    ),
    "errors": (lambda: ref.training_finished([[0.1]]), r"errors of shape \(N,\), got \(1, 1\)"),
    "window": (lambda: ref.training_finished([0.1], window=0), "window as an integer"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected {message}"):
        call()
