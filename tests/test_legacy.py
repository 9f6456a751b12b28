"""The legacy chapter's blocks: what they do, and their gradients by central differences."""

import pathlib
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm_ref as ref
from lstm_ref import gradcheck, tree_items, tree_map


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def fill(container, shapes, seed=0, scale=0.7):
    """Random parameters: independent numbers everywhere, biases included."""
    rng = np.random.default_rng(seed)
    return container(*(scale * rng.standard_normal(shape) for shape in shapes))


def highway_params(width=5, seed=1):
    return fill(ref.HighwayParams, [(width, width), (width,)] * 2, seed)


def head_params(container, width=3, controller=5, shifts=3, seed=2):
    sizes = (width, 1, 1, shifts, 1) + ((width, width) if "W_add" in container._fields else ())
    shapes = [shape for n in sizes for shape in ((n, controller), (n,))]
    return fill(container, shapes, seed)


def grn_params(inputs=5, inner=5, outer=5, context=3, seed=3):
    shapes = {
        "W_1": (inner, inner),
        "b_1": (inner,),
        "W_2": (inner, inputs),
        "b_2": (inner,),
        "W_3": (inner, context),
        "W_4": (outer, inner),
        "W_5": (outer, inner),
    }
    fields = ref.GRNParams._fields
    return fill(ref.GRNParams, [shapes.get(name, (outer,)) for name in fields], seed)


def vsn_params(count=3, width=5, context=2, seed=4):
    blocks = tuple(grn_params(width, width, width, context, seed + j) for j in range(count))
    selection = grn_params(count * width, width, count, context, seed + count)
    rng = np.random.default_rng(seed)
    skip = 0.5 * rng.standard_normal((count, count * width))
    return ref.VSNParams(blocks, selection, skip, rng.standard_normal(count))


def minimal_params(container, input_size=3, hidden_size=5, seed=5):
    shapes = [(hidden_size, input_size), (hidden_size,)] * (len(container._fields) // 2)
    return fill(container, shapes, seed)


def slstm_params(input_size=3, hidden_size=5, seed=6, scale=0.7):
    shapes = [(hidden_size, hidden_size + input_size), (hidden_size,)] * 4
    return fill(ref.SLSTMParams, shapes, seed, scale)


def slstm_state(batch=2, hidden_size=5, seed=7):
    rng = np.random.default_rng(seed)
    h, c, m = rng.standard_normal((3, batch, hidden_size))
    return ref.SLSTMState(h, c, rng.uniform(0.5, 2, (batch, hidden_size)), m)


def address(width=3, shifts=3, seed=8):
    rng = np.random.default_rng(seed)
    shift = rng.uniform(0.1, 1, shifts)
    return ref.NTMAddress(
        rng.standard_normal(width),
        np.array(rng.uniform(0.5, 3)),
        np.array(rng.uniform(0.2, 0.8)),
        shift / shift.sum(),
        np.array(rng.uniform(1.2, 3)),
    )


def distribution(size=7, seed=9):
    w = np.random.default_rng(seed).uniform(0.1, 1, size)
    return w / w.sum()


MASK = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)


# Every block once: name, forward over a dict of differentiable inputs, backward, inputs.
# Forward returns a tree of outputs; backward takes gradients of the same tree and gives those of
# the inputs.
BLOCKS = {
    "gated_linear_unit": (
        lambda x: ref.gated_linear_unit(x["a"], x["b"]),
        lambda d, x: ref.gated_linear_unit_backward(d, x["a"], x["b"]),
        {"a": normal(1, 2, 3), "b": normal(2, 2, 3)},
    ),
    "highway_layer": (
        lambda x: ref.highway_layer(x["x"], x["params"]),
        lambda d, x: ref.highway_layer_backward(d, x["x"], x["params"]),
        {"x": normal(3, 3, 5), "params": highway_params()},
    ),
    "scaled_dot_product_attention": (
        lambda x: ref.scaled_dot_product_attention(x["q"], x["k"], x["v"], MASK)[0],
        lambda d, x: ref.scaled_dot_product_attention_backward(d, x["q"], x["k"], x["v"], MASK),
        {"q": normal(4, 3, 2), "k": normal(5, 5, 2), "v": normal(6, 5, 7)},
    ),
    "gated_attention": (
        lambda x: ref.gated_attention(x["q"], x["k"], x["v"], x["gate"], MASK),
        lambda d, x: ref.gated_attention_backward(d, x["q"], x["k"], x["v"], x["gate"], MASK),
        {"q": normal(4, 3, 2), "k": normal(5, 5, 2), "v": normal(6, 5, 7), "gate": normal(7, 3, 7)},
    ),
    "content_addressing": (
        lambda x: ref.content_addressing(x["memory"], x["key"], x["strength"]),
        lambda d, x: ref.content_addressing_backward(d, x["memory"], x["key"], x["strength"]),
        {"memory": normal(8, 7, 3), "key": normal(9, 3), "strength": np.array(2.3)},
    ),
    "memory_read": (
        lambda x: ref.memory_read(x["memory"], x["weights"]),
        lambda d, x: ref.memory_read_backward(d, x["memory"], x["weights"]),
        {"memory": normal(10, 7, 3), "weights": distribution()},
    ),
    "memory_write": (
        lambda x: ref.memory_write(x["memory"], x["weights"], x["erase"], x["add"]),
        lambda d, x: ref.memory_write_backward(d, x["memory"], x["weights"], x["erase"], x["add"]),
        {
            "memory": normal(11, 7, 3),
            "weights": distribution(),
            "erase": np.random.default_rng(12).uniform(0, 1, 3),
            "add": normal(13, 3),
        },
    ),
    "ntm_addressing": (
        lambda x: ref.ntm_addressing(x["memory"], x["previous"], x["address"]),
        lambda d, x: ref.ntm_addressing_backward(d, x["memory"], x["previous"], x["address"]),
        {"memory": normal(14, 7, 3), "previous": distribution(), "address": address()},
    ),
    "ntm_addressing with five shifts": (
        lambda x: ref.ntm_addressing(x["memory"], x["previous"], x["address"]),
        lambda d, x: ref.ntm_addressing_backward(d, x["memory"], x["previous"], x["address"]),
        {"memory": normal(15, 5, 3), "previous": distribution(5), "address": address(shifts=5)},
    ),
    "ntm_read_head": (
        lambda x: ref.ntm_read_head(x["h"], x["memory"], x["previous"], x["params"]),
        lambda d, x: ref.ntm_read_head_backward(
            *d, x["h"], x["memory"], x["previous"], x["params"]
        ),
        {
            "h": normal(16, 5),
            "memory": normal(17, 7, 3),
            "previous": distribution(),
            "params": head_params(ref.NTMReadHeadParams),
        },
    ),
    "ntm_write_head": (
        lambda x: ref.ntm_write_head(x["h"], x["memory"], x["previous"], x["params"]),
        lambda d, x: ref.ntm_write_head_backward(
            *d, x["h"], x["memory"], x["previous"], x["params"]
        ),
        {
            "h": normal(18, 5),
            "memory": normal(19, 7, 3),
            "previous": distribution(),
            "params": head_params(ref.NTMWriteHeadParams),
        },
    ),
    "gated_residual_network": (
        lambda x: ref.gated_residual_network(x["a"], x["params"], x["context"]),
        lambda d, x: _swap(
            ref.gated_residual_network_backward(d, x["a"], x["params"], x["context"])
        ),
        {"a": normal(20, 2, 5), "params": grn_params(), "context": normal(21, 2, 3)},
    ),
    "gated_residual_network without context": (
        lambda x: ref.gated_residual_network(x["a"], x["params"]),
        lambda d, x: ref.gated_residual_network_backward(d, x["a"], x["params"])[::2],
        {"a": normal(22, 2, 5), "params": grn_params()},
    ),
    "variable_selection_network": (
        lambda x: ref.variable_selection_network(x["variables"], x["params"], x["context"])[0],
        lambda d, x: _swap(
            ref.variable_selection_network_backward(d, x["variables"], x["params"], x["context"])
        ),
        {"variables": normal(23, 2, 3, 5), "params": vsn_params(), "context": normal(24, 2, 2)},
    ),
    "linear_scan": (
        lambda x: ref.linear_scan(x["keep"], x["write"], x["h0"]),
        lambda d, x: ref.linear_scan_backward(d, x["keep"], x["write"], x["h0"]),
        {"keep": normal(25, 7, 2), "write": normal(26, 7, 2), "h0": normal(27, 2)},
    ),
    "min_gru_forward": (
        lambda x: ref.min_gru_forward(x["xs"], x["h0"], x["params"]),
        lambda d, x: ref.min_gru_backward(d, x["xs"], x["h0"], x["params"]),
        {
            "xs": normal(28, 7, 2, 3),
            "h0": normal(29, 2, 5),
            "params": minimal_params(ref.MinGRUParams),
        },
    ),
    "min_lstm_forward": (
        lambda x: ref.min_lstm_forward(x["xs"], x["h0"], x["params"]),
        lambda d, x: ref.min_lstm_backward(d, x["xs"], x["h0"], x["params"]),
        {
            "xs": normal(30, 7, 2, 3),
            "h0": normal(31, 2, 5),
            "params": minimal_params(ref.MinLSTMParams),
        },
    ),
    "min_lstm_forward without normalisation": (
        lambda x: ref.min_lstm_forward(x["xs"], x["h0"], x["params"], normalize=False),
        lambda d, x: ref.min_lstm_backward(d, x["xs"], x["h0"], x["params"], normalize=False),
        {
            "xs": normal(30, 7, 2, 3),
            "h0": normal(31, 2, 5),
            "params": minimal_params(ref.MinLSTMParams),
        },
    ),
    "slstm_step": (
        lambda x: ref.slstm_step(x["x"], x["state"], x["params"]),
        lambda d, x: ref.slstm_step_backward(d, x["x"], x["state"], x["params"]),
        {"x": normal(32, 2, 3), "state": slstm_state(), "params": slstm_params()},
    ),
    "slstm_forward from an empty memory": (
        lambda x: ref.slstm_forward(x["xs"], x["params"])[0],
        lambda d, x: ref.slstm_backward(d, x["xs"], x["params"])[::2],
        {"xs": normal(33, 7, 2, 3), "params": slstm_params()},
    ),
}


def _swap(gradients):
    """Backward gives the context before the parameters; the inputs here have it last."""
    first, context, grads = gradients
    return first, grads, context


def as_dict(gradients, inputs):
    return dict(zip(inputs, gradients, strict=True))


GOLDEN = pathlib.Path(__file__).parent / "golden" / "legacy.npz"


def upstream_of(outputs):
    """Random loss gradients of a block's outputs, always the same."""
    rng = np.random.default_rng(100)
    return tree_map(lambda y: rng.standard_normal(y.shape), outputs)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_backward_pass_agrees_with_central_differences(name):
    forward, backward, inputs = BLOCKS[name]
    upstream = upstream_of(forward(inputs))

    def loss(x):
        outputs = dict(tree_items(forward(x)))
        return float(sum((d * outputs[k]).sum() for k, d in tree_items(upstream)))

    gradients = as_dict(backward(upstream, inputs), inputs)
    report = gradcheck(loss, inputs, gradients)
    assert report, report


@pytest.mark.parametrize("name", BLOCKS)
def test_inputs_stay_untouched_and_results_do_not_alias_them(name):
    forward, backward, inputs = BLOCKS[name]
    before = tree_map(np.copy, inputs)
    out = forward(inputs)
    gradients = backward(tree_map(np.ones_like, out), inputs)
    tree_map(assert_array_equal, inputs, before)
    for _, result in [*tree_items(out), *tree_items(gradients)]:
        for label, array in tree_items(inputs):
            assert not np.shares_memory(result, array), label


@pytest.mark.parametrize("name", BLOCKS)
def test_single_precision_stays_single_and_agrees(name):
    forward, backward, inputs = BLOCKS[name]
    single = tree_map(lambda a: a.astype(np.float32), inputs)
    out, exact = forward(single), forward(inputs)
    gradients = backward(tree_map(np.ones_like, out), single)
    for label, result in [*tree_items(out), *tree_items(gradients)]:
        assert result.dtype == np.float32, label
    tree_map(lambda a, b: assert_allclose(a, b, rtol=1e-3, atol=1e-4), out, exact)


@pytest.mark.parametrize("size", [1e3, 1e6])
@pytest.mark.parametrize("name", BLOCKS)
def test_large_inputs_are_silent_and_give_numbers(name, size):
    forward, backward, inputs = BLOCKS[name]
    bounded = {"weights", "previous", "erase", "address", "state", "keep"}
    large = {k: v if k in bounded else tree_map(lambda a: a * size, v) for k, v in inputs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = forward(large)
        gradients = backward(tree_map(np.ones_like, out), large)
    for label, result in [*tree_items(out), *tree_items(gradients)]:
        assert np.isfinite(result).all(), label


# --- what the blocks do ---------------------------------------------------------------------------


def test_glu_passes_halves_and_blocks():
    a = np.array([3.0, 3.0, 3.0])
    assert_array_equal(ref.gated_linear_unit(a, np.array([1000.0, 0, -1000])), [3, 1.5, 0])


def test_a_shut_highway_carries_its_input_and_an_open_one_transforms_it():
    p = highway_params()
    x = normal(0, 3, 5)
    shut = p._replace(W_t=np.zeros((5, 5)), b_t=np.full(5, -1000.0))
    assert_array_equal(ref.highway_layer(x, shut), x)
    opened = ref.highway_layer(x, shut._replace(b_t=np.full(5, 1000.0)))
    assert_allclose(opened, np.tanh(x @ p.W_h.T + p.b_h))


def test_attention_weighs_only_what_is_allowed():
    q, k, v = normal(1, 3, 2), normal(2, 5, 2), normal(3, 5, 7)
    out, weights = ref.scaled_dot_product_attention(q, k, v, MASK)
    assert (weights[~MASK] == 0).all()
    assert_allclose(weights.sum(axis=1), [1, 0, 1])
    assert_array_equal(out[1], np.zeros(7))
    changed = v.copy()
    changed[2] += 100  # the first query may not see this value
    assert_array_equal(ref.scaled_dot_product_attention(q, k, changed, MASK)[0][0], out[0])


def test_attention_matches_its_definition_row_by_row():
    q, k, v = normal(1, 3, 4), normal(2, 5, 4), normal(3, 5, 7)
    out, _ = ref.scaled_dot_product_attention(q, k, v)
    for row, query in zip(out, q, strict=True):
        e = np.exp(k @ query / 2)  # √4
        assert_allclose(row, (e / e.sum()) @ v)


@pytest.mark.parametrize("size", [1e154, 1e300])
def test_attention_over_huge_scores_is_silent_and_still_a_mean(size):
    q, k, v = size * normal(1, 3, 2), size * normal(2, 5, 2), normal(3, 5, 7)
    _, weights = ref.scaled_dot_product_attention(q, k, v)
    assert_allclose(weights.sum(axis=1), 1)


def test_a_shut_gate_lets_attention_take_nothing():
    q, k, v = normal(1, 3, 2), normal(2, 5, 2), normal(3, 5, 7)
    assert_array_equal(ref.gated_attention(q, k, v, np.full((3, 7), -1000.0)), np.zeros((3, 7)))


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_content_addressing_looks_at_direction_alone(scale):
    memory, key = normal(1, 7, 3), normal(2, 3)
    w = ref.content_addressing(memory, key, 3.0)
    assert_allclose(ref.content_addressing(scale * memory, key / scale, 3.0), w, rtol=1e-12)


def test_content_addressing_survives_zero_rows_and_keys():
    memory = np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    w = ref.content_addressing(memory, np.array([2.0, 0.0]), 1.0)
    assert_allclose(w, np.exp([1, 0, -1]) / np.exp([1, 0, -1]).sum())
    assert_allclose(ref.content_addressing(memory, np.zeros(2), 50.0), 1 / 3)
    dmemory, dkey, dstrength = ref.content_addressing_backward(
        np.array([1.0, 0.0, 0.0]), memory, np.zeros(2), 50.0
    )
    assert not dmemory.any() and not dkey.any() and dstrength == 0


@pytest.mark.parametrize("strength", [1e308, -1e308])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_strength_picks_one_row(strength, dtype):
    memory = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=dtype)
    w = ref.content_addressing(memory, np.array([1.0, 0.0], dtype=dtype), strength)
    assert_array_equal(w, [1, 0, 0] if strength > 0 else [0, 0, 1])
    assert w.dtype == dtype


def test_what_is_written_can_be_read_back_and_erased():
    memory, place = normal(1, 7, 3), np.eye(7)[4]
    word = normal(2, 3)
    written = ref.memory_write(memory, place, np.ones(3), word)
    assert_allclose(ref.memory_read(written, place), word)
    assert_array_equal(np.delete(written, 4, axis=0), np.delete(memory, 4, axis=0))
    assert not ref.memory_write(written, np.ones(7), np.ones(3), np.zeros(3)).any()


def test_erasing_comes_before_adding():
    out = ref.memory_write(np.ones((1, 1)), np.ones(1), np.ones(1), np.full(1, 5.0))
    assert_array_equal(out, [[5]])


@pytest.mark.parametrize("shift, moved", [([1.0, 0, 0], -1), ([0, 1.0, 0], 0), ([0, 0, 1.0], 1)])
def test_a_shift_moves_the_focus_around_the_ends(shift, moved):
    previous = np.eye(5)[4]
    stay = ref.NTMAddress(
        normal(1, 3), np.array(1.0), np.array(0.0), np.array(shift), np.array(1.0)
    )
    w = ref.ntm_addressing(normal(2, 5, 3), previous, stay)
    assert_array_equal(w, np.roll(previous, moved))


def test_addressing_by_content_alone_is_content_addressing():
    a = address()._replace(
        gate=np.array(1.0), shift=np.array([0.0, 1, 0]), sharpening=np.array(1.0)
    )
    memory = normal(1, 7, 3)
    assert_allclose(
        ref.ntm_addressing(memory, distribution(), a),
        ref.content_addressing(memory, a.key, a.strength),
    )


def test_sharpening_decides_even_where_powers_underflow():
    a = address()._replace(sharpening=np.array(1e6))
    w = ref.ntm_addressing(normal(1, 7, 3), distribution(), a)
    assert w.max() == 1 and w.sum() == 1


def test_the_heads_agree_with_the_parts_they_are_made_of():
    p = head_params(ref.NTMWriteHeadParams)
    h, memory, previous = normal(1, 5), normal(2, 7, 3), distribution()
    written, weights = ref.ntm_write_head(h, memory, previous, p)
    erase = ref.sigmoid(p.W_erase @ h + p.b_erase)
    add = np.tanh(p.W_add @ h + p.b_add)
    assert_allclose(written, ref.memory_write(memory, weights, erase, add))
    reading = ref.NTMReadHeadParams(*p[:10])
    read, read_weights = ref.ntm_read_head(h, memory, previous, reading)
    assert_array_equal(read_weights, weights)
    assert_allclose(read, weights @ memory)
    assert_allclose(weights.sum(), 1)


def test_a_shut_residual_block_normalises_its_input_and_ignores_the_context():
    p = grn_params()._replace(
        W_4=np.zeros((5, 5)), b_4=np.full(5, -1000.0), gamma=np.ones(5), beta=np.zeros(5)
    )
    a = normal(1, 2, 5)
    out = ref.gated_residual_network(a, p, normal(2, 2, 3))
    expected = (a - a.mean(axis=1, keepdims=True)) / np.sqrt(a.var(axis=1, keepdims=True) + 1e-5)
    assert_allclose(out, expected)


def test_no_context_is_a_context_of_zeros():
    a, p = normal(1, 2, 5), grn_params()
    assert_allclose(
        ref.gated_residual_network(a, p), ref.gated_residual_network(a, p, np.zeros((2, 3)))
    )
    v, q = normal(2, 2, 3, 5), vsn_params()
    without, _ = ref.variable_selection_network(v, q)
    assert_allclose(without, ref.variable_selection_network(v, q, np.zeros((2, 2)))[0])


def test_selected_variables_compete_and_a_chosen_one_passes_alone():
    v, p = normal(1, 2, 3, 5), vsn_params()
    _, weights = ref.variable_selection_network(v, p, normal(2, 2, 2))
    assert_allclose(weights.sum(axis=1), 1)
    sure = p.selection._replace(beta=np.array([0.0, 1000.0, 0.0]))
    out, weights = ref.variable_selection_network(v, p._replace(selection=sure))
    assert_allclose(weights, [[0, 1, 0]] * 2)
    assert_allclose(out, ref.gated_residual_network(v[:, 1], p.variables[1]))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 8, 13, 64, 101])
def test_the_scan_equals_the_loop_at_any_length(steps):
    keep, write, h0 = normal(1, steps, 2, 3), normal(2, steps, 2, 3), normal(3, 2, 3)
    keep[::3] = 0  # gates that forget everything
    h, expected = h0, []
    for t in range(steps):
        h = keep[t] * h + write[t]
        expected.append(h)
    assert_allclose(ref.linear_scan(keep, write, h0), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "container, forward, step",
    [
        (ref.MinGRUParams, ref.min_gru_forward, ref.min_gru_step),
        (ref.MinLSTMParams, ref.min_lstm_forward, ref.min_lstm_step),
    ],
)
def test_the_parallel_forms_equal_their_steps(container, forward, step):
    p, xs, h = minimal_params(container), normal(1, 53, 2, 3), normal(2, 2, 5)
    hs = forward(xs, h, p)
    for t in range(53):
        h = step(xs[t], h, p)
        assert_allclose(hs[t], h, rtol=1e-11, atol=1e-13)


def test_a_normalised_min_lstm_holds_even_where_both_gates_underflow():
    p = minimal_params(ref.MinLSTMParams)
    zero = np.zeros((5, 3))
    p = p._replace(W_f=zero, W_i=zero, b_f=np.full(5, -1000.0), b_i=np.full(5, -1000.0))
    h = ref.min_lstm_step(np.ones((1, 3)), np.zeros((1, 5)), p)
    assert_allclose(h, 0.5 * (p.W_h.sum(axis=1) + p.b_h)[None])


def naive_slstm(xs, p, h):
    """The cell without stabiliser: only for small pre-activations."""
    c = n = np.zeros_like(h)
    hs = []
    for x in xs:
        hx = np.concatenate([h, x], axis=1)
        f, i = ref.sigmoid(hx @ p.W_f.T + p.b_f), np.exp(hx @ p.W_i.T + p.b_i)
        c = f * c + i * np.tanh(hx @ p.W_c.T + p.b_c)
        n = f * n + i
        h = ref.sigmoid(hx @ p.W_o.T + p.b_o) * c / n
        hs.append(h)
    return np.stack(hs)


def test_the_stabiliser_changes_nothing_but_the_scale():
    p, xs = slstm_params(), normal(1, 23, 2, 3)
    hs, state = ref.slstm_forward(xs, p)
    assert_allclose(hs, naive_slstm(xs, p, np.zeros((2, 5))), rtol=1e-11)
    assert (state.n >= 1).all()


def test_slstm_remembers_through_gates_no_float_could_hold():
    p = slstm_params(scale=0.0)
    p = p._replace(b_i=np.full(5, 5000.0), b_f=np.full(5, 1000.0), b_c=np.full(5, 0.5))
    hs, state = ref.slstm_forward(np.ones((50, 1, 3)), p)
    assert_allclose(state.c / state.n, np.tanh(0.5))
    assert_allclose(hs, 0.5 * np.tanh(0.5))
    later, _ = ref.slstm_forward(
        np.ones((50, 1, 3)), p._replace(b_i=np.full(5, -5000.0), b_c=np.full(5, -0.5)), state
    )
    assert_allclose(later, 0.5 * np.tanh(0.5))  # nothing new was let in, nothing old was lost


def test_slstm_can_start_from_an_input_that_is_shut_out():
    p = slstm_params(scale=0.0)._replace(b_i=np.full(5, -5000.0), b_c=np.full(5, 0.5))
    hs, _ = ref.slstm_forward(np.ones((1, 1, 3)), p)
    assert_allclose(hs, 0.5 * np.tanh(0.5))  # a mean over one candidate is that candidate


# --- bad input ------------------------------------------------------------------------------------

a23, a25 = normal(0, 2, 3), normal(0, 2, 5)
NAN = np.full((5, 5), np.nan)
BAD = {
    "glu: other shape": (
        lambda: ref.gated_linear_unit(a23, a25),
        r"b of shape \(2, 3\), got \(2, 5\)",
    ),
    "glu: integers": (lambda: ref.gated_linear_unit(np.ones(2, int), np.ones(2)), "floating"),
    "glu: list": (lambda: ref.gated_linear_unit([1.0], np.ones(1)), "got list"),
    "glu backward": (
        lambda: ref.gated_linear_unit_backward(a25, a23, a23),
        r"dout of shape \(2, 3\)",
    ),
    "highway: width": (lambda: ref.highway_layer(a23, highway_params()), r"W_t of shape \(3, 3\)"),
    "highway: bias": (
        lambda: ref.highway_layer(a25, highway_params()._replace(b_h=np.ones(3))),
        r"b_h of shape \(5,\), got \(3,\)",
    ),
    "highway: empty batch": (
        lambda: ref.highway_layer(np.ones((0, 5)), highway_params()),
        "B ≥ 1",
    ),
    "highway backward": (
        lambda: ref.highway_layer_backward(a23, a25, highway_params()),
        r"dout of shape \(2, 5\)",
    ),
    "highway: NaN": (
        lambda: ref.highway_layer(a25, highway_params()._replace(W_h=NAN)),
        "numbers in W_h, got 25 NaN",
    ),
    "attention: key size": (
        lambda: ref.scaled_dot_product_attention(a23, a25, a25),
        r"k of shape \(Tk, 3\), got \(2, 5\)",
    ),
    "attention: values": (
        lambda: ref.scaled_dot_product_attention(a23, a23, normal(0, 3, 2)),
        r"v of shape \(2, m\), got \(3, 2\)",
    ),
    "attention: no keys": (
        lambda: ref.scaled_dot_product_attention(a23, np.ones((0, 3)), np.ones((0, 3))),
        "Tk ≥ 1",
    ),
    "attention: mask": (
        lambda: ref.scaled_dot_product_attention(a23, a23, a23, np.ones((3, 2), bool)),
        r"mask of shape \(2, 2\), got \(3, 2\)",
    ),
    "attention: additive mask": (
        lambda: ref.scaled_dot_product_attention(a23, a23, a23, np.zeros((2, 2))),
        "mask of booleans, got float64",
    ),
    "attention: NaN": (
        lambda: ref.scaled_dot_product_attention(np.full((2, 3), np.nan), a23, a23),
        "numbers in q, got 6 NaN",
    ),
    "attention backward": (
        lambda: ref.scaled_dot_product_attention_backward(a23, a23, a23, a25),
        r"dout of shape \(2, 5\)",
    ),
    "gated attention: gate": (
        lambda: ref.gated_attention(a23, a23, a23, a25),
        r"gate of shape \(2, 3\)",
    ),
    "gated attention backward": (
        lambda: ref.gated_attention_backward(a25, a23, a23, a23, a23),
        r"dout of shape \(2, 3\)",
    ),
    "content: key": (
        lambda: ref.content_addressing(a23, np.ones(5), 1.0),
        r"key of shape \(3,\), got \(5,\)",
    ),
    "content: strength": (
        lambda: ref.content_addressing(a23, np.ones(3), np.ones(2)),
        "strength as a single number",
    ),
    "content: NaN strength": (
        lambda: ref.content_addressing(a23, np.ones(3), float("nan")),
        "numbers in strength",
    ),
    "content backward": (
        lambda: ref.content_addressing_backward(np.ones(3), a23, np.ones(3), 1.0),
        r"dweights of shape \(2,\)",
    ),
    "read: weights": (lambda: ref.memory_read(a23, np.ones(3)), r"weights of shape \(2,\)"),
    "read backward": (
        lambda: ref.memory_read_backward(np.ones(2), a23, np.ones(2)),
        r"dread of shape \(3,\)",
    ),
    "write: erase": (
        lambda: ref.memory_write(a23, np.ones(2), np.ones(2), np.ones(3)),
        r"erase of shape \(3,\)",
    ),
    "write: add": (
        lambda: ref.memory_write(a23, np.ones(2), np.ones(3), np.ones(2)),
        r"add of shape \(3,\)",
    ),
    "write backward": (
        lambda: ref.memory_write_backward(a25, a23, np.ones(2), np.ones(3), np.ones(3)),
        r"dmemory_next of shape \(2, 3\)",
    ),
    "address: even shifts": (
        lambda: ref.ntm_addressing(
            normal(0, 7, 3), distribution(), address()._replace(shift=np.ones(2) / 2)
        ),
        "odd number of shifts",
    ),
    "address: more shifts than rows": (
        lambda: ref.ntm_addressing(a23, distribution(2), address()),
        "odd number of shifts up to N = 2, got 3",
    ),
    "address: gate": (
        lambda: ref.ntm_addressing(
            normal(0, 7, 3), distribution(), address()._replace(gate=np.array(1.5))
        ),
        "gate between 0 and 1, got 1.5",
    ),
    "address: sharpening": (
        lambda: ref.ntm_addressing(
            normal(0, 7, 3), distribution(), address()._replace(sharpening=np.array(0.5))
        ),
        "sharpening of at least 1, got 0.5",
    ),
    "address: previous": (
        lambda: ref.ntm_addressing(normal(0, 7, 3), np.ones(5), address()),
        r"previous of shape \(7,\)",
    ),
    "address: negative weights": (
        lambda: ref.ntm_addressing(
            normal(0, 7, 3), -np.ones(7), address()._replace(gate=np.array(0.0))
        ),
        "weights of at least 0",
    ),
    "address: all-zero weights": (
        lambda: ref.ntm_addressing(
            normal(0, 7, 3), np.zeros(7), address()._replace(gate=np.array(0.0))
        ),
        "not all 0",
    ),
    "head: key width": (
        lambda: ref.ntm_read_head(
            np.ones(5), normal(0, 7, 2), distribution(), head_params(ref.NTMReadHeadParams)
        ),
        r"W_key of shape \(2, 5\), got \(3, 5\)",
    ),
    "head: controller": (
        lambda: ref.ntm_write_head(
            np.ones(4), normal(0, 7, 3), distribution(), head_params(ref.NTMWriteHeadParams)
        ),
        r"W_key of shape \(3, 4\), got \(3, 5\)",
    ),
    "head backward": (
        lambda: ref.ntm_read_head_backward(
            np.ones(3),
            np.ones(3),
            np.ones(5),
            normal(0, 7, 3),
            distribution(),
            head_params(ref.NTMReadHeadParams),
        ),
        r"dweights of shape \(7,\)",
    ),
    "grn: width": (
        lambda: ref.gated_residual_network(a23, grn_params()),
        r"W_1 of shape \(3, 3\), got \(5, 5\)",
    ),
    "grn: context width": (
        lambda: ref.gated_residual_network(a25, grn_params(), a25),
        r"W_3 of shape \(5, 5\), got \(5, 3\)",
    ),
    "grn: context batch": (
        lambda: ref.gated_residual_network(a25, grn_params(), normal(0, 1, 3)),
        r"context of shape \(2, C\), got \(1, 3\)",
    ),
    "grn: NaN": (
        lambda: ref.gated_residual_network(a25, grn_params()._replace(W_2=NAN)),
        "numbers in W_2, got 25 NaN",
    ),
    "grn backward": (
        lambda: ref.gated_residual_network_backward(a23, a25, grn_params()),
        r"dout of shape \(2, 5\)",
    ),
    "vsn: axes": (
        lambda: ref.variable_selection_network(a25, vsn_params()),
        r"variables of shape \(B, J, H\), got \(2, 5\)",
    ),
    "vsn: count": (
        lambda: ref.variable_selection_network(normal(0, 2, 2, 5), vsn_params()),
        "parameters of 2 variables, got 3",
    ),
    "vsn: skip": (
        lambda: ref.variable_selection_network(
            normal(0, 2, 3, 5), vsn_params()._replace(W_skip=np.ones((3, 5)))
        ),
        r"W_skip of shape \(3, 15\), got \(3, 5\)",
    ),
    "vsn backward": (
        lambda: ref.variable_selection_network_backward(a23, normal(0, 2, 3, 5), vsn_params()),
        r"dout of shape \(2, 5\)",
    ),
    "scan: number": (lambda: ref.linear_scan(1.0, 1.0, 1.0), "keep as an array"),
    "scan: write": (
        lambda: ref.linear_scan(a23, a25, np.ones(3)),
        r"write of shape \(2, 3\), got \(2, 5\)",
    ),
    "scan: start": (
        lambda: ref.linear_scan(a23, a23, np.ones(2)),
        r"h0 of shape \(3,\), got \(2,\)",
    ),
    "scan: no steps": (
        lambda: ref.linear_scan(np.ones((0, 3)), np.ones((0, 3)), np.ones(3)),
        "T ≥ 1",
    ),
    "scan backward": (
        lambda: ref.linear_scan_backward(a25, a23, a23, np.ones(3)),
        r"dhs of shape \(2, 3\)",
    ),
    "min gru: input": (
        lambda: ref.min_gru_forward(
            normal(0, 7, 2, 2), normal(0, 2, 5), minimal_params(ref.MinGRUParams)
        ),
        r"W_z of shape \(5, 2\), got \(5, 3\)",
    ),
    "min gru: step": (
        lambda: ref.min_gru_step(np.ones(3), a25, minimal_params(ref.MinGRUParams)),
        r"x of shape \(B, D\), got \(3,\)",
    ),
    "min lstm: state": (
        lambda: ref.min_lstm_forward(normal(0, 7, 2, 3), a23, minimal_params(ref.MinLSTMParams)),
        r"h0 of shape \(2, 5\), got \(2, 3\)",
    ),
    "min lstm: NaN": (
        lambda: ref.min_lstm_forward(
            normal(0, 7, 2, 3),
            a25,
            minimal_params(ref.MinLSTMParams)._replace(b_i=np.full(5, np.nan)),
        ),
        "numbers in b_i, got 5 NaN",
    ),
    "slstm: empty batch": (lambda: ref.slstm_initial_state(0, slstm_params()), "batch_size"),
    "slstm: input": (
        lambda: ref.slstm_step(a25, slstm_state(), slstm_params()),
        r"W_f of shape \(5, 10\), got \(5, 8\)",
    ),
    "slstm: negative normaliser": (
        lambda: ref.slstm_step(a23, slstm_state()._replace(n=-np.ones((2, 5))), slstm_params()),
        "normaliser n ≥ 0",
    ),
    "slstm: zero normaliser under a full cell": (
        lambda: ref.slstm_step(a23, slstm_state()._replace(n=np.zeros((2, 5))), slstm_params()),
        "c = 0 where n = 0",
    ),
    "slstm: no steps": (lambda: ref.slstm_forward(np.ones((0, 2, 3)), slstm_params()), "T ≥ 1"),
    "slstm backward": (
        lambda: ref.slstm_backward(a25, normal(0, 7, 2, 3), slstm_params()),
        r"dhs of shape \(7, 2, 5\)",
    ),
    "slstm step backward": (
        lambda: ref.slstm_step_backward(slstm_state(3), a23, slstm_state(), slstm_params()),
        r"dh of shape \(2, 5\), got \(3, 5\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()
