"""The training loop: stop and resume bit for bit, stop early, save whole or not at all."""

import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm_ref as ref
from lstm_ref import load_checkpoint, save_checkpoint, train, tree_items, tree_map

OPTIMIZERS = {
    "momentum": lambda: ref.sgd(0.05, momentum=0.9),
    "adam with a schedule": lambda: ref.adam(lambda step: 0.02 / (1 + step / 10)),
}
GENERATORS = {
    "PCG64": np.random.PCG64,
    "MT19937": np.random.MT19937,
    "Philox": np.random.Philox,
    "SFC64": np.random.SFC64,
}
MODEL = ref.SequenceModel(
    ref.stacked_layer([ref.lstm_layer(), ref.gru_layer()], dropout=0.2), ref.mse
)


def make_run(optimizer="adam with a schedule", generator="PCG64", **options):
    """Return a function that trains for some steps, drawing on every kind of randomness."""
    held_out = ref.adding_problem(np.random.default_rng(99), 16, T=6)
    start = MODEL.init(np.random.default_rng(0), 2, 5, 1)

    def run(steps, **more):
        rng = np.random.Generator(GENERATORS[generator](7))
        rng.integers(0, 5, dtype=np.int32)  # leaves half a word behind in the generator
        return train(
            MODEL.loss_and_grad,
            start,
            lambda rng, step: ref.adding_problem(rng, 8, T=6),
            OPTIMIZERS[optimizer](),
            rng,
            steps,
            max_norm=1.0,
            validate=lambda params: MODEL.evaluate(params, held_out),
            validate_every=3,
            **{**options, **more},
        )

    return run


def assert_same(a, b):
    for field in ("params", "optimizer", "best_params"):
        tree_map(assert_array_equal, getattr(a, field), getattr(b, field))
    for field in ("best_loss", "stale", "step", "losses", "validations"):
        assert getattr(a, field) == getattr(b, field), field
    assert ref.training._to_json(a.generator) == ref.training._to_json(b.generator)


# --- exact resumption -----------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("generator", GENERATORS)
def test_stop_and_resume_gives_the_numbers_of_no_stop(tmp_path, optimizer, generator):
    run, path = make_run(optimizer, generator), tmp_path / "run.npz"
    whole = run(20)
    run(7, checkpoint=path)
    run(13, checkpoint=path, resume=True)
    assert_same(run(20, checkpoint=path, resume=True), whole)
    assert whole.step == 20 and len(whole.losses) == 20 and len(whole.validations) == 6


@pytest.mark.parametrize(
    "where, done", [("in the step", 9), ("in validation", 8), ("in the callback", 10)]
)
def test_ctrl_c_saves_the_last_whole_step(tmp_path, where, done):
    path, whole = tmp_path / "run.npz", make_run()(20)
    rng, calls = np.random.default_rng(7), {"n": 0}
    rng.integers(0, 5, dtype=np.int32)
    held_out = ref.adding_problem(np.random.default_rng(99), 16, T=6)

    def interrupt(place, at):
        if place == where:
            calls["n"] += 1
            if calls["n"] == at:
                raise KeyboardInterrupt

    def loss_and_grad(params, batch, rng):
        rng.random(3) if where == "in the step" and calls["n"] == 9 else None
        interrupt("in the step", 10)
        return MODEL.loss_and_grad(params, batch, rng)

    def validate(params):
        interrupt("in validation", 3)
        return MODEL.evaluate(params, held_out)

    with pytest.raises(KeyboardInterrupt):
        train(
            loss_and_grad,
            MODEL.init(np.random.default_rng(0), 2, 5, 1),
            lambda rng, step: ref.adding_problem(rng, 8, T=6),
            OPTIMIZERS["adam with a schedule"](),
            rng,
            20,
            max_norm=1.0,
            validate=validate,
            validate_every=3,
            callback=lambda progress: interrupt("in the callback", 10),
            checkpoint=path,
        )
    assert saved_step(path) == done
    assert_same(make_run()(20, checkpoint=path, resume=True), whole)


def saved_step(path):
    return ref.training._load(path, ref.training._start(*started()), np.random.default_rng(0)).step


def test_a_run_killed_between_checkpoints_goes_on_from_the_last_one(tmp_path):
    run, path = make_run(), tmp_path / "run.npz"

    def die(progress):
        if progress.step == 13:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        run(20, checkpoint=path, checkpoint_every=5, callback=die)
    assert saved_step(path) == 10
    assert_same(run(20, checkpoint=path, resume=True), run(20))


def started():
    optimizer = OPTIMIZERS["adam with a schedule"]()
    return MODEL.init(np.random.default_rng(0), 2, 5, 1), optimizer, np.random.default_rng(0)


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    run, path = make_run(), tmp_path / "run.npz"
    whole = run(6, checkpoint=path)
    assert_same(run(6, checkpoint=path, resume=True), whole)


def test_without_resume_a_run_starts_afresh_and_without_a_file_resume_starts(tmp_path):
    run, path = make_run(), tmp_path / "run.npz"
    first = run(5, checkpoint=path, resume=True)
    assert_same(run(5, checkpoint=path), first)


def test_training_leaves_the_start_alone():
    start = MODEL.init(np.random.default_rng(0), 2, 5, 1)
    before = tree_map(np.copy, start)
    train(
        MODEL.loss_and_grad,
        start,
        lambda rng, step: ref.adding_problem(rng, 8, T=6),
        ref.adam(),
        np.random.default_rng(0),
        3,
    )
    tree_map(assert_array_equal, start, before)


# --- early stopping -------------------------------------------------------------------------------


def scripted(validations, patience, **options):
    """Train with validation losses from a list; the parameter counts the steps."""
    losses = iter(validations)
    return train(
        lambda params, batch, rng: (0.0, {"x": np.array([-1.0])}),
        {"x": np.zeros(1)},
        lambda rng, step: None,
        ref.sgd(1.0),
        np.random.default_rng(0),
        100,
        validate=lambda params: next(losses),
        validate_every=1,
        patience=patience,
        **options,
    )


def test_training_stops_after_so_many_validations_without_a_new_best():
    state = scripted([5.0, 4.0, 4.5, 3.0, 3.0, 3.5, 2.0], patience=2)
    assert state.step == 6 and state.best_loss == 3.0 and state.stale == 2
    assert state.best_params["x"] == 4 and state.params["x"] == 6
    assert state.validations[-1] == (6, 3.5)


def test_nan_is_never_the_best():
    state = scripted([float("nan"), 4.0, float("nan"), float("nan")], patience=2)
    assert state.best_loss == 4.0 and state.best_params["x"] == 2 and state.step == 4


def test_patience_survives_a_stop(tmp_path):
    path = tmp_path / "run.npz"
    stop_at_5 = {"callback": lambda progress: progress.step == 5}
    scripted([5.0, 4.0, 4.5, 3.0, 3.0], patience=2, checkpoint=path, **stop_at_5)
    state = scripted([3.5, 1.0], patience=2, checkpoint=path, resume=True)
    assert state.step == 6 and state.best_params["x"] == 4
    again = scripted([], patience=2, checkpoint=path, resume=True)
    assert again.step == 6  # it had stopped, and stays stopped


def test_a_callback_hears_of_every_step_and_can_stop():
    heard = []

    def callback(progress):
        heard.append(progress)
        return progress.step == 4

    state = make_run()(20, callback=callback)
    assert [p.step for p in heard] == [1, 2, 3, 4] and state.step == 4
    assert [p.validation is None for p in heard] == [True, True, False, True]
    assert [p.loss for p in heard] == state.losses
    assert all(p.grad_norm > 0 for p in heard)


def test_without_validation_the_best_parameters_are_the_last():
    state = train(
        lambda params, batch, rng: (0.0, {"x": np.array([-1.0])}),
        {"x": np.zeros(1)},
        lambda rng, step: None,
        ref.sgd(1.0),
        np.random.default_rng(0),
        3,
    )
    assert state.best_params["x"] == state.params["x"] == 3


# --- what goes wrong in a step --------------------------------------------------------------------


def one_step(loss, gradient, **options):
    return train(
        lambda params, batch, rng: (loss, {"x": np.array([gradient])}),
        {"x": np.zeros(1)},
        lambda rng, step: None,
        ref.sgd(1.0),
        np.random.default_rng(0),
        **{"steps": 1, **options},
    )


def test_gradients_are_clipped():
    assert one_step(0.0, -50.0, max_norm=2.0).params["x"] == 2.0
    assert one_step(0.0, -50.0).params["x"] == 50.0


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run(loss):
    with pytest.raises(FloatingPointError, match="expected a finite loss at step 1, got"):
        one_step(loss, 1.0)


BAD = {
    "gradient": (lambda: one_step(0.0, float("nan")), "finite gradients, got NaN or inf in x"),
    "steps": (lambda: one_step(0.0, 1.0, steps=-1), "steps as an integer of at least 0, got -1"),
    "half a step": (lambda: one_step(0.0, 1.0, steps=1.5), "steps as an integer"),
    "max_norm": (lambda: one_step(0.0, 1.0, max_norm=0.0), "max_norm above 0, got 0.0"),
    "validate_every": (lambda: one_step(0.0, 1.0, validate_every=0), "validate_every as an"),
    "checkpoint_every": (lambda: one_step(0.0, 1.0, checkpoint_every=0), "checkpoint_every as an"),
    "patience": (
        lambda: one_step(0.0, 1.0, patience=0, validate=lambda p: 0.0),
        "patience as an integer of at least 1, got 0",
    ),
    "patience alone": (lambda: one_step(0.0, 1.0, patience=3), "a validate function with patience"),
    "resume alone": (lambda: one_step(0.0, 1.0, resume=True), "a checkpoint to resume from"),
    "checkpoint's name": (lambda: one_step(0.0, 1.0, checkpoint="run.pkl"), "ends in .npz"),
    "progress": (lambda: ref.progress_bar(0), "steps as an integer of at least 1, got 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call()


# --- checkpoints: whole or refused ----------------------------------------------------------------

TREE = {
    "params": ref.LinearParams(np.arange(6.0).reshape(2, 3), np.ones(2, np.float32)),
    "step": np.array(7),
}
LIKE = tree_map(np.zeros_like, TREE)
NOTES = {"losses": [0.1, float("inf")], "text": "é"}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.npz"
    save_checkpoint(path, TREE, NOTES)
    return path


def test_a_checkpoint_comes_back_as_it_was(saved):
    tree, notes = load_checkpoint(saved, LIKE)
    tree_map(assert_array_equal, tree, TREE)
    assert isinstance(tree["params"], ref.LinearParams) and notes == NOTES
    assert [a.dtype for _, a in tree_items(tree)] == [a.dtype for _, a in tree_items(TREE)]


def test_a_checkpoint_cut_off_anywhere_is_refused(saved):
    content = saved.read_bytes()
    for length in range(len(content)):
        saved.write_bytes(content[:length])
        with pytest.raises(ValueError, match="expected a whole checkpoint"):
            load_checkpoint(saved, LIKE)


def test_a_damaged_byte_is_refused_or_does_not_matter(saved):
    content, refused = saved.read_bytes(), 0
    for k in range(len(content)):
        flip = (0x01, 0x80, 0xFF)[k % 3]
        saved.write_bytes(content[:k] + bytes([content[k] ^ flip]) + content[k + 1 :])
        try:
            tree, notes = load_checkpoint(saved, LIKE)
        except ValueError as error:
            assert "expected" in str(error)
            refused += 1
        else:  # a date or a comment of the zip format
            tree_map(assert_array_equal, tree, TREE)
            assert notes == NOTES
    assert refused > len(content) / 2


def test_holes_of_zeros_are_refused(saved):
    """What a disk may leave of a file whose blocks were not all written."""
    content = saved.read_bytes()
    for k in range(0, len(content) - 64, 64):
        hole = content[k : k + 64]
        if any(hole):
            saved.write_bytes(content[:k] + bytes(64) + content[k + 64 :])
            with pytest.raises(ValueError, match="expected"):
                load_checkpoint(saved, LIKE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", bytes(1000), b"\x93NUMPY"])
def test_a_file_of_another_kind_is_refused(saved, content):
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected a whole checkpoint in .*run\.npz, got"):
        load_checkpoint(saved, LIKE)


def test_an_npz_of_somebody_else_is_refused(saved):
    np.savez(saved, W=np.ones(3))
    with pytest.raises(ValueError, match="expected a whole checkpoint"):
        load_checkpoint(saved, LIKE)


def test_nothing_is_ever_unpickled(saved):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(saved.parent / "sprung"),))

    np.savez(saved, digest=np.zeros(32, np.uint8), meta=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match="expected a whole checkpoint"):
        load_checkpoint(saved, LIKE)
    assert not (saved.parent / "sprung").exists()


def test_values_exchanged_with_tools_are_noticed(saved):
    with np.load(saved) as file:
        arrays = dict(file)
    arrays["tree/step"] = np.array(8)
    np.savez(saved, **arrays)
    with pytest.raises(ValueError, match="whose digest differs"):
        load_checkpoint(saved, LIKE)


MISFITS = {
    "shape": (
        {**LIKE, "params": ref.LinearParams(np.zeros((3, 2)), LIKE["params"].b)},
        r"expected params/W of shape \(3, 2\) in .*, got \(2, 3\)",
    ),
    "dtype": (
        {**LIKE, "params": ref.LinearParams(np.zeros((2, 3), np.float32), LIKE["params"].b)},
        "expected params/W of dtype float32 in .*, got float64",
    ),
    "missing": ({**LIKE, "more": np.zeros(1)}, r"expected 4 arrays in .*, got 1 missing \(more\)"),
    "surplus": (
        {"step": LIKE["step"]},
        r"expected 1 arrays in .*, got 2 more \(params/W, params/b",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_checkpoint_of_something_else_is_refused(saved, case):
    like, message = MISFITS[case]
    with pytest.raises(ValueError, match=message):
        load_checkpoint(saved, like)


def test_a_later_format_is_refused(saved, monkeypatch):
    monkeypatch.setattr(ref.checkpoint, "_FORMAT", 2)
    save_checkpoint(saved, TREE, NOTES)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="expected checkpoint format 1, got 2"):
        load_checkpoint(saved, LIKE)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.npz", LIKE)
    with pytest.raises(FileNotFoundError):
        save_checkpoint(tmp_path / "no folder" / "run.npz", TREE)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(saved, monkeypatch, call):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(saved, tree_map(lambda a: a + 1, TREE))
    monkeypatch.undo()
    assert [p.name for p in saved.parent.iterdir()] == ["run.npz"]
    tree_map(assert_array_equal, load_checkpoint(saved, LIKE)[0], TREE)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_process_killed_while_writing_leaves_a_whole_file(tmp_path):
    path = tmp_path / "run.npz"
    code = (
        "import numpy as np, sys\n"
        "from lstm_ref import save_checkpoint\n"
        "k = 0\n"
        "while True:\n"
        "    k += 1\n"
        "    save_checkpoint(sys.argv[1], {'x': np.full(300_000, k)}, k)\n"
        "    print(k, flush=True)\n"
    )
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "1\n"
        time.sleep(0.05)
        process.kill()
        process.communicate()
        tree, k = load_checkpoint(path, {"x": np.zeros(300_000, dtype=int)})
        assert (tree["x"] == k).all() and k >= 1


BAD_SAVES = {
    "name": (lambda p: save_checkpoint(p.with_suffix(".pkl"), TREE), "ends in .npz"),
    "no suffix": (lambda p: save_checkpoint(p.with_suffix(""), TREE), "ends in .npz"),
    "object": (lambda p: save_checkpoint(p, {"x": np.array([{}])}), "x as a numeric array"),
    "text": (lambda p: save_checkpoint(p, {"x": np.array("a")}), "x as a numeric array"),
    "same name": (
        lambda p: save_checkpoint(p, {"x": [np.ones(1)], "x/0": np.ones(1)}),
        "every array under its own name, got two at x/0",
    ),
    "notes": (lambda p: save_checkpoint(p, TREE, {"x": np.ones(1)}), "notes that JSON can hold"),
}


@pytest.mark.parametrize("case", BAD_SAVES)
def test_what_cannot_be_saved_is_refused(saved, case):
    call, message = BAD_SAVES[case]
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        call(saved)
    tree_map(assert_array_equal, load_checkpoint(saved, LIKE)[0], TREE)


def test_a_run_does_not_resume_from_another_optimizer_model_or_generator(tmp_path):
    path = tmp_path / "run.npz"
    make_run("momentum")(3, checkpoint=path)
    with pytest.raises(ValueError, match=r"expected .* arrays in .*, got .* missing .*optimizer"):
        make_run()(5, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match=r"made with a MT19937 generator, got PCG64"):
        make_run("momentum", "MT19937")(5, checkpoint=path, resume=True)
    save_checkpoint(path, ref.training._arrays(ref.training._start(*started())))
    with pytest.raises(ValueError, match="expected the checkpoint of a training run"):
        make_run()(5, checkpoint=path, resume=True)


# --- progress -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(stream, steps=40):
    callback = ref.progress_bar(steps, stream)
    for step in range(1, steps + 1):
        callback(ref.Progress(step, 1 / step, 1.0, 0.5 if step == 20 else None))
    return stream.getvalue()


def test_a_terminal_gets_one_line_that_is_redrawn():
    text = show(Terminal())
    assert text.count("\n") == 1 and text.endswith("\n")
    assert text.startswith("\r[") and "step 40/40 100%  loss 0.025  validation 0.5" in text


def test_a_file_gets_a_line_every_tenth():
    lines = show(io.StringIO()).splitlines()
    assert len(lines) == 11 and lines[-1] == "step 40/40 100%  loss 0.025  validation 0.5"


def test_progress_goes_to_standard_error(capsys):
    ref.progress_bar(1)(ref.Progress(1, 0.5, 1.0, None))
    out, err = capsys.readouterr()
    assert out == "" and "step 1/1" in err


def test_training_itself_prints_nothing(capsys):
    make_run()(3)
    assert capsys.readouterr() == ("", "")


# --- it learns ------------------------------------------------------------------------------------


def test_the_capstone_is_solved_well_within_its_time():
    begin = time.monotonic()
    params, W_y, b_y = ref.train_adder(np.random.default_rng(5))
    assert time.monotonic() - begin < 40
    test = ref.adding_problem(np.random.default_rng(1), 2000, T=50)
    zero = np.zeros((2000, params.b_f.size))
    _, (h_T, _) = ref.lstm_forward(test.xs, zero, zero, params)
    assert ((h_T @ W_y.T + b_y - test.targets) ** 2).mean() < 0.01
    assert isinstance(params, ref.LSTMParams) and W_y.shape == (1, params.b_f.size)


def test_every_step_classification_learns_the_parity_of_short_strings():
    model = ref.SequenceModel(ref.lstm_layer(), ref.softmax_cross_entropy, every_step=True)
    rng = np.random.default_rng(0)
    state = train(
        model.loss_and_grad,
        model.init(rng, 1, 8, 2),
        lambda rng, step: ref.parity_task(rng, 32, T=6, shortest=2),
        ref.adam(0.05),
        rng,
        400,
        max_norm=1.0,
    )
    test = ref.parity_task(np.random.default_rng(1), 200, T=6)
    outputs, _ = model.predict(state.params, test.xs)
    assert (outputs.argmax(axis=2) == test.targets).mean() > 0.99
