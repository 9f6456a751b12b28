"""What the figures of chapters 4 and 5 show must be what `lstm_ref` computes."""

import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_gradients, plots_variants
from lstm_ref.gradient_paths import gru_gradient_paths, lstm_gradient_paths, rnn_gradient_paths
from lstm_ref.params import RNNParams
from lstm_ref.trials.comparison import (
    KINDS,
    ComparisonResult,
    _start,
    adding_batch,
    compare,
    last_loss,
    order_batch,
)
from lstm_ref.widgets.gradients import gradient_microscope_figure
from lstm_ref.widgets.variants import one_unit_params, variants_figure
from tests.javascript import run_js

T, B, D, H = 7, 2, 3, 5


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ------------------------------------------------------------------------------ gradient paths


def test_all_that_arrives_at_a_cell_is_its_gradient(rng):
    params = lstm_ref.init_lstm_params(rng, D, H)
    xs, zero = rng.standard_normal((T, B, D)), np.zeros((B, H))
    dhs = rng.standard_normal((T, B, H))
    _, _, caches = lstm_ref.lstm_forward_cached(xs, zero, zero, params)
    paths = lstm_gradient_paths(dhs, caches, params)
    k = 3
    h, c = caches[k].h, caches[k].c_next

    def loss(c_k):
        h_k = caches[k].o * np.tanh(c_k)
        hs, _ = lstm_ref.lstm_forward(xs[k + 1 :], h_k, c_k, params)
        return (dhs[k] * h_k).sum() + (dhs[k + 1 :] * hs).sum()

    assert h.shape == c.shape
    np.testing.assert_allclose(
        paths.total[k], lstm_ref.numerical_gradient(loss, c), rtol=1e-6, atol=1e-8
    )


def test_the_highway_is_the_product_of_forget_gates(rng):
    params = lstm_ref.init_lstm_params(rng, D, H)
    zero, dhs = np.zeros((B, H)), np.zeros((T, B, H))
    dhs[-1] = rng.standard_normal((B, H))
    _, _, caches = lstm_ref.lstm_forward_cached(rng.standard_normal((T, B, D)), zero, zero, params)
    highway = lstm_gradient_paths(dhs, caches, params).highway
    product = lstm_ref.carousel_gradient(np.stack([cache.f for cache in caches]))[1:]
    np.testing.assert_allclose(highway, product * highway[-1], rtol=1e-12)


def test_without_weights_on_h_everything_takes_the_highway(rng):
    zero, dhs = np.zeros((B, H)), rng.standard_normal((T, B, H))
    xs = rng.standard_normal((T, B, D))
    lstm = lstm_ref.init_lstm_params(rng, D, H)
    gru = lstm_ref.init_gru_params(rng, D, H)
    for W in (*lstm[::2], *gru[::2]):
        W[:, :H] = 0
    _, _, lstm_caches = lstm_ref.lstm_forward_cached(xs, zero, zero, lstm)
    _, _, gru_caches = lstm_ref.gru_forward_cached(xs, zero, gru)
    for paths in (
        lstm_gradient_paths(dhs, lstm_caches, lstm),
        gru_gradient_paths(dhs, gru_caches, gru),
    ):
        np.testing.assert_allclose(paths.total, paths.highway, rtol=1e-12)


def test_states_of_gru_and_rnn_get_the_gradient_of_their_layers(rng):
    zero, dhs = np.zeros((B, H)), rng.standard_normal((T, B, H))
    xs = rng.standard_normal((T, B, D))
    gru = lstm_ref.init_gru_params(rng, D, H)
    rnn = RNNParams(*lstm_ref.init_rnn_params(rng, D, H))
    _, _, gru_caches = lstm_ref.gru_forward_cached(xs, zero, gru)
    _, _, rnn_caches = lstm_ref.rnn_forward_cached(xs, zero, rnn)
    k = 2
    for total, backward, caches, params in (
        (gru_gradient_paths(dhs, gru_caches, gru).total, lstm_ref.gru_backward, gru_caches, gru),
        (rnn_gradient_paths(dhs, rnn_caches, rnn).total, lstm_ref.rnn_backward, rnn_caches, rnn),
    ):
        later = backward(dhs[k + 1 :], caches[k + 1 :], params)[1]
        np.testing.assert_allclose(total[k], dhs[k] + later, rtol=1e-12)


def test_paths_refuse_gradients_of_another_length(rng):
    params = lstm_ref.init_lstm_params(rng, D, H)
    zero = np.zeros((B, H))
    _, _, caches = lstm_ref.lstm_forward_cached(np.ones((T, B, D)), zero, zero, params)
    with pytest.raises(ValueError, match=r"expected dhs of shape \(7, 2, 5\)"):
        lstm_gradient_paths(np.zeros((T - 1, B, H)), caches, params)
    with pytest.raises(ValueError, match="at least one cache"):
        lstm_gradient_paths(np.zeros((0, B, H)), [], params)


# ---------------------------------------------------------------------------------- chapter 4


def test_the_microscope_carries_every_setting_and_is_reproducible():
    source = gradient_microscope_figure(steps=6, hidden_size=3).source
    assert source == gradient_microscope_figure(steps=6, hidden_size=3).source
    for kind in ("lstm", "gru"):
        assert len(source[kind]) == len(source["biases"])
        for row in source[kind]:
            assert [len(curves["total"]) for curves in row] == [6] * len(source["scales"])
    with pytest.raises(ValueError, match="at least two steps"):
        gradient_microscope_figure(steps=1)


def test_a_larger_bias_keeps_more_along_the_memory():
    source = gradient_microscope_figure(steps=30, hidden_size=5).source
    for kind in ("lstm", "gru"):
        first = [row[0]["highway"][0] for row in source[kind]]
        assert first == sorted(first) and first[0] < first[-1]
    assert all(log == -40 for log in source["rnn"][0][0]["highway"][:-1])


def test_the_microscope_says_numbers_as_readers_do():
    logs = [0, -0.301, -3.5, 4.2, -40]
    said = run_js("gradient_microscope.js", f"{logs}.map(part)")
    assert said == ["100 %", "50 %", "3.2 × 10⁻⁴", "1.6 × 10⁴", "nothing"]


def test_truncation_is_exact_for_a_whole_window_only(rng):
    params = lstm_ref.init_lstm_params(rng, D, H)
    errors = plots_gradients.truncation_error(
        rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H)), params, [1, 3, T]
    )
    assert errors[T] < 1e-12 < 1e-3 < errors[3] < errors[1]


def test_figures_of_chapter_4_are_drawn_and_labelled():
    fig, axes = plt.subplots(1, 3)
    plots_gradients.plot_retention(axes[0], biases=(0, 5), steps=100)
    plots_gradients.plot_difference_error(axes[1])
    plots_gradients.plot_truncation(axes[2], {16: {1: 0.5, 2: 0.0}})
    assert all(ax.get_xlabel() and ax.get_ylabel() and ax.get_legend() for ax in axes)
    five = axes[0].get_lines()[1].get_ydata()
    assert five[0] == 1 and abs(five[100] - 0.5) < 0.02
    fig.canvas.draw()
    plt.close(fig)


# ---------------------------------------------------------------------------------- chapter 5


def forward_of(kind):
    """Return the function of `lstm_ref` that runs a kind from zero states."""
    forwards = {
        "lstm": lstm_ref.lstm_forward_cached,
        "coupled": lstm_ref.coupled_forward_cached,
        "peephole": lstm_ref.peephole_forward_cached,
        "lstm1997": lstm_ref.lstm1997_forward_cached,
        "gru": lstm_ref.gru_forward_cached,
        "rnn": lstm_ref.rnn_forward_cached,
    }
    return forwards[kind]


def run_reference(kind, xs, params, hidden_size):
    zero = np.zeros((xs.shape[1], hidden_size))
    states = (zero,) if kind in ("gru", "rnn") else (zero, zero)
    return forward_of(kind)(xs, *states, params)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_figure_computes_each_cell_as_lstm_ref_does(kind):
    source = variants_figure().source
    biases = {"keep": 1.2, "write": -0.7, "show": 0.4}
    said = run_js(
        "variants.js",
        f"run({json.dumps(kind)}, {json.dumps(source['weights'])}, {json.dumps(biases)}, "
        f"{json.dumps(source['inputs'])})",
    )
    params = one_unit_params(**biases)[kind]
    hs = run_reference(kind, np.array(source["inputs"])[:, None], params, 1)[0]
    np.testing.assert_allclose([shown for _, shown in said], hs[:, 0, 0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", list(KINDS))
def test_runs_side_by_side_are_the_cells_of_lstm_ref(kind, rng):
    """Predictions and gradients of every run equal those of the readable cell."""
    runs, blocks = 2, KINDS[kind]
    w = _start(kind, [np.random.default_rng(r) for r in range(runs)], D, H, keep=1.0)
    xs, targets = rng.standard_normal((T, runs, B, D)), rng.standard_normal((runs, B))
    losses, grads = last_loss(kind, xs, targets, w)
    containers = {
        "rnn": (lstm_ref.RNNParams, lstm_ref.rnn_backward),
        "gru": (lstm_ref.GRUParams, lstm_ref.gru_backward),
        "lstm": (lstm_ref.LSTMParams, lstm_ref.lstm_backward),
        "coupled": (lstm_ref.CoupledParams, lstm_ref.coupled_backward),
        "peephole": (lstm_ref.PeepholeParams, lstm_ref.peephole_backward),
        "lstm1997": (lstm_ref.LSTM1997Params, lstm_ref.lstm1997_backward),
    }
    make, backward = containers[kind]
    for r in range(runs):
        weights, biases = np.split(w.W[r], len(blocks)), np.split(w.b[r, 0], len(blocks))
        parts = [part for pair in zip(weights, biases, strict=True) for part in pair]
        params = make(*parts, *(w.p[r] if kind == "peephole" else ()))
        hs, _, caches = run_reference(kind, xs[:, r], params, H)
        error = hs[-1] @ w.V[r, 0] + w.a[r, 0, 0] - targets[r]
        assert losses[r] == pytest.approx((error**2).mean(), rel=1e-12)
        dhs = np.zeros_like(hs)
        dhs[-1] = (2 / B) * error[:, None] * w.V[r]
        reference = backward(dhs, caches, params)[-1]
        ours = np.split(grads.W[r], len(blocks)), np.split(grads.b[r, 0], len(blocks))
        for k in range(len(blocks)):
            np.testing.assert_allclose(ours[0][k], reference[2 * k], rtol=1e-9, atol=1e-13)
            np.testing.assert_allclose(ours[1][k], reference[2 * k + 1], rtol=1e-9, atol=1e-13)
        if kind == "peephole":
            np.testing.assert_allclose(grads.p[r], reference[-3:], rtol=1e-9, atol=1e-13)


def test_a_comparison_is_fair_and_reproducible():
    def go(kind):
        return compare(kind, order_batch, 8, parameters=200, seeds=(0, 1), updates=3, size=4)

    results = [go(kind) for kind in KINDS]
    np.testing.assert_array_equal(results[1].errors, go("gru").errors)
    assert all(abs(r.parameters - 200) < 50 for r in results)
    assert all(r.best.shape == (2,) for r in results)
    with pytest.raises(ValueError, match="expected a kind out of rnn"):
        compare("transformer", order_batch, 8)


def test_the_learning_rate_is_chosen_on_other_sequences_than_it_is_judged_on():
    errors, validation = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[9.0, 9.0], [5.0, 5.0]])
    result = ComparisonResult("rnn", 1, 1, (0.01, 0.03), errors, validation)
    np.testing.assert_array_equal(result.best, errors[1])


def test_training_lowers_the_error():
    short = compare("gru", order_batch, 8, parameters=200, seeds=(0,), updates=1)
    longer = compare("gru", order_batch, 8, parameters=200, seeds=(0,), updates=60)
    assert longer.best[0] < 0.7 * short.best[0]


def test_tasks_ask_for_what_they_say(rng):
    xs, targets = adding_batch(rng, 100, 12)
    assert (xs[:6, :, 1].sum(axis=0) == 1).all() and (xs[6:, :, 1].sum(axis=0) == 1).all()
    np.testing.assert_allclose((xs[..., 0] * xs[..., 1]).sum(axis=0), targets)
    xs, targets = order_batch(rng, 100, 12)
    for k in range(100):
        first, second = xs[xs[:, k, 1] == 1, k, 0]
        assert targets[k] == 0.5 + 0.125 * (second - first)


def test_figures_of_chapter_5_are_drawn_and_labelled():
    fig, axes = plt.subplots(1, 2)
    result = compare("rnn", order_batch, 8, parameters=100, seeds=(0, 1, 2), updates=1, size=4)
    plots_variants.plot_comparison(axes[0], [result], baseline=0.03, title="order")
    plots_variants.plot_parameter_counts(axes[1], 32, [8, 64])
    assert axes[0].get_xlabel() and axes[0].get_title() and axes[1].get_legend()
    assert [label.get_text() for label in axes[0].get_yticklabels()] == [
        f"rnn ({result.parameters})"
    ]
    fig.canvas.draw()
    plt.close(fig)


def test_the_variants_figure_refuses_a_sequence_without_room():
    with pytest.raises(ValueError, match="at least 8 steps, got 7"):
        variants_figure(steps=7)
