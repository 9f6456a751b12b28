"""Series made ready: scaled without knowledge of the future, cut without look-ahead, judged."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm_ref import anomaly_scores, make_windows, standardize

rng = np.random.default_rng(0)
TRAIN = rng.standard_normal((101, 3)) * [1.0, 50.0, 1e-3] + [5.0, -300.0, 0.0]
TEST = rng.standard_normal((29, 3)) + 2


def test_the_training_part_has_zero_mean_and_unit_variance():
    (out,) = standardize(TRAIN)
    assert_allclose(out.mean(axis=0), 0, atol=1e-12)
    assert_allclose(out.std(axis=0), 1)


def test_other_parts_use_the_training_parts_numbers():
    _, test, more = standardize(TRAIN, TEST, TEST[:5] * 7)
    assert_allclose(test, (TEST - TRAIN.mean(axis=0)) / TRAIN.std(axis=0), rtol=1e-9)
    assert_allclose(more, (TEST[:5] * 7 - TRAIN.mean(axis=0)) / TRAIN.std(axis=0), rtol=1e-9)
    alone = standardize(TRAIN)[0]
    assert_array_equal(standardize(TRAIN, TEST * 1e6)[0], alone)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9, -1e-30])
def test_a_constant_feature_becomes_zero_everywhere(value):
    train, test = TRAIN.copy(), TEST.copy()
    train[:, 1] = value  # the mean of many 0.1 is not quite 0.1
    out, other = standardize(train, test)
    assert not out[:, 1].any() and not other[:, 1].any()
    assert np.isfinite(out).all() and np.isfinite(other).all()


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e307])
def test_extreme_numbers_are_scaled_in_silence(size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (out,) = standardize(np.array([[-1.0], [1.0], [3.0]]) * size)
        standardize(np.array([[1e-300], [2e-300]]), np.array([[1e300]]))
    assert_allclose(out[:, 0], np.array([-2, 0, 2]) / np.sqrt(8 / 3), atol=1e-12)


def test_sequences_are_scaled_over_all_axes_but_the_last():
    xs = TRAIN[:100].reshape(4, 25, 3)
    assert_allclose(standardize(xs)[0].reshape(100, 3), standardize(TRAIN[:100])[0])


def test_a_single_series_and_integers_are_welcome():
    out, other = standardize([1, 3], [5, 7, 9])
    assert_allclose(out, [-1, 1])
    assert_allclose(other, [3, 5, 7])


def test_single_precision_stays_single():
    out, other = standardize(TRAIN.astype(np.float32), TEST.astype(np.float32))
    assert out.dtype == other.dtype == np.float32
    assert_allclose(out, standardize(TRAIN)[0], atol=1e-4)


@pytest.mark.parametrize("window, horizon", [(1, 1), (4, 1), (4, 3), (1, 10), (10, 1)])
def test_every_window_with_a_target_and_no_look_ahead(window, horizon):
    series = np.arange(22.0).reshape(11, 2)
    X, y = make_windows(series, window, horizon)
    assert X.shape == (11 - window - horizon + 1, window, 2)
    assert y.shape == (len(X), 2)
    for k, (inputs, target) in enumerate(zip(X, y, strict=True)):
        assert_array_equal(inputs, series[k : k + window])
        assert_array_equal(target, series[k + window - 1 + horizon])
    assert_array_equal(y[-1], series[-1])  # the last row is somebody's target


def test_windows_are_copies():
    series = np.arange(22.0).reshape(11, 2)
    X, y = make_windows(series, 3, 1)
    X += 1
    y += 1
    assert_array_equal(series, np.arange(22.0).reshape(11, 2))


def test_scores_are_squared_mahalanobis_distances():
    A = rng.standard_normal((3, 3))
    covariance, mean = A @ A.T + 0.1 * np.eye(3), rng.standard_normal(3)
    errors = rng.standard_normal((13, 3))
    inverse = np.linalg.inv(covariance)
    expected = [(e - mean) @ inverse @ (e - mean) for e in errors]
    assert_allclose(anomaly_scores(errors, mean, covariance), expected, rtol=1e-9)


def test_scores_do_not_depend_on_units_and_are_calibrated_on_gaussian_errors():
    A = rng.standard_normal((2, 2))
    errors = rng.standard_normal((20_000, 2)) @ A.T
    scores = anomaly_scores(errors, np.zeros(2), A @ A.T)
    assert_allclose(scores.mean(), 2, atol=0.05)  # χ² with two degrees of freedom
    scale = np.array([1e-3, 1e3])
    rescaled = anomaly_scores(errors * scale, np.zeros(2), (A @ A.T) * np.outer(scale, scale))
    assert_allclose(rescaled, scores, rtol=1e-6)


def test_scores_keep_single_precision_and_stay_silent_on_huge_errors():
    single = anomaly_scores(np.float32([[1, 2]]), np.zeros(2), np.eye(2))
    assert single.dtype == np.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        anomaly_scores(np.array([[1e200, -1e200]]), np.zeros(2), np.eye(2))
        anomaly_scores(np.float32([[1e30, 0]]), np.zeros(2), np.eye(2))


NAN = np.array([[1.0], [np.nan]])
BAD = {
    "features": (lambda: standardize(TRAIN, TEST[:, :2]), r"others\[0\] of shape \(..., 3\)"),
    "no rows": (lambda: standardize(np.ones((0, 3))), "train with at least one row"),
    "a number": (lambda: standardize(3.0), "train with at least one row"),
    "NaN": (lambda: standardize(NAN), "finite numbers in train, got 1 NaN or inf"),
    "NaN elsewhere": (lambda: standardize(np.ones((2, 1)), NAN), r"finite numbers in others\[0\]"),
    "text": (lambda: standardize([["a"]]), "train as numbers"),
    "one axis": (
        lambda: make_windows(np.arange(9.0), 3, 1),
        r"series of shape \(N, D\), got \(9,\)",
    ),
    "window": (lambda: make_windows(TRAIN, 0, 1), "window of at least 1, got 0"),
    "half a window": (lambda: make_windows(TRAIN, 2.5, 1), "window of at least 1, got 2.5"),
    "horizon": (lambda: make_windows(TRAIN, 3, 0), "horizon of at least 1, got 0"),
    "too short": (
        lambda: make_windows(TRAIN[:4], 3, 2),
        r"window \+ horizon = 5 rows, got 4",
    ),
    "errors": (
        lambda: anomaly_scores(np.ones(3), np.ones(3), np.eye(3)),
        r"errors of shape \(N, D\), got \(3,\)",
    ),
    "mean": (
        lambda: anomaly_scores(TEST, np.ones(2), np.eye(3)),
        r"mean of shape \(3,\), got \(2,\)",
    ),
    "covariance": (
        lambda: anomaly_scores(TEST, np.ones(3), np.eye(2)),
        r"covariance of shape \(3, 3\), got \(2, 2\)",
    ),
    "asymmetric": (
        lambda: anomaly_scores(TEST, np.ones(3), np.triu(np.ones((3, 3)))),
        "symmetric covariance",
    ),
    "singular": (
        lambda: anomaly_scores(TEST, np.ones(3), np.ones((3, 3))),
        "positive definite covariance, got smallest eigenvalue",
    ),
    "infinite errors": (
        lambda: anomaly_scores(np.full((2, 1), np.inf), np.ones(1), np.eye(1)),
        "finite numbers in errors, got 2",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()
