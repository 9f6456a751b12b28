"""The trainable network: its gradients, its tiers, its layers put together, its edges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm_ref as ref
from lstm_ref import SequenceBatch, SequenceModel, gradcheck, tree_items, tree_map

LAYERS = {
    "lstm": ref.lstm_layer(),
    "readable lstm": ref.lstm_layer(readable=True),
    "gru": ref.gru_layer(),
    "readable gru": ref.gru_layer(readable=True),
    "rnn": ref.rnn_layer(),
    "readable rnn": ref.rnn_layer(readable=True),
    "peephole": ref.peephole_layer(),
    "lstm1997": ref.lstm1997_layer(),
    "coupled": ref.coupled_layer(),
    "min gru": ref.min_gru_layer(),
    "min lstm": ref.min_lstm_layer(),
    "slstm": ref.slstm_layer(),
    "stack": ref.stacked_layer([ref.lstm_layer(), ref.gru_layer()]),
    "both directions": ref.bidirectional_layer(ref.lstm_layer()),
    "both directions of a gru": ref.bidirectional_layer(ref.gru_layer()),
    "stack of both directions": ref.stacked_layer([ref.bidirectional_layer(ref.rnn_layer())] * 2),
}
T, B, D, H = 5, 3, 2, 4
LENGTHS = np.array([5, 2, 4])


def make(name, outputs=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    model = SequenceModel(LAYERS[name], **options)
    return model, model.init(rng, D, H, outputs), rng


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_agree_with_central_differences(name, every_step):
    model, params, rng = make(name, every_step=every_step)
    targets = rng.standard_normal((T, B, 2) if every_step else (B, 2))
    batch = SequenceBatch(rng.standard_normal((T, B, D)), targets, LENGTHS)
    _, grads = model.loss_and_grad(params, batch)
    report = gradcheck(lambda p: model.evaluate(p, batch), params, grads)
    assert report, report


def test_an_embedding_and_a_mask_are_differentiated_too():
    rng = np.random.default_rng(0)
    model = SequenceModel(ref.lstm_layer(), ref.softmax_cross_entropy, every_step=True)
    params = model.init(rng, D, H, outputs=7, vocabulary_size=7)
    tokens, following = rng.integers(0, 7, (2, T, B))
    batch = SequenceBatch(tokens, following, LENGTHS, mask=rng.random((T, B)) < 0.7)
    _, grads = model.loss_and_grad(params, batch)
    report = gradcheck(lambda p: model.evaluate(p, batch), params, grads)
    assert report, report
    assert "embedding" in dict(tree_items(grads))


def test_dropout_is_differentiated_and_off_outside_training():
    rng = np.random.default_rng(0)
    model = SequenceModel(ref.stacked_layer([ref.lstm_layer(), ref.rnn_layer()], dropout=0.5))
    params = model.init(rng, D, H, 2)
    batch = SequenceBatch(rng.standard_normal((T, B, D)), rng.standard_normal((B, 2)), LENGTHS)
    dropped, grads = model.loss_and_grad(params, batch, np.random.default_rng(3))
    report = gradcheck(
        lambda p: model.loss_and_grad(p, batch, np.random.default_rng(3))[0], params, grads
    )
    assert report, report
    assert dropped != model.evaluate(params, batch)
    assert model.loss_and_grad(params, batch)[0] == model.evaluate(params, batch)


def test_dropout_keeps_the_mean():
    rng = np.random.default_rng(0)
    identity = ref.Layer(
        lambda *_: (),
        lambda *_: (),
        lambda xs, *_: ref.LayerOutput(xs, xs[-1], None, None),
        lambda dhs, dlast, tape: (dhs, ()),
        lambda hidden_size: hidden_size,
    )
    layer = ref.stacked_layer([identity, identity], dropout=0.3)
    hs = layer.forward(np.ones((100, 100, 5)), ((), ()), None, None, rng).hs
    assert_allclose(np.unique(hs), [0, 1 / 0.7])
    assert_allclose(hs.mean(), 1, atol=0.01)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("every_step", [False, True])
def test_both_tiers_give_the_same_numbers(cell, every_step):
    model, params, rng = make(cell, every_step=every_step)
    readable, _, _ = make(f"readable {cell}", every_step=every_step)
    targets = rng.standard_normal((T, B, 2) if every_step else (B, 2))
    batch = SequenceBatch(rng.standard_normal((T, B, D)), targets, LENGTHS)
    loss, grads = model.loss_and_grad(params, batch)
    other, others = readable.loss_and_grad(params, batch)
    assert_allclose(loss, other, rtol=1e-12)
    tree_map(lambda a, b: assert_allclose(a, b, rtol=0, atol=1e-12), grads, others)


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_what_lies_past_a_sequences_end_changes_nothing(name, every_step):
    model, params, rng = make(name, every_step=every_step)
    xs = rng.standard_normal((T, B, D))
    targets = rng.standard_normal((T, B, 2) if every_step else (B, 2))
    other, others = xs.copy(), targets.copy()
    padding = np.arange(T)[:, None] >= LENGTHS
    other[padding] = 9.0
    if every_step:
        others[padding] = 9.0
    first = model.loss_and_grad(params, SequenceBatch(xs, targets, LENGTHS))
    second = model.loss_and_grad(params, SequenceBatch(other, others, LENGTHS))
    assert first[0] == second[0]
    tree_map(assert_array_equal, first[1], second[1])


@pytest.mark.parametrize(
    "name", ["lstm", "readable gru", "rnn", "peephole", "stack", "min gru", "slstm"]
)
def test_a_state_carries_a_run_on(name):
    model, params, rng = make(name, every_step=True)
    xs = rng.standard_normal((9, B, D))
    whole, _ = model.predict(params, xs)
    first, state = model.predict(params, xs[:4])
    second, _ = model.predict(params, xs[4:], state=state)
    assert_allclose(np.concatenate([first, second]), whole, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", [n for n in LAYERS if "both" not in n])
def test_a_length_of_zero_leaves_the_initial_state(name):
    layer, rng = LAYERS[name], np.random.default_rng(0)
    params, xs = layer.init(rng, D, H), rng.standard_normal((T, B, D))
    out = layer.forward(xs, params, np.array([3, 0, 5]))
    assert not out.last[1].any() and not out.hs[:, 1].any()
    dxs, _ = layer.backward(np.ones_like(out.hs), np.ones_like(out.last), out.tape)
    assert not dxs[:, 1].any() and dxs[:3, 0].any() and not dxs[3:, 0].any()


def test_the_last_states_of_both_directions_have_seen_the_whole_sequence():
    layer = LAYERS["both directions"]
    rng = np.random.default_rng(0)
    params = layer.init(rng, D, H)
    xs = rng.standard_normal((T, B, D))
    out = layer.forward(xs, params, LENGTHS)
    assert_allclose(out.last[:, H:], out.hs[0, :, H:])  # the backward direction ends at the start
    assert_allclose(out.last[:, :H], out.hs[LENGTHS - 1, np.arange(B), :H])
    expected = ref.bidirectional_forward(xs, params.forward, params.backward, LENGTHS)
    assert_allclose(out.hs, expected, rtol=1e-12, atol=1e-13)


def test_single_precision_stays_single():
    for name in LAYERS:
        model = SequenceModel(LAYERS[name])
        rng = np.random.default_rng(0)
        params = model.init(rng, D, H, 2, dtype=np.float32)
        xs = rng.standard_normal((T, B, D)).astype(np.float32)
        loss, grads = model.loss_and_grad(params, SequenceBatch(xs, np.zeros((B, 2)), LENGTHS))
        assert isinstance(loss, float)
        for label, g in [*tree_items(params), *tree_items(grads)]:
            assert g.dtype == np.float32, (name, label)
        assert model.predict(params, xs)[0].dtype == np.float32


def test_inputs_stay_untouched():
    model, params, rng = make("stack", every_step=True)
    batch = SequenceBatch(rng.standard_normal((T, B, D)), rng.standard_normal((T, B, 2)), LENGTHS)
    before = tree_map(np.copy, (params, tuple(batch)))
    model.loss_and_grad(params, batch)
    tree_map(assert_array_equal, (params, tuple(batch)), before)


def test_gaussian_outputs_are_means_and_log_variances():
    rng = np.random.default_rng(0)
    mean, s, y = rng.standard_normal((3, B, 2))
    loss, d = ref.gaussian_loss(np.concatenate([mean, s], axis=1), y)
    expected, (dmean, ds) = ref.gaussian_nll(mean, s, y)
    assert loss == expected
    assert_array_equal(d, np.concatenate([dmean, ds], axis=1))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("depth, directions", [(3, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_layers_put_together_equal_pytorchs(cell, depth, directions, lengths):
    """Outputs and all gradients of stacks and both directions, as training runs them."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: parity not checked")
    part = LAYERS[cell] if directions == 1 else ref.bidirectional_layer(LAYERS[cell])
    layer, rng = ref.stacked_layer([part] * depth), np.random.default_rng(0)
    params = tree_map(lambda a: rng.standard_normal(a.shape), layer.init(rng, D, H))
    xs, dhs = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, directions * H))
    out = layer.forward(xs, params, lengths)
    dxs, grads = layer.backward(dhs, None, out.tape)

    net = getattr(torch.nn, cell.upper())(D, H, depth, bidirectional=directions == 2).double()
    places = [(k, end) for k in range(depth) for end in ("", "_reverse")[:directions]]
    own = [params[k] if directions == 1 else params[k][end != ""] for k, end in places]
    for (k, end), p in zip(places, own, strict=True):
        for key, value in getattr(ref, f"{cell}_to_torch")(p).items():
            getattr(net, key.replace("l0", f"l{k}") + end).data = torch.tensor(value)
    x = torch.tensor(xs, requires_grad=True)
    rnn = torch.nn.utils.rnn
    fed = x if lengths is None else rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    hs, _ = net(fed)
    hs = hs if lengths is None else rnn.pad_packed_sequence(hs, total_length=T)[0]
    (hs * torch.tensor(dhs)).sum().backward()

    assert_allclose(out.hs, hs.detach().numpy(), rtol=0, atol=1e-9)
    assert_allclose(dxs, x.grad.numpy(), rtol=0, atol=1e-9)
    mine = [grads[k] if directions == 1 else grads[k][end != ""] for k, end in places]
    for (k, end), g in zip(places, mine, strict=True):
        for key, value in getattr(ref, f"{cell}_to_torch")(g).items():
            if not key.startswith("bias_hh"):  # ours is one bias
                theirs = getattr(net, key.replace("l0", f"l{k}") + end).grad.numpy()
                assert_allclose(value, theirs, rtol=0, atol=1e-9, err_msg=f"{key} {k}{end}")


def test_five_steps_of_training_equal_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: parity not checked")
    rng = np.random.default_rng(0)
    model = SequenceModel(ref.lstm_layer())
    params = model.init(rng, D, H, 2)
    theirs, readout = torch.nn.LSTM(D, H).double(), torch.nn.Linear(H, 2).double()
    state = {k: torch.tensor(v) for k, v in ref.lstm_to_torch(params.layer).items()}
    theirs.load_state_dict(state)
    readout.load_state_dict(
        {k: torch.tensor(v) for k, v in zip(("weight", "bias"), params.readout, strict=True)}
    )
    theirs.bias_hh_l0.requires_grad_(False)  # ours is one bias
    weights = [p for m in (theirs, readout) for p in m.parameters() if p.requires_grad]
    their_optimizer = torch.optim.Adam(weights, lr=0.05)
    optimizer = ref.adam(0.05)
    moments = optimizer.init(params)
    for _ in range(5):
        xs, y = rng.standard_normal((T, B, D)), rng.standard_normal((B, 2))
        loss, grads = model.loss_and_grad(params, SequenceBatch(xs, y))
        clipped, norm = ref.clip_by_global_norm(grads, 0.1)
        params, moments = optimizer.update(clipped, moments, params)
        _, (h, _) = theirs(torch.tensor(xs))
        their_loss = torch.nn.functional.mse_loss(readout(h[0]), torch.tensor(y))
        their_optimizer.zero_grad()
        their_loss.backward()
        their_norm = torch.nn.utils.clip_grad_norm_(weights, 0.1)
        their_optimizer.step()
        assert_allclose([loss, norm], [their_loss.item(), their_norm.item()], rtol=1e-6)
    ours = ref.lstm_to_torch(params.layer)
    for key in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
        # PyTorch adds 1e-6 to the norm before it divides
        assert_allclose(ours[key], getattr(theirs, key).detach().numpy(), atol=1e-7)


def model_of(name="lstm", **options):
    return make(name, **options)[:2]


XS = np.zeros((T, B, D))
BAD = {
    "input size": (
        lambda: model_of()[0].predict(model_of()[1], np.zeros((T, B, 3))),
        "expected W_f of shape",
    ),
    "axes": (
        lambda: model_of()[0].predict(model_of()[1], np.zeros((T, D))),
        r"expected xs of shape \(T, B, D\), got \(5, 2\)",
    ),
    "no steps": (
        lambda: model_of()[0].predict(model_of()[1], np.zeros((0, B, D))),
        "T ≥ 1",
    ),
    "lengths": (
        lambda: model_of()[0].predict(model_of()[1], XS, lengths=[6, 1, 1]),
        "lengths between 0 and T = 5, got 6",
    ),
    "lengths both ways": (
        lambda: model_of("both directions")[0].predict(
            model_of("both directions")[1], XS, lengths=[6, 1, 1]
        ),
        "lengths between 0 and T = 5, got 6",
    ),
    "targets": (
        lambda: model_of()[0].loss_and_grad(model_of()[1], SequenceBatch(XS, np.zeros((B, 3)))),
        r"expected targets of shape \(3, 2\), got \(3, 3\)",
    ),
    "state both ways": (
        lambda: model_of("both directions")[0].predict(
            model_of("both directions")[1], XS, state=()
        ),
        "expected no state",
    ),
    "NaN": (
        lambda: model_of()[0].predict(tree_map(lambda a: a * np.nan, model_of()[1]), XS),
        "expected numbers in W_f",
    ),
    "no layer": (lambda: ref.stacked_layer([]), "expected at least one layer"),
    "dropout of 1": (lambda: ref.stacked_layer([ref.rnn_layer()], 1.0), "dropout of at least 0"),
    "size": (
        lambda: SequenceModel(ref.lstm_layer()).init(np.random.default_rng(0), 0, 3, 1),
        "expected sizes of at least 1",
    ),
    "odd outputs": (lambda: ref.gaussian_loss(np.zeros((B, 3)), np.zeros((B, 1))), "even number"),
    "outputs as a list": (lambda: ref.gaussian_loss([0.0, 0.0], [0.0]), "outputs as an array"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
