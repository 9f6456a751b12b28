"""Every cell: its gradients by central differences, its lengths and extremes, its errors."""

import numpy as np
import pytest

import lstm_ref
from lstm_ref import gradcheck, numerical_gradient, tree_items
from lstm_ref.checks.inputs import normal, parameters
from tests.cells import KINDS, Run, backward, forward, inputs, inputs_and_gradients

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@kinds
@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("seed, sizes", [(0, (5, 3, 2, 7)), (7, (2, 3, 5, 1)), (9, (7, 3, 1, 2))])
def test_every_gradient_equals_central_differences(kind, with_lengths, seed, sizes):
    loss, tree, gradient = inputs_and_gradients(kind, with_lengths, seed, sizes)
    report = gradcheck(loss, tree, gradient, rtol=1e-6)
    assert report, report


@kinds
def test_a_fault_in_any_gradient_is_seen(kind):
    loss, tree, gradient = inputs_and_gradients(kind, sizes=(2, 3, 1, 2))
    for name, value in gradient.items():
        wrong = value.copy()
        wrong.flat[-1] += 1e-4
        report = gradcheck(lambda v, n=name: loss({**tree, n: v}), tree[name], wrong)
        assert not report, f"{name} was changed and nothing noticed"


@pytest.mark.parametrize("name", KINDS)
def test_one_step_back_equals_central_differences(name):
    kind = KINDS[name]
    step, back = (getattr(lstm_ref, f"{name}_step_{part}") for part in ("cached", "backward"))
    run = inputs(kind)
    x, rng = run.xs[0], np.random.default_rng(1)
    h_next, cache = step(x, *run.states, run.params)
    weights = [normal(rng, *h_next.shape) for _ in range(kind.states)]
    dx, *dstates, grads = back(*weights, cache, run.params)

    def loss(tree):
        h_next, cache = step(*tree)
        after = [h_next, cache.c_next] if kind.states == 2 else [h_next]
        return float(sum((w * s).sum() for w, s in zip(weights, after, strict=True)))

    report = gradcheck(loss, (x, *run.states, run.params), (dx, *dstates, grads), rtol=1e-6)
    assert report, report


@kinds
def test_past_its_end_a_sequence_holds_its_state_and_shows_zeros(kind):
    run = inputs(kind)
    hs, states, _ = forward(kind, run, np.array([5, 0, 2]))
    assert (hs[:, 1] == 0).all()
    assert (hs[2:, 2] == 0).all()
    for state, initial in zip(states, run.states, strict=True):
        assert (state[1] == initial[1]).all()
    short = run._replace(xs=run.xs[:2])
    ends = zip(states, forward(kind, short)[1], strict=True)
    assert all(np.allclose(s[2], t[2]) for s, t in ends)


@pytest.mark.parametrize("name", KINDS)
def test_plain_functions_give_what_the_cached_ones_give_and_no_more(name):
    kind = KINDS[name]
    run = inputs(kind)
    params = run.params if name == "rnn" else [run.params]  # W and b, one by one
    hs, states, _ = forward(kind, run)
    result = getattr(lstm_ref, f"{name}_forward")(run.xs, *run.states, *params)
    wanted = {"rnn": hs}.get(name, (hs, states if kind.states == 2 else states[0]))
    assert_same(result, wanted)

    result = getattr(lstm_ref, f"{name}_step")(run.xs[0], *run.states, *params)
    h_next, cache = getattr(lstm_ref, f"{name}_step_cached")(run.xs[0], *run.states, run.params)
    assert_same(result, (h_next, cache.c_next) if kind.states == 2 else h_next)
    assert np.array_equal(h_next, hs[0])


def assert_same(result, wanted):
    got, want = list(tree_items(result)), list(tree_items(wanted))
    assert [name for name, _ in got] == [name for name, _ in want]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(got, want, strict=True))


@kinds
def test_backward_can_be_called_twice(kind):
    run = inputs(kind)
    hs, _, caches = forward(kind, run)
    once, again = (backward(kind, np.ones_like(hs), caches, run, ()) for _ in range(2))
    assert all((a == b).all() for a, b in zip(once[2], again[2], strict=True))


@kinds
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_inputs_states_and_weights_make_no_warning_and_no_nan(kind, dtype):
    run = inputs(kind)
    run = run._replace(
        xs=np.sign(run.xs) * 1000,
        states=tuple(np.sign(s) * 1000 for s in run.states),
        params=type(run.params)(*(1000 * p for p in run.params)),
    )
    run = Run(
        run.xs.astype(dtype),
        tuple(s.astype(dtype) for s in run.states),
        type(run.params)(*(p.astype(dtype) for p in run.params)),
    )
    with np.errstate(all="raise", under="ignore"):
        hs, states, caches = forward(kind, run)
        dxs, dinitial, grads = backward(kind, np.ones_like(hs), caches, run, ())
    assert all(np.isfinite(a).all() for a in (hs, *states, dxs, *dinitial, *grads))


BAD = {
    "xs not an array": (lambda r: r._replace(xs=[1.0]), "expected xs as an array"),
    "xs of two axes": (lambda r: r._replace(xs=r.xs[0]), r"expected xs of shape \(T, B, D\), got"),
    "no step": (lambda r: r._replace(xs=r.xs[:0]), "with T ≥ 1"),
    "no sequence": (lambda r: r._replace(xs=r.xs[:, :0]), "with B ≥ 1"),
    "integers": (lambda r: r._replace(xs=r.xs.astype(int)), "floating dtype, got int"),
    "another input size": (lambda r: r._replace(xs=r.xs[:, :, :1]), r"expected W\w* of shape"),
    "another batch": (
        lambda r: r._replace(states=tuple(s[:2] for s in r.states)),
        r"expected h0 of shape \(3, 7\), got \(2, 7\)",
    ),
    "NaN in a weight": (
        lambda r: r._replace(params=type(r.params)(r.params[0] * np.nan, *r.params[1:])),
        "expected numbers in W.*, got 63 NaN",
    ),
    "bias of two axes": (
        lambda r: r._replace(params=type(r.params)(r.params[0], r.params[1][None], *r.params[2:])),
        r"expected b\w* of shape \(H,\)",
    ),
}


@kinds
@pytest.mark.parametrize(("change", "text"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_what_was_expected_and_what_came(kind, change, text):
    with pytest.raises(ValueError, match=text):
        forward(kind, change(inputs(kind)))


@kinds
def test_backward_refuses_gradients_that_do_not_fit(kind):
    run = inputs(kind)
    hs, _, caches = forward(kind, run)
    with pytest.raises(ValueError, match=r"expected dhs of shape \(5, 3, 7\), got \(4, 3, 7\)"):
        backward(kind, hs[:4], caches, run, ())
    with pytest.raises(ValueError, match="empty list"):
        backward(kind, hs, [], run, ())
    with pytest.raises(ValueError, match="dh_T"):
        backward(kind, hs, caches, run, (np.ones((1, 7)),))


def test_sigmoid_is_exact_to_1e_12_and_keeps_single_precision():
    z = np.linspace(-50, 50, 1001)
    exact = np.array([float(np.exp(-np.logaddexp(0, -v))) for v in z])
    assert np.abs(lstm_ref.sigmoid(z) - exact).max() < 1e-15
    assert lstm_ref.sigmoid(z.astype(np.float32)).dtype == np.float32
    for scalar in (np.float32(0.3), np.array(0.3, dtype=np.float32)):
        assert lstm_ref.sigmoid(scalar).dtype == lstm_ref.half_life(scalar).dtype == np.float32
        assert lstm_ref.apply_gate(scalar, scalar).dtype == np.float32
    with np.errstate(all="raise", under="ignore"):
        assert lstm_ref.sigmoid(np.array([-1000.0, 1000.0])).tolist() == [0, 1]


def test_jacobian_equals_central_differences():
    kind = KINDS["rnn"]
    run = inputs(kind)
    (h,) = run.states
    step = lambda h: lstm_ref.rnn_step(run.xs[0], h, *run.params)  # noqa: E731
    J = lstm_ref.rnn_jacobian(step(h), run.params.W)
    for i in range(h.shape[1]):
        numerical = numerical_gradient(lambda v, i=i: float(step(v)[:, i].sum()), h)
        assert np.allclose(J[:, i], numerical, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("size", [0.3, 1.0, 40.0])
def test_gradient_norms_are_those_of_the_products_far_beyond_the_range_of_a_float(size):
    rng = np.random.default_rng(0)
    jacobians = size * normal(rng, 400, 3, 3)
    norms = lstm_ref.gradient_norms(jacobians)
    product, logarithm = np.eye(3), 0.0
    for k in range(401):
        exact = np.log(np.linalg.norm(product, 2)) + logarithm
        if exact > 710:  # e^709.8 is the largest double
            assert norms[k] == np.inf
        elif exact < -700:  # fewer and fewer digits, then 0
            assert norms[k] < 1e-300
        else:
            assert np.isclose(np.log(norms[k]), exact, rtol=1e-9, atol=1e-9)
        if k < 400:
            product = product @ jacobians[399 - k]
            logarithm += np.log(np.abs(product).max())
            product /= np.abs(product).max()


def test_gradient_norms_of_jacobians_that_come_back_into_range():
    there_and_back = np.concatenate([np.full((200, 1, 1), 1e-2), np.full((200, 1, 1), 1e2)])
    assert np.isclose(lstm_ref.gradient_norms(there_and_back)[-1], 1.0)
    assert lstm_ref.gradient_norms(there_and_back)[200] == np.inf


def test_gradient_norms_of_a_run_bound_its_gradient():
    kind = KINDS["rnn"]
    run = inputs(kind, sizes=(5, 3, 2, 7))
    hs, _, caches = forward(kind, run)
    jacobians = np.stack([lstm_ref.rnn_jacobian(h, run.params.W)[1] for h in hs])
    norms = lstm_ref.gradient_norms(jacobians)
    dhs = np.zeros_like(hs)
    dhs[-1] = normal(np.random.default_rng(1), *hs[-1].shape)
    _, (dh0,), _ = backward(kind, dhs, caches, run, ())
    product = np.linalg.multi_dot(list(jacobians[::-1]))
    assert np.allclose(dh0[1], dhs[-1, 1] @ product)
    assert np.linalg.norm(dh0[1]) <= norms[-1] * np.linalg.norm(dhs[-1, 1]) * (1 + 1e-12)


def test_half_life_is_the_step_at_which_half_is_left():
    f = np.array([0.1, 0.5, 0.9, 0.999, 1 - 1e-12])
    assert np.allclose(f ** lstm_ref.half_life(f), 0.5)
    with np.errstate(all="raise"):
        assert lstm_ref.half_life([0, 1]).tolist() == [0, np.inf]
    assert lstm_ref.half_life(0.25) == 0.5


def test_carry_is_update_cell_over_time():
    rng = np.random.default_rng(0)
    f, i, candidate = rng.uniform(0, 1, (3, 5, 2, 7))
    c = c0 = normal(rng, 2, 7)
    out = lstm_ref.carry(c0, f, i, candidate)
    for t in range(5):
        c = lstm_ref.update_cell(f[t], c, i[t], candidate[t])
        assert np.array_equal(out[t], c)


@pytest.mark.parametrize("gap", [1, 100, 1000])
def test_latch_keeps_what_was_written_through_noise(gap):
    rng = np.random.default_rng(gap)
    params = lstm_ref.latch_params()
    values = rng.choice([-1.0, 1.0], (3, 17))  # three writes, 17 sequences
    steps = 3 * (gap + 1)
    xs = np.zeros((steps, 17, 2))
    xs[:, :, 0] = rng.uniform(-1, 1, (steps, 17))
    xs[:: gap + 1] = np.stack([values, np.ones_like(values)], axis=-1)
    hs, _ = lstm_ref.lstm_forward(xs, np.zeros((17, 1)), np.zeros((17, 1)), params)
    for k in range(3):
        held = hs[k * (gap + 1) : (k + 1) * (gap + 1), :, 0]
        assert (np.sign(held) == values[k]).all()
        assert (np.abs(held) >= 0.5).all()


def test_parameter_counts_are_those_of_the_parameters():
    rng = np.random.default_rng(0)
    for inputs_size, units in ((2, 7), (5, 3), (1, 1)):
        counts = lstm_ref.parameter_counts(inputs_size, units)
        for name in ("rnn", "gru", "lstm", "lstm1997", "peephole"):
            params = parameters(KINDS[name].params, rng, units, inputs_size)
            assert counts[name] == sum(a.size for a in params)
        assert counts["bidirectional"] == 2 * counts["lstm"]
        assert lstm_ref.count_parameters(inputs_size, units) == counts["lstm"]
        assert all(type(n) is int for n in counts.values())


def test_carousel_gradient_is_the_direct_path_of_the_cell():
    rng = np.random.default_rng(0)
    fs, writes = rng.uniform(0, 1, (5, 3)), rng.normal(size=(5, 3))
    out = lstm_ref.carousel_gradient(fs)
    for t in range(6):

        def final(c, t=t):
            for s in range(t, 5):
                c = fs[s] * c + writes[s]
            return float(c.sum())

        assert np.allclose(out[t], numerical_gradient(final, np.ones(3)))


def test_belt_contributions_add_up_to_the_cell_state():
    kind = KINDS["lstm"]
    run = inputs(kind)
    trace = lstm_ref.gate_trace(run.xs, *run.states, run.params)
    unit = [trace[k][:, 1, 2] for k in ("f", "i", "candidate")]
    belt = lstm_ref.belt_contributions(*unit, run.states[1][1, 2])
    assert np.allclose(belt.sum(axis=1), trace["c"][:, 1, 2])
    assert (np.triu(belt[:, 1:], 1) == 0).all()
