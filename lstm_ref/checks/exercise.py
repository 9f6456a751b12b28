"""What an exercise is: data, from which the checks, their messages and their tests all follow."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    "Case",
    "CaseMaker",
    "Exercise",
    "Misconception",
    "Mistakes",
    "Place",
    "Tolerance",
    "as_float32",
]


@dataclass(frozen=True)
class Place:
    """Where the book explains something.

    Attributes
    ----------
    page : str
        File name in ``book/`` without its ending.
    anchor : str
        Label of the section on that page.
    section : str
        The section's title.
    equation : str
        The number of an equation in that section, as the book prints it, if one is meant.
    """

    page: str
    anchor: str
    section: str
    equation: str = ""

    def __str__(self) -> str:
        chapter = self.page.split("-")[0].lstrip("0")
        text = f"chapter {chapter}, section “{self.section}”"
        return f"{text}, equation ({self.equation})" if self.equation else text


@dataclass(frozen=True)
class Misconception:
    """A mistake that learners make, as code and as a sentence.

    Attributes
    ----------
    name : str
        Identifier, in the words of the field, for reports.
    wrong : callable
        A short wrong implementation with the signature of the exercise.
    says : str
        One sentence to the student: what the answer does, never the answer.
    see : Place
        Where the book explains it.
    """

    name: str
    wrong: Callable[..., Any]
    says: str
    see: Place


class Mistakes:
    """Collects the misconceptions of an assignment, function by function.

    Examples
    --------
    >>> from lstm_ref.checks.exercise import Mistakes, Place
    >>> mistakes = Mistakes()
    >>> @mistakes("double", "squared", "Your answer is the square.", Place("01-x", "sec-y", "Y"))
    ... def _(x):
    ...     return x * x
    >>> [m.name for m in mistakes.of("double")]
    ['squared']
    """

    def __init__(self) -> None:
        self._by_function: dict[str, list[Misconception]] = {}

    def __call__(
        self, function: str, name: str, says: str, see: Place
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated wrong implementation of `function`."""

        def register(wrong: Callable[..., Any]) -> Callable[..., Any]:
            known = self._by_function.setdefault(function, [])
            if any(m.name == name for m in known):
                raise ValueError(f"expected a new name for a mistake in {function}, got {name!r}")
            known.append(Misconception(name, wrong, says, see))
            return wrong

        return register

    def of(self, function: str) -> tuple[Misconception, ...]:
        """Return the misconceptions of one function, in the order of registration."""
        return tuple(self._by_function.get(function, ()))

    def named(self, function: str, name: str) -> Misconception:
        """Return one misconception, for a judge that recognises it by behaviour."""
        return next(m for m in self._by_function[function] if m.name == name)


@dataclass(frozen=True)
class Case:
    """Arguments of one call.

    Attributes
    ----------
    args, kwargs : tuple, mapping
    about : str
        Adds to the message what the shapes do not tell.
    probe : object
        What a judge tries the result on; the student's function never sees it.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    probe: Any = None


CaseMaker: TypeAlias = Callable[[np.random.Generator], Case]


@dataclass(frozen=True)
class Tolerance:
    """Largest accepted difference, ``absolute + relative · |expected|``, by precision."""

    absolute: float = 1e-9
    relative: float = 1e-9
    single: float = 2e-5

    def of(self, expected: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the accepted difference for every entry of `expected`."""
        if expected.dtype.itemsize < 8 and expected.dtype.kind == "f":
            return np.asarray(self.single * (1 + np.abs(expected.astype(np.float64))))
        return np.asarray(self.absolute + self.relative * np.abs(expected))

    def in_single_precision(self) -> "Tolerance":
        """Return what is accepted when the inputs are float32, whatever is computed from them."""
        return Tolerance(self.single, self.single, self.single)


@dataclass(frozen=True)
class Exercise:
    """One function of an assignment.

    Attributes
    ----------
    reference : callable
        The right answer; its name and signature are those of the exercise.
    returns : str or nested tuple of str
        Names of the results, for messages; the nesting is that of the result.
    visible : tuple of CaseMaker
        Cases of ``test_<function>``.
    hidden : mapping of str to tuple of CaseMaker
        Cases of ``hidden_<function>`` (key ``""``) and ``hidden_<function>_<key>``.
    misconceptions : tuple of Misconception
    may_use : frozenset of str, optional
        Functions of `lstm_ref` that an answer may call; all but the answer itself if None.
    judge : callable, optional
        For answers that are not compared with the reference: takes the `Outcome` of the call and
        the case, returns None, or what is wrong as a sentence or as the misconception behind it.
    adapt : callable, optional
        Turns the student's function into the one that is called, for example to draw many times.
    repeatable : bool
        Whether the same arguments, generators included, must give the same result again.
    once : bool
        Whether the function is too slow to be called again by the next test cell; all cells then
        judge the result of one call.
    tolerance : Tolerance
    seconds : float
        Time limit of one call.
    """

    reference: Callable[..., Any]
    returns: Any
    visible: tuple[CaseMaker, ...]
    hidden: Mapping[str, tuple[CaseMaker, ...]]
    misconceptions: tuple[Misconception, ...]
    may_use: frozenset[str] | None = frozenset({"sigmoid"})
    judge: Callable[[Any, Case], str | Misconception | None] | None = None
    adapt: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
    repeatable: bool = True
    once: bool = False
    tolerance: Tolerance = field(default_factory=Tolerance)
    seconds: float = 5.0

    @property
    def name(self) -> str:
        """Name of the function to write."""
        return str(self.reference.__name__)

    @property
    def lent(self) -> frozenset[str]:
        """Names of `lstm_ref` that an answer in another process is given when it asks for them."""
        if self.may_use is not None:
            return self.may_use
        return frozenset(vars(sys.modules["lstm_ref"])) - {self.name}

    def forbidden(self, used: frozenset[str]) -> list[str]:
        """Return which of the functions of `lstm_ref` an answer used it must not use."""
        return sorted(used & {self.name} if self.may_use is None else used - self.may_use)


def as_float32(make: CaseMaker) -> CaseMaker:
    """Give the same case with every floating array in single precision."""

    def cast(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.astype(np.float32)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(cast, value))
        if isinstance(value, (list, tuple)):
            return type(value)(map(cast, value))
        if isinstance(value, dict):
            return {key: cast(item) for key, item in value.items()}
        return value

    def make_float32(rng: np.random.Generator) -> Case:
        case = make(rng)
        return Case(cast(case.args), cast(dict(case.kwargs)), case.about, case.probe)

    return make_float32
