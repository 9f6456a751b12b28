"""Losses against their definitions, by central differences, against PyTorch; and sampling."""

import math
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm_ref import (
    gaussian_nll,
    gradcheck,
    log_softmax,
    mse,
    sample_token,
    softmax,
    softmax_cross_entropy,
)

T, B, V = 7, 3, 5
rng = np.random.default_rng(0)
LOGITS = 3 * rng.standard_normal((T, B, V))
LABELS = rng.integers(0, V, (T, B))
MASK = rng.random((T, B)) < 0.6
MEAN, LOG_VARIANCE, VALUES = rng.standard_normal((3, T, B, 2))

LOSSES = {
    "cross-entropy": (lambda x: softmax_cross_entropy(x, LABELS), LOGITS),
    "masked cross-entropy": (lambda x: softmax_cross_entropy(x, LABELS, MASK), LOGITS),
    "mse": (lambda x: mse(x, VALUES), MEAN),
    "masked mse": (lambda x: mse(x, VALUES, MASK), MEAN),
    "likelihood": (lambda x: gaussian_nll(*x, VALUES), (MEAN, LOG_VARIANCE)),
    "masked likelihood": (lambda x: gaussian_nll(*x, VALUES, MASK), (MEAN, LOG_VARIANCE)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_agree_with_central_differences(name):
    f, x = LOSSES[name]
    report = gradcheck(lambda x: f(x)[0], x, f(x)[1])
    assert report, report


def test_cross_entropy_is_the_mean_over_counting_positions():
    total, count = 0.0, 0
    for t in range(T):
        for b in range(B):
            if MASK[t, b]:
                p = np.exp(LOGITS[t, b]) / np.exp(LOGITS[t, b]).sum()
                total, count = total - math.log(p[LABELS[t, b]]), count + 1
    assert_allclose(softmax_cross_entropy(LOGITS, LABELS, MASK)[0], total / count)


def test_uniform_logits_cost_the_logarithm_of_the_number_of_classes():
    assert_allclose(softmax_cross_entropy(np.zeros((T, B, V)), LABELS)[0], math.log(V))


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "likelihood"])
def test_masked_positions_do_not_matter_and_get_no_gradient(loss):
    if loss == "cross-entropy":
        other = LOGITS.copy()
        other[~MASK] = 77.0
        labels = np.where(MASK, LABELS, -100)  # padding: no class at all
        first = softmax_cross_entropy(LOGITS, LABELS, MASK)
        second = softmax_cross_entropy(other, labels, MASK)
    else:
        f = mse if loss == "mse" else lambda m, y, k: gaussian_nll(m, LOG_VARIANCE, y, k)
        values = VALUES.copy()
        values[~MASK] = 77.0
        first, second = f(MEAN, VALUES, MASK), f(MEAN, values, MASK)
    assert first[0] == second[0]
    gradients = second[1] if isinstance(second[1], tuple) else (second[1],)
    for gradient in gradients:
        assert not gradient[~MASK].any()
        assert gradient[MASK].any()


def test_a_mask_may_be_zeros_and_ones():
    a, b = (softmax_cross_entropy(LOGITS, LABELS, m) for m in (MASK, MASK.astype(float)))
    assert a[0] == b[0]
    assert_array_equal(a[1], b[1])


@pytest.mark.parametrize("name", ["masked cross-entropy", "masked mse", "masked likelihood"])
def test_a_mask_that_leaves_nothing_costs_nothing(name):
    nothing = np.zeros((T, B), dtype=bool)
    if name == "masked cross-entropy":
        loss, d = softmax_cross_entropy(LOGITS, LABELS, nothing)
    elif name == "masked mse":
        loss, d = mse(MEAN, VALUES, nothing)
    else:
        loss, (d, _) = gaussian_nll(MEAN, LOG_VARIANCE, VALUES, nothing)
    assert loss == 0.0 and not d.any()


@pytest.mark.parametrize("size", [1e3, 1e30, 1e308])
def test_losses_are_silent_on_extreme_numbers(size):
    extreme = np.sign(LOGITS) * size
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, d = softmax_cross_entropy(extreme, LABELS)
        assert loss > 0 and np.isfinite(d).all()
        mse(extreme, -extreme)
        gaussian_nll(extreme, np.zeros_like(extreme), -extreme)


def test_a_confident_right_answer_costs_nothing_and_a_wrong_one_its_margin():
    logits = np.array([[[1000.0, -1000.0]]])
    assert softmax_cross_entropy(logits, [[0]])[0] == 0.0
    loss, d = softmax_cross_entropy(logits, [[1]])
    assert loss == 2000.0
    assert_array_equal(d, [[[1.0, -1.0]]])


def test_softmax_and_its_logarithm_agree():
    assert_allclose(np.exp(log_softmax(LOGITS)), softmax(LOGITS))
    assert_allclose(softmax(LOGITS).sum(axis=-1), 1)
    assert_allclose(softmax(LOGITS + 1e4), softmax(LOGITS), rtol=1e-9)


def test_mse_is_the_mean_over_entries():
    assert_allclose(mse(MEAN, VALUES)[0], ((MEAN - VALUES) ** 2).mean())
    assert_allclose(mse(MEAN, VALUES, MASK)[0], ((MEAN - VALUES)[MASK] ** 2).mean())


def test_likelihood_is_the_gaussian_one():
    sigma2 = np.exp(LOG_VARIANCE)
    density = np.exp(-((VALUES - MEAN) ** 2) / (2 * sigma2)) / np.sqrt(2 * np.pi * sigma2)
    assert_allclose(gaussian_nll(MEAN, LOG_VARIANCE, VALUES)[0], -np.log(density).mean())


def test_a_certain_and_right_prediction_has_no_nan():
    s = np.array([[-2000.0]])
    loss, (dmean, ds) = gaussian_nll(np.ones((1, 1)), s, [[1.0]])
    assert_allclose(loss, 0.5 * (math.log(2 * math.pi) - 2000))
    assert dmean == 0 and ds == 0.5


@pytest.mark.parametrize("name", LOSSES)
def test_single_precision_gives_single_precision_gradients(name):
    f, x = LOSSES[name]
    single = tuple(a.astype(np.float32) for a in x) if isinstance(x, tuple) else np.float32(x)
    before = [a.copy() for a in (single if isinstance(single, tuple) else (single,))]
    loss, d = f(single)
    assert isinstance(loss, float)
    assert_allclose(loss, f(x)[0], rtol=1e-5)
    for gradient in d if isinstance(d, tuple) else (d,):
        assert gradient.dtype == np.float32
    for a, b in zip(before, single if isinstance(single, tuple) else (single,), strict=True):
        assert_array_equal(a, b)


# --- sampling -------------------------------------------------------------------------------------


def test_samples_follow_the_softmax():
    logits, n = np.array([0.0, 1.0, -1.0, 0.5]), 20_000
    draw = np.random.default_rng(1)
    counts = np.bincount([sample_token(logits, 0.7, draw) for _ in range(n)], minlength=4)
    p = softmax(logits / 0.7)
    assert (np.abs(counts / n - p) < 4 * np.sqrt(p * (1 - p) / n)).all()


def test_temperature_zero_takes_the_first_of_the_largest_and_draws_nothing():
    draw = np.random.default_rng(2)
    before = draw.bit_generator.state
    assert sample_token(np.array([1.0, 3.0, 3.0]), 0, draw) == 1
    assert draw.bit_generator.state == before


def test_all_randomness_comes_from_the_generator():
    logits = np.zeros(50)
    a, b = (
        [sample_token(logits, 1.0, g) for _ in range(20)]
        for g in (np.random.default_rng(3), np.random.default_rng(3))
    )
    assert a == b and len(set(a)) > 5


@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1.0, 1e3, 1e300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_temperature_is_silent(temperature, dtype):
    logits = np.array([1000.0, -1000.0, 0.0], dtype=dtype)
    token = sample_token(logits, temperature, np.random.default_rng(4))
    assert isinstance(token, int) and 0 <= token < 3
    if temperature <= 1:
        assert token == 0


# --- bad input ------------------------------------------------------------------------------------

BAD = {
    "labels' shape": (
        lambda: softmax_cross_entropy(LOGITS, LABELS.T),
        r"targets of shape \(7, 3\), got \(3, 7\)",
    ),
    "labels' dtype": (lambda: softmax_cross_entropy(LOGITS, LABELS * 1.0), "targets as integers"),
    "label too large": (lambda: softmax_cross_entropy(LOGITS, LABELS + V), "between 0 and 4"),
    "label negative": (lambda: softmax_cross_entropy(LOGITS, LABELS - V), "between 0 and 4, got -"),
    "mask's shape": (
        lambda: softmax_cross_entropy(LOGITS, LABELS, MASK[0]),
        r"mask of shape \(7, 3\), got \(3,\)",
    ),
    "mask of numbers": (
        lambda: softmax_cross_entropy(LOGITS, LABELS, 2 * MASK),
        "mask of booleans",
    ),
    "logits' dtype": (lambda: softmax_cross_entropy(LABELS, LABELS[0]), "logits of a floating"),
    "logits as a list": (lambda: softmax_cross_entropy([[0.0]], [0]), "logits as an array"),
    "no logits": (
        lambda: softmax_cross_entropy(np.zeros((0, 2, 3)), np.zeros((0, 2), int)),
        "without empty axes",
    ),
    "softmax of a list": (lambda: softmax([0.0]), "logits as an array, got list"),
    "softmax of nothing": (lambda: softmax(np.zeros((2, 0))), "without empty axes"),
    "log softmax of integers": (lambda: log_softmax(np.zeros(2, int)), "of a floating dtype"),
    "mse shapes": (
        lambda: mse(MEAN, VALUES[0]),
        r"targets of shape \(7, 3, 2\), got \(3, 2\)",
    ),
    "mse mask": (lambda: mse(MEAN, VALUES, MASK[:2]), r"mask of shape \(7, 3\)"),
    "mse dtype": (lambda: mse(LABELS, LABELS), "predictions of a floating dtype, got int"),
    "mse targets": (lambda: mse(np.ones((1, 1)), [["a"]]), "targets as numbers"),
    "variance's shape": (
        lambda: gaussian_nll(MEAN, LOG_VARIANCE[0], VALUES),
        r"log_variance of shape \(7, 3, 2\), got \(3, 2\)",
    ),
    "likelihood targets": (lambda: gaussian_nll(MEAN, LOG_VARIANCE, VALUES[0]), "targets of shape"),
    "logits with axes": (
        lambda: sample_token(LOGITS, 1.0, rng),
        r"logits of shape \(V,\), got \(7, 3, 5\)",
    ),
    "NaN logits": (lambda: sample_token(np.full(3, np.nan), 1.0, rng), "numbers in logits, got 3"),
    "negative temperature": (lambda: sample_token(np.zeros(3), -1, rng), "at least 0, got -1"),
    "NaN temperature": (
        lambda: sample_token(np.zeros(3), float("nan"), rng),
        "at least 0, got nan",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()


# --- against PyTorch ------------------------------------------------------------------------------


def test_pytorch_agrees_on_losses_and_gradients():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: parity not checked")
    F = torch.nn.functional

    logits = torch.tensor(LOGITS, requires_grad=True)
    labels = torch.tensor(np.where(MASK, LABELS, -100))
    loss = F.cross_entropy(logits.reshape(-1, V), labels.reshape(-1))
    loss.backward()
    ours, d = softmax_cross_entropy(LOGITS, LABELS, MASK)
    assert_allclose(ours, loss.item(), rtol=1e-9)
    assert_allclose(d, logits.grad.numpy(), atol=1e-9)

    x = torch.tensor(MEAN, requires_grad=True)
    loss = F.mse_loss(x, torch.tensor(VALUES))
    loss.backward()
    ours, d = mse(MEAN, VALUES)
    assert_allclose(ours, loss.item(), rtol=1e-9)
    assert_allclose(d, x.grad.numpy(), atol=1e-9)

    mean, s = (torch.tensor(a, requires_grad=True) for a in (MEAN, LOG_VARIANCE))
    loss = F.gaussian_nll_loss(mean, torch.tensor(VALUES), s.exp(), full=True, eps=0)
    loss.backward()
    ours, (dmean, ds) = gaussian_nll(MEAN, LOG_VARIANCE, VALUES)
    assert_allclose(ours, loss.item(), rtol=1e-9)
    assert_allclose(dmean, mean.grad.numpy(), atol=1e-9)
    assert_allclose(ds, s.grad.numpy(), atol=1e-9)
