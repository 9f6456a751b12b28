"""Every public function refuses what does not fit, and says what it expected and what it got."""

import importlib
import inspect
import re

import numpy as np
import pytest

import lstm_ref
from lstm_ref import fast, gradient_paths, unit_meaning, unroll
from lstm_ref.trials import agreement, comparison, recall
from tests.functions import FUNCTIONS, public_functions
from tests.test_legacy import BLOCKS, upstream_of

EXPECTED_AND_GOT = re.compile(r"^expected .+, (as in the forward pass, )?got .+", re.DOTALL)


def places(value, path=()):
    """Yield the place of every floating array that the caller chose; caches are not chosen."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield path
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
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
    if isinstance(value, dict):
        return {**value, path[0]: put(value[path[0]], path[1:], new)}
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
    changed = put(args, path, change(at(args, path)))
    return message_of(lambda: FUNCTIONS[name].call(*changed), f"argument {path} of {name}")


def message_of(call, what):
    try:
        call()
    except ValueError as error:
        assert EXPECTED_AND_GOT.match(str(error)), f"{what}: {error}"
        return str(error)
    raise AssertionError(f"{what} was accepted")


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


# ------------------------------------------------------------------------------- the later blocks

# What nothing else decides the size of: the batch, the steps, the rows of a memory, the width of
# values, and that of a context which is not there.
FREE = {
    "highway_layer forward": {(("x", "x"), 0)},
    "scaled_dot_product_attention forward": {(("x", "v"), 1)},
    "content_addressing forward": {(("x", "memory"), 0)},
    "memory_read forward": {(("x", "memory"), 1)},
    "gated_residual_network without context forward": {
        (("x", "a"), 0),
        (("x", "params", 4), 1),
    },
    "gated_residual_network without context backward": {(("x", "params", 4), 1)},
    **{
        f"variable_selection_network {way}": {(("x", "params", 0, k, 4), 1) for k in range(3)}
        for way in ("forward", "backward")
    },
    **{
        f"{name} forward": {(("x", "xs"), 0)}
        for name in ("min_gru_forward", "min_lstm_forward", "slstm_forward from an empty memory")
    },
    "min_lstm_forward without normalisation forward": {(("x", "xs"), 0)},
}
FREE["slstm_forward from an empty memory forward"].add((("x", "xs"), 1))


def ways(name):
    """Yield a block's two directions: what to call it, the call, and valid arguments."""
    forward, backward, inputs = BLOCKS[name]
    yield f"{name} forward", lambda a: forward(a["x"]), {"x": inputs}
    given = {"x": inputs, "d": upstream_of(forward(inputs))}
    yield f"{name} backward", lambda a: backward(a["d"], a["x"]), given


blocks = pytest.mark.parametrize("name", BLOCKS)


def wrong_arrays(array):
    """Yield what is wrong with an array, as text and as a changed array."""
    yield "one axis too many", array[None]
    if array.ndim:
        yield "one axis too few", array[0]
        yield "integers", array.astype(int)
        yield "a list", array.tolist()
    for axis in range(array.ndim):
        yield f"empty axis {axis}", array.take([], axis=axis)
        yield f"longer axis {axis}", one_more(array, axis)


@blocks
def test_blocks_refuse_arrays_that_do_not_fit(name):
    for label, call, given in ways(name):
        for path in places(given):
            for what, wrong in wrong_arrays(at(given, path)):
                if what.startswith("longer") and (path, int(what[-1])) in FREE.get(label, ()):
                    call(put(given, path, wrong))  # and is welcome
                else:
                    message_of(lambda: call(put(given, path, wrong)), f"{label}: {path}, {what}")  # noqa: B023


@blocks
def test_blocks_refuse_nan_in_a_weight_and_parameters_that_are_none(name):
    for label, call, given in ways(name):
        for path in places(given):
            if path[:2] == ("x", "params"):
                for wrong in (np.full_like(at(given, path), np.nan), None):
                    message_of(lambda: call(put(given, path, wrong)), f"{label}: {path}, {wrong}")  # noqa: B023


# ------------------------------------------------------------------------- nothing is left out

rng = np.random.default_rng(0)
ONE = np.ones((1, 1))
LSTM = lstm_ref.LSTMParams(*[np.ones((1, 2)), np.ones(1)] * 4)
GRU = lstm_ref.GRUParams(*[np.ones((1, 2)), np.ones(1)] * 3)
RNN = lstm_ref.RNNParams(np.ones((1, 2)), np.ones(1))
XS = np.ones((5, 1, 1))
_, _, LSTM_TAPE = fast.lstm_forward_cached(XS, ONE, ONE, LSTM)
_, _, GRU_TAPE = fast.gru_forward_cached(XS, ONE, GRU)
_, _, RNN_TAPE = fast.rnn_forward_cached(XS, ONE, RNN)
_, _, LSTM_CACHES = lstm_ref.lstm_forward_cached(XS, ONE, ONE, LSTM)
_, _, GRU_CACHES = lstm_ref.gru_forward_cached(XS, ONE, GRU)
_, _, RNN_CACHES = lstm_ref.rnn_forward_cached(XS, ONE, RNN)
READOUT = lstm_ref.LinearParams(ONE, np.ones(1))
MODEL = lstm_ref.SequenceModel(lstm_ref.lstm_layer())
CELL = unroll.cell_of_h(lstm_ref.GRUParams, lstm_ref.gru_step_cached, lstm_ref.gru_step_backward)
SIZED = [
    lstm_ref.init_coupled_params,
    lstm_ref.init_embedding,
    lstm_ref.init_gru_params,
    lstm_ref.init_gru_reset_after_params,
    lstm_ref.init_linear_params,
    lstm_ref.init_lstm1997_params,
    lstm_ref.init_lstm_params,
    lstm_ref.init_min_gru_params,
    lstm_ref.init_min_lstm_params,
    lstm_ref.init_peephole_params,
    lstm_ref.init_rnn_params,
    lstm_ref.init_slstm_params,
]

#: What the tables above and those of other files do not have.
REFUSED = {
    **{
        f"{init.__name__}: {what}": call
        for init in SIZED
        for what, call in {
            "no size": lambda f=init: f(rng, 0, 3),
            "half a size": lambda f=init: f(rng, 3, 2.5),
            "a seed": lambda f=init: f(0, 2, 3),
            "integers": lambda f=init: f(rng, 2, 3, dtype=int),
        }.items()
    },
    "uniform: bound": lambda: lstm_ref.uniform(rng, (2,), -1.0),
    "uniform: a seed": lambda: lstm_ref.uniform(0, (2,), 1.0),
    "uniform: integers": lambda: lstm_ref.uniform(rng, (2,), 1.0, dtype=np.int64),
    "orthogonal: shape": lambda: lstm_ref.orthogonal(rng, (2,)),
    "orthogonal: a seed": lambda: lstm_ref.orthogonal(0, (2, 2)),
    "orthogonal: integers": lambda: lstm_ref.orthogonal(rng, (2, 2), dtype=int),
    "reber: none": lambda: lstm_ref.embedded_reber(rng, 0),
    "reber: a seed": lambda: lstm_ref.embedded_reber(0, 3),
    "reber: half a string": lambda: lstm_ref.embedded_reber(rng, 1.5),
    "reber: not a number": lambda: lstm_ref.embedded_reber(rng, np.nan),
    "reber: not even a number": lambda: lstm_ref.embedded_reber(rng, "3"),
    "adder: a seed": lambda: lstm_ref.train_adder(0),
    "count_parameters": lambda: lstm_ref.count_parameters(0, 3),
    "parameter_counts": lambda: lstm_ref.parameter_counts(3, -1),
    "unroll: input": lambda: unroll.unroll(CELL, XS[0], (ONE,), GRU),
    "unroll: no steps": lambda: unroll.unroll(CELL, XS[:0], (ONE,), GRU),
    "unroll: state": lambda: unroll.unroll(CELL, XS, (XS,), GRU),
    "unroll: lengths": lambda: unroll.unroll(CELL, XS, (ONE,), GRU, [6]),
    "unroll_backward: gradient": lambda: unroll.unroll_backward(
        CELL, XS[1:], GRU_CACHES, GRU, (None,)
    ),
    "unroll_backward: nothing": lambda: unroll.unroll_backward(CELL, XS, [], GRU, (None,)),
    "evaluate: input": lambda: MODEL.evaluate(
        MODEL.init(rng, 1, 2, 1), lstm_ref.SequenceBatch(XS[0], ONE)
    ),
    "fast.lstm_forward": lambda: fast.lstm_forward(XS[0], ONE, ONE, LSTM),
    "fast.lstm_forward: NaN": lambda: fast.lstm_forward(
        XS, ONE, ONE, LSTM._replace(b_f=np.full(1, np.nan))
    ),
    "fast.lstm_forward_cached": lambda: fast.lstm_forward_cached(XS[:0], ONE, ONE, LSTM),
    "fast.lstm_backward": lambda: fast.lstm_backward(XS[1:], LSTM_TAPE),
    "fast.gru_forward": lambda: fast.gru_forward(XS[0], ONE, GRU),
    "fast.gru_forward_cached": lambda: fast.gru_forward_cached(XS[:, :0], ONE, GRU),
    "fast.gru_backward": lambda: fast.gru_backward(XS[1:], GRU_TAPE),
    "fast.rnn_forward": lambda: fast.rnn_forward(XS[0], ONE, *RNN),
    "fast.rnn_forward_cached": lambda: fast.rnn_forward_cached(XS, ONE, RNN, [6]),
    "fast.rnn_backward": lambda: fast.rnn_backward(XS[1:], RNN_TAPE),
    "lstm_gradient_paths": lambda: gradient_paths.lstm_gradient_paths(XS[1:], LSTM_CACHES, LSTM),
    "gru_gradient_paths": lambda: gradient_paths.gru_gradient_paths(XS[1:], GRU_CACHES, GRU),
    "rnn_gradient_paths": lambda: gradient_paths.rnn_gradient_paths(XS[1:], RNN_CACHES, RNN),
    "gradient_paths: nothing": lambda: gradient_paths.rnn_gradient_paths(XS, [], RNN),
    "min_lstm_step": lambda: lstm_ref.min_lstm_step(
        ONE, ONE, lstm_ref.MinLSTMParams(*[ONE, np.full(1, np.nan)] * 3)
    ),
    "slstm_step: state": lambda: lstm_ref.slstm_step(
        ONE, (ONE,) * 4, lstm_ref.SLSTMParams(*[np.ones((1, 2)), np.ones(1)] * 4)
    ),
    "tree_map": lambda: lstm_ref.tree_map(np.add, [ONE], [ONE, ONE]),
    "save_checkpoint": lambda: lstm_ref.save_checkpoint("run.pkl", {}),
    "load_checkpoint": lambda: lstm_ref.load_checkpoint("run.pkl", {}),
    "gradcheck: precision": lambda: lstm_ref.gradcheck(
        np.sum, np.ones(2, np.float32), np.ones(2, np.float32)
    ),
    "numerical_gradient: step": lambda: lstm_ref.numerical_gradient(np.sum, np.ones(2), 0.0),
    "numerical_gradient: function": lambda: lstm_ref.numerical_gradient(lambda x: x, np.ones(2)),
    "recall_batch: lag": lambda: recall.recall_batch(rng, 0, 3),
    "recall_batch: a seed": lambda: recall.recall_batch(0, 1, 3),
    "recall_gradient: cell": lambda: recall.recall_gradient((GRU, READOUT), XS, ONE),
    "recall_gradient: targets": lambda: recall.recall_gradient((RNN, READOUT), XS, XS),
    "train_recall": lambda: recall.train_recall("gru", 3, 0),
    "hidden_size_for: kind": lambda: comparison.hidden_size_for("cnn", 2, 600),
    "hidden_size_for: nothing to spend": lambda: comparison.hidden_size_for("rnn", 2, 0),
    "adding_batch: steps": lambda: comparison.adding_batch(rng, 3, 1),
    "adding_batch: none": lambda: comparison.adding_batch(rng, 0, 5),
    "order_batch: steps": lambda: comparison.order_batch(rng, 3, 3),
    "order_batch: a seed": lambda: comparison.order_batch(0, 3, 8),
    "compare: kind": lambda: comparison.compare("cnn", comparison.order_batch, 8),
    "compare: steps": lambda: comparison.compare("rnn", comparison.order_batch, 0),
    "last_loss: kind": lambda: comparison.last_loss("cnn", XS[None], ONE, None),
    "last_loss: input": lambda: comparison.last_loss("rnn", XS, ONE, None),
    "last_loss: weights": lambda: comparison.last_loss(
        "rnn",
        XS[:, None],
        ONE,
        comparison.Weights(ONE[None], *(np.ones((1, k, 1)) for k in (1, 3, 1, 1))),
    ),
    "agreement_stream: steps": lambda: agreement.agreement_stream(rng, 3, 0),
    "agreement_stream: a seed": lambda: agreement.agreement_stream(0, 3, 5),
    "agreement_codes": lambda: agreement.agreement_codes("the mouse sings"),
    "agreement_inputs: too large": lambda: agreement.agreement_inputs([0, 17]),
    "agreement_inputs: numbers": lambda: agreement.agreement_inputs([0.5]),
    "before_first_verb": lambda: agreement.before_first_verb(
        ONE, agreement.agreement_stream(rng, 3, 2)
    ),
    "plural_odds": lambda: agreement.plural_odds(ONE, READOUT),
    "train_agreement: updates": lambda: agreement.train_agreement(0, updates=0),
    "train_agreement: units": lambda: agreement.train_agreement(0, hidden_size=0),
    "unit_correlations: labels": lambda: unit_meaning.unit_correlations(np.eye(3), [0, 1]),
    "unit_correlations: constant": lambda: unit_meaning.unit_correlations(np.eye(3), [1, 1, 1]),
    "largest_by_chance: a seed": lambda: unit_meaning.largest_by_chance(np.eye(3), [0, 1, 2], 0),
    "largest_by_chance: none": lambda: unit_meaning.largest_by_chance(
        np.eye(3), [0, 1, 2], rng, shuffles=0
    ),
    "silence_unit": lambda: unit_meaning.silence_unit(
        lstm_ref.SequenceParams(None, LSTM, READOUT), 99
    ),
    "force_cell: step": lambda: unit_meaning.force_cell(XS, LSTM, 99, 0, 0.0),
    "force_cell: unit": lambda: unit_meaning.force_cell(XS, LSTM, 0, 99, 0.0),
    "force_cell: values": lambda: unit_meaning.force_cell(XS, LSTM, 0, 0, np.ones(99)),
    "force_cell: input": lambda: unit_meaning.force_cell(XS[0], LSTM, 0, 0, 0.0),
    "plot_gate_heatmap": lambda: lstm_ref.plot_gate_heatmap([0.5], None),
    "plot_belt": lambda: lstm_ref.plot_belt(np.ones((3, 3)), None),
    "plot_belt: a number": lambda: lstm_ref.plot_belt(1.0, None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_functions_refuse_bad_input(case):
    message_of(REFUSED[case], case)


#: There is nothing to refuse: any number is a bias, anything a tree, and the rest take no arrays.
TAKES_ANYTHING = {
    "fast.borrow",
    "cell_of_h",
    "cell_of_h_and_c",
    "fast.clear",
    "latch_params",
    "number",
    "tree_items",
} | {name for name in public_functions() if name.endswith("_layer") and name != "highway_layer"}
TAKES_ANYTHING -= {"dropout_layer", "stacked_layer"}

TABLES = (
    *(
        f"tests.test_{name}"
        for name in ("batches", "carried_state", "chapter_07_finance", "chapter_08", "datasets")
    ),
    *(
        f"tests.test_{name}"
        for name in ("evaluation", "heart", "language", "legacy", "linear", "speech")
    ),
    *(
        f"tests.test_{name}"
        for name in ("losses", "optim", "sequence_model", "series", "tasks", "training")
    ),
)


def refusing(call):
    """Return the code that a refused call went through."""
    try:
        call()
    except (ValueError, OSError) as error:
        frames, trace = set(), error.__traceback__
        while trace is not None:
            frames.add(trace.tb_frame.f_code)
            trace = trace.tb_next
        return frames
    return set()


def all_refusing():
    """Collect the code of all that some test of bad input has seen refuse."""
    seen = {function.call.__code__ for function in FUNCTIONS.values()}
    for forward, backward, _ in BLOCKS.values():
        for name in (*forward.__code__.co_names, *backward.__code__.co_names):
            seen.add(getattr(getattr(lstm_ref, name, None), "__code__", None))
    calls = list(REFUSED.values())
    for name in TABLES:
        module = importlib.import_module(name)
        tables = [value for key, value in vars(module).items() if key.startswith("BAD")]
        cases = [case for table in tables for case in table.values()]
        calls += [case[0] for case in cases if not inspect.signature(case[0]).parameters]
    return seen.union(*map(refusing, calls))


def test_every_public_function_has_been_seen_to_refuse_bad_input():
    seen = all_refusing()
    forgotten = {n for n, f in public_functions().items() if f.__code__ not in seen}
    assert forgotten == TAKES_ANYTHING
