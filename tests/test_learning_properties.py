"""What must hold for any numbers: losses, clipping, scans, attention, memory, checkpoints."""

import tempfile
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import lstm_ref as ref

moderate = st.floats(-50, 50, width=32)
any_finite = st.floats(allow_nan=False, allow_infinity=False)
seeds = st.integers(0, 2**32 - 1)


def arrays(shape, elements=moderate, dtype=np.float64):
    return hnp.arrays(dtype, shape, elements=elements)


@st.composite
def logits_and_targets(draw):
    T, B, V = (draw(st.integers(1, 5)) for _ in range(3))
    logits = draw(arrays((T, B, V)))
    targets = draw(hnp.arrays(np.int64, (T, B), elements=st.integers(0, V - 1)))
    return logits, targets, draw(hnp.arrays(bool, (T, B)))


@given(logits_and_targets())
def test_cross_entropy_is_positive_and_its_gradient_sums_to_zero_over_the_classes(case):
    logits, targets, mask = case
    loss, d = ref.softmax_cross_entropy(logits, targets, mask)
    assert loss >= 0
    assert_allclose(d.sum(axis=-1), 0, atol=1e-12)
    assert not d[~mask].any()


@given(logits_and_targets(), st.floats(-100, 100))
def test_a_constant_added_to_all_logits_changes_nothing(case, shift):
    logits, targets, mask = case
    first = ref.softmax_cross_entropy(logits, targets, mask)
    second = ref.softmax_cross_entropy(logits + shift, targets, mask)
    assert_allclose(first[0], second[0], atol=1e-9)
    assert_allclose(first[1], second[1], atol=1e-9)


@given(logits_and_targets(), seeds)
def test_the_order_of_sequences_does_not_matter(case, seed):
    logits, targets, mask = case
    order = np.random.default_rng(seed).permutation(targets.shape[1])
    first = ref.softmax_cross_entropy(logits, targets, mask)
    second = ref.softmax_cross_entropy(logits[:, order], targets[:, order], mask[:, order])
    assert_allclose(first[0], second[0], rtol=1e-12, atol=1e-15)
    assert_allclose(first[1][:, order], second[1], rtol=1e-12, atol=1e-15)


@given(arrays((3, 2), any_finite), arrays(5, any_finite), st.floats(1e-30, 1e30))
def test_clipping_keeps_the_direction_and_the_bound_for_any_finite_gradient(W, b, max_norm):
    grads = {"W": W, "b": b}
    before = {k: g.copy() for k, g in grads.items()}
    clipped, norm = ref.clip_by_global_norm(grads, max_norm)
    _, after = ref.clip_by_global_norm(clipped, 1.0)
    assert after <= max_norm * (1 + 1e-9)
    for key, g in grads.items():
        assert_array_equal(g, before[key])
        assert np.isfinite(clipped[key]).all()
        assert (np.sign(clipped[key]) * np.sign(g) >= 0).all()
        if norm <= max_norm:
            assert_array_equal(clipped[key], g)


@given(st.integers(1, 40), st.integers(0, 3), seeds)
def test_a_scan_is_the_loop(steps, zeros, seed):
    rng = np.random.default_rng(seed)
    keep, write = rng.uniform(-1, 1, (2, steps, 2))
    keep[rng.integers(0, steps, zeros)] = 0
    h = h0 = rng.standard_normal(2)
    for t, state in enumerate(ref.linear_scan(keep, write, h0)):
        h = keep[t] * h + write[t]
        assert_allclose(state, h, rtol=1e-9, atol=1e-12)


@given(st.integers(1, 30), st.integers(1, 29), seeds)
def test_a_scan_can_be_cut_anywhere(steps, cut, seed):
    rng = np.random.default_rng(seed)
    keep, write = rng.uniform(-1, 1, (2, steps + 1, 3))
    cut = min(cut, steps)
    whole = ref.linear_scan(keep, write, np.zeros(3))
    first = ref.linear_scan(keep[:cut], write[:cut], np.zeros(3))
    second = ref.linear_scan(keep[cut:], write[cut:], first[-1])
    assert_allclose(np.concatenate([first, second]), whole, rtol=1e-9, atol=1e-12)


@given(arrays((3, 4)), arrays((5, 4)), arrays((5, 2)), hnp.arrays(bool, (3, 5)), seeds)
def test_attention_is_a_mean_that_does_not_mind_the_order_of_its_keys(q, k, v, mask, seed):
    out, weights = ref.scaled_dot_product_attention(q, k, v, mask)
    assert (weights >= 0).all() and not weights[~mask].any()
    assert_allclose(weights.sum(axis=1), mask.any(axis=1), atol=1e-12)
    for row, allowed in zip(out, mask, strict=True):
        if allowed.any():
            seen = v[allowed]
            assert (row >= seen.min(axis=0) - 1e-9).all()
            assert (row <= seen.max(axis=0) + 1e-9).all()
    order = np.random.default_rng(seed).permutation(5)
    other, _ = ref.scaled_dot_product_attention(q, k[order], v[order], mask[:, order])
    assert_allclose(other, out, rtol=1e-9, atol=1e-9)


@given(arrays((4, 3), any_finite), arrays(3, any_finite), any_finite)
def test_content_addresses_are_distributions_for_any_finite_memory(memory, key, strength):
    w = ref.content_addressing(memory, key, strength)
    assert (w >= 0).all()
    assert_allclose(w.sum(), 1, rtol=1e-9)


@given(arrays((4, 3)), st.integers(0, 3), arrays(3), seeds)
def test_a_focused_write_is_read_back_whatever_was_there(memory, row, word, seed):
    place = np.eye(4)[row]
    written = ref.memory_write(memory, place, np.ones(3), word)
    assert_allclose(ref.memory_read(written, place), word)
    assert_array_equal(np.delete(written, row, axis=0), np.delete(memory, row, axis=0))


@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 20), st.integers(1, 3)), elements=moderate))
def test_standardizing_twice_changes_nothing_and_inputs_stay(train):
    before = train.copy()
    (once,) = ref.standardize(train)
    assert_array_equal(train, before)
    spread = np.ptp(train, axis=0)
    if ((spread == 0) | (spread > 1e-3)).all():
        assert_allclose(ref.standardize(once)[0], once, atol=1e-9)


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 6))
def test_no_window_sees_its_target_or_beyond(rows, window, horizon):
    series = np.arange(float(rows))[:, None]
    if rows < window + horizon:
        with pytest.raises(ValueError, match="expected at least"):
            ref.make_windows(series, window, horizon)
        return
    X, y = ref.make_windows(series, window, horizon)
    assert (y[:, 0] - X[:, -1, 0] == horizon).all() and len(X) == rows - window - horizon + 1


leaves = st.one_of(
    *(
        hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
        for dtype in (np.float64, np.float32, np.int64, bool)
    )
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
        st.lists(inner, max_size=3),
        st.builds(lambda a, b: ref.LinearParams(a, b), inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=50)
@given(trees, st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_every_tree_comes_back_from_a_checkpoint(tree, notes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.npz"
        ref.save_checkpoint(path, tree, notes)
        back, more = ref.load_checkpoint(path, ref.tree_map(np.zeros_like, tree))
    assert more == notes
    ref.tree_map(assert_array_equal, back, tree)
    types = [[(k, a.dtype, a.shape) for k, a in ref.tree_items(t)] for t in (back, tree)]
    assert types[0] == types[1]
