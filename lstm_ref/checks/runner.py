"""Running an exercise's checks on a student's function, and finding out which mistake it makes."""

import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.checks.calling import (
    PRINT_LIMIT,
    Outcome,
    TimeLimit,
    call,
    is_reference,
    provided,
)
from lstm_ref.checks.compare import Difference, arrays_in, compare, unchanged
from lstm_ref.checks.exercise import Case, CaseMaker, Exercise, Misconception, Tolerance
from lstm_ref.checks.report import CheckFailed, Report

__all__ = ["Assignment"]


@dataclass(frozen=True)
class _Finding:
    """What is wrong with one outcome, before a diagnosis."""

    kind: str
    expected: str = ""
    got: str = ""
    advice: str = ""
    diagnosis: Misconception | None = None
    veiled: str = ""


class Assignment:
    """The exercises of one notebook, as its test cells call them.

    Parameters
    ----------
    name : str
        Folder of the assignment, for example ``03-equations``.
    exercises : list of Exercise
        In the order of the notebook.
    """

    def __init__(self, name: str, exercises: list[Exercise]) -> None:
        self.name = name
        self.exercises = {exercise.name: exercise for exercise in exercises}
        self._once: dict[str, tuple[Any, Outcome]] = {}  # function and outcome, by exercise
        self._endless: dict[str, tuple[Any, Report]] = {}  # function and report, by exercise

    def visible(self, function: str, namespace: MutableMapping[str, Any]) -> None:
        """Check a function on the small cases a student may see.

        Parameters
        ----------
        function : str
            Name of the function.
        namespace : dict
            ``globals()`` of the notebook.

        Raises
        ------
        CheckFailed
            With a message that says what was tested, what is wrong, and what to do next.
        """
        exercise = self.exercises[function]
        self._check(exercise, namespace, self.cases(function, "visible"), shown=True)
        print(f"{function}: all visible checks passed.")

    def hidden(self, function: str, namespace: MutableMapping[str, Any], part: str = "") -> None:
        """Check a function on other sizes, edge cases and precisions; `part` names one group.

        Raises
        ------
        CheckFailed
            As `visible` does, but the message holds none of the check's numbers.
        """
        exercise = self.exercises[function]
        self._check(exercise, namespace, self.cases(function, "hidden", part), shown=False)
        print(f"{function}: hidden checks passed.")

    def cases(self, function: str, group: str, part: str = "") -> list[Case]:
        """Make the cases of one test cell; the same ones every time."""
        exercise = self.exercises[function]
        makers: tuple[CaseMaker, ...] = (
            exercise.visible if group == "visible" else exercise.hidden[part]
        )
        seed = zlib.crc32(f"{self.name}/{function}/{group}/{part}".encode())
        return [make(np.random.default_rng([seed, k])) for k, make in enumerate(makers)]

    def _check(
        self,
        exercise: Exercise,
        namespace: MutableMapping[str, Any],
        cases: list[Case],
        shown: bool,
    ) -> None:
        function: Any = namespace.get(exercise.name)
        self._check_defined(exercise, namespace, function)
        known = self._endless.get(exercise.name)
        if known is not None and known[0] is function:
            raise CheckFailed(known[1])
        report = self._examine(exercise, function, cases, echo=shown)
        if report is None:
            return
        if report.kind == "slow":
            self._endless[exercise.name] = (function, report)
        raise CheckFailed(report if shown else report.without_numbers()) from None

    def _examine(
        self, exercise: Exercise, function: Any, cases: list[Case], echo: bool
    ) -> Report | None:
        if exercise.once:
            return self._examine_once(exercise, function, cases, echo)
        if not self._builds_on_others(exercise, function):
            return _examine(exercise, function, cases, echo)
        if not self._builds_on_endless(function):
            report = _examine(exercise, function, cases, echo)
            if report is None:
                return None
        # A mistake in an earlier part must not cost points here: try with the reference for
        # everything this function may build on.
        with self._references_for(exercise, function):
            return _examine(exercise, function, cases, echo=False)

    def _examine_once(
        self, exercise: Exercise, function: Any, cases: list[Case], echo: bool
    ) -> Report | None:
        """Judge what one call brought, be it from an earlier test cell of the same function."""
        known = self._once.get(exercise.name)
        if known is None or known[0] is not function:
            known = (function, _run(exercise, function, cases[0], echo))
            self._once[exercise.name] = known
        return _judge_outcomes(exercise, cases[:1], [known[1]])

    def _check_defined(
        self, exercise: Exercise, namespace: Mapping[str, Any], function: Any
    ) -> None:
        name = exercise.name
        if name not in namespace:
            advice = f"Run the cell that defines {name}; its name must be spelled exactly so."
            raise CheckFailed(Report(name, "undefined", got="no such function", advice=advice))
        if not callable(function):
            advice = f"{name} must be a function: def {name}{inspect.signature(exercise.reference)}"
            got = f"a {type(function).__name__}"
            raise CheckFailed(Report(name, "type", expected="a function", got=got, advice=advice))
        module = str(getattr(function, "__module__", ""))
        if is_reference(module) and exercise.forbidden(frozenset({name})):
            raise CheckFailed(_reference_used(name, name))

    def _builds_on_others(self, exercise: Exercise, function: Any) -> bool:
        names = _globals_of(function)
        return any(n in names for n in self.exercises if n != exercise.name)

    def _builds_on_endless(self, function: Any) -> bool:
        names = _globals_of(function)
        return any(names.get(name) is endless for name, (endless, _) in self._endless.items())

    @contextmanager
    def _references_for(self, exercise: Exercise, function: Any) -> Iterator[None]:
        names = _globals_of(function)
        others = [n for n in self.exercises if n != exercise.name and n in names]
        before = {name: names[name] for name in others}
        names.update({name: provided(self.exercises[name].reference) for name in others})
        try:
            yield
        finally:
            names.update(before)


def _globals_of(function: Any) -> dict[str, Any]:
    """Return the global names a function sees; an empty dict for what is not a plain function."""
    while hasattr(function, "__wrapped__") or hasattr(function, "func"):
        function = getattr(function, "__wrapped__", None) or function.func
    names: dict[str, Any] = getattr(function, "__globals__", {})
    return names


def _reference_used(name: str, used: str) -> Report:
    return Report(
        name,
        "reference",
        got=f"a call of lstm_ref.{used}",
        advice="Calling the reference earns nothing. Write the steps yourself.",
    )


def _examine(
    exercise: Exercise, function: Callable[..., Any], cases: list[Case], echo: bool
) -> Report | None:
    """Call the function on every case; report the first that fails, with a diagnosis."""
    outcomes: list[Outcome] = []
    for number, case in enumerate(cases):
        outcome = _run(exercise, function, case, echo=echo and number == 0)
        outcomes.append(outcome)
        if isinstance(outcome.error, TimeLimit):
            break  # one call that never returns is enough
    report = _judge_outcomes(exercise, cases, outcomes)
    if report is not None or not exercise.repeatable:
        return report
    finding = _find_memory(exercise, function, cases[0], outcomes[0])
    return None if finding is None else _report(exercise, cases[0], finding, None)


def _run(
    exercise: Exercise,
    function: Callable[..., Any],
    case: Case,
    echo: bool = False,
    watched: bool = True,
) -> Outcome:
    adapted = function if exercise.adapt is None else exercise.adapt(function)
    return call(adapted, case, exercise.seconds, echo, watched, function, exercise.lent)


def _judge_outcomes(
    exercise: Exercise, cases: list[Case], outcomes: list[Outcome]
) -> Report | None:
    """Report the first outcome that is wrong, with the mistake that explains them all."""
    for case, outcome in zip(cases, outcomes, strict=False):
        finding = _find(exercise, case, outcome)
        if finding is None:
            continue
        diagnosis = finding.diagnosis
        if diagnosis is None and finding.kind not in _PLAIN and not exercise.once:
            diagnosis = _diagnose(exercise, cases, outcomes)
        return _report(exercise, case, finding, diagnosis)
    return None


def _report(
    exercise: Exercise, case: Case, finding: _Finding, diagnosis: Misconception | None
) -> Report:
    return Report(
        exercise.name,
        finding.kind,
        tested=_describe_case(exercise, case),
        expected=finding.expected,
        got=finding.got,
        diagnosis=diagnosis,
        advice=finding.advice,
        veiled=finding.veiled,
    )


def _find_memory(
    exercise: Exercise, function: Callable[..., Any], case: Case, before: Outcome
) -> _Finding | None:
    """Call once more with the same arguments: a function without hidden state answers the same."""
    again = _run(exercise, function, case)
    found = again.error or _difference(exercise, case, before.result, again.result, True)
    if not found:
        return None
    advice = "Use nothing but the arguments: no global variable, no random numbers but from rng."
    got = "another result for the same arguments"
    return _Finding("unrepeatable", "the same result again", got, advice)


def _find(exercise: Exercise, case: Case, outcome: Outcome) -> _Finding | None:
    """Name the first thing wrong with an outcome: errors, use of the reference, result, manners."""
    finding = _find_error(exercise, outcome)
    if finding is not None:
        return finding
    forbidden = exercise.forbidden(outcome.used)
    if forbidden:
        report = _reference_used(exercise.name, forbidden[0])
        return _Finding("reference", got=report.got, advice=report.advice)
    finding = _find_in_result(exercise, case, outcome)
    return finding if finding is not None else _find_manners(exercise, case, outcome)


def _find_in_result(exercise: Exercise, case: Case, outcome: Outcome) -> _Finding | None:
    """Let the judge look at the result, or compare it with the reference's."""
    if exercise.judge is None:
        expected = _expected(exercise, case)
        found = compare(expected, outcome.result, exercise.returns, _tolerance(exercise, case))
        if found is None:
            return None
        advice = _ADVICE[found.kind]
        return _Finding(found.kind, found.expected, found.got, advice, veiled=found.veiled)
    if outcome.result is None:
        return _Finding("none", f"{exercise.returns}", "None", _ADVICE["none"])
    verdict = exercise.judge(outcome, case)
    if isinstance(verdict, str):
        return _Finding("judged", got=verdict)
    return None if verdict is None else _Finding("judged", diagnosis=verdict)


def _tolerance(exercise: Exercise, case: Case) -> Tolerance:
    single = any(a.dtype == np.float32 for a in arrays_in((case.args, case.kwargs)))
    return exercise.tolerance.in_single_precision() if single else exercise.tolerance


_ADVICE = {
    "none": "End the function with a return statement.",
    "type": "Return NumPy arrays and plain numbers, as the docstring of the function says.",
    "structure": "Return what the docstring of the function names, in that order.",
    "shape": "Write the shape of every intermediate array beside its line and compare.",
    "dtype": "Floating dtype must be kept: look for np.zeros, np.ones or np.array without dtype.",
    "nan": "Print the intermediate arrays and find the first that holds NaN.",
    "values": "Work one small case by hand and compare line by line.",
}


def _find_error(exercise: Exercise, outcome: Outcome) -> _Finding | None:
    error = outcome.error
    if error is None:
        if outcome.printed > PRINT_LIMIT:
            got = f"{outcome.printed:,} characters printed in one call"
            return _Finding("printed", got=got, advice="Take the print calls out of the function.")
        return None
    if isinstance(error, NotImplementedError):
        advice = "Replace raise NotImplementedError() by your answer and run both cells."
        return _Finding("unwritten", got="a function that is not written yet", advice=advice)
    if isinstance(error, TimeLimit):
        got = f"no answer within {exercise.seconds:g} seconds"
        return _Finding("slow", got=got, advice="Look for a loop that never ends.")
    text = f"{type(error).__name__}: {error}".strip(": ")
    got = text if len(text) <= 300 else text[:300] + " …"
    advice = (
        f"Look at {outcome.where}" if outcome.where else "Call the function yourself to see where."
    )
    return _Finding("raised", expected="a result", got=got, advice=advice)


def _find_manners(exercise: Exercise, case: Case, outcome: Outcome) -> _Finding | None:
    """Look at what must not happen beside a right result."""
    changed = _changed(exercise, case, outcome)
    if changed:
        advice = "Work on a copy, or write a = a + b in place of a += b."
        return _Finding(
            "changed", f"{changed} as it was", f"{changed} modified by the call", advice
        )
    if _aliased(outcome):
        advice = "Return a copy: the caller may change one and not expect the other to follow."
        return _Finding(
            "aliased", "a new array", "a result that shares memory with an input", advice
        )
    if outcome.warned:
        advice = "No finite input may overflow or divide by zero; see how σ is kept stable."
        return _Finding("warned", "no warning", f"RuntimeWarning: {outcome.warned[0]}", advice)
    return None


def _changed(exercise: Exercise, case: Case, outcome: Outcome) -> str:
    names = list(inspect.signature(exercise.reference).parameters)
    for name, before, after in zip(names, case.args, outcome.args, strict=False):
        if not unchanged(before, after):
            return name
    for name, before in case.kwargs.items():
        if not unchanged(before, outcome.kwargs[name]):
            return name
    return ""


def _aliased(outcome: Outcome) -> bool:
    if outcome.shares is not None:
        return outcome.shares
    inputs = arrays_in((outcome.args, outcome.kwargs))
    return any(np.may_share_memory(a, b) for a in arrays_in(outcome.result) for b in inputs)


def _expected(exercise: Exercise, case: Case) -> Any:
    """Return the reference's answer to a case; the reference is trusted not to change it."""
    return exercise.reference(*case.args, **case.kwargs)


def _diagnose(
    exercise: Exercise, cases: list[Case], outcomes: list[Outcome]
) -> Misconception | None:
    """Find the misconception that does, on every case, what the student's function did.

    Best in everything (result, dtype, changed inputs, warnings, errors); otherwise in wrong values
    alone, since a mistake is often combined with a harmless change of style.
    """
    pairs = list(zip(cases, outcomes, strict=False))
    same_values_only = None
    for misconception in exercise.misconceptions:
        likeness = _likeness(exercise, misconception, pairs)
        if likeness == "behaviour":
            return misconception
        if likeness == "values" and same_values_only is None:
            same_values_only = misconception
    return same_values_only


def _likeness(
    exercise: Exercise, misconception: Misconception, pairs: list[tuple[Case, Outcome]]
) -> str:
    """Say in what a misconception is like the student's function: behaviour, values, nothing."""
    behaviour = values = True
    shows = wrong_values = False
    for case, student in pairs:
        wrong = _run(exercise, misconception.wrong, case, watched=False)
        behaviour = behaviour and _same_behaviour(exercise, case, student, wrong)
        values = values and _same_values(exercise, case, student, wrong)
        if not (behaviour or values):
            return "nothing"
        finding = _find(exercise, case, wrong)
        shows = shows or finding is not None
        wrong_values = wrong_values or (finding is not None and finding.kind in _IN_THE_VALUES)
    if behaviour and shows:
        return "behaviour"
    return "values" if values and wrong_values else "nothing"


_PLAIN = {"unwritten", "slow", "printed", "reference", "unrepeatable"}  # need no diagnosis
_IN_THE_VALUES = {"structure", "shape", "nan", "values", "judged"}


def _difference(
    exercise: Exercise, case: Case, a: Any, b: Any, strict_dtype: bool
) -> Difference | None:
    if a is None or b is None:
        return None if a is b else Difference("none", "", "")
    return compare(a, b, exercise.returns, _tolerance(exercise, case), strict_dtype)


def _same_behaviour(exercise: Exercise, case: Case, student: Outcome, wrong: Outcome) -> bool:
    if (type(student.error), str(student.error)) != (type(wrong.error), str(wrong.error)):
        return False
    return (
        _difference(exercise, case, wrong.result, student.result, strict_dtype=True) is None
        and unchanged((wrong.args, wrong.kwargs), (student.args, student.kwargs))
        and _aliased(student) == _aliased(wrong)
        and bool(student.warned) == bool(wrong.warned)
    )


def _same_values(exercise: Exercise, case: Case, student: Outcome, wrong: Outcome) -> bool:
    if wrong.error is not None or student.error is not None:
        return False
    return _difference(exercise, case, wrong.result, student.result, strict_dtype=False) is None


def _describe_case(exercise: Exercise, case: Case) -> str:
    """Say in one line what the function was called with."""
    names = list(inspect.signature(exercise.reference).parameters)
    given = [*zip(names, case.args, strict=False), *case.kwargs.items()]
    text = ", ".join(f"{name} {_size(value)}" for name, value in given)
    kinds = sorted(
        {str(a.dtype) for a in arrays_in((case.args, case.kwargs)) if a.dtype.kind == "f"}
    )
    return ", ".join(part for part in (text, *kinds, case.about) if part)


def _size(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.shape)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return f"({len(value)} items)"
    if isinstance(value, (int, float, np.generic)) or value is None:
        return f"= {value}"
    return f"({type(value).__name__})"
