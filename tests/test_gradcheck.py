"""Central differences, and the comparison that every hand-written gradient goes through."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm_ref import LinearParams, gradcheck, numerical_gradient


def test_a_cubic_has_its_known_gradient():
    x = np.random.default_rng(0).standard_normal((3, 5))
    assert_allclose(numerical_gradient(lambda x: (x**3).sum(), x), 3 * x**2, rtol=1e-8, atol=1e-9)


def test_x_comes_back_untouched_even_if_f_writes_into_its_argument():
    def f(x):
        x *= 2
        return x.sum()

    x = np.arange(3.0)
    assert_allclose(numerical_gradient(f, x), [2, 2, 2])
    assert_array_equal(x, np.arange(3.0))


def test_single_precision_and_integers_are_differentiated_in_double():
    for x in (np.ones(3, dtype=np.float32), np.ones(3, dtype=int)):
        gradient = numerical_gradient(lambda x: (x**2).sum(), x)
        assert gradient.dtype == np.float64
        assert_allclose(gradient, 2, rtol=1e-9)


def test_a_number_has_a_gradient_without_axes():
    gradient = numerical_gradient(lambda x: float(x) ** 2, 3.0)
    assert gradient.shape == ()
    assert_allclose(gradient, 6, rtol=1e-9)


@pytest.mark.parametrize("eps", [0.0, -1e-5, float("nan")])
def test_a_step_that_is_no_step_is_refused(eps):
    with pytest.raises(ValueError, match="expected an eps above 0"):
        numerical_gradient(np.sum, np.ones(2), eps)


def test_an_entry_too_large_for_the_step_is_refused():
    with pytest.raises(ValueError, match="expected an eps that changes x = 1e\\+20"):
        numerical_gradient(np.sum, np.array([1e20]))


def test_a_function_that_returns_an_array_is_refused():
    with pytest.raises(ValueError, match=r"expected f to return a single number, got shape \(2,\)"):
        numerical_gradient(lambda x: x, np.ones(2))


def quadratic(params):
    return float((params.W**2).sum() + (params.b**3).sum())


def quadratic_gradient(params):
    return LinearParams(2 * params.W, 3 * params.b**2)


@pytest.fixture
def params():
    rng = np.random.default_rng(1)
    return LinearParams(rng.standard_normal((2, 3)), rng.standard_normal(2))


def test_a_right_gradient_of_a_tree_passes(params):
    report = gradcheck(quadratic, params, quadratic_gradient(params))
    assert report and report.entries == 8
    assert "agrees in 8 entries" in str(report)


def test_the_worst_entry_of_a_wrong_gradient_is_named(params):
    wrong = quadratic_gradient(params)
    wrong.W[1, 2] += 0.5
    wrong.b[0] += 1e-5
    report = gradcheck(quadratic, params, wrong)
    assert not report
    assert (report.name, report.index) == ("W", (1, 2))
    assert_allclose(report.analytic - report.numeric, 0.5, rtol=1e-6)
    assert str(report).startswith("gradient DIFFERS in 8 entries; worst is W[1, 2]: analytic")


def test_a_gradient_that_is_off_by_one_part_in_a_hundred_thousand_fails(params):
    wrong = quadratic_gradient(params)
    assert not gradcheck(quadratic, params, wrong._replace(W=wrong.W * (1 + 1e-5)))


def test_nan_never_passes(params):
    wrong = quadratic_gradient(params)
    wrong.b[1] = np.nan
    report = gradcheck(quadratic, params, wrong)
    assert not report and report.name == "b" and report.error == np.inf


def test_single_precision_is_refused():
    x = np.ones(2, dtype=np.float32)
    with pytest.raises(ValueError, match="expected x in float64, got float32"):
        gradcheck(np.sum, x, x)


def test_a_gradient_of_another_shape_is_refused(params):
    bad = LinearParams(params.W.T, params.b)
    with pytest.raises(
        ValueError, match=r"expected an array of shape \(2, 3\) at W, got .*\(3, 2\)"
    ):
        gradcheck(quadratic, params, bad)


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="expected at least one entry"):
        gradcheck(lambda x: 0.0, {}, {})
