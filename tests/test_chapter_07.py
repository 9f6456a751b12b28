"""What the figures of chapter 7 show must be what `lstm_ref` computes."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_use_cases
from lstm_ref.widgets.temperature import temperature_figure
from tests.javascript import run_js

SCRIPT = "temperature.js"
LOGITS = [2.0, 1.5, 1.2, 0.5, -1.0, -3.0]


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 4.0])
def test_the_figure_of_sampling_draws_the_softmax_at_a_temperature(temperature):
    drawn = run_js(SCRIPT, f"softmaxAt({LOGITS}, {temperature})")
    np.testing.assert_allclose(drawn, lstm_ref.softmax(np.array(LOGITS) / temperature), atol=1e-12)


def test_temperature_zero_takes_the_first_of_the_largest():
    assert run_js(SCRIPT, "softmaxAt([1, 3, 3, 0], 0)") == [0, 1, 0, 0]
    assert run_js(SCRIPT, "softmaxAt([1000, -1000], 0.05)") == [1, 0]


def test_as_many_equally_likely_words_as_the_entropy_says():
    assert run_js(SCRIPT, "Math.exp(entropy([0.25, 0.25, 0.25, 0.25, 0]))") == pytest.approx(4)


def test_draws_of_the_figure_have_its_probabilities_and_repeat():
    p = lstm_ref.softmax(np.array(LOGITS))
    many = run_js(SCRIPT, f"uniforms(20000, 1).map((u) => pick(softmaxAt({LOGITS}, 1), u))")
    shares = np.bincount(many, minlength=len(LOGITS)) / len(many)
    np.testing.assert_allclose(shares, p, atol=4 * np.sqrt(0.25 / len(many)))
    assert (
        run_js(SCRIPT, "uniforms(5, 3)")
        == run_js(SCRIPT, "uniforms(5, 3)")
        != run_js(SCRIPT, "uniforms(5, 4)")
    )
    assert run_js(SCRIPT, "pick([0.5, 0.5], 1)") in (
        0,
        1,
    )  # rounding never draws a choice that is not there


def test_the_figure_refuses_what_it_cannot_show():
    with pytest.raises(ValueError, match="expected 2 finite logits"):
        temperature_figure(["a", "b"], [1.0])
    with pytest.raises(ValueError, match="finite"):
        temperature_figure(["a"], [np.inf])
    with pytest.raises(ValueError, match="expected a temperature from 0 to 4, got 5"):
        temperature_figure(["a"], [0.0], temperature=5)


@pytest.fixture
def ax():
    _, axes = plt.subplots()
    yield axes
    plt.close("all")


def test_the_marked_target_is_that_of_make_windows(ax):
    series = np.random.default_rng(0).standard_normal(14)
    X, y = lstm_ref.make_windows(series[:, None], 5, 3)
    plots_use_cases.plot_window(ax, series, start=2, window=5, horizon=3)
    _, window, target = ax.lines
    np.testing.assert_array_equal(window.get_ydata(), X[2, :, 0])
    assert target.get_ydata() == y[2]


def test_ellipses_are_lines_of_equal_anomaly_score(ax):
    mean, covariance = np.array([1.0, -2.0]), np.array([[2.0, 1.0], [1.0, 3.0]])
    errors = np.random.default_rng(0).standard_normal((7, 2))
    plots_use_cases.plot_two_distances(ax, errors, mean, covariance, {"a": mean})
    for radius, line in enumerate(ax.lines[1:4], 1):
        points = np.stack(line.get_data(), axis=1)
        scores = lstm_ref.anomaly_scores(points, mean, covariance)
        np.testing.assert_allclose(scores, radius**2)


def test_scores_stand_in_the_rows_they_belong_to():
    fig, axes = plt.subplots(2)
    scores = np.array([1.0, 2.0, 30.0])
    plots_use_cases.plot_scores(axes, np.zeros((8, 2)), scores, 5, 9.0, slice(6, 8))
    np.testing.assert_array_equal(axes[1].lines[0].get_xdata(), [5, 6, 7])
    plt.close(fig)


def test_learning_curves_are_running_means(ax):
    losses = np.arange(1.0, 31.0)
    plots_use_cases.plot_learning_curves(ax, {"a": losses}, baseline=1 / 6, smooth=10)
    x, means = ax.lines[0].get_data()
    assert x[0] == 10 and means[0] == pytest.approx(losses[:10].mean())
    assert x[-1] == 30 and means[-1] == pytest.approx(losses[-10:].mean())


def test_many_to_one_has_one_answer(ax):
    plots_use_cases.draw_task_shapes(ax, steps=4)
    answers = [text.get_text() for text in ax.texts if "hat y" in text.get_text()]
    assert len(answers) == 4 + 1
