"""What the figures of chapters 1 and 2 show must be what `lstm_ref` computes."""

import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_forgetting
from lstm_ref.params import LSTMParams, RNNParams
from lstm_ref.trials.recall import recall_batch, recall_gradient, train_recall
from lstm_ref.widgets.forgetting import forgetting_figure
from lstm_ref.widgets.valves import valves_figure
from tests.javascript import run_js

# ---------------------------------------------------------------------------------- chapter 1


@pytest.mark.parametrize(("radius", "strength"), [(0.8, 0.0), (1.2, 0.0), (1.1, 1.5)])
def test_the_figure_of_forgetting_draws_what_gradient_norms_measures(radius, strength):
    source = forgetting_figure(steps=20).source
    U, xs = np.array(source["U"]), np.array(source["xs"])
    W = np.concatenate([radius * U, strength * np.eye(len(U))], axis=1)
    hs = lstm_ref.rnn_forward(xs[:, None], np.zeros((1, len(U))), W, np.zeros(len(U)))
    norms = lstm_ref.gradient_norms(lstm_ref.rnn_jacobian(hs[:, 0], W))
    arguments = f"{json.dumps(source['U'])}, {json.dumps(source['xs'])}, {radius}, {strength}"
    drawn = run_js("forgetting.js", f"logNorms({arguments})")
    np.testing.assert_allclose(drawn, np.log10(norms), atol=0.02)


def test_amounts_are_said_as_readers_write_them():
    said = run_js("forgetting.js", "[0, -0.301, 2.2, -5, 4.2, -2.0001].map(amount)")
    assert said == ["1.0", "0.50", "160", "1.0 × 10⁻⁵", "1.6 × 10⁴", "1.0 × 10⁻²"]


def test_figures_refuse_fewer_than_two_steps():
    for figure in (forgetting_figure, valves_figure):
        with pytest.raises(ValueError, match="at least two steps"):
            figure(steps=1)


def test_without_input_the_radius_decides():
    below, at, above = (
        plots_forgetting.measure_gradient(radius, 200, 8, 0.0, np.random.default_rng(0))
        for radius in (0.8, 1.0, 1.2)
    )
    assert below[0] == at[0] == above[0] == 1
    assert below[-1] < 1e-15 < 0.1 < at[-1] < 10 < 1e12 < above[-1]


def test_inputs_shrink_gradients():
    quiet, loud = (
        plots_forgetting.measure_gradient(1.2, 50, 8, strength, np.random.default_rng(0))
        for strength in (0.0, 2.0)
    )
    assert loud[-1] < 1e-3 * quiet[-1]


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_the_gradient_of_the_recall_task_is_that_of_its_loss(kind):
    rng = np.random.default_rng(0)
    cell = (
        RNNParams(*lstm_ref.init_rnn_params(rng, 2, 3))
        if kind == "rnn"
        else lstm_ref.init_lstm_params(rng, 2, 3)
    )
    params = (cell, lstm_ref.init_linear_params(rng, 3, 1))
    xs, targets = recall_batch(rng, lag=4, size=5)
    _, _, grads = recall_gradient(params, xs, targets)
    names = type(cell)._fields
    for name in names:

        def loss(value, name=name):
            return recall_gradient((cell._replace(**{name: value}), params[1]), xs, targets)[0]

        numerical = lstm_ref.numerical_gradient(loss, getattr(cell, name))
        np.testing.assert_allclose(getattr(grads[0], name), numerical, rtol=1e-5, atol=1e-9)
    assert isinstance(grads[0], RNNParams | LSTMParams)


def test_a_run_is_reproducible_and_learns_a_short_lag():
    for kind in ("rnn", "orthogonal", "lstm"):
        run = train_recall(kind, lag=2, seed=0, updates=60, learning_rate=0.05)
        again = train_recall(kind, lag=2, seed=0, updates=60, learning_rate=0.05)
        assert run.accuracy == again.accuracy > 0.95
        assert run.losses[-1] < run.losses[0]


def test_the_recall_task_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="expected a kind out of rnn, orthogonal, lstm"):
        train_recall("gru", lag=2, seed=0)
    with pytest.raises(ValueError, match="at least 1"):
        recall_batch(np.random.default_rng(0), lag=0, size=2)


# ---------------------------------------------------------------------------------- chapter 2


def test_the_store_with_valves_is_carry():
    source = valves_figure().source
    candidates = np.array(source["candidates"])
    f, i, o = (np.full(len(candidates), lstm_ref.sigmoid(z)) for z in (2.0, -1.0, 0.5))
    c = lstm_ref.carry(0.0, f, i, candidates)
    states = run_js("valves.js", f"run({json.dumps(source['candidates'])}, 2, -1, 0.5)")
    np.testing.assert_allclose([s["c"] for s in states], c, rtol=1e-12)
    np.testing.assert_allclose([s["h"] for s in states], o * np.tanh(c), rtol=1e-12)


def test_the_figure_states_the_half_life_of_its_gate():
    biases = [-8.0, 0.0, 3.0, 8.0]
    said = run_js("valves.js", f"{json.dumps(biases)}.map(halfLife)")
    np.testing.assert_allclose(said, lstm_ref.half_life(lstm_ref.sigmoid(biases)), rtol=1e-9)


def test_figures_of_chapters_1_and_2_are_drawn_and_labelled():
    fig, axes = plt.subplots(2, 3)
    plots_forgetting.plot_norms(axes[0, 0], {"a": np.array([1.0, 0.5])}, "title")
    plots_forgetting.plot_accuracy(axes[0, 1], {"a": {5: [1.0, 0.8], 9: [0.5, 0.7]}})
    plots_forgetting.plot_timeline(axes[0, 2])
    plots_forgetting.plot_half_life(axes[1, 0], np.linspace(-1, 3, 5))
    xs = np.array([[1.0, 1.0], [0.2, 0.0], [-1.0, 1.0]])
    plots_forgetting.plot_latch(axes[1, 1:], xs, np.array([0.7, 0.7, -0.7]))
    for ax in (axes[0, 0], axes[0, 1], axes[1, 0], axes[1, 2]):
        assert ax.get_xlabel() and ax.get_ylabel() and ax.get_legend()
    np.testing.assert_allclose(axes[0, 1].get_lines()[0].get_ydata(), [0.9, 0.6])
    np.testing.assert_allclose(axes[1, 1].get_lines()[1].get_xdata(), [0, 2])
    years = [int(t.get_text()) for t in axes[0, 2].texts if t.get_text().isdigit()]
    assert years == sorted(years) and (years[0], years[-1]) == (1991, 2024)
    fig.canvas.draw()
    plt.close(fig)
