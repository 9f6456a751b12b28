"""Truncated backpropagation in training: windows that follow one another carry the state."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm_ref as ref
from lstm_ref import SequenceBatch, SequenceModel, gradcheck, load_checkpoint, train, tree_map

LAYERS = {
    "lstm": ref.lstm_layer(),
    "readable lstm": ref.lstm_layer(readable=True),
    "gru": ref.gru_layer(),
    "rnn": ref.rnn_layer(),
    "peephole": ref.peephole_layer(),
    "lstm1997": ref.lstm1997_layer(),
    "coupled": ref.coupled_layer(),
    "min gru": ref.min_gru_layer(),
    "min lstm": ref.min_lstm_layer(),
    "slstm": ref.slstm_layer(),
    "stack": ref.stacked_layer([ref.lstm_layer(), ref.gru_layer()]),
}
T, B, D, H = 12, 3, 2, 5
layers = pytest.mark.parametrize("name", LAYERS)


def make(name, seed=0, every_step=True):
    """Return a model, its parameters, and a stream with its targets."""
    rng = np.random.default_rng(seed)
    model = SequenceModel(LAYERS[name], every_step=every_step)
    params = model.init(rng, D, H, 2)
    return model, params, rng.standard_normal((T, B, D)), rng.standard_normal((T, B, 2))


def windows(model, params, xs, targets, window, lengths=None):
    """Go through a stream once: loss, gradient and carried state of every window."""
    next_batch, carried = ref.stream_batches(xs, targets, window, lengths), model.start(params, B)
    results = []
    for step in range(-(-T // window)):
        batch = next_batch(None, step)
        results.append(model.carried_loss_and_grad(params, batch, None, carried))
        carried = results[-1][2]
    return results


@layers
def test_a_window_as_long_as_the_stream_is_full_backpropagation(name):
    model, params, xs, targets = make(name)
    ((loss, grads, carried),) = windows(model, params, xs, targets, T)
    whole, whole_grads = model.loss_and_grad(params, SequenceBatch(xs, targets))
    assert loss == whole
    tree_map(assert_array_equal, grads, whole_grads)
    tree_map(assert_array_equal, carried, model.predict(params, xs)[1])


@layers
@pytest.mark.parametrize("window", [1, 5, 6])
def test_the_carried_state_is_that_of_one_continuous_run(name, window):
    model, params, xs, targets = make(name)
    results = windows(model, params, xs, targets, window)
    for k, (loss, _, carried) in enumerate(results):
        end = min((k + 1) * window, T)
        outputs, state = model.predict(params, xs[:end])
        tree_map(lambda a, b: assert_allclose(a, b, rtol=1e-12, atol=1e-13), carried, state)
        part = slice(k * window, end)
        assert_allclose(loss, ref.mse(outputs[part], targets[part])[0], rtol=1e-12)


@layers
def test_gradients_are_those_of_the_window_with_what_was_carried_held(name):
    model, params, xs, targets = make(name)
    _, (_, grads, _), *_ = windows(model, params, xs, targets, 4)
    carried = model.predict(params, xs[:4])[1]

    def loss(params):
        outputs, _ = model.predict(params, xs[4:8], state=carried)
        return ref.mse(outputs, targets[4:8])[0]

    report = gradcheck(loss, params, grads)
    assert report, report


@pytest.mark.parametrize("lengths", [None, [12, 7, 0]], ids=["whole", "lengths"])
def test_windows_add_up_to_the_truncated_gradient_of_the_readable_tier(lengths):
    model, params, xs, targets = make("lstm")
    cell, zero = params.layer, np.zeros((B, H))
    hs, (h, c), caches = ref.lstm_forward_cached(xs, zero, zero, cell, lengths)
    running = np.ones((T, B), bool) if lengths is None else np.arange(T)[:, None] < lengths
    douts = np.where(running[:, :, None], ref.linear_forward(hs, params.readout) - targets, 0)
    dhs, _ = ref.linear_backward(douts, hs, params.readout)
    _, wanted = ref.lstm_truncated_backward(dhs, caches, cell, 5, lengths)

    total, results = tree_map(np.zeros_like, cell), windows(model, params, xs, targets, 5, lengths)
    for k, (_, grads, _) in enumerate(results):
        entries = running[5 * k : 5 * k + 5].sum()  # the loss is ½ of a mean over 2 · entries
        total = tree_map(lambda a, g, n=entries: a + n * g, total, grads.layer)
    tree_map(lambda a, b: assert_allclose(a, b, rtol=1e-10, atol=1e-12), total, wanted)
    carried = results[-1][2]
    tree_map(lambda a, b: assert_allclose(a, b, rtol=1e-12, atol=1e-13), carried, (h, c))


@layers
def test_a_sequence_that_starts_drops_what_was_carried_and_the_others_go_on(name):
    model, params, xs, targets = make(name)
    carried = model.predict(params, xs[:4])[1]
    starts = np.array([False, True, False])
    batch = SequenceBatch(xs[4:], targets[4:], starts=starts)
    _, _, after = model.carried_loss_and_grad(params, batch, None, carried)
    going_on, fresh = model.predict(params, xs)[1], model.predict(params, xs[4:])[1]
    expected = tree_map(lambda on, new: np.where(starts[:, None], new, on), going_on, fresh)
    tree_map(lambda a, b: assert_allclose(a, b, rtol=1e-12, atol=1e-13), after, expected)


def test_nothing_that_was_given_is_changed():
    model, params, xs, targets = make("stack")
    carried = model.predict(params, xs[:4])[1]
    given = (params, xs, targets, carried)
    before = tree_map(np.copy, given)
    batch = SequenceBatch(xs, targets, starts=np.array([True, False, False]))
    first = model.carried_loss_and_grad(params, batch, None, carried)
    tree_map(assert_array_equal, given, before)
    tree_map(assert_array_equal, model.carried_loss_and_grad(params, batch, None, carried), first)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_carried_state_keeps_the_precision_of_the_parameters(dtype):
    for name, layer in LAYERS.items():
        model = SequenceModel(layer, every_step=True)
        params = model.init(np.random.default_rng(0), D, H, 2, dtype=dtype)
        batch = SequenceBatch(np.ones((T, B, D), dtype), np.zeros((T, B, 2)))
        _, _, carried = model.carried_loss_and_grad(params, batch, None, model.start(params, B))
        assert all(a.dtype == dtype for _, a in ref.tree_items(carried)), name


def test_three_passes_of_training_equal_pytorchs_with_a_detached_state():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: parity not checked")
    model, params, xs, targets = make("lstm")
    theirs, readout = torch.nn.LSTM(D, H).double(), torch.nn.Linear(H, 2).double()
    weights = ref.lstm_to_torch(params.layer)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in weights.items()})
    readout.weight.data, readout.bias.data = map(torch.tensor, params.readout)
    theirs.bias_hh_l0.requires_grad_(False)  # ours is one bias
    trained = [p for m in (theirs, readout) for p in m.parameters() if p.requires_grad]
    their_optimizer, state, losses = torch.optim.SGD(trained, lr=0.3), None, []
    for step in range(9):
        part = slice(5 * (step % 3), 5 * (step % 3) + 5)
        state = None if step % 3 == 0 else tuple(s.detach() for s in state)
        hs, state = theirs(torch.tensor(xs[part]), state)
        loss = torch.nn.functional.mse_loss(readout(hs), torch.tensor(targets[part]))
        their_optimizer.zero_grad()
        loss.backward()
        their_optimizer.step()
        losses.append(loss.item())
    ours = train(
        model.carried_loss_and_grad,
        params,
        ref.stream_batches(xs, targets, 5),
        ref.sgd(0.3),
        np.random.default_rng(0),
        9,
        carried=model.start(params, B),
    )
    assert_allclose(ours.losses, losses, rtol=1e-9)
    for key in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
        mine = ref.lstm_to_torch(ours.params.layer)[key]
        assert_allclose(mine, getattr(theirs, key).detach().numpy(), rtol=0, atol=1e-9)
    for mine, their in zip(ours.carried, state, strict=True):
        assert_allclose(mine, their[0].detach().numpy(), rtol=0, atol=1e-9)


# --- stop and resume ------------------------------------------------------------------------------


def make_run(name="stack"):
    """Return a function that trains on a stream of 12 steps in windows of 5, with dropout."""
    layer = ref.stacked_layer([ref.lstm_layer(), ref.gru_layer()], dropout=0.3)
    model = SequenceModel(layer if name == "stack" else LAYERS[name], every_step=True)
    rng = np.random.default_rng(0)
    params, xs, targets = model.init(rng, D, H, 2), *rng.standard_normal((2, T, B, 2))

    def run(steps, **more):
        return train(
            model.carried_loss_and_grad,
            params,
            ref.stream_batches(xs, targets, 5),
            ref.adam(0.05),
            np.random.default_rng(7),
            steps,
            **{"carried": model.start(params, B), "max_norm": 1.0, **more},
        )

    return run


@pytest.mark.parametrize("name", ["stack", "slstm", "min gru"])
@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_stop_and_resume_in_mid_stream_gives_the_numbers_of_no_stop(tmp_path, name, stop):
    run, path = make_run(name), tmp_path / "run.npz"
    whole = run(8)
    run(stop, checkpoint=path)
    resumed = run(8, checkpoint=path, resume=True)
    assert resumed.losses == whole.losses
    for field in ("params", "optimizer", "carried"):
        tree_map(assert_array_equal, getattr(resumed, field), getattr(whole, field))


def test_without_the_carried_state_a_resumed_run_would_differ(tmp_path):
    """The test above would notice a checkpoint that forgets what was carried."""
    run, path = make_run(), tmp_path / "run.npz"
    whole, stopped = run(8), run(2, checkpoint=path)
    arrays, notes = load_checkpoint(path, ref.training._arrays(stopped))
    assert any(a.any() for _, a in ref.tree_items(arrays["carried"]))
    arrays["carried"] = tree_map(np.zeros_like, arrays["carried"])
    ref.save_checkpoint(path, arrays, notes)
    assert run(8, checkpoint=path, resume=True).losses[2] != whole.losses[2]


def test_ctrl_c_keeps_the_state_of_the_last_whole_step(tmp_path):
    run, path = make_run(), tmp_path / "run.npz"

    def interrupt(progress):
        if progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(8, checkpoint=path, callback=interrupt)
    assert run(8, checkpoint=path, resume=True).losses == run(8).losses


def test_a_run_that_carries_does_not_resume_from_one_that_does_not(tmp_path):
    run, path = make_run(), tmp_path / "run.npz"
    run(2, checkpoint=path)
    arrays, notes = load_checkpoint(path, ref.training._arrays(run(0)))
    ref.save_checkpoint(path, {**arrays, "carried": None}, notes)
    with pytest.raises(ValueError, match=r"expected .* arrays in .*got 3 missing \(carried"):
        run(4, checkpoint=path, resume=True)


def test_training_leaves_the_first_state_alone_and_nothing_is_carried_unasked():
    model, params, xs, targets = make("lstm")
    start = model.predict(params, xs)[1]
    before = tree_map(np.copy, start)
    batches = ref.stream_batches(xs, targets, 5)
    rng = np.random.default_rng(0)
    state = train(model.carried_loss_and_grad, params, batches, ref.sgd(0.1), rng, 2, carried=start)
    tree_map(assert_array_equal, start, before)
    assert state.carried[0].shape == (B, H)
    plain = train(model.loss_and_grad, params, batches, ref.sgd(0.1), rng, 2)
    assert plain.carried is None


# --- what it is for, and what is refused ----------------------------------------------------------


def test_what_came_before_the_window_is_remembered():
    """Say again what came three steps ago, in windows of four: most answers lie one window back."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (400, 8, 1))
    xs, targets = signs[3:], signs[:-3]
    model = SequenceModel(ref.lstm_layer(), every_step=True)
    params = model.init(np.random.default_rng(1), 1, 12, 1)
    next_batch = ref.stream_batches(xs, targets, 4)

    def forgetful(rng, step):
        return next_batch(rng, step)._replace(starts=np.ones(8, bool))

    losses = [
        train(
            model.carried_loss_and_grad,
            params,
            batches,
            ref.adam(0.02),
            np.random.default_rng(2),
            600,
            carried=model.start(params, 8),
            max_norm=1.0,
        ).losses[-50:]
        for batches in (next_batch, forgetful)
    ]
    assert np.mean(losses[0]) < 0.1
    assert np.mean(losses[1]) > 0.6  # three answers of four cannot be known: 0.75


def carry(name="lstm", batch=None, carried=None):
    model, params, xs, targets = make(name)
    batch = SequenceBatch(xs, targets) if batch is None else batch
    carried = model.start(params, B) if carried is None else carried
    return model.carried_loss_and_grad(params, batch, None, carried)


XS, Y, ZERO = np.zeros((T, B, D)), np.zeros((T, B, 2)), np.zeros((B, H))
BAD = {
    "no batch": (
        lambda: make("lstm")[0].start(make("lstm")[1], 0),
        "batch_size of at least 1, got 0",
    ),
    "another batch": (
        lambda: carry(carried=(ZERO[:2], ZERO)),
        r"an array of shape \(3, 5\) at 0, got an array of shape \(2, 5\)",
    ),
    "h without c": (lambda: carry(carried=(ZERO,)), "a tuple of 2, got a tuple of 1"),
    "nothing": (lambda: carry("stack", carried=(ZERO, ZERO)), "a tuple of 2 at 0, got an array"),
    "starts of another batch": (
        lambda: carry(batch=SequenceBatch(XS, Y, starts=np.array([True]))),
        r"starts as true or false of shape \(3,\), got bool \(1,\)",
    ),
    "starts as numbers": (
        lambda: carry(batch=SequenceBatch(XS, Y, starts=[1, 0, 0])),
        "starts as true or false .*got int64",
    ),
    "both directions": (
        lambda: SequenceModel(ref.bidirectional_layer(ref.rnn_layer())).start(
            SequenceModel(ref.bidirectional_layer(ref.rnn_layer())).init(
                np.random.default_rng(0), D, H, 1
            ),
            B,
        ),
        "a layer of one direction to carry a state through, got a bidirectional one",
    ),
    "slstm with lengths": (
        lambda: carry("slstm", batch=SequenceBatch(XS, Y, [3, 2, 1])),
        "a layer that gives a state to go on from, got None",
    ),
    "a state that changes its shape": (
        lambda: train(
            lambda params, batch, rng, carried: (0.0, params, carried[:1]),
            {"x": np.zeros(1)},
            lambda rng, step: None,
            ref.sgd(0.1),
            np.random.default_rng(0),
            1,
            carried=np.zeros((2, 3)),
        ),
        r"an array of shape \(2, 3\), got an array of shape \(1, 3\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()
