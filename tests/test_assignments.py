"""Every assignment: no wrong answer passes, no right one fails, and the mistake is named."""

import collections

import pytest

from lstm_ref.checks.calling import provided
from tests.catalogue import (
    ASSIGNMENTS,
    ROOT,
    answer_files,
    answers_in,
    exercises,
    failures,
    misconceptions,
    restyled,
)

SIMPLE = {"update_cell", "count_parameters", "apply_gate", "gated_linear_unit"}


def ids(rows):
    return [f"{assignment.name}/{exercise.name}/{m.name}" for assignment, exercise, m in rows]


WRONG = list(misconceptions())


@pytest.mark.parametrize(("assignment", "exercise", "wrong"), WRONG, ids=ids(WRONG))
def test_misconception_is_caught_and_named(assignment, exercise, wrong):
    failed = failures(assignment, exercise.name, {exercise.name: provided(wrong.wrong)})
    assert failed, "no check caught it"
    named = [e.report.diagnosis and e.report.diagnosis.name for e in failed.values()]
    assert set(named) == {wrong.name}


def test_misconceptions_in_another_style_are_caught_and_nine_in_ten_are_named():
    named = collections.Counter()
    for assignment, exercise, wrong in WRONG:
        failed = failures(assignment, exercise.name, {exercise.name: restyled(wrong.wrong)})
        assert failed, f"{exercise.name}, {wrong.name}: no check caught it"
        first = next(iter(failed.values())).report.diagnosis
        named[first is not None and first.name == wrong.name] += 1
    assert named[True] >= 0.9 * named.total(), named


@pytest.mark.parametrize(
    ("assignment", "exercise"), list(exercises()), ids=lambda x: getattr(x, "name", "")
)
def test_each_function_has_misconceptions_enough(assignment, exercise):
    assert len(exercise.misconceptions) >= (2 if exercise.name in SIMPLE else 4)


@pytest.mark.parametrize("path", answer_files(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_right_answers_in_any_style_pass(path):
    assignment = ASSIGNMENTS[path.parent.name]
    names = answers_in(path)
    for function in assignment.exercises:
        assert not failures(assignment, function, names), function


@pytest.mark.parametrize("name", list(ASSIGNMENTS))
def test_each_assignment_has_three_right_answers_in_different_styles(name):
    assert len([p for p in answer_files() if p.parent.name == name]) >= 3


def test_each_assignment_has_a_master():
    assert {p.parent.name for p in (ROOT / "solutions").glob("*/*.ipynb")} == set(ASSIGNMENTS)


def test_messages_never_hold_an_answer_or_a_traceback():
    for assignment, exercise, wrong in WRONG:
        for error in failures(
            assignment, exercise.name, {exercise.name: provided(wrong.wrong)}
        ).values():
            text = str(error)
            assert "np." not in text.split("likely:")[-1] or "Traceback" not in text
            assert len(text) < 1500
