"""What a training loop is fed: every sequence, every token, in order or at random."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm_ref as ref


def test_an_epoch_visits_every_sequence_once_in_a_new_order():
    xs = np.broadcast_to(np.arange(7.0)[None, :, None], (4, 7, 1))
    next_batch = ref.epoch_batches(xs, np.arange(7), 3, seed=5)
    epochs = [
        np.concatenate([next_batch(None, 3 * e + k).targets for k in range(3)]) for e in range(4)
    ]
    assert all(sorted(order) == list(range(7)) for order in epochs)
    assert len({tuple(order) for order in epochs}) == 4
    batch = next_batch(None, 8)
    assert_array_equal(batch.xs[0, :, 0], batch.targets)
    assert_array_equal(next_batch(None, 8).xs, batch.xs)  # whenever it is asked


def test_batches_are_cut_off_after_their_longest_sequence():
    lengths = np.array([1, 2, 3, 4, 0])
    next_batch = ref.epoch_batches(
        np.ones((6, 5, 1)), np.ones((6, 5)), 1, seed=0, lengths=lengths, every_step=True
    )
    for step in range(5):
        batch = next_batch(None, step)
        assert len(batch.xs) == len(batch.targets) == max(batch.lengths[0], 1)


def test_windows_of_a_text_reach_every_token():
    next_batch, rng = ref.random_windows(np.arange(10), 4, 50), np.random.default_rng(0)
    batch = next_batch(rng, 0)
    assert batch.xs.shape == batch.targets.shape == (4, 50)
    assert_array_equal(batch.targets, batch.xs + 1)
    assert_array_equal(np.diff(batch.xs, axis=0), 1)
    assert batch.xs.min() == 0 and batch.targets.max() == 9


def test_streams_of_a_text_read_it_side_by_side_and_leave_out_less_than_a_batch():
    text = np.arange(100, 123)
    for size in (1, 2, 7, 22):
        xs, targets = ref.token_streams(text, size)
        assert xs.shape == targets.shape == (22 // size, size)
        assert_array_equal(targets, xs + 1)
        assert_array_equal(xs.T.ravel(), text[: xs.size])


@pytest.mark.parametrize("window", [1, 4, 11, 50])
def test_windows_of_a_stream_follow_one_another_and_begin_again(window):
    xs, targets = np.random.default_rng(0).standard_normal((2, 11, 3, 2))
    next_batch = ref.stream_batches(xs, targets, window)
    count = -(-11 // window)
    for first in (0, 5 * count):  # whichever pass, whenever it is asked
        batches = [next_batch(None, first + k) for k in range(count)]
        assert_array_equal(np.concatenate([b.xs for b in batches]), xs)
        assert_array_equal(np.concatenate([b.targets for b in batches]), targets)
        assert [b.starts.tolist() for b in batches] == [[k == 0] * 3 for k in range(count)]
        assert all(b.lengths is None for b in batches)


def test_windows_of_a_stream_share_out_its_lengths():
    next_batch = ref.stream_batches(np.zeros((7, 3, 1)), np.zeros((7, 3)), 3, [7, 4, 0])
    ends = [next_batch(None, step).lengths.tolist() for step in range(3)]
    assert ends == [[3, 3, 0], [3, 1, 0], [1, 0, 0]]


XS, Y = np.zeros((7, 5, 1)), np.zeros(5)
BAD = {
    "targets": (
        lambda: ref.epoch_batches(XS, np.zeros(4), 2, seed=0),
        r"targets of 5 sequences, got shape \(4,\)",
    ),
    "targets over time": (
        lambda: ref.epoch_batches(XS, Y, 2, 0, every_step=True),
        r"targets of 5 sequences, got shape \(5,\)",
    ),
    "no sequences": (
        lambda: ref.epoch_batches(XS[:, :0], Y[:0], 1, 0),
        r"xs of shape \(T, N, …\) with no axis empty, got \(7, 0, 1\)",
    ),
    "no steps": (
        lambda: ref.epoch_batches(XS[:0], Y, 1, 0),
        r"xs of shape \(T, N, …\) with no axis empty, got \(0, 5, 1\)",
    ),
    "one axis": (lambda: ref.epoch_batches(Y, Y, 1, 0), r"xs of shape \(T, N, …\).*got \(5,\)"),
    "lengths": (
        lambda: ref.epoch_batches(XS, Y, 2, 0, lengths=[1]),
        r"lengths of shape \(5,\), got \(1,\)",
    ),
    "long lengths": (
        lambda: ref.epoch_batches(XS, Y, 2, 0, lengths=[1, 8, 1, 1, 1]),
        "lengths between 0 and T = 7, got 8",
    ),
    "negative lengths": (
        lambda: ref.epoch_batches(XS, Y, 2, 0, lengths=[1, -1, 1, 1, 1]),
        "lengths between 0 and T = 7, got -1",
    ),
    "batch size": (
        lambda: ref.epoch_batches(XS, Y, 6, seed=0),
        "batch_size from 1 to 5, got 6",
    ),
    "tokens": (lambda: ref.random_windows(np.zeros(9), 2, 1), "tokens as integers"),
    "window": (lambda: ref.random_windows(np.arange(9), 9, 1), "window from 1 to 8, got 9"),
    "no window": (lambda: ref.random_windows(np.arange(9), 3, 0), "batch_size of at least 1"),
    "streams of floats": (lambda: ref.token_streams(np.zeros(9), 2), "tokens as integers"),
    "more streams than tokens": (
        lambda: ref.token_streams(np.arange(9), 9),
        "batch_size from 1 to 8, got 9",
    ),
    "no streams": (lambda: ref.token_streams(np.arange(9), 0), "batch_size from 1 to 8, got 0"),
    "stream of one axis": (lambda: ref.stream_batches(Y, Y, 2), r"\(T, B\).*got \(5,\)"),
    "empty stream": (lambda: ref.stream_batches(XS[:0], Y[:0], 2), r"empty, got \(0, 5, 1\)"),
    "stream's targets": (
        lambda: ref.stream_batches(XS, np.zeros((7, 4)), 2),
        r"targets of shape \(7, 5, …\), got \(7, 4\)",
    ),
    "stream's window": (
        lambda: ref.stream_batches(XS, XS, 0),
        "window of at least 1 step, got 0",
    ),
    "stream's lengths": (
        lambda: ref.stream_batches(XS, XS, 2, [8, 1, 1, 1, 1]),
        "lengths between 0 and T = 7, got 8",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()
