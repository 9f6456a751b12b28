"""What every function of the cells and layers keeps: precision, purity, silence; and symmetries."""

import copy
import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref
from lstm_ref import LSTMParams
from lstm_ref.checks.inputs import normal, parameters
from tests.cells import KINDS, backward, forward, inputs
from tests.functions import FUNCTIONS, MODULES, WITHOUT_ARRAYS

functions = pytest.mark.parametrize("name", FUNCTIONS)
KEPT_FOR_BACKWARD = ("Cache", "Tape")  # these hold the caller's arrays on purpose


def arrays_in(value, keep_caches=True):
    """Collect the arrays of nested containers."""
    if isinstance(value, np.ndarray):
        return [value]
    if type(value).__name__.endswith(KEPT_FOR_BACKWARD) and not keep_caches:
        return []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for part in value for array in arrays_in(part, keep_caches)]
    return []


def rounded(value):
    """Turn every floating array of nested containers into single precision."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float32) if value.dtype.kind == "f" else value
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [rounded(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def arguments(name, seed=0, scale=1.0):
    return FUNCTIONS[name].arguments(np.random.default_rng(seed), scale)


def test_every_public_function_is_in_the_table():
    public = {
        name
        for module in MODULES
        for name in module.__all__
        if inspect.isfunction(getattr(module, name))
    }
    assert public == set(FUNCTIONS) | WITHOUT_ARRAYS


def test_every_function_is_exported_once_and_documented():
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            assert getattr(lstm_ref, name) is thing
            if inspect.isfunction(thing):
                assert inspect.getdoc(thing).splitlines()[0].endswith(".")
            elif inspect.isclass(thing):
                assert "tuple" not in thing.__doc__.splitlines()[0]


def test_no_module_is_hidden_behind_another_and_all_of_legacy_is_exported():
    for info in pkgutil.iter_modules(lstm_ref.__path__):
        shown = getattr(lstm_ref, info.name, None)
        assert not inspect.ismodule(shown) or shown.__name__ == f"lstm_ref.{info.name}"
    for info in pkgutil.iter_modules(lstm_ref.legacy.__path__):
        module = importlib.import_module(f"lstm_ref.legacy.{info.name}")
        assert all(getattr(lstm_ref, name) is getattr(module, name) for name in module.__all__)


@functions
def test_single_precision_in_single_precision_out(name):
    args = rounded(arguments(name))
    dtypes = {a.dtype for a in arrays_in(FUNCTIONS[name].call(*args)) if a.dtype.kind == "f"}
    assert dtypes == {np.dtype(np.float32)}


@functions
def test_double_precision_in_double_precision_out_and_close_to_single(name):
    if name.startswith("stacked"):
        first, second = arguments(name), arguments(name)  # each with a fresh generator
    else:
        first = second = arguments(name)
    double = arrays_in(FUNCTIONS[name].call(*first))
    single = arrays_in(FUNCTIONS[name].call(*rounded(second)))
    assert {a.dtype for a in double if a.dtype.kind == "f"} == {np.dtype(np.float64)}
    for a, b in zip(double, single, strict=True):
        assert np.allclose(a, b, rtol=2e-3, atol=1e-4)


@functions
def test_inputs_are_left_untouched(name):
    args = arguments(name)
    before = copy.deepcopy(args)
    FUNCTIONS[name].call(*args)
    for a, b in zip(arrays_in(args), arrays_in(before), strict=True):
        assert a.tobytes() == b.tobytes()


@functions
def test_read_only_inputs_are_enough(name):
    args = arguments(name)
    for array in arrays_in(args):
        array.flags.writeable = False
    FUNCTIONS[name].call(*args)


@functions
def test_results_share_no_memory_with_inputs(name):
    args = arguments(name)
    given_arrays = arrays_in(args)
    for result in arrays_in(FUNCTIONS[name].call(*args), keep_caches=False):
        assert not any(np.shares_memory(result, a) for a in given_arrays)


@functions
def test_same_arguments_same_result(name):
    once = arrays_in(FUNCTIONS[name].call(*arguments(name)))
    again = arrays_in(FUNCTIONS[name].call(*arguments(name)))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(once, again, strict=True))


@functions
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_finite_inputs_raise_no_warning(name, dtype):
    args = arguments(name, scale=1000.0)
    args = rounded(args) if dtype == np.float32 else args
    with np.errstate(all="raise", under="ignore"):
        results = arrays_in(FUNCTIONS[name].call(*args))
    if name != "gradient_norms":  # 200 factors of norm 1000: infinite, and silently so
        assert all(np.isfinite(a).all() for a in results if a.dtype.kind == "f")


@functions
def test_order_of_memory_does_not_matter(name):
    """Column-major and strided inputs give what row-major ones give."""

    def strided(value):
        if isinstance(value, np.ndarray) and value.ndim:
            wide = np.repeat(value, 2, axis=-1)
            return np.asfortranarray(wide)[..., ::2]
        if isinstance(value, list | tuple):
            parts = [strided(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        return value

    usual = arrays_in(FUNCTIONS[name].call(*arguments(name)))
    other = arrays_in(FUNCTIONS[name].call(*strided(arguments(name))))
    assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(usual, other, strict=True))


# ------------------------------------------------------------------------------------- symmetries

seeds = st.integers(0, 2**32 - 1)
lengths_of_three = st.lists(st.integers(0, 5), min_size=3, max_size=3)
kind_names = st.sampled_from(sorted(KINDS))


def gradients(kind, run, lengths):
    """Run forwards and back, all weights of the loss 1."""
    hs, states, caches = forward(kind, run, lengths)
    dxs, dinitial, grads = backward(kind, np.ones_like(hs), caches, run, (), lengths)
    return hs, states, dxs, dinitial, grads


@given(kind_names, seeds, st.permutations([0, 1, 2]), lengths_of_three)
@settings(max_examples=40)
def test_order_of_the_batch_does_not_matter(name, seed, order, lengths):
    kind, lengths = KINDS[name], np.array(lengths)
    run = inputs(kind, seed)
    turned = run._replace(xs=run.xs[:, order], states=tuple(s[order] for s in run.states))
    hs, states, dxs, dinitial, grads = gradients(kind, run, lengths)
    hs2, states2, dxs2, dinitial2, grads2 = gradients(kind, turned, lengths[order])
    assert np.allclose(hs2, hs[:, order], atol=1e-12)
    assert np.allclose(dxs2, dxs[:, order], atol=1e-12)
    for a, b in zip((*states2, *dinitial2), (*states, *dinitial), strict=True):
        assert np.allclose(a, b[order], atol=1e-12)
    assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(grads2, grads, strict=True))


@given(kind_names, seeds, lengths_of_three)
@settings(max_examples=40)
def test_padding_beyond_the_end_changes_nothing(name, seed, lengths):
    kind, ends = KINDS[name], np.array(lengths)
    run = inputs(kind, seed)
    noise = run.xs.copy()
    for n, end in enumerate(lengths):
        noise[end:, n] = 1e6
    usual = gradients(kind, run, ends)
    other = gradients(kind, run._replace(xs=noise), ends)
    for a, b in zip(arrays_in(usual), arrays_in(other), strict=True):
        assert np.array_equal(a, b)
    for n, end in enumerate(lengths):
        assert (usual[2][end:, n] == 0).all(), "no gradient reaches the padding"


@given(kind_names, seeds, lengths_of_three)
@settings(max_examples=40)
def test_a_batch_with_lengths_equals_its_sequences_one_by_one(name, seed, lengths):
    kind, ends = KINDS[name], np.array(lengths)
    run = inputs(kind, seed)
    hs, states, dxs, dinitial, grads = gradients(kind, run, ends)
    total = [np.zeros_like(g) for g in grads]
    for n, end in enumerate(lengths):
        if end == 0:
            assert all((s[n] == s0[n]).all() for s, s0 in zip(states, run.states, strict=True))
            continue
        row = slice(n, n + 1)
        alone = run._replace(xs=run.xs[:end, row], states=tuple(s[row] for s in run.states))
        hs1, states1, dxs1, dinitial1, grads1 = gradients(kind, alone, None)
        assert np.allclose(hs1, hs[:end, row], atol=1e-12)
        assert np.allclose(dxs1, dxs[:end, row], atol=1e-12)
        for a, b in zip((*states1, *dinitial1), (*states, *dinitial), strict=True):
            assert np.allclose(a, b[row], atol=1e-12)
        total = [t + g for t, g in zip(total, grads1, strict=True)]
    assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(total, grads, strict=True))


@given(seeds, lengths_of_three)
@settings(max_examples=40)
def test_reversed_time_exchanges_the_two_directions(seed, lengths):
    rng = np.random.default_rng(seed)
    xs = normal(rng, 5, 3, 2)
    pair = [parameters(LSTMParams, rng, 3, 2) for _ in range(2)]
    turned = xs.copy()
    for n, end in enumerate(lengths):
        turned[:end, n] = xs[:end, n][::-1]
    out, (ahead, back), _ = lstm_ref.bidirectional_forward_cached(xs, *pair, lengths)
    swapped, (back2, ahead2), _ = lstm_ref.bidirectional_forward_cached(
        turned, *pair[::-1], lengths
    )
    for n, end in enumerate(lengths):
        halves = swapped[:end, n, 3:], swapped[:end, n, :3]
        assert np.allclose(out[:end, n], np.concatenate(halves, axis=1)[::-1], atol=1e-12)
    for a, b in zip((*ahead, *back), (*ahead2, *back2), strict=True):
        assert np.allclose(a, b, atol=1e-12)


@given(seeds)
@settings(max_examples=20)
def test_variants_become_the_lstm_where_they_should(seed):
    """Peepholes of 0, an input gate of 1 − f, and a forget gate of 1 are the LSTM's own case."""
    lstm = KINDS["lstm"]
    run = inputs(lstm, seed)
    p = run.params
    zero = np.zeros_like(p.b_f)
    hs, _, _ = forward(lstm, run)
    peephole = lstm_ref.PeepholeParams(*p, zero, zero, zero)
    assert np.allclose(forward(KINDS["peephole"], run._replace(params=peephole))[0], hs, atol=1e-12)

    coupled = lstm_ref.CoupledParams(p.W_f, p.b_f, p.W_c, p.b_c, p.W_o, p.b_o)
    opposite = p._replace(W_i=-p.W_f, b_i=-p.b_f)
    ours = forward(KINDS["coupled"], run._replace(params=coupled))[0]
    assert np.allclose(ours, forward(lstm, run._replace(params=opposite))[0], atol=1e-12)

    original = lstm_ref.LSTM1997Params(p.W_i, p.b_i, p.W_c, p.b_c, p.W_o, p.b_o)
    keeping = p._replace(W_f=0 * p.W_f, b_f=zero + 1000)
    ours = forward(KINDS["lstm1997"], run._replace(params=original))[0]
    assert np.allclose(ours, forward(lstm, run._replace(params=keeping))[0], atol=1e-12)


@given(seeds)
@settings(max_examples=20)
def test_both_places_of_the_reset_gate_agree_where_it_is_open_and_only_there(seed):
    run = inputs(KINDS["gru"], seed)
    before, after = KINDS["gru"], KINDS["gru_reset_after"]
    zero = np.zeros_like(run.params.b_h)
    for bias, same in ((1000.0, True), (0.0, False)):
        p = run.params._replace(b_r=zero + bias)
        hs = forward(before, run._replace(params=p))[0]
        other = forward(after, run._replace(params=lstm_ref.GRUResetAfterParams(*p, zero)))[0]
        assert np.allclose(hs, other, atol=1e-12) == same
