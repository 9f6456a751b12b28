"""Bidirectional, stacked and truncated layers: gradients, reversal, dropout, errors."""

import numpy as np
import pytest

import lstm_ref
from lstm_ref import LSTMParams, gradcheck, tree_items, tree_map
from lstm_ref.checks.inputs import normal, parameters
from tests.cells import KINDS, forward, inputs

LENGTHS = [None, np.array([4, 0, 2])]
lengths_or_none = pytest.mark.parametrize("lengths", LENGTHS, ids=["whole", "lengths"])


def layer(rng, units, width):
    return parameters(LSTMParams, rng, units, width)


def state(rng, batch, units):
    return np.tanh(normal(rng, batch, units)), normal(rng, batch, units)


def weighted(tree, weights):
    """Return a scalar that depends on every array of a tree, each entry in its own way."""
    pairs = zip(tree_items(tree), tree_items(weights), strict=True)
    return float(sum((a * w).sum() for (_, a), (_, w) in pairs))


@lengths_or_none
def test_bidirectional_gradients_equal_central_differences(lengths):
    rng = np.random.default_rng(0)
    xs, pair = normal(rng, 4, 3, 1), (layer(rng, 2, 1), layer(rng, 3, 1))
    initial = state(rng, 3, 2), state(rng, 3, 3)

    def run(tree):
        xs, pair, initial = tree
        return lstm_ref.bidirectional_forward_cached(xs, *pair, lengths, initial)

    out, final, tape = run((xs, pair, initial))
    dout, dfinal = tree_map(lambda a: normal(rng, *a.shape), (out, final))
    dxs, dinitial, grads = lstm_ref.bidirectional_backward(dout, tape, *pair, dfinal)
    report = gradcheck(
        lambda tree: weighted(run(tree)[:2], (dout, dfinal)),
        (xs, pair, initial),
        (dxs, grads, dinitial),
    )
    assert report, report


@lengths_or_none
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_stacked_gradients_equal_central_differences(lengths, dropout):
    rng = np.random.default_rng(0)
    xs, layers = normal(rng, 4, 3, 1), [layer(rng, 2, 1), layer(rng, 3, 2), layer(rng, 1, 3)]
    initial = [state(rng, 3, units) for units in (2, 3, 1)]

    def run(tree):
        xs, layers, initial = tree
        mask_rng = np.random.default_rng(7)
        return lstm_ref.stacked_forward_cached(xs, layers, lengths, dropout, mask_rng, initial)

    hs, final, tape = run((xs, layers, initial))
    dhs, dfinal = tree_map(lambda a: normal(rng, *a.shape), (hs, final))
    dxs, dinitial, grads = lstm_ref.stacked_backward(dhs, tape, layers, dfinal)
    report = gradcheck(
        lambda tree: weighted(run(tree)[:2], (dhs, dfinal)),
        (xs, layers, initial),
        (dxs, grads, dinitial),
    )
    assert report, report


@lengths_or_none
@pytest.mark.parametrize("window", [1, 3, 7])
def test_truncated_gradients_equal_central_differences_with_carried_states_held(lengths, window):
    """The gradient of the windows' losses, each run from a state that counts as given."""
    lengths = None if lengths is None else np.array([7, 0, 4])
    run = inputs(KINDS["lstm"], sizes=(7, 3, 1, 2))
    hs, _, caches = forward(KINDS["lstm"], run, lengths)
    dhs = normal(np.random.default_rng(1), *hs.shape)
    dxs, grads = lstm_ref.lstm_truncated_backward(dhs, caches, run.params, window, lengths)
    parts = lstm_ref.time_windows(7, window, lengths)
    carried = [(caches[part.start].h, caches[part.start].c) for part, _ in parts]

    def loss(tree):
        xs, params = tree
        return sum(
            float((lstm_ref.lstm_forward(xs[part], *given, params, ends)[0] * dhs[part]).sum())
            for (part, ends), given in zip(parts, carried, strict=True)
        )

    report = gradcheck(loss, (run.xs, run.params), (dxs, grads))
    assert report, report


def test_truncated_gradients_stop_at_the_windows_edge_and_meet_the_whole_at_full_length():
    kind = KINDS["lstm"]
    run = inputs(kind, sizes=(7, 3, 2, 5))
    hs, _, caches = forward(kind, run)
    dhs = np.zeros_like(hs)
    dhs[-1] = 1
    dxs, grads = lstm_ref.lstm_truncated_backward(dhs, caches, run.params, window=3)
    assert (dxs[:6] == 0).all(), "the last window holds step 6 alone"
    assert (dxs[6] != 0).all()
    whole, _, _, whole_grads = lstm_ref.lstm_backward(dhs, caches, run.params)
    dxs, grads = lstm_ref.lstm_truncated_backward(dhs, caches, run.params, window=7)
    assert np.array_equal(dxs, whole)
    assert all(np.array_equal(a, b) for a, b in zip(grads, whole_grads, strict=True))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("lengths", [None, np.array([7, 0, 4])], ids=["whole", "lengths"])
def test_carried_state_makes_windows_equal_to_one_run(name, lengths):
    kind = KINDS[name]
    run = inputs(kind, sizes=(7, 3, 2, 5))
    hs, states, _ = forward(kind, run, lengths)
    pieces, carried = [], run.states
    for part, ends in lstm_ref.time_windows(7, 3, lengths):
        piece, carried, _ = forward(kind, run._replace(xs=run.xs[part], states=carried), ends)
        pieces.append(piece)
    assert [len(piece) for piece in pieces] == [3, 3, 1]
    assert np.array_equal(np.concatenate(pieces), hs)
    assert all(np.array_equal(a, b) for a, b in zip(states, carried, strict=True))


def test_plain_functions_give_what_the_cached_ones_give_and_no_more():
    rng = np.random.default_rng(0)
    xs, pair = normal(rng, 4, 3, 2), (layer(rng, 3, 2), layer(rng, 5, 2))
    out = lstm_ref.bidirectional_forward(xs, *pair)
    assert np.array_equal(out, lstm_ref.bidirectional_forward_cached(xs, *pair)[0])
    layers = [layer(rng, 3, 2), layer(rng, 5, 3)]
    hs, states = lstm_ref.stacked_forward(xs, layers)
    wanted_hs, wanted, _ = lstm_ref.stacked_forward_cached(xs, layers)
    assert np.array_equal(hs, wanted_hs)
    for pair_got, pair_wanted in zip(states, wanted, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(pair_got, pair_wanted, strict=True))


def test_dropout_is_what_multiplying_by_the_mask_is():
    rng = np.random.default_rng(0)
    xs, layers = normal(rng, 3, 5, 2), [layer(rng, 7, 2), layer(rng, 3, 7)]
    hs, _, tape = lstm_ref.stacked_forward_cached(xs, layers, None, 0.5, rng)
    low, _ = lstm_ref.stacked_forward(xs, layers[:1])
    assert 0 < (tape.masks[1] == 0).mean() < 1
    assert np.array_equal(lstm_ref.stacked_forward(low * tape.masks[1], layers[1:])[0], hs)


def test_dropout_keeps_the_mean_and_is_off_by_default():
    rng = np.random.default_rng(0)
    xs, layers = normal(rng, 3, 50, 2), [layer(rng, 101, 2), layer(rng, 3, 101)]
    plain = lstm_ref.stacked_forward_cached(xs, layers)
    assert plain[2].masks == [None, None]
    mask = lstm_ref.stacked_forward_cached(xs, layers, None, 0.25, rng)[2].masks[1]
    assert set(np.unique(mask)) == {0.0, 1 / 0.75}
    assert abs(mask.mean() - 1) < 0.02


def layer_of_other_width():
    return layer(np.random.default_rng(1), 7, 3)


def tape_of(xs, params):
    return lstm_ref.stacked_forward_cached(xs, [params])[2]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda xs, p: lstm_ref.stacked_forward(xs, []), "at least one layer"),
        (lambda xs, p: lstm_ref.stacked_forward(xs, [p], dropout=1.0), "below 1"),
        (
            lambda xs, p: lstm_ref.stacked_forward(xs, [p], dropout=0.5),
            r"rng as a numpy\.random\.Generator, got NoneType",
        ),
        (
            lambda xs, p: lstm_ref.stacked_forward(xs, [p], dropout=0.5, rng=7),
            r"rng as a numpy\.random\.Generator, got int",
        ),
        (lambda xs, p: lstm_ref.stacked_forward(xs, p), "params as LSTMParams.*got ndarray"),
        (
            lambda xs, p: lstm_ref.stacked_forward_cached(xs, [p], initial=[]),
            "expected 1 initial states, one a layer, got 0",
        ),
        (
            lambda xs, p: lstm_ref.bidirectional_forward_cached(xs, p, p, None, [()]),
            "expected 2 initial states, one a direction, got 1",
        ),
        (
            lambda xs, p: lstm_ref.bidirectional_forward(xs, p, layer_of_other_width()),
            r"expected W_f of shape \(7, 12\), got \(7, 10\)",
        ),
        (
            lambda xs, p: lstm_ref.stacked_backward(xs, tape_of(xs, p), [p, p]),
            "expected 1 layers, got 2",
        ),
        (
            lambda xs, p: lstm_ref.stacked_backward(xs, tape_of(xs, p), [p]),
            r"expected dhs of shape \(3, 2, 7\), got \(3, 2, 5\)",
        ),
        (
            lambda xs, p: lstm_ref.stacked_backward(xs, tape_of(xs, p), [layer_of_other_width()]),
            r"expected W_f of shape \(7, 12\)",
        ),
        (
            lambda xs, p: lstm_ref.bidirectional_backward(
                xs, lstm_ref.bidirectional_forward_cached(xs, p, p)[2], p, p
            ),
            r"expected dout of shape \(3, 2, 14\), got \(3, 2, 5\)",
        ),
        (lambda xs, p: lstm_ref.time_windows(0, 3), "at least 1 step, got 0"),
        (lambda xs, p: lstm_ref.time_windows(5, 3, [6]), "between 0 and T = 5, got 6"),
        (lambda xs, p: lstm_ref.time_windows(5, 3, [2.0]), "as integers, got float64"),
        (lambda xs, p: lstm_ref.stacked_forward(xs, [p, p]), "expected W_f of shape"),
        (lambda xs, p: lstm_ref.stacked_forward(xs[0], [p]), "expected xs of shape"),
        (lambda xs, p: lstm_ref.bidirectional_forward(xs, p, p, [9, 1]), "between 0 and T"),
        (lambda xs, p: lstm_ref.lstm_truncated_backward(xs, [], p, 2), "got an empty list"),
        (lambda xs, p: lstm_ref.time_windows(3, 0), "window of at least 1 step, got 0"),
    ],
)
def test_bad_input_is_refused(call, text):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=text):
        call(normal(rng, 3, 2, 5), layer(rng, 7, 5))
