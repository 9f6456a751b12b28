"""Forecasts and alarms are judged as the definitions say, and by chance as often as they should."""

import numpy as np
import pytest

from lstm_ref import average_precision, diebold_mariano, precision_recall, qlike

rng = np.random.default_rng(0)


# ------------------------------------------------------------------------------------ variances


def test_qlike_is_zero_at_the_truth_and_depends_on_the_ratio_alone():
    v = rng.uniform(0.1, 9, 50)
    f = rng.uniform(0.1, 9, 50)
    np.testing.assert_allclose(qlike(v, v), 0, atol=1e-15)
    np.testing.assert_allclose(qlike(7 * f, 7 * v), qlike(f, v), rtol=1e-10)
    np.testing.assert_allclose(
        qlike(f, v), [b / a - np.log(b / a) - 1 for a, b in zip(f, v, strict=True)]
    )


def test_too_low_costs_more_than_too_high_by_the_same_factor():
    assert qlike(0.5, 1.0) > qlike(2.0, 1.0)


@pytest.mark.parametrize("true", [0.3, 4.0])
def test_a_noisy_measure_leaves_the_best_forecast_where_it_is(true):
    """Patton's property: it holds for QLIKE, and not for the absolute error."""
    measured = true * np.random.default_rng(1).chisquare(1, 200_000)
    candidates = true * np.linspace(0.3, 1.7, 57)
    best = min(candidates, key=lambda f: qlike(np.full_like(measured, f), measured).mean())
    assert best == pytest.approx(true, rel=0.03)
    absolute = min(candidates, key=lambda f: np.abs(measured - f).mean())
    assert absolute < 0.6 * true


# ------------------------------------------------------------------------------------- the test


def autoregressive(rng, runs, n, rho):
    noise = rng.standard_normal((n, runs))
    series = noise.copy()
    for t in range(1, n):
        series[t] += rho * series[t - 1]
    return series.T


def rejections(differences, lags):
    tests = [diebold_mariano(d, np.zeros_like(d), lags) for d in differences]
    return np.mean([test.p_value < 0.05 for test in tests])


def test_equal_forecasts_are_told_apart_as_seldom_as_promised():
    independent = autoregressive(np.random.default_rng(2), 800, 400, 0.0)
    assert 0.03 < rejections(independent, 0) < 0.07
    assert 0.03 < rejections(independent, None) < 0.09


def test_without_lags_dependent_losses_are_told_apart_by_chance():
    dependent = autoregressive(np.random.default_rng(3), 800, 400, 0.6)
    assert rejections(dependent, 0) > 0.25
    assert 0.03 < rejections(dependent, 25) < 0.13


def test_a_true_difference_is_found():
    shifted = 0.3 + autoregressive(np.random.default_rng(4), 200, 400, 0.3)
    assert rejections(shifted, None) > 0.95


def test_exchanging_the_forecasts_turns_the_sign():
    a, b = rng.random(100), rng.random(100)
    there, back = diebold_mariano(a, b), diebold_mariano(b, a)
    assert there.statistic == pytest.approx(-back.statistic)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.difference == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize("lags", [0, 3, 17])
def test_the_statistic_is_that_of_a_regression_on_a_constant(lags):
    api = pytest.importorskip("statsmodels.api")
    a, b = autoregressive(np.random.default_rng(5), 2, 150, 0.5)
    settings = {"maxlags": lags, "use_correction": False}
    fitted = api.OLS(a - b, np.ones(150)).fit(cov_type="HAC", cov_kwds=settings)
    found = diebold_mariano(a, b, lags)
    assert found.statistic == pytest.approx(fitted.tvalues[0])
    assert found.p_value == pytest.approx(fitted.pvalues[0])


# --------------------------------------------------------------------------- alarms with labels


def brute_force(labels, scores):
    """Go through all thresholds from the highest score down, as the definition says."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        precision, recall = precision_recall(labels, scores >= threshold)
        total, before = total + (recall - before) * precision, recall
    return total


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_that_of_all_thresholds(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(2, 60))
    labels = draw.random(n) < 0.3
    labels[draw.integers(n)] = True
    scores = draw.integers(0, 12, n) / 4  # many of them equal
    assert average_precision(labels, scores) == pytest.approx(brute_force(labels, scores))


def test_average_precision_at_its_ends():
    labels = np.arange(50) < 5
    assert average_precision(labels, labels.astype(float)) == 1
    assert average_precision(labels, np.zeros(50)) == pytest.approx(0.1)
    worst = average_precision(labels, -labels.astype(float))
    assert worst == pytest.approx(0.1)  # the wrong way round: found at the end, all together
    apart = average_precision(labels, np.arange(50.0))
    assert apart < worst


def test_average_precision_cares_for_order_alone():
    labels, scores = rng.random(80) < 0.2, rng.standard_normal(80)
    same = average_precision(labels, np.exp(3 * scores) + 7)
    assert same == pytest.approx(average_precision(labels, scores))


def test_precision_without_an_alarm_is_not_a_number():
    precision, recall = precision_recall([True, False], [False, False])
    assert np.isnan(precision) and recall == 0


BAD = {
    "qlike: negative": (lambda: qlike([-1.0], [1.0]),),
    "qlike: zero": (lambda: qlike([1.0], [0.0]),),
    "qlike: shapes": (lambda: qlike([1.0, 2.0], [1.0]),),
    "diebold_mariano: shapes": (lambda: diebold_mariano([1.0, 2.0], [1.0]),),
    "diebold_mariano: one": (lambda: diebold_mariano([1.0], [2.0]),),
    "diebold_mariano: NaN": (lambda: diebold_mariano([1.0, np.nan], [2.0, 1.0]),),
    "diebold_mariano: lags": (lambda: diebold_mariano([1.0, 2.0], [0.0, 0.5], lags=2),),
    "diebold_mariano: the same": (lambda: diebold_mariano([1.0, 2.0], [0.0, 1.0]),),
    "precision_recall: shapes": (lambda: precision_recall([True], [True, False]),),
    "precision_recall: scores": (lambda: precision_recall([True], [0.5]),),
    "precision_recall: nothing": (lambda: precision_recall([False], [True]),),
    "average_precision: shapes": (lambda: average_precision([True], [0.5, 0.1]),),
    "average_precision: labels": (lambda: average_precision([1, 0], [0.5, 0.1]),),
    "average_precision: NaN": (lambda: average_precision([True], [np.nan]),),
    "average_precision: nothing": (lambda: average_precision([False], [0.5]),),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case):
    with pytest.raises(ValueError, match=r"^expected .+, got .+"):
        BAD[case][0]()
