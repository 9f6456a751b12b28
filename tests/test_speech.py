"""What the page on speech shows must be what its functions compute, and its claims must hold."""

import itertools
import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from lstm_ref import gate_trace, linear_forward, plots_speech, softmax_cross_entropy
from lstm_ref.datasets import japanese_vowels
from lstm_ref.datasets.speech import Utterances
from lstm_ref.trials import speaking


@pytest.fixture(scope="module")
def parts():
    return speaking.scale_utterances(*japanese_vowels())


def few(rng, lengths, D=3, speakers=None):
    lengths = np.array(lengths)
    xs = rng.standard_normal((lengths.max(), len(lengths), D))
    xs *= (np.arange(len(xs))[:, None] < lengths)[..., None]
    return Utterances(xs, lengths, np.arange(len(lengths)) if speakers is None else speakers)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --------------------------------------------------------------------------------------- functions


def test_scaling_uses_frames_of_the_reference_and_no_padding(rng):
    part, other = few(rng, [5, 2, 4]), few(rng, [3, 6])
    scaled, following = speaking.scale_utterances(part, other)
    running = np.arange(5)[:, None] < part.lengths
    frames = part.xs[running]
    np.testing.assert_allclose(scaled.xs[running].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.xs[running].std(axis=0), 1, atol=1e-6)
    assert not scaled.xs[~running].any() and not following.xs[3:, 0].any()
    expected = (other.xs[0, 1] - frames.mean(axis=0)) / frames.std(axis=0)
    np.testing.assert_allclose(following.xs[0, 1], expected, rtol=1e-6)


def test_what_is_held_out_is_not_kept(rng):
    kept, aside = speaking.hold_out(few(rng, [3] * 9), every=3)
    assert aside.speakers.tolist() == [0, 3, 6]
    assert sorted([*kept.speakers, *aside.speakers]) == list(range(9))


def test_turning_twice_changes_nothing_and_once_turns_what_was_spoken(rng):
    part = few(rng, [5, 2, 4])
    turned = speaking.turn_time(part)
    np.testing.assert_array_equal(turned.xs[:2, 1], part.xs[1::-1, 1])
    assert not turned.xs[2:, 1].any()
    np.testing.assert_array_equal(speaking.turn_time(turned).xs, part.xs)


def test_shuffling_keeps_the_frames_of_every_utterance(rng):
    part = few(rng, [5, 2, 4])
    mixed = speaking.shuffle_time(part, rng)
    assert (mixed.xs != part.xs).any() and not mixed.xs[2:, 1].any()
    np.testing.assert_allclose(np.sort(mixed.xs, axis=0), np.sort(part.xs, axis=0))
    means = speaking.mean_frames(part), speaking.mean_frames(mixed)
    np.testing.assert_allclose(*means)
    np.testing.assert_allclose(means[0][1], part.xs[:2, 1].mean(axis=0))


def test_resampling_meets_both_ends_and_straight_lines(rng):
    part = few(rng, [5, 2, 4])
    slope = np.arange(5.0)[:, None, None] * np.ones((1, 3, 3))
    line = part._replace(xs=np.where(part.xs == 0, 0, slope))
    for n, length in enumerate(part.lengths):
        got = speaking.resampled_frames(line, 7)[n].reshape(7, 3)[:, 0]
        np.testing.assert_allclose(got, np.linspace(0, length - 1, 7))
    frames = speaking.resampled_frames(part, 3).reshape(3, 3, 3)
    np.testing.assert_allclose(frames[1, [0, 2]], part.xs[[0, 1], 1])


def test_windows_hold_the_neighbours_of_every_frame(rng):
    xs = rng.standard_normal((4, 2, 3))
    windows = speaking.windows_of_frames(xs, 1, 2).reshape(4, 2, 4, 3)
    np.testing.assert_array_equal(windows[1, 1], xs[0:4, 1])
    assert not windows[0, :, 0].any() and not windows[3, :, 2:].any()


def test_a_linear_fit_separates_what_can_be_separated_and_stands_where_it_should(rng):
    labels = np.repeat([0, 1, 2], 30)
    X = 5 + 0.1 * rng.standard_normal((90, 2)) + np.array([[0, 0], [2, 0], [0, 2]])[labels]
    params = speaking.fit_linear(X, labels, 1e-4, classes=3)
    assert (linear_forward(X, params).argmax(axis=1) == labels).all()
    strong = speaking.fit_linear(X, labels, 10.0, classes=3)
    assert np.abs(strong.W).max() < 0.1 * np.abs(params.W).max()
    # Without a penalty the fit ends where the gradient is small.
    noisy = rng.standard_normal((200, 2)) + labels[:1]
    coin = rng.integers(0, 2, 200)
    fitted = speaking.fit_linear(noisy, coin, 0.0, classes=2)
    _, dz = softmax_cross_entropy(linear_forward(noisy, fitted), coin)
    np.testing.assert_allclose(dz.T @ noisy, 0, atol=2e-3)


def test_time_warping_is_the_best_of_all_alignments(rng):
    a, b = few(rng, [4, 2]), few(rng, [3, 1, 2])
    got = speaking.warping_distances(a, b)

    def best(x, y):
        def cost(i, j):
            own = np.linalg.norm(x[i] - y[j])
            steps = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
            steps = [cost(*s) for s in steps if min(s) >= 0]
            return own + (min(steps) if steps else 0)

        return cost(len(x) - 1, len(y) - 1) / (len(x) + len(y))

    for n, m in itertools.product(range(2), range(3)):
        x, y = a.xs[: a.lengths[n], n], b.xs[: b.lengths[m], m]
        assert got[n, m] == pytest.approx(best(x, y))


def test_stretched_time_costs_nothing(rng):
    part = few(rng, [3])
    slow = Utterances(np.repeat(part.xs, 2, axis=0), part.lengths * 2, part.speakers)
    assert speaking.warping_distances(part, slow)[0, 0] == pytest.approx(0)
    assert speaking.nearest_speakers(np.array([[2.0, 1.0]]), [4, 7]).tolist() == [7]


@pytest.mark.parametrize("same", [False, True])
def test_streams_are_made_of_whole_utterances(rng, same):
    part = few(rng, [5, 2, 4, 3], speakers=np.array([0, 0, 1, 1]))
    xs, speakers, since = speaking.splice(part, rng, 6, 30, same_speaker=same)
    known = {
        part.xs[:length, n].tobytes(): part.speakers[n] for n, length in enumerate(part.lengths)
    }
    for b in range(6):
        begins = [*np.flatnonzero(since[:, b] == 0), 30]
        for start, stop in itertools.pairwise(begins[:-1]):
            assert known[xs[start:stop, b].tobytes()] == speakers[start, b]
            assert (speakers[stop, b] == speakers[stop - 1, b]) == same


def test_pieces_around_splices_have_one_splice_each(rng):
    since = np.array([[0, 1, 2, 0, 1, 2, 3, 0, 0, 1]]).T
    values = np.arange(10.0)[:, None]
    pieces = speaking.around_splices(values, since, 2, 2)
    np.testing.assert_array_equal(pieces.T, [[1, 2, 3, 4]])  # at 7 and 8 another is too near
    with pytest.raises(ValueError, match="expected a splice with 9 and 9 frames"):
        speaking.around_splices(values, since, 9, 9)


def test_an_early_decision_waits_for_certainty_or_the_end(rng):
    p = rng.dirichlet(np.ones(4), (6, 5))
    lengths = np.array([6, 1, 3, 4, 6])
    for sure in (0.0, 0.6, 1.0):
        guesses, frames = speaking.decide_early(p, lengths, sure)
        for n, (guess, k) in enumerate(zip(guesses, frames, strict=True)):
            largest = p[: lengths[n], n].max(axis=1)
            assert k == lengths[n] or largest[k - 1] >= sure
            assert (largest[: k - 1] < sure).all() and guess == p[k - 1, n].argmax()


def some():
    return few(np.random.default_rng(0), [5, 2, 4])


def wider():
    return some()._replace(xs=np.ones((5, 3, 9)))


BAD = {
    "splices": (
        lambda: speaking.around_splices(np.ones((3, 3)), np.zeros((3, 3)), 9, 9),
        "a splice with 9 and 9 frames",
    ),
    "lengths": (lambda: speaking.decide_early(np.ones((3, 2, 4)), [9, 9], 0.5), "T = 3, got 9"),
    "frames": (lambda: speaking.first_frames(some(), 0), "at least 1, got 0"),
    "labels": (lambda: speaking.fit_linear(np.ones((3, 2)), [0, 1, 99], 1.0), "between 0 and 8"),
    "every": (lambda: speaking.hold_out(some(), 0), "at least 2, got 0"),
    "ends": (
        lambda: speaking.mean_frames(some()._replace(lengths=np.array([9, 9, 9]))),
        "T = 5, got 9",
    ),
    "distances": (lambda: speaking.nearest_speakers(np.ones((2, 3)), [0, 1]), "(N, 2)"),
    "resampled": (lambda: speaking.resampled_frames(some(), 0), "at least 2, got 0"),
    "features": (lambda: speaking.scale_utterances(some(), wider()), "(T, N, 3)"),
    "nobody": (lambda: speaking.select_utterances(some(), np.zeros(3, bool)), "at least one"),
    "seed": (lambda: speaking.shuffle_time(some(), 0), "numpy.random.Generator, got int"),
    "trained on others": (
        lambda: speaking.speaker_probabilities(
            speaking.train_speakers(some(), 0, epochs=1, hidden_size=2), wider()
        ),
        "of shape",
    ),
    "count": (
        lambda: speaking.splice(some(), np.random.default_rng(0), 0, 5),
        "count as an integer of at least 1, got 0",
    ),
    "direction of streams": (
        lambda: speaking.train_on_streams(some(), 0, direction="no"),
        "out of one, both, got 'no'",
    ),
    "direction": (
        lambda: speaking.train_speakers(some(), 0, direction="no"),
        "out of one, both, got 'no'",
    ),
    "turned": (
        lambda: speaking.turn_time(some()._replace(lengths=np.array([9, 9, 9]))),
        "T = 5, got 9",
    ),
    "warped": (lambda: speaking.warping_distances(some(), wider()), "b.xs of shape"),
    "past": (lambda: speaking.windows_of_frames(np.ones((3, 2, 2)), -1, 0), "at least 0, got -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_every_function_refuses_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match="expected .*" + re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: speaking.train_speakers(p, 0, direction="left"), "out of one, both, got 'left'"),
        (lambda p: speaking.mean_frames(p._replace(lengths=p.lengths - 2)), "at least 1, got 0"),
        (lambda p: speaking.turn_time(p._replace(lengths=p.lengths + 1)), "between 0 and T = 5"),
        (lambda p: speaking.hold_out(p, 1), "every as an integer of at least 2, got 1"),
        (lambda p: speaking.first_frames(p, 0), "frames as an integer of at least 1, got 0"),
        (lambda p: speaking.resampled_frames(p, 1), "frames as an integer of at least 2, got 1"),
        (lambda p: speaking.select_utterances(p, p.speakers > 99), "at least one utterance"),
        (lambda p: speaking.fit_linear(p.xs[0], p.speakers, -1.0), "penalty of at least 0, got -1"),
        (lambda p: speaking.decide_early(np.ones((2, 1, 1)), [2], 1.5), "sure from 0 to 1"),
        (lambda p: speaking.nearest_speakers(np.ones((2, 3)), [1, 2]), r"\(N, 2\), got \(2, 3\)"),
        (lambda p: speaking.scale_utterances(p, p._replace(xs=p.xs[..., :2])), "xs of shape"),
        (
            lambda p: speaking.splice(
                speaking.select_utterances(p, [0]), np.random.default_rng(0), 1, 5
            ),
            "at least two speakers, got one",
        ),
    ],
)
def test_bad_input_is_named(call, message, rng):
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call(few(rng, [5, 2, 4]))


# ------------------------------------------------------------------------------ claims of the page


def share(model, part):
    return (speaking.speaker_probabilities(model, part).argmax(axis=1) == part.speakers).mean()


@pytest.fixture(scope="module")
def known(parts):
    """Train the networks of the page for one seed."""
    train, _ = parts
    return {
        "end": speaking.train_speakers(train, 0),
        "frames": speaking.train_speakers(train, 0, every_step=True),
    }


@pytest.mark.slow
def test_a_linear_map_of_resampled_frames_beats_the_lstm_on_whole_utterances(parts, known):
    train, test = parts
    X, Z = (speaking.resampled_frames(part, 10) for part in parts)
    fitted = speaking.fit_linear(X, train.speakers, 1e-2)
    linear = (linear_forward(Z, fitted).argmax(axis=1) == test.speakers).mean()
    lstm = share(known["end"], test)
    error = np.sqrt(0.97 * 0.03 / 370)
    assert 0.94 < lstm < linear - error and linear > 0.985


@pytest.mark.slow
def test_the_trained_network_relies_on_order_and_the_task_hardly_needs_it(parts, known):
    train, test = parts
    rng = np.random.default_rng(0)
    mixed = speaking.shuffle_time(test, rng)
    spoken, turned = share(known["end"], test), share(known["end"], speaking.turn_time(test))
    assert 1 - turned > 4 * (1 - spoken)
    learned = share(speaking.train_speakers(speaking.shuffle_time(train, rng), 0), mixed)
    assert learned > share(known["end"], mixed) and learned > spoken - 0.04


@pytest.mark.slow
def test_a_network_is_good_where_it_was_asked_to_be(parts, known):
    _, test = parts
    first, second = speaking.first_frames(test, 1), speaking.first_frames(test, 6)
    for short in (first, second):
        at_every = speaking.speaker_probabilities(known["frames"], short)[short.lengths - 1]
        at_every = at_every[np.arange(370), np.arange(370)].argmax(axis=1) == test.speakers
        assert share(known["end"], short) < 0.75 < 0.85 < at_every.mean()
    p = speaking.speaker_probabilities(known["frames"], test)
    heard = [speaking.decide_early(p, test.lengths, sure)[1].mean() for sure in (0.5, 0.9, 0.999)]
    assert 1 <= heard[0] < 2 and heard == sorted(heard)


@pytest.mark.slow
def test_a_stranger_is_given_a_name_with_confidence(parts):
    train, test = parts
    others = speaking.train_speakers(speaking.select_utterances(train, train.speakers != 0), 0)
    stranger = speaking.select_utterances(test, test.speakers == 0)
    assert (speaking.speaker_probabilities(others, stranger).max(axis=1) > 0.9).mean() > 0.4


@pytest.mark.slow
def test_on_streams_the_lstm_wins_and_its_gates_answer_the_sound_not_the_man(parts):
    train, test = parts
    xs, speakers, since = speaking.splice(test, np.random.default_rng(3), 60, 60)
    X, labels, _ = speaking.splice(train, np.random.default_rng(2), 60, 60)
    fitted = speaking.fit_linear(X.reshape(-1, 12), labels.ravel(), 1e-3, steps=150)
    frame = linear_forward(xs.reshape(-1, 12), fitted).argmax(axis=1).reshape(60, 60) == speakers
    right = {}
    for direction, width in (("one", 32), ("both", 21)):
        m = speaking.train_on_streams(train, 0, direction, hidden_size=width)
        right[direction] = m.model.predict(m.params, xs)[0].argmax(axis=2) == speakers
        if direction == "one":
            layer = m.params.layer
    assert frame.mean() + 0.02 < right["one"].mean() < right["both"].mean()
    begin = since == 0
    assert right["both"][begin].mean() > right["one"][begin].mean() + 0.02
    zero, courses = np.zeros((60, 32), np.float32), []
    for same in (False, True):
        stream, _, begun = speaking.splice(test, np.random.default_rng(7), 60, 60, same)
        f = gate_trace(stream, zero, zero, layer)["f"]
        courses.append(speaking.around_splices(f, begun, 5, 7).mean(axis=(1, 2)))
    another, alike = courses
    assert another[5] < 0.6 * another[4] and alike[5] < 0.6 * alike[4]
    np.testing.assert_allclose(another, alike, atol=0.05)


# ----------------------------------------------------------------------------------------- figures


def test_figures_draw_what_they_are_given(parts):
    fig, axes = plt.subplots(1, 2)
    image = plots_speech.plot_utterances(axes, parts[0], [0, 1])
    np.testing.assert_array_equal(image.get_array(), parts[0].xs[: parts[0].lengths[1], 1].T)
    plt.close(fig)
    fig, ax = plt.subplots()
    plots_speech.plot_lengths(ax, {"training": parts[0]})
    assert ax.patches[0].get_data().values.sum() == 270
    ax.clear()
    runs = np.array([[0.0, 1.0], [2.0, 5.0]])
    plots_speech.plot_courses(ax, [0, 1], {"a": runs, "b": runs[0]})
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 3])
    assert len(ax.collections) == 1 and ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    plt.close(fig)
