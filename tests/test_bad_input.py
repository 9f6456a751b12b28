"""Every public function refuses what does not fit, and says what it expected and what it got."""

import re

import numpy as np
import pytest

import lstm_ref
from tests.functions import FUNCTIONS

EXPECTED_AND_GOT = re.compile(r"^expected .+, (as in the forward pass, )?got .+", re.DOTALL)


def places(value, path=()):
    """Yield the place of every floating array that the caller chose; caches are not chosen."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield path
    elif isinstance(value, list | tuple) and not is_cache(value):
        for k, part in enumerate(value):
            yield from places(part, (*path, k))


def is_cache(value):
    return type(value).__name__.endswith(("Cache", "Tape"))


def at(value, path):
    for k in path:
        value = value[k]
    return value


def put(value, path, new):
    """Return the nested containers with one place exchanged."""
    if not path:
        return new
    parts = list(value)
    parts[path[0]] = put(parts[path[0]], path[1:], new)
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def arguments(name):
    return FUNCTIONS[name].arguments(np.random.default_rng(0), 1.0)


strict = pytest.mark.parametrize(
    "name", [name for name, function in FUNCTIONS.items() if not function.takes_numbers]
)
of_numbers = pytest.mark.parametrize(
    "name", [name for name, function in FUNCTIONS.items() if function.takes_numbers]
)


def refused(name, path, change):
    """Change one array of valid arguments, see the call refused, and return what it said."""
    args = arguments(name)
    try:
        FUNCTIONS[name].call(*put(args, path, change(at(args, path))))
    except ValueError as error:
        assert EXPECTED_AND_GOT.match(str(error)), f"argument {path}: {error}"
        return str(error)
    raise AssertionError(f"argument {path} of {name} was accepted")


@strict
def test_one_axis_too_many_or_too_few(name):
    for path in places(arguments(name)):
        refused(name, path, lambda a: a[None])
        refused(name, path, lambda a: a[0])


def one_more(array, axis):
    return np.concatenate([array, array.take([0], axis=axis)], axis=axis)


def free_axis(name, path):
    """Return the axis of an argument whose size nothing else decides: steps, batch, inputs."""
    if path == (0,) and ("forward" in name or name in ("gate_trace", "gradient_norms")):
        return 0  # steps: lengths of 5, 0 and 2 fit a sequence of six steps, too
    if (name, path) == ("rnn_jacobian", (0,)):
        return 0  # batch
    if (name, path) in [("rnn_jacobian", (1,)), ("rnn_to_torch", (0, 0))]:
        return 1  # inputs
    if path == (0,) and name.endswith("from_torch"):
        return 1  # inputs
    return None


@strict
def test_another_size_of_any_axis(name):
    for path in places(arguments(name)):
        for axis in range(at(arguments(name), path).ndim):
            if axis != free_axis(name, path):
                refused(name, path, lambda a, axis=axis: one_more(a, axis))


@strict
def test_no_entries(name):
    for path in places(arguments(name)):
        for axis in range(at(arguments(name), path).ndim):
            refused(name, path, lambda a, axis=axis: a.take([], axis=axis))


@strict
def test_integers_lists_and_nothing(name):
    for path in places(arguments(name)):
        assert "floating dtype, got int" in refused(name, path, lambda a: a.astype(int))
        assert refused(name, path, lambda a: a.tolist()).endswith("got list")
        dfinal = name.endswith("_backward") and "step" not in name and path[0] > 2
        if not dfinal:  # the gradient of a final state may be left out
            assert refused(name, path, lambda a: None).endswith("got NoneType")


def parameters_of(name):
    """Yield the place of every parameter tuple among a function's arguments."""
    for k, value in enumerate(arguments(name)):
        if hasattr(value, "_fields") and not is_cache(value):
            yield (k,)
        elif isinstance(value, list):
            yield from ((k, j) for j, v in enumerate(value) if hasattr(v, "_fields"))


with_parameters = pytest.mark.parametrize(
    "name",
    [
        name
        for name in FUNCTIONS
        if any(not is_cache(at(arguments(name), p)) for p in parameters_of(name))
    ],
)


def own_parameters(name):
    return [path for path in parameters_of(name) if not is_cache(at(arguments(name), path))]


@with_parameters
def test_nan_in_a_weight(name):
    def one_nan(a):
        return np.where(np.arange(a.size).reshape(a.shape) == 3, np.nan, a)

    for path in own_parameters(name):
        for k, field in enumerate(at(arguments(name), path)._fields):
            text = refused(name, (*path, k), one_nan)
            assert text == f"expected numbers in {field}, got 1 NaN"


@with_parameters
def test_parameters_of_another_kind(name):
    others = (
        lstm_ref.PeepholeParams(*[np.ones((7, 9)), np.ones(7)] * 4, *[np.ones(7)] * 3),
        lstm_ref.RNNParams(np.ones((7, 9)), np.ones(7)),
    )
    for path in own_parameters(name):
        right = type(at(arguments(name), path))
        for other in others:
            if type(other) is not right:
                text = refused(name, path, lambda a, other=other: other)
                assert text.startswith(f"expected params as {right.__name__}(")
        assert refused(name, path, lambda a: tuple(a)).endswith("got tuple")
        assert refused(name, path, lambda a: None).endswith("got NoneType")


@of_numbers
def test_functions_of_numbers_take_integers_and_lists(name):
    call = FUNCTIONS[name].call
    for path in places(arguments(name)):
        args = arguments(name)
        floats = put(args, path, (at(args, path) > 0).astype(float))
        whole = put(args, path, at(floats, path).astype(int))
        assert np.array_equal(call(*whole), call(*floats))
        if name != "update_cell":  # it is the bare equation, for arrays
            listed = put(args, path, at(floats, path).tolist())
            assert np.array_equal(call(*listed), call(*floats))


@of_numbers
def test_functions_of_numbers_refuse_shapes_that_do_not_fit(name):
    if len(arguments(name)) > 1:
        for path in places(arguments(name)):
            refused(name, path, lambda a: np.concatenate([a, a, a])[: 2 * len(a) + 1])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lstm_ref.sigmoid("a"), "expected z as real numbers, got <U1"),
        (lambda: lstm_ref.sigmoid(1j), "expected z as real numbers, got complex128"),
        (lambda: lstm_ref.half_life(1.5), "expected forget gates between 0 and 1, got 1.5 to 1.5"),
        (lambda: lstm_ref.half_life([0.5, -0.1]), "between 0 and 1, got -0.1 to 0.5"),
        (lambda: lstm_ref.half_life(np.nan), "between 0 and 1, got nan"),
        (lambda: lstm_ref.carry(0.0, 1.0, 1.0, 1.0), r"T ≥ 1, got \(\), \(\) and \(\)"),
        (lambda: lstm_ref.carry(0.0, [], [], []), r"T ≥ 1, got \(0,\)"),
        (lambda: lstm_ref.carry(np.ones(3), *[np.ones(5)] * 3), r"c0 of shape \(\), got \(3,\)"),
        (lambda: lstm_ref.belt_contributions(*[np.ones(3)] * 3, np.ones(1)), "c0 as a scalar"),
        (lambda: lstm_ref.belt_contributions([], [], [], 0.0), "T ≥ 1"),
        (lambda: lstm_ref.carousel_gradient(np.ones((0, 2))), r"T ≥ 1, got \(0, 2\)"),
        (lambda: lstm_ref.carousel_gradient(1.0), r"T ≥ 1, got \(\)"),
        (lambda: lstm_ref.gradient_norms(np.ones((3, 2, 5))), r"\(T, H, H\), got \(3, 2, 5\)"),
        (lambda: lstm_ref.gradient_norms(np.full((3, 2, 2), np.inf)), "got 12 NaN or inf"),
        (lambda: lstm_ref.count_parameters(0, 3), "sizes of at least 1, got 0 and 3"),
        (lambda: lstm_ref.parameter_counts(3, -1), "sizes of at least 1, got 3 and -1"),
    ],
)
def test_small_functions_refuse_bad_input(call, text):
    with pytest.raises(ValueError, match=text):
        call()


BAD_LENGTHS = {
    "too long": ([6, 1, 1], "expected lengths between 0 and T = 5, got 6"),
    "negative": ([-1, 1, 1], "expected lengths between 0 and T = 5, got -1"),
    "too few": ([1, 1], r"expected lengths of shape \(3,\), got \(2,\)"),
    "of two axes": ([[1, 1, 1]], r"expected lengths of shape \(3,\), got \(1, 3\)"),
    "not whole": ([1.0, 2.0, 3.0], "expected lengths as integers, got float64"),
    "true or false": ([True, False, True], "expected lengths as integers, got bool"),
}
WITH_LENGTHS = [
    (name, k)
    for name in FUNCTIONS
    for k, value in enumerate(arguments(name))
    if isinstance(value, np.ndarray) and value.dtype.kind == "i"
]


@pytest.mark.parametrize(("lengths", "text"), BAD_LENGTHS.values(), ids=BAD_LENGTHS)
@pytest.mark.parametrize(("name", "k"), WITH_LENGTHS, ids=[name for name, _ in WITH_LENGTHS])
def test_bad_lengths(name, k, lengths, text):
    args = list(arguments(name))
    args[k] = lengths
    with pytest.raises(ValueError, match=text):
        FUNCTIONS[name].call(*args)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.endswith("_backward")])
def test_backward_refuses_parameters_of_another_size(name):
    args = list(arguments(name))
    for path in own_parameters(name):
        right = at(args, path)
        width = right[0].shape[1] + 1
        larger = type(right)(*(np.ones((8, width)) if a.ndim == 2 else np.ones(8) for a in right))
        with pytest.raises(ValueError, match="hidden size 7, as in the forward pass, got 8"):
            FUNCTIONS[name].call(*put(args, path, larger))
