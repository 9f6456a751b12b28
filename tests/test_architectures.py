"""Bidirectional, stacked and truncated layers: gradients, reversal, dropout, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref
from lstm_ref import LSTMParams, numerical_gradient
from lstm_ref.checks.inputs import normal, parameters
from tests.cells import KINDS, forward, inputs

LENGTHS = [None, np.array([4, 0, 2])]


def layer(rng, units, width):
    return parameters(LSTMParams, rng, units, width)


@pytest.mark.parametrize("lengths", LENGTHS, ids=["whole", "lengths"])
def test_bidirectional_gradients_equal_central_differences(lengths):
    rng = np.random.default_rng(0)
    xs, pair = normal(rng, 4, 3, 2), [layer(rng, 3, 2), layer(rng, 3, 2)]
    out, _, tape = lstm_ref.bidirectional_forward_cached(xs, *pair, lengths)
    dout = normal(rng, *out.shape)
    dxs, *grads = lstm_ref.bidirectional_backward(dout, tape, *pair)

    def loss(xs, pair):
        return float((lstm_ref.bidirectional_forward(xs, *pair, lengths) * dout).sum())

    assert np.allclose(dxs, numerical_gradient(lambda v: loss(v, pair), xs), rtol=1e-6, atol=1e-8)
    for k in range(2):
        for name in ("W_f", "b_c"):

            def changed(v, k=k, name=name):
                new = list(pair)
                new[k] = pair[k]._replace(**{name: v})
                return loss(xs, new)

            numerical = numerical_gradient(changed, getattr(pair[k], name))
            assert np.allclose(getattr(grads[k], name), numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("lengths", LENGTHS, ids=["whole", "lengths"])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_stacked_gradients_equal_central_differences(lengths, dropout):
    rng = np.random.default_rng(0)
    xs, layers = normal(rng, 4, 3, 2), [layer(rng, 3, 2), layer(rng, 5, 3)]

    def run(xs, layers):
        mask_rng = np.random.default_rng(7)
        return lstm_ref.stacked_forward_cached(xs, layers, lengths, dropout, mask_rng)

    hs, _, tape = run(xs, layers)
    dhs = normal(rng, *hs.shape)
    dxs, grads = lstm_ref.stacked_backward(dhs, tape, layers)

    def loss(xs, layers):
        return float((run(xs, layers)[0] * dhs).sum())

    assert np.allclose(dxs, numerical_gradient(lambda v: loss(v, layers), xs), rtol=1e-6, atol=1e-8)
    for k in range(2):

        def changed(v, k=k):
            new = list(layers)
            new[k] = layers[k]._replace(W_i=v)
            return loss(xs, new)

        numerical = numerical_gradient(changed, layers[k].W_i)
        assert np.allclose(grads[k].W_i, numerical, rtol=1e-6, atol=1e-8)


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


def test_carried_state_makes_windows_equal_to_one_run():
    run = inputs(KINDS["lstm"], sizes=(7, 3, 2, 5))
    hs, states, _ = forward(KINDS["lstm"], run)
    first, carried, _ = forward(KINDS["lstm"], run._replace(xs=run.xs[:3]))
    second, last, _ = forward(KINDS["lstm"], run._replace(xs=run.xs[3:], states=carried))
    assert np.array_equal(np.concatenate([first, second]), hs)
    assert all(np.array_equal(a, b) for a, b in zip(states, last, strict=True))


def test_dropout_keeps_the_mean_and_is_off_by_default():
    rng = np.random.default_rng(0)
    xs, layers = normal(rng, 3, 50, 2), [layer(rng, 101, 2), layer(rng, 3, 101)]
    plain = lstm_ref.stacked_forward_cached(xs, layers)
    assert plain[2].masks == [None, None]
    mask = lstm_ref.stacked_forward_cached(xs, layers, None, 0.25, rng)[2].masks[1]
    assert set(np.unique(mask)) == {0.0, 1 / 0.75}
    assert abs(mask.mean() - 1) < 0.02


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda xs, p: lstm_ref.stacked_forward(xs, []), "at least one layer"),
        (lambda xs, p: lstm_ref.stacked_forward(xs, [p], dropout=1.0), "below 1"),
        (lambda xs, p: lstm_ref.stacked_forward(xs, [p], dropout=0.5), "generator"),
        (lambda xs, p: lstm_ref.stacked_forward(xs, [p, p]), "expected W_f of shape"),
        (lambda xs, p: lstm_ref.stacked_forward(xs[0], [p]), "expected xs of shape"),
        (lambda xs, p: lstm_ref.bidirectional_forward(xs, p, p, [9, 1]), "between 0 and T"),
        (lambda xs, p: lstm_ref.lstm_truncated_backward(xs, [], p, 0), "at least 1 step"),
        (lambda xs, p: lstm_ref.lstm_truncated_backward(xs, [], p, 2), "for 0 steps, got 3"),
    ],
)
def test_bad_input_is_refused(call, text):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=text):
        call(normal(rng, 3, 2, 5), layer(rng, 7, 5))


seeds = st.integers(0, 2**32 - 1)
lengths_of_three = st.lists(st.integers(0, 5), min_size=3, max_size=3)


@given(st.sampled_from(sorted(KINDS)), seeds, st.permutations([0, 1, 2]))
@settings(max_examples=40, deadline=None)
def test_order_of_the_batch_does_not_matter(name, seed, order):
    kind = KINDS[name]
    run = inputs(kind, seed)
    turned = run._replace(xs=run.xs[:, order], states=tuple(s[order] for s in run.states))
    assert np.allclose(forward(kind, turned)[0], forward(kind, run)[0][:, order], atol=1e-12)


@given(st.sampled_from(sorted(KINDS)), seeds, lengths_of_three)
@settings(max_examples=40, deadline=None)
def test_padding_beyond_the_end_changes_nothing(name, seed, lengths):
    kind = KINDS[name]
    run = inputs(kind, seed)
    noise = run.xs.copy()
    for n, end in enumerate(lengths):
        noise[end:, n] = 1e6
    hs, states, _ = forward(kind, run, np.array(lengths))
    again, same, _ = forward(kind, run._replace(xs=noise), np.array(lengths))
    assert np.array_equal(hs, again)
    assert all(np.array_equal(a, b) for a, b in zip(states, same, strict=True))


@given(seeds, lengths_of_three)
@settings(max_examples=40, deadline=None)
def test_reversed_time_exchanges_the_two_directions(seed, lengths):
    rng = np.random.default_rng(seed)
    xs, pair = normal(rng, 5, 3, 2), (layer(rng, 3, 2), layer(rng, 3, 2))
    out = lstm_ref.bidirectional_forward(xs, *pair, lengths)
    turned = xs.copy()
    for n, end in enumerate(lengths):
        turned[:end, n] = xs[:end, n][::-1]
    back = lstm_ref.bidirectional_forward(turned, *pair[::-1], lengths)
    for n, end in enumerate(lengths):
        swapped = np.concatenate([back[:end, n, 3:], back[:end, n, :3]], axis=1)[::-1]
        assert np.allclose(out[:end, n], swapped, atol=1e-12)
