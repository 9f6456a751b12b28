"""Stand-ins for what the course knows and a student's process does not."""

from collections.abc import Callable
from typing import Any

__all__ = ["Absent", "ask", "no_check"]


def _nobody(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    raise RuntimeError(f"lstm_ref.{name} is not there while work is graded")


ask: list[Callable[[str, tuple[Any, ...], dict[str, Any]], Any]] = [_nobody]
"""Holds the function that asks the judge; the student's process sets it."""


class Absent:
    """A name of `lstm_ref` whose code is not in this process; calling it asks the judge.

    Parameters
    ----------
    name : str
    module : str
        Where it is in the real package.
    """

    def __init__(self, name: str, module: str) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = f"lstm_ref.{name}: not in this process while work is graded."

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Have the judge call the function that this stands for."""
        return ask[0](self.__name__, args, kwargs)

    def __repr__(self) -> str:
        return f"<lstm_ref.{self.__name__}, elsewhere while work is graded>"


def no_check(*args: Any, **kwargs: Any) -> None:
    """Say that checks do not run here; a copy of a test cell then does no harm."""
    print("(Checks run apart from this notebook while work is graded.)")
