"""What the figures of chapters 4 and 5 show must be what `lstm_ref` computes."""

import json
import shutil
import subprocess

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_gradients
from lstm_ref.gradient_paths import gru_gradient_paths, lstm_gradient_paths, rnn_gradient_paths
from lstm_ref.params import RNNParams
from lstm_ref.widgets import HERE
from lstm_ref.widgets.gradients import gradient_microscope_figure

T, B, D, H = 7, 2, 3, 5


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def run_js(script, expression):
    """Evaluate an expression in a figure's JavaScript; the drawing itself needs a browser."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    code = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("kit.js", script))
    code += f"\nconsole.log(JSON.stringify({expression}));"
    done = subprocess.run(
        [node, "--input-type=module", "-"], input=code, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
