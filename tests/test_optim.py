"""Clipping and the optimisers, on dicts and on parameter tuples, and step by step with PyTorch."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm_ref import LinearParams, adam, clip_by_global_norm, sgd, tree_items, tree_map


def make_tree(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "cell": LinearParams(rng.standard_normal((3, 5)), rng.standard_normal(3)),
        "readout": [rng.standard_normal((2, 3)), rng.standard_normal(2)],
    }


def norm_of(tree):
    return np.sqrt(sum((g**2).sum() for _, g in tree_items(tree)))


# --- clipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [lambda t: t, lambda t: t["cell"], lambda t: {"a": t["cell"].W}])
def test_too_long_gradients_are_scaled_together(kind):
    grads = kind(make_tree())
    clipped, norm = clip_by_global_norm(grads, 0.5)
    assert_allclose(norm, norm_of(grads))
    assert_allclose(norm_of(clipped), 0.5)
    tree_map(lambda c, g: assert_allclose(c, g * 0.5 / norm), clipped, grads)
    assert type(clipped) is type(grads)


def test_short_gradients_stay_as_they_are_but_are_copies():
    grads = make_tree()
    clipped, norm = clip_by_global_norm(grads, 1e6)
    tree_map(assert_array_equal, clipped, grads)
    for (_, c), (_, g) in zip(tree_items(clipped), tree_items(grads), strict=True):
        assert not np.shares_memory(c, g)
    assert clip_by_global_norm(grads, float("inf"))[1] == norm


def test_zero_gradients_stay_zero():
    clipped, norm = clip_by_global_norm({"a": np.zeros(3), "b": np.zeros((2, 2))}, 1.0)
    assert norm == 0.0
    assert not any(g.any() for g in clipped.values())


@pytest.mark.parametrize("dtype, size", [(np.float64, 1e300), (np.float64, 1e-300)])
@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 1e3])
def test_no_finite_gradient_overflows_or_vanishes_on_the_way(dtype, size, max_norm):
    grads = {"a": np.array([3.0, 0.0], dtype) * size, "b": np.array([4.0], dtype) * size}
    clipped, norm = clip_by_global_norm(grads, max_norm)
    assert_allclose(norm, 5 * size)
    assert_allclose(clipped["b"] / clipped["a"][0], 4 / 3)
    assert_allclose(clipped["b"], [0.8 * min(max_norm, 5 * size)])


def test_the_largest_floats_are_clipped_in_silence():
    for dtype in (np.float32, np.float64):
        huge = {"a": np.full(9, np.finfo(dtype).max, dtype)}
        clipped, _ = clip_by_global_norm(huge, 3.0)
        assert clipped["a"].dtype == dtype
        assert_allclose(clipped["a"], 1, rtol=1e-6)


def test_single_precision_stays_single_also_without_axes():
    grads = {"a": np.float32([3.0]), "b": np.array(4.0, np.float32)}
    clipped, _ = clip_by_global_norm(grads, 1.0)
    assert all(g.dtype == np.float32 for g in clipped.values())
    assert_allclose(clipped["b"], 0.8, rtol=1e-6)


@pytest.mark.parametrize("max_norm", [0.0, -1.0, float("nan")])
def test_a_max_norm_that_is_not_positive_is_refused(max_norm):
    with pytest.raises(ValueError, match="expected a max_norm above 0, got"):
        clip_by_global_norm({"a": np.ones(2)}, max_norm)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_no_number_is_named(value):
    with pytest.raises(ValueError, match="expected finite gradients, got NaN or inf in b"):
        clip_by_global_norm({"a": np.ones(2), "b": np.array([1.0, value])}, 1.0)


def test_no_gradient_at_all_is_refused():
    with pytest.raises(ValueError, match="expected at least one gradient, got none"):
        clip_by_global_norm({}, 1.0)


# --- optimisers -----------------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda: sgd(0.1),
    "momentum": lambda: sgd(0.05, momentum=0.9),
    "adam": lambda: adam(0.01),
    "adam with its numbers": lambda: adam(0.02, beta1=0.8, beta2=0.99, epsilon=1e-5),
}
TORCH = {
    "sgd": lambda torch, p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda torch, p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda torch, p: torch.optim.Adam(p, lr=0.01),
    "adam with its numbers": lambda torch, p: torch.optim.Adam(
        p, lr=0.02, betas=(0.8, 0.99), eps=1e-5
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_many_steps_agree_with_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: parity not checked")
    params = make_tree()
    theirs = [torch.tensor(p, requires_grad=True) for _, p in tree_items(params)]
    optimizer, their_optimizer = OPTIMIZERS[name](), TORCH[name](torch, theirs)
    state = optimizer.init(params)
    for k in range(23):
        grads = make_tree(k + 1)
        params, state = optimizer.update(grads, state, params)
        for tensor, (_, g) in zip(theirs, tree_items(grads), strict=True):
            tensor.grad = torch.tensor(g)
        their_optimizer.step()
        for tensor, (label, p) in zip(theirs, tree_items(params), strict=True):
            assert_allclose(p, tensor.detach().numpy(), rtol=0, atol=1e-9, err_msg=f"{k} {label}")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_bowl_is_descended(name):
    optimizer = OPTIMIZERS[name]()
    params = {"x": np.array([1.0, -2.0])}
    state = optimizer.init(params)
    for _ in range(2000):
        params, state = optimizer.update({"x": 2 * params["x"]}, state, params)
    assert_allclose(params["x"], 0, atol=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_touches_none_of_its_arguments_and_can_be_repeated(name):
    optimizer, params, grads = OPTIMIZERS[name](), make_tree(), make_tree(1)
    params, state = optimizer.update(grads, optimizer.init(params), params)
    before = tree_map(np.copy, (params, grads, state))
    first = optimizer.update(grads, state, params)
    second = optimizer.update(grads, state, params)
    tree_map(assert_array_equal, (params, grads, state), before)
    tree_map(assert_array_equal, first, second)
    for (_, new), (_, old) in zip(tree_items(first), tree_items((params, state)), strict=True):
        assert not np.shares_memory(new, old)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_single_precision_stays_single(name):
    optimizer = OPTIMIZERS[name]()
    params = {"w": np.ones((2, 3), np.float32), "scale": np.array(1.0, np.float32)}
    state = optimizer.init(params)
    for _ in range(3):
        params, state = optimizer.update(tree_map(np.ones_like, params), state, params)
    for label, array in tree_items((params, state[1:])):
        assert array.dtype == np.float32, label


@pytest.mark.parametrize("size", [1e-300, 1e150, 1e300])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_extreme_gradients_are_silent(name, size):
    optimizer, params = OPTIMIZERS[name](), make_tree()
    grads = tree_map(lambda g: g * size, make_tree(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        params, _ = optimizer.update(grads, optimizer.init(params), params)
    assert all(np.isfinite(p).all() for _, p in tree_items(params))


def test_adams_first_step_is_the_learning_rate_whatever_the_gradients_size():
    optimizer, params = adam(0.01), {"x": np.zeros(3)}
    params, _ = optimizer.update({"x": np.array([1e-3, -5.0, 1e4])}, optimizer.init(params), params)
    assert_allclose(params["x"], [-0.01, 0.01, -0.01], rtol=1e-4)


@pytest.mark.parametrize("make", [sgd, adam])
def test_a_schedule_is_asked_with_the_steps_done(make):
    asked = []

    def schedule(step):
        asked.append(step)
        return 0.1 / (step + 1)

    optimizer, params = make(schedule), {"x": np.zeros(1)}
    state, moves = optimizer.init(params), []
    for _ in range(3):
        before = params["x"]
        params, state = optimizer.update({"x": np.ones(1)}, state, params)
        moves.append(float((before - params["x"])[0]))
    assert asked == [0, 1, 2]
    assert_allclose(moves, [0.1, 0.05, 0.1 / 3], rtol=1e-6)


def test_gradients_of_another_tree_are_refused():
    params = make_tree()
    for optimizer in (sgd(0.1), adam(0.1)):
        state = optimizer.init(params)
        with pytest.raises(ValueError, match=r"expected a dict with keys .*'cell', 'readout'"):
            optimizer.update({"cell": params["cell"]}, state, params)
        wrong = {**params, "cell": LinearParams(np.ones((5, 3)), np.ones(3))}
        with pytest.raises(ValueError, match=r"shape \(3, 5\) at cell/W, got .* \(5, 3\)"):
            optimizer.update(wrong, state, params)


BAD = {
    "zero rate": (lambda: sgd(0.0), "learning_rate above 0, got 0"),
    "infinite rate": (lambda: adam(float("inf")), "learning_rate above 0, got inf"),
    "NaN rate": (lambda: adam(float("nan")), "learning_rate above 0, got nan"),
    "momentum of 1": (lambda: sgd(0.1, momentum=1.0), "momentum from 0 to below 1, got 1.0"),
    "negative momentum": (lambda: sgd(0.1, momentum=-0.1), "momentum from 0 to below 1"),
    "beta1": (lambda: adam(beta1=1.0), "beta1 from 0 to below 1, got 1.0"),
    "beta2": (lambda: adam(beta2=-1.0), "beta2 from 0 to below 1, got -1.0"),
    "epsilon": (lambda: adam(epsilon=0.0), "epsilon above 0, got 0.0"),
}


@pytest.mark.parametrize("case", BAD)
def test_numbers_out_of_range_are_refused(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected an? {message}|expected {message}"):
        call()
