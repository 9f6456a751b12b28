"""What the figures and measurements of chapter 6 say must be what `lstm_ref` computes."""

import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_visual, unit_meaning
from lstm_ref.sequence_model import SequenceParams
from lstm_ref.trials import agreement
from lstm_ref.widgets.belt import belt_figure
from tests.javascript import run_js

T, B, D, H = 7, 2, 3, 5


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def layer_and_run(rng):
    params = lstm_ref.init_lstm_params(rng, D, H)
    xs, zero = rng.standard_normal((T, B, D)), np.zeros((B, H))
    return params, xs, zero


# ------------------------------------------------------------------------------- the toy language


def words_of(stream, b):
    return [agreement.AGREEMENT_WORDS[code] for code in stream.words[:, b]]


def is_plural(word):
    """Number of a noun or a verb: plural nouns have an s, plural verbs have none."""
    return word.endswith("s") == (word.rstrip("s") in ("dog", "cat", "bird"))


def test_every_main_verb_agrees_with_its_subject_and_every_other_with_its_noun(rng):
    nouns = {"dog", "dogs", "cat", "cats", "bird", "birds"}
    stream = agreement.agreement_stream(rng, count=200, steps=40)
    checked = 0
    for b in range(200):
        words, subject, nearest, relative = words_of(stream, b), None, None, False
        for t, word in enumerate(words):
            if word == ".":
                subject = None
            elif word in nouns:
                nearest = word
                subject = subject or word
            elif word == "that":
                relative = True
            elif word not in ("the", "near", "behind"):
                assert is_plural(word) == is_plural(nearest if relative else subject)
                assert stream.due[t - 1, b] == (not relative)
                checked, relative = checked + 1, False
    assert checked > 1000


def test_the_facts_about_each_word_are_true(rng):
    stream = agreement.agreement_stream(rng, count=300, steps=12)
    np.testing.assert_array_equal(stream.words[1:], stream.targets[:-1])
    for b in range(300):
        words, end = words_of(stream, b), int(stream.due[:, b].argmax())
        number = 1 if is_plural(words[1]) else -1
        assert (stream.subject[1 : end + 1, b] == number).all() and stream.subject[0, b] == 0
        np.testing.assert_array_equal(stream.distance[1 : end + 1, b], np.arange(end))
        attractor = 0
        for t in range(2, end + 1):
            if words[t].rstrip("s") in ("dog", "cat", "bird"):
                attractor = 1 if is_plural(words[t]) else -1
            assert stream.attractor[t, b] == attractor
        following = agreement.AGREEMENT_WORDS[stream.targets[end, b]]
        assert is_plural(following) == (number == 1)


def test_attractors_say_nothing_about_the_subject(rng):
    stream = agreement.agreement_stream(rng, count=4000, steps=12)
    subject = agreement.before_first_verb(stream.subject, stream)
    attractor = agreement.before_first_verb(stream.attractor, stream)
    both = attractor != 0
    assert both.sum() > 2000
    assert abs(np.corrcoef(subject[both], attractor[both])[0, 1]) < 0.06


def test_streams_refuse_what_they_cannot_do(rng):
    with pytest.raises(ValueError, match="expected count as an integer of at least 1, got 0"):
        agreement.agreement_stream(rng, 0, 5)
    with pytest.raises(ValueError, match="draw at least 12 steps"):
        stream = agreement.agreement_stream(rng, 50, 3)
        agreement.before_first_verb(stream.words, stream)
    with pytest.raises(ValueError, match="expected words of the toy language, got 'mouse'"):
        agreement.agreement_codes("the mouse sings")


def test_plural_odds_are_those_of_the_probabilities(rng):
    size = len(agreement.AGREEMENT_WORDS)
    readout = lstm_ref.LinearParams(rng.standard_normal((size, H)), rng.standard_normal(size))
    hs = rng.standard_normal((T, B, H))
    p = lstm_ref.softmax(lstm_ref.linear_forward(hs, readout))
    codes = agreement.agreement_codes("sing sleep wait sings sleeps waits")
    plural, singular = p[..., codes[:3]].sum(axis=-1), p[..., codes[3:]].sum(axis=-1)
    np.testing.assert_allclose(
        agreement.plural_odds(hs, readout), np.log(plural / singular), rtol=1e-9
    )


def test_training_is_reproducible_and_lowers_the_loss():
    first, again = (agreement.train_agreement(3, updates=60) for _ in range(2))
    np.testing.assert_array_equal(first.losses, again.losses)
    assert first.losses[-10:].mean() < 0.7 * first.losses[:3].mean()
    assert not np.array_equal(first.untrained.layer.W_f, first.params.layer.W_f)


# ----------------------------------------------------------------------------- measuring a meaning


def test_correlations_are_those_of_numpy(rng):
    states, labels = rng.standard_normal((50, H)), rng.standard_normal(50)
    expected = [np.corrcoef(states[:, k], labels)[0, 1] for k in range(H)]
    np.testing.assert_allclose(unit_meaning.unit_correlations(states, labels), expected, rtol=1e-12)


def test_correlations_refuse_what_has_none(rng):
    with pytest.raises(ValueError, match=r"expected states \(N, H\) and labels \(N,\)"):
        unit_meaning.unit_correlations(rng.standard_normal((5, 2)), np.ones(4))
    with pytest.raises(ValueError, match="expected labels that differ"):
        unit_meaning.unit_correlations(rng.standard_normal((5, 2)), np.ones(5))
    with pytest.raises(ValueError, match="expected shuffles as an integer of at least 1, got 0"):
        unit_meaning.largest_by_chance(np.eye(3), np.arange(3), rng, shuffles=0)


def test_chance_is_passed_by_a_planted_unit_and_not_by_noise(rng):
    labels = rng.choice([-1.0, 1.0], 200)
    states = rng.standard_normal((200, 10))

    def bar():
        return np.quantile(unit_meaning.largest_by_chance(states, labels, rng, shuffles=200), 0.95)

    assert np.abs(unit_meaning.unit_correlations(states, labels)).max() < 1.3 * bar()
    states[:, 4] += labels
    r = np.abs(unit_meaning.unit_correlations(states, labels))
    assert r.argmax() == 4 and r[4] > 2 * bar()


def test_a_silenced_unit_is_heard_as_a_constant(rng):
    """Every reader of h gets the constant: checked step by step against a run by hand."""
    layer, xs, zero = layer_and_run(rng)
    readout = lstm_ref.LinearParams(rng.standard_normal((4, H)), rng.standard_normal(4))
    params, k, m = SequenceParams(None, layer, readout), 2, 0.3
    changed = unit_meaning.silence_unit(params, k, m)
    hs, _ = lstm_ref.lstm_forward(xs, zero, zero, changed.layer)
    h, c = zero, zero
    for t in range(T):
        heard = h.copy()
        heard[:, k] = m
        h, c = lstm_ref.lstm_step(xs[t], heard, c, layer)
        np.testing.assert_allclose(hs[t], h, rtol=1e-12)
        heard = h.copy()
        heard[:, k] = m
        np.testing.assert_allclose(
            lstm_ref.linear_forward(hs[t], changed.readout),
            lstm_ref.linear_forward(heard, readout),
            rtol=1e-12,
        )
    with pytest.raises(ValueError, match="expected a unit from 0 to 4, got 5"):
        unit_meaning.silence_unit(params, 5)


@pytest.mark.parametrize("step", [0, 3, T - 1])
def test_an_overwritten_cell_goes_on_from_there(rng, step):
    layer, xs, zero = layer_and_run(rng)
    hs = unit_meaning.force_cell(xs, layer, step, 1, np.array([2.0, -2.0]))
    h, c = zero, zero
    for t in range(T):
        h, cache = lstm_ref.lstm_step_cached(xs[t], h, c, layer)
        c = cache.c_next.copy()
        if t == step:
            c[:, 1] = [2.0, -2.0]
            h = cache.o * np.tanh(c)
        np.testing.assert_allclose(hs[t], h, rtol=1e-12)


def test_overwriting_with_what_is_there_changes_nothing(rng):
    layer, xs, zero = layer_and_run(rng)
    trace = lstm_ref.gate_trace(xs, zero, zero, layer)
    hs = unit_meaning.force_cell(xs, layer, 2, 4, trace["c"][2, :, 4])
    np.testing.assert_allclose(hs, trace["h"], rtol=1e-12)
    with pytest.raises(ValueError, match="a step from 0 to 6, got 4 and 7"):
        unit_meaning.force_cell(xs, layer, 7, 4, 0.0)


# ------------------------------------------------------------------------------------ the figures


def trace_of(rng, steps):
    params = lstm_ref.init_lstm_params(rng, D, H)
    zero = np.zeros((1, H))
    return lstm_ref.gate_trace(rng.standard_normal((steps, 1, D)), zero, zero, params)


def test_the_belt_of_the_figure_is_the_belt_of_lstm_ref(rng):
    trace = trace_of(rng, 4)
    source = belt_figure(["the dogs sing ."], [trace], unit=3).source
    f, i, candidate = (source["traces"][0][name][3] for name in ("f", "i", "candidate"))
    said = run_js("belt.js", f"contributions({f}, {i}, {candidate})")
    expected = lstm_ref.belt_contributions(f, i, candidate, 0.0)[:, 1:]
    np.testing.assert_allclose(said, expected, rtol=1e-12, atol=1e-15)


def test_each_moment_of_the_figure_is_a_part_of_the_step(rng):
    trace = trace_of(rng, 4)
    gates = {name: trace[name][:, 0, 2].tolist() for name in ("f", "i", "candidate", "o")}
    now = [run_js("belt.js", f"moment({json.dumps(gates)}, 2, {stage})") for stage in range(4)]
    c, h, f = (trace[name][:, 0, 2] for name in ("c", "h", "f"))
    content = [sum(moment["items"]) for moment in now]
    np.testing.assert_allclose(content, [c[1], f[2] * c[1], c[2], c[2]], rtol=1e-9)
    np.testing.assert_allclose(now[3]["h"], h[2], rtol=1e-9)


def test_the_belt_figure_refuses_what_does_not_fit(rng):
    trace = trace_of(rng, 4)
    with pytest.raises(ValueError, match="a trace for each of 2 sentences, at least one, got 1"):
        belt_figure(["the dogs sing .", "the dog sings ."], [trace])
    with pytest.raises(ValueError, match=r"expected a trace of shape \(3, 1, 5\)"):
        belt_figure(["the dogs sing"], [trace])
    with pytest.raises(ValueError, match="expected a unit from 0 to 4, got 5"):
        belt_figure(["the dogs sing ."], [trace], unit=5)


def test_figures_are_drawn_and_labelled(rng):
    words = "the dogs sing .".split()
    trace = {name: values[:, 0] for name, values in trace_of(rng, 4).items()}
    fig, axes = plt.subplots(3, 3)
    image = plots_visual.plot_gates(axes[0], trace, words)
    assert image.get_clim() == (0, 1)
    assert [label.get_text() for label in axes[0, 2].get_xticklabels()] == words
    belt = lstm_ref.belt_contributions(
        *(trace[name][:, 0] for name in ("f", "i", "candidate")), c0=0.0
    )
    plots_visual.plot_signed_belt(axes[1, 0], belt, words, named=2)
    (line,) = [one for one in axes[1, 0].get_lines() if len(one.get_xdata()) == len(words)]
    np.testing.assert_allclose(line.get_ydata(), trace["c"][:, 0])
    assert len(axes[1, 0].get_legend().get_texts()) == 3
    plots_visual.plot_correlations(axes[1, 1], {"a": np.zeros(H), "b": np.ones(H)}, 0.1)
    plots_visual.plot_intervention(axes[2, :2], np.ones(H), np.zeros(H), unit=1)
    plots_visual.plot_shown_and_held(axes[2, 2], trace["c"][:, 0], trace["o"][:, 0], words)
    assert all(ax.get_ylabel() for ax in (axes[1, 0], axes[1, 1], axes[2, 2]))
    fig.canvas.draw()
    plt.close(fig)


def test_signed_bands_do_not_overlap_and_reach_the_sums_of_each_sign(rng):
    belt = lstm_ref.belt_contributions(
        rng.uniform(size=6), rng.uniform(size=6), rng.uniform(-1, 1, 6), -0.7
    )
    fig, ax = plt.subplots()
    plots_visual.plot_signed_belt(ax, belt, list("abcdef"))
    spans = {}
    for bar in ax.patches:
        low, high = sorted((bar.get_y(), bar.get_y() + bar.get_height()))
        spans.setdefault(round(bar.get_x() + bar.get_width() / 2), []).append((low, high))
    for t, row in enumerate(belt):
        assert max(high for _, high in spans[t]) == pytest.approx(row[row > 0].sum())
        assert min(low for low, _ in spans[t]) == pytest.approx(row[row < 0].sum())
        heights = sorted(high - low for low, high in spans[t])
        np.testing.assert_allclose(heights, sorted(np.abs(row)), atol=1e-12)
    plt.close(fig)
