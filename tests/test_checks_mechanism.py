"""The checks' own behaviour: every way an answer can fail has its own clear message."""

import dataclasses
import time

import numpy as np
import pytest

from lstm_ref import LSTMParams, forget_gate, lstm_step, sigmoid
from lstm_ref.checks import CheckFailed, Report
from lstm_ref.checks import ch03_equations as checks
from lstm_ref.checks.compare import compare
from lstm_ref.checks.exercise import Exercise, Mistakes, Place, Tolerance


def right_forget_gate(h, x, W_f, b_f):
    return sigmoid(np.concatenate([h, x], axis=1) @ W_f.T + b_f)


def right_update_cell(f, c_prev, i, candidate):
    return f * c_prev + i * candidate


def report_of(function: str, answer, name: str | None = None) -> Report:
    with pytest.raises(CheckFailed) as caught:
        checks.visible(function, {name or function: answer})
    assert "Traceback" not in str(caught.value)
    return caught.value.report


def test_right_answer_is_accepted_and_says_visible(capsys):
    checks.visible("forget_gate", {"forget_gate": right_forget_gate})
    assert capsys.readouterr().out == "forget_gate: all visible checks passed.\n"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("none", lambda f, c, i, g: None),
        ("type", lambda f, c, i, g: right_update_cell(f, c, i, g).tolist()),
        ("type", lambda f, c, i, g: "0.5"),
        ("type", lambda f, c, i, g: right_update_cell(f, c, i, g).astype(object)),
        ("type", lambda f, c, i, g: [[1.0], [2.0, 3.0]]),
        ("shape", lambda f, c, i, g: right_update_cell(f, c, i, g)[:, :1]),
        ("dtype", lambda f, c, i, g: right_update_cell(f, c, i, g).astype(np.float32)),
        ("nan", lambda f, c, i, g: right_update_cell(f, c, i, g) * np.nan),
        ("values", lambda f, c, i, g: right_update_cell(f, c, i, g) + 1e-6),
        ("raised", lambda f, c, i, g: f + missing),  # noqa: F821
        ("raised", lambda f, c: f),
    ],
)
def test_each_kind_of_failure_is_told_apart(kind, answer):
    report = report_of("update_cell", answer)
    assert report.kind == kind
    assert report.diagnosis is None
    assert report.advice


def test_missing_function_is_named():
    assert report_of("update_cell", 1, name="update_cel").kind == "undefined"


def test_name_bound_to_something_else_is_named():
    report = report_of("update_cell", np.ones(3))
    assert "def update_cell(f, c_prev, i, candidate)" in report.advice.replace(": ", " ") or (
        "def update_cell" in report.advice
    )


def test_unwritten_answer_is_told_apart_from_a_wrong_one():
    def update_cell(f, c_prev, i, candidate):
        raise NotImplementedError

    assert report_of("update_cell", update_cell).kind == "unwritten"


def test_shape_message_gives_expected_and_got():
    report = report_of("update_cell", lambda f, c, i, g: (f * c + i * g).T.copy())
    assert report.kind == "shape"
    assert "(2, 3)" in report.expected
    assert "(3, 2)" in report.got


def test_largest_difference_is_located():
    def answer(f, c_prev, i, candidate):
        out = right_update_cell(f, c_prev, i, candidate)
        out[1, 2 % out.shape[1]] += 0.5
        return out

    report = report_of("update_cell", answer)
    assert "[1, 2]" in report.expected
    assert "1 of 6 entries" in report.got


def test_changed_input_is_named_even_when_the_result_is_right():
    def answer(f, c_prev, i, candidate):
        out = right_update_cell(f, c_prev, i, candidate)
        candidate[0, 0] = 7
        return out

    report = report_of("update_cell", answer)
    assert (report.kind, report.got) == ("changed", "candidate modified by the call")


def test_result_that_shares_memory_with_an_input_is_refused():
    def answer(f, c_prev, i, candidate):
        if f.shape[1] == 2:
            c_prev[...] = right_update_cell(f, c_prev, i, candidate)
            return c_prev
        return right_update_cell(f, c_prev, i, candidate)

    assert report_of("update_cell", answer).kind == "changed"

    def forward(xs, h0, c0, params, lengths=None):
        hs, (h, c) = checks.ASSIGNMENT.exercises["lstm_forward"].reference(
            xs, h0, c0, params, lengths
        )
        return hs, (h0, c0) if lengths is not None and not lengths.any() else (h, c)

    from lstm_ref.checks.calling import provided

    with pytest.raises(CheckFailed) as caught:
        checks.hidden("lstm_forward", {"lstm_forward": provided(forward)}, part="lengths")
    assert caught.value.report.kind == "aliased"


def test_numerical_warning_is_named():
    def answer(h, x, W_f, b_f):
        np.exp(np.array([1e5]))
        return right_forget_gate(h, x, W_f, b_f)

    report = report_of("forget_gate", answer)
    assert report.kind == "warned"
    assert "overflow" in report.got


def test_warnings_that_are_not_numerical_do_not_count():
    import warnings

    def answer(f, c_prev, i, candidate):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return right_update_cell(f, c_prev, i, candidate)

    checks.visible("update_cell", {"update_cell": answer})


def test_endless_loop_ends_within_its_time():
    def answer(f, c_prev, i, candidate):
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                pass

    exercise = checks.ASSIGNMENT.exercises["update_cell"]
    quick = Exercise(
        reference=exercise.reference,
        returns="c_next",
        visible=exercise.visible,
        hidden=exercise.hidden,
        misconceptions=exercise.misconceptions,
        seconds=0.2,
    )
    from lstm_ref.checks import Assignment

    start = time.perf_counter()
    with pytest.raises(CheckFailed) as caught:
        Assignment("03-equations", [quick]).visible("update_cell", {"update_cell": answer})
    assert caught.value.report.kind == "slow"
    assert time.perf_counter() - start < 5


def test_flood_of_output_is_stopped_and_named(capsys):
    def answer(f, c_prev, i, candidate):
        for _ in range(400):
            print("x" * 5000)
        return right_update_cell(f, c_prev, i, candidate)

    assert report_of("update_cell", answer).kind == "printed"
    assert len(capsys.readouterr().out) <= 10_001


def test_a_little_printing_is_welcome_and_shown(capsys):
    def answer(f, c_prev, i, candidate):
        print("shape", f.shape)
        return right_update_cell(f, c_prev, i, candidate)

    checks.visible("update_cell", {"update_cell": answer})
    assert "shape (2, 3)" in capsys.readouterr().out


def test_exit_inside_an_answer_is_an_error_not_an_end():
    def answer(f, c_prev, i, candidate):
        raise SystemExit(0)

    assert report_of("update_cell", answer).kind == "raised"


def test_interrupting_a_cell_still_works():
    def answer(f, c_prev, i, candidate):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checks.visible("update_cell", {"update_cell": answer})


def test_reference_in_place_of_an_answer_earns_nothing_however_it_is_called():
    import lstm_ref

    for answer in (
        forget_gate,
        lambda h, x, W_f, b_f: lstm_ref.forget_gate(h, x, W_f, b_f),
        lambda *args: lstm_ref.cells.forget_gate(*args).copy(),
    ):
        report = report_of("forget_gate", answer)
        assert report.kind == "reference"
        assert "earns nothing" in report.advice


def test_helpers_named_in_the_setup_cell_may_be_used():
    checks.visible("forget_gate", {"forget_gate": right_forget_gate})
    assert "sigmoid" in checks.ASSIGNMENT.exercises["forget_gate"].may_use


def test_the_capstone_may_use_everything_but_its_own_answer():
    import lstm_ref
    from lstm_ref.checks import ch07_use_cases as capstone
    from lstm_ref.checks.mistakes.ch07_use_cases import adder_by_hand

    def answer(rng):
        optimizer, params = lstm_ref.adam(), lstm_ref.init_lstm_params(rng, 2, 3)
        optimizer.update(params, optimizer.init(params), params)
        return adder_by_hand()

    capstone.visible("train_adder", {"train_adder": answer})
    for stolen in (lstm_ref.train_adder, lambda rng: lstm_ref.train_adder(rng)):
        with pytest.raises(CheckFailed) as caught:
            capstone.visible("train_adder", {"train_adder": stolen})
        assert caught.value.report.kind == "reference"


def notebook(source: str) -> dict:
    names = {"np": np, "sigmoid": sigmoid, "LSTMParams": LSTMParams}
    exec(compile(source, "<cell>", "exec"), names)
    return names


WRONG_THEN_RIGHT = """
def forget_gate(h, x, W_f, b_f):
    return sigmoid(np.concatenate([x, h], axis=1) @ W_f.T + b_f)
def input_gate(h, x, W_i, b_i, W_c, b_c):
    raise NotImplementedError()
def update_cell(f, c_prev, i, candidate):
    return f * c_prev + i * candidate
def output_gate(h, x, c, W_o, b_o):
    o = sigmoid(np.concatenate([h, x], axis=1) @ W_o.T + b_o)
    return o, o * np.tanh(c)
def lstm_step(x, h, c, params):
    f = forget_gate(h, x, params.W_f, params.b_f)
    i, candidate = input_gate(h, x, params.W_i, params.b_i, params.W_c, params.b_c)
    c_next = update_cell(f, c, i, candidate)
    return output_gate(h, x, c_next, params.W_o, params.b_o)[1], c_next
"""


def test_a_mistake_in_one_function_does_not_cost_another_its_points():
    names = notebook(WRONG_THEN_RIGHT)
    before = dict(names)
    with pytest.raises(CheckFailed, match="x came before h"):
        checks.visible("forget_gate", names)
    checks.visible("lstm_step", names)
    checks.hidden("lstm_step", names)
    assert names == before, "the student's own functions are put back"


def test_own_helpers_with_another_signature_are_no_mistake():
    source = """
def forget_gate(h, x, W_f, b_f, act=sigmoid):
    return act(np.concatenate([h, x], axis=1) @ W_f.T + b_f)
def lstm_step(x, h, c, p):
    f, i, o = (forget_gate(h, x, W, b) for W, b in
               ((p.W_f, p.b_f), (p.W_i, p.b_i), (p.W_o, p.b_o)))
    c_next = f * c + i * forget_gate(h, x, p.W_c, p.b_c, act=np.tanh)
    return o * np.tanh(c_next), c_next
"""
    names = notebook(source)
    checks.visible("lstm_step", names)
    checks.hidden("lstm_step", names)


def test_message_shows_in_a_notebook_without_a_traceback():
    with pytest.raises(CheckFailed) as caught:
        checks.visible("update_cell", {"update_cell": lambda f, c, i, g: c + i * g})
    lines = caught.value._render_traceback_()
    assert lines[0] == "update_cell: not right yet."
    assert any("chapter 3, section “Cell state update”, equation (3.4)" in line for line in lines)


def test_line_of_the_students_own_code_is_shown_when_it_raises(tmp_path):
    path = tmp_path / "cell.py"
    path.write_text("def update_cell(f, c_prev, i, candidate):\n    return f @ c_prev\n")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    with pytest.raises(CheckFailed) as caught:
        checks.visible("update_cell", names)
    assert "line 2 of the cell: return f @ c_prev" in caught.value.report.advice


def test_same_cases_every_time():
    once, again = (checks.ASSIGNMENT.cases("lstm_step", "hidden") for _ in range(2))
    for a, b in zip(once, again, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a.args[:3], b.args[:3], strict=True))


def test_single_precision_is_compared_more_gently_but_still_compared():
    want = np.ones(3, np.float32)
    assert compare(want, want + np.float32(1e-6), "y", Tolerance()) is None
    assert compare(want, want + np.float32(1e-3), "y", Tolerance()).kind == "values"


def test_equal_infinities_are_equal():
    assert compare(np.array([np.inf, 0.0]), np.array([np.inf, 0.0]), "y", Tolerance()) is None
    assert compare(np.array([np.inf]), np.array([1e300]), "y", Tolerance()).kind == "values"


def test_same_name_twice_for_a_mistake_is_refused():
    mistakes = Mistakes()
    mistakes("f", "a", "says", Place("01-x", "sec", "Section"))(lambda: 1)
    with pytest.raises(ValueError, match="expected a new name"):
        mistakes("f", "a", "says", Place("01-x", "sec", "Section"))(lambda: 2)


def test_step_with_lists_for_tuples_is_accepted():
    from lstm_ref.checks.calling import provided

    step = provided(lambda *a: list(lstm_step(*a)))
    checks.visible("lstm_step", {"lstm_step": step})


def test_a_mistake_is_not_blamed_on_an_answer_that_shares_only_its_right_values():
    report = report_of("update_cell", lambda f, c, i, g: (f * c + i * g).astype(np.float32))
    assert (report.kind, report.diagnosis) == ("dtype", None)


def test_answer_with_a_memory_of_its_own_is_refused():
    source = """
calls = []
def update_cell(f, c_prev, i, candidate):
    calls.append(1)
    return f * c_prev + i * candidate + (len(calls) > 2)
"""
    with pytest.raises(CheckFailed) as caught:
        checks.visible("update_cell", notebook(source))
    assert caught.value.report.kind == "unrepeatable"


def test_endless_loop_in_one_function_costs_its_time_once():
    from lstm_ref.checks import Assignment

    quick = [
        dataclasses.replace(exercise, seconds=0.3)
        for exercise in checks.ASSIGNMENT.exercises.values()
    ]
    assignment = Assignment("03-equations", quick)
    names = notebook(WRONG_THEN_RIGHT.replace("    return sigmoid(", "    while True: (", 1))
    start = time.perf_counter()
    for run in (assignment.visible, assignment.hidden):
        with pytest.raises(CheckFailed) as caught:
            run("forget_gate", names)
        assert caught.value.report.kind == "slow"
        run("lstm_step", names)
    assert time.perf_counter() - start < 1.0
