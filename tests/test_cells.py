"""Every cell: its gradients by central differences, its lengths and extremes, its errors."""

import numpy as np
import pytest

import lstm_ref
from lstm_ref import gradcheck, numerical_gradient
from lstm_ref.checks.inputs import normal
from tests.cells import KINDS, LENGTHS, backward, forward, inputs, inputs_and_gradients

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
all_lengths = pytest.mark.parametrize("lengths", LENGTHS.values(), ids=map(str, LENGTHS))


@kinds
@all_lengths
@pytest.mark.parametrize("seed", [0, 7])
def test_every_gradient_equals_central_differences(kind, lengths, seed):
    loss, tree, gradient = inputs_and_gradients(kind, lengths is not None, seed)
    report = gradcheck(loss, tree, gradient, rtol=1e-6)
    assert report, report


@kinds
def test_a_fault_in_any_gradient_is_seen(kind):
    loss, tree, gradient = inputs_and_gradients(kind)
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
@all_lengths
def test_single_precision_stays_single_and_is_close(kind, lengths):
    single, double = inputs(kind, dtype=np.float32), inputs(kind)
    hs, states, caches = forward(kind, single, lengths)
    dxs, dstates0, grads = backward(kind, np.ones_like(hs), caches, single, (), lengths)
    assert {a.dtype for a in (hs, *states, dxs, *dstates0, *grads)} == {np.dtype(np.float32)}
    assert np.allclose(hs, forward(kind, double, lengths)[0], atol=1e-5)


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


@kinds
def test_backward_can_be_called_twice(kind):
    run = inputs(kind)
    hs, _, caches = forward(kind, run)
    once, again = (backward(kind, np.ones_like(hs), caches, run, ()) for _ in range(2))
    assert all((a == b).all() for a, b in zip(once[2], again[2], strict=True))


@kinds
@pytest.mark.filterwarnings("error")
def test_extreme_inputs_make_no_warning_and_no_nan(kind):
    run = inputs(kind)
    run = run._replace(xs=run.xs * 1000, params=type(run.params)(*(100 * p for p in run.params)))
    with np.errstate(all="raise", under="ignore"):
        hs, _, caches = forward(kind, run)
        dxs, _, grads = backward(kind, np.ones_like(hs), caches, run, ())
    assert all(np.isfinite(a).all() for a in (hs, dxs, *grads))


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


BAD_LENGTHS = {
    "too long": ([6, 1, 1], "expected lengths between 0 and T = 5, got 6"),
    "negative": ([-1, 1, 1], "expected lengths between 0 and T = 5, got -1"),
    "too few": ([1, 1], r"expected lengths of shape \(3,\), got \(2,\)"),
    "not whole": ([1.0, 2.0, 3.0], "expected lengths as integers, got float64"),
}


@kinds
@pytest.mark.parametrize(("lengths", "text"), BAD_LENGTHS.values(), ids=BAD_LENGTHS)
def test_bad_lengths_are_refused(kind, lengths, text):
    with pytest.raises(ValueError, match=text):
        forward(kind, inputs(kind), lengths)


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


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lstm_ref.half_life(1.5), "between 0 and 1"),
        (lambda: lstm_ref.carry(0.0, np.ones(3), np.ones(2), np.ones(3)), "one shape"),
        (lambda: lstm_ref.belt_contributions(*[np.ones((2, 2))] * 3, 0.0), r"shape \(T,\)"),
        (lambda: lstm_ref.carousel_gradient(np.ones((0, 2))), "T ≥ 1"),
        (lambda: lstm_ref.gradient_norms(np.ones((3, 2, 5))), r"\(T, H, H\)"),
        (lambda: lstm_ref.rnn_jacobian(np.ones((2, 3)), np.ones((2, 5))), "expected W"),
        (lambda: lstm_ref.count_parameters(0, 3), "at least 1"),
    ],
)
def test_small_functions_refuse_bad_input(call, text):
    with pytest.raises(ValueError, match=text):
        call()
