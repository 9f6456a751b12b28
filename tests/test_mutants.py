"""No automatic change of a right answer passes the checks, unless it changes no valid result."""

import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_ref.checks.calling import call
from lstm_ref.checks.compare import compare
from lstm_ref.checks.exercise import Exercise
from tests.catalogue import ANSWERS, ASSIGNMENTS, answers_in, is_caught
from tests.mutants import changes, mutant, mutants

# One style a function is enough: the checks see what it computes, not how.
STYLE = {
    "01-forgetting-problem": "einsum",
    "02-intuition": "tanh",
    "03-equations": "fused",
    "04-gradient-flow": "fused",
    "05-variants": "fused",
    "06-visual-intuition": "imshow",
    "07-use-cases": "vectorised",
    "08-legacy": "helpers",
}
CASES = [
    (name, function)
    for name, assignment in ASSIGNMENTS.items()
    for function, exercise in assignment.exercises.items()
    if exercise.judge is None and not exercise.once
]


def namespace_of(source: str) -> dict:
    names: dict = {}
    exec(compile(source, "<mutant>", "exec"), names)
    return names


def shows_on_some_input(exercise: Exercise, function, right) -> bool:
    """Look for a valid input, among many fresh ones, on which the mutant's result differs."""
    makers = [m for group in (exercise.visible, *exercise.hidden.values()) for m in group]
    for seed in range(8):
        for k, make in enumerate(makers):
            case = make(np.random.default_rng([seed, k]))
            wanted, got = call(right, case, 2.0), call(function, case, 2.0)
            if got.error is not None:
                return True
            if compare(wanted.result, got.result, exercise.returns, exercise.tolerance, False):
                return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(("name", "function"), CASES, ids=map("/".join, CASES))
def test_every_mutant_that_changes_a_result_is_caught(name, function):
    path = ANSWERS / name / f"{STYLE[name]}.py"
    source, right = path.read_text(), answers_in(path)[function]
    exercise = ASSIGNMENTS[name].exercises[function]
    outcome: Counter = Counter()
    survivors = []
    for description, changed in mutants(source, function):
        names = namespace_of(changed)
        if is_caught(ASSIGNMENTS[name], function, names):
            outcome["caught"] += 1
        elif shows_on_some_input(exercise, names[function], right):
            survivors.append(description)
        else:
            outcome["changes nothing"] += 1
    assert not survivors
    assert outcome["caught"] >= 1, outcome


# Judged by what they do, not by comparison: the changes that do the same, and why.
HARMLESS = {
    ("04-gradient-flow", "init_lstm_params"): {
        "4: plus 1",  # a fifth block of weights is drawn and not used
        "2: negated",  # the uniform distribution is symmetric
    },
    ("06-visual-intuition", "plot_gate_heatmap"): set(),
    ("06-visual-intuition", "plot_belt"): set(),
    ("07-use-cases", "sample_token"): set(),
}


@pytest.mark.parametrize(("name", "function"), HARMLESS, ids=map("/".join, HARMLESS))
def test_mutants_of_a_judged_answer_survive_only_where_they_do_the_same(name, function):
    source = (ANSWERS / name / f"{STYLE[name]}.py").read_text()
    survivors = {
        description.split(", ", 1)[1]
        for description, changed in mutants(source, function)
        if not is_caught(ASSIGNMENTS[name], function, namespace_of(changed))
    }
    assert survivors == HARMLESS[name, function]


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data())
def test_two_changes_at_once_in_any_style_are_caught(data):
    name, function = data.draw(st.sampled_from(CASES))
    path = data.draw(st.sampled_from(sorted((ANSWERS / name).glob("*.py"))))
    exercise, right = ASSIGNMENTS[name].exercises[function], answers_in(path)[function]
    source = path.read_text()
    for _ in range(data.draw(st.integers(1, 2))):
        count = changes(source, function)
        if count:
            _, source = mutant(source, function, data.draw(st.integers(0, count - 1)))
    names = namespace_of(source)
    assert is_caught(ASSIGNMENTS[name], function, names) or not shows_on_some_input(
        exercise, names[function], right
    ), source


def test_mutants_are_many_and_all_different():
    source = (ANSWERS / "03-equations" / "fused.py").read_text()
    made = [changed for _, changed in mutants(source, "lstm_step")]
    assert len(made) >= 20
    assert len({zlib.crc32(changed.encode()) for changed in made}) >= 0.9 * len(made)
