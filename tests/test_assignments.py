"""Every assignment: no wrong answer passes, no right one fails, and the mistake is named."""

import time

import matplotlib.pyplot  # noqa: F401  (a notebook loads it once, before any check)
import numpy as np
import pytest

from lstm_ref.checks.calling import provided
from lstm_ref.checks.compare import arrays_in
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


WITHOUT_SINGLE = {
    "count_parameters": "takes integers",
    "parameter_counts": "takes integers",
    "latch_params": "takes nothing",
    "init_lstm_params": "takes sizes",
    "numerical_gradient": "works in double precision",
    "plot_gate_heatmap": "draws",
    "plot_belt": "draws",
    "sample_token": "returns an integer",
    "train_adder": "takes a generator",
}


@pytest.mark.parametrize(
    ("assignment", "exercise"), list(exercises()), ids=lambda x: getattr(x, "name", "")
)
def test_an_answer_for_one_size_or_one_precision_is_not_enough(assignment, exercise):
    groups = [("visible", ""), *(("hidden", part) for part in exercise.hidden)]
    cases = {group: assignment.cases(exercise.name, *group) for group in groups}
    hidden = [case for (group, _), made in cases.items() if group == "hidden" for case in made]
    dtypes = {a.dtype for case in hidden for a in arrays_in((case.args, case.kwargs))}
    assert (np.dtype(np.float32) in dtypes) == (exercise.name not in WITHOUT_SINGLE)
    calls = [case.args for made in cases.values() for case in made]
    for given in zip(*calls, strict=False):  # standardize takes as many arrays as there are
        if arrays_in(given[0]):
            assert len({tuple(a.shape for a in arrays_in(one)) for one in given}) >= 3
        elif isinstance(given[0], int):
            assert len(set(given)) >= 3
