"""Every assignment: no wrong answer passes, no right one fails, and the mistake is named."""

import time

import matplotlib.pyplot  # noqa: F401  (a notebook loads it once, before any check)
import pytest

from lstm_ref.checks.calling import provided
from tests.catalogue import (
    ASSIGNMENTS,
    ROOT,
    answer_files,
    answers_in,
    checks,
    exercises,
    failures,
    misconceptions,
)

SIMPLE = {"update_cell", "count_parameters", "apply_gate", "gated_linear_unit"}


def ids(rows):
    return [f"{assignment.name}/{exercise.name}/{m.name}" for assignment, exercise, m in rows]


WRONG = list(misconceptions())


@pytest.mark.parametrize(("assignment", "exercise", "wrong"), WRONG, ids=ids(WRONG))
def test_misconception_is_caught_and_named(assignment, exercise, wrong):
    failed = {}
    for cell, error, seconds in checks(
        assignment, exercise.name, {exercise.name: provided(wrong.wrong)}
    ):
        assert seconds < 1 or exercise.once  # of processor time, from running a cell to its message
        if error:
            failed[cell] = error
    assert failed, "no check caught it"
    named = [e.report.diagnosis and e.report.diagnosis.name for e in failed.values()]
    assert set(named) == {wrong.name}
    for cell, error in failed.items():
        text = str(error)
        assert "Traceback" not in text
        assert len(text) < 1500
        if cell.startswith("hidden") and error.report.kind == "values":
            assert "expected:" not in text  # a number of a hidden check is half of an answer


@pytest.mark.parametrize(
    ("assignment", "exercise"), list(exercises()), ids=lambda x: getattr(x, "name", "")
)
def test_each_function_has_misconceptions_enough(assignment, exercise):
    assert len(exercise.misconceptions) >= (2 if exercise.name in SIMPLE else 4)


@pytest.mark.parametrize("path", answer_files(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_right_answers_in_any_style_pass(path):
    assignment = ASSIGNMENTS[path.parent.name]
    names, start = answers_in(path), time.process_time()
    for function, exercise in assignment.exercises.items():
        if exercise.once:
            continue  # it trains for seconds; test_submissions hands in every style
        assert not failures(assignment, function, names), function
    assert time.process_time() - start < 10  # the capstone aside


@pytest.mark.parametrize("name", list(ASSIGNMENTS))
def test_each_assignment_has_three_right_answers_in_different_styles(name):
    assert len([p for p in answer_files() if p.parent.name == name]) >= 3


def test_each_assignment_has_a_master():
    assert {p.parent.name for p in (ROOT / "solutions").glob("*/*.ipynb")} == set(ASSIGNMENTS)
