"""Comparing what came back with what was expected, in the order in which one can act on it."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.checks.exercise import Tolerance

__all__ = ["Difference", "arrays_in", "compare", "unchanged"]


@dataclass(frozen=True)
class Difference:
    """The first thing that is wrong with a result.

    Attributes
    ----------
    kind : str
        ``none type structure shape dtype nan values``.
    expected, got : str
        The two sides, for the message.
    veiled : str
        The same without numbers, where `expected` holds one.
    """

    kind: str
    expected: str
    got: str
    veiled: str = ""


def compare(
    expected: Any, got: Any, names: Any, tolerance: Tolerance, strict_dtype: bool = True
) -> Difference | None:
    """Compare a result with the expected one, container by container, then array by array.

    Parameters
    ----------
    expected, got : object
        Arrays, numbers, or tuples, lists, named tuples and dicts of them.
    names : str or nested tuple of str
        What the results are called.
    tolerance : Tolerance
    strict_dtype : bool
        Whether the dtype of an array counts.

    Returns
    -------
    Difference or None
    """
    label = names if isinstance(names, str) else "the result"
    if got is None:
        return Difference("none", f"{_describe(expected, names)}", "None (is a return missing?)")
    if isinstance(expected, Mapping):
        return _compare_mapping(expected, got, label, tolerance, strict_dtype)
    if isinstance(expected, (tuple, list)):
        return _compare_sequence(expected, got, names, tolerance, strict_dtype)
    if isinstance(expected, (bool, str)):
        same = type(got) is type(expected) and got == expected
        if same:
            return None
        return Difference("values", f"{label} = {expected!r}", _short(got), f"another {label}")
    if isinstance(expected, (int, np.integer)):
        return _compare_integer(int(expected), got, label)
    return _compare_array(np.asarray(expected), got, label, tolerance, strict_dtype)


def _short(value: Any) -> str:
    """Show a value of any type in one short line."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, {value.dtype}"
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return f"{value!r:.60}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _describe(expected: Any, names: Any) -> str:
    if isinstance(names, str):
        return f"{names}, {_short(expected)}"
    return "(" + ", ".join(n if isinstance(n, str) else _describe(None, n) for n in names) + ")"


def _parts(value: Any, fields: tuple[str, ...], count: int) -> list[Any] | None:
    """Take a container apart: a tuple, a list, an array along its first axis, a dict of fields."""
    if isinstance(value, Mapping) and fields and set(value) == set(fields):
        return [value[name] for name in fields]
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return None
    if isinstance(value, (tuple, list, np.ndarray)) and len(value) == count:
        return list(value)
    return None


def _compare_sequence(
    expected: Any, got: Any, names: Any, tolerance: Tolerance, strict_dtype: bool
) -> Difference | None:
    fields: tuple[str, ...] = getattr(expected, "_fields", ())
    if isinstance(names, str):
        part_names: tuple[Any, ...] = tuple(f"{names}.{name}" for name in fields) or tuple(
            f"{names}[{k}]" for k in range(len(expected))
        )
    else:
        part_names = names
    parts = _parts(got, fields, len(expected))
    if parts is None:
        label = names if isinstance(names, str) else _describe(None, names)
        return Difference("structure", f"{label}, {len(expected)} values", _short(got))
    for want, have, name in zip(expected, parts, part_names, strict=True):
        found = compare(want, have, name, tolerance, strict_dtype)
        if found is not None:
            return found
    return None


def _compare_mapping(
    expected: Mapping[str, Any], got: Any, label: str, tolerance: Tolerance, strict_dtype: bool
) -> Difference | None:
    if not isinstance(got, Mapping):
        return Difference("structure", f"a dict with keys {', '.join(expected)}", _short(got))
    if set(got) != set(expected):
        return Difference(
            "structure", f"keys {', '.join(expected)}", f"keys {', '.join(map(str, got))}"
        )
    for key, want in expected.items():
        found = compare(want, got[key], f"{label}[{key!r}]", tolerance, strict_dtype)
        if found is not None:
            return found
    return None


def _compare_integer(expected: int, got: Any, label: str) -> Difference | None:
    if isinstance(got, (bool, np.bool_)):
        return Difference("type", f"{label}, an int", "a bool")
    try:
        value = operator.index(got)
    except TypeError:
        return Difference("type", f"{label}, an int", f"{_short(got)} ({type(got).__name__})")
    if value != expected:
        return Difference("values", f"{label} = {expected}", f"{value}", f"another {label}")
    return None


def _compare_array(
    expected: np.ndarray[Any, Any], got: Any, label: str, tolerance: Tolerance, strict_dtype: bool
) -> Difference | None:
    scalar = expected.ndim == 0
    if not isinstance(got, (np.ndarray, np.generic)) and not (
        scalar and isinstance(got, (int, float)) and not isinstance(got, bool)
    ):
        return Difference("type", f"{label}, a NumPy array", _short(got) + _hint(got))
    have = np.array(got, subok=False)
    if have.dtype.kind not in "fiub":
        return Difference("type", f"{label}, an array of {expected.dtype}", f"one of {have.dtype}")
    if have.shape != expected.shape:
        return Difference("shape", f"{label} of shape {expected.shape}", f"shape {have.shape}")
    if strict_dtype and not scalar and have.dtype != expected.dtype:
        return Difference("dtype", f"{label} in {expected.dtype}", f"{have.dtype}")
    if np.isnan(have).any() and not np.isnan(expected).any():
        count = int(np.isnan(have).sum())
        return Difference("nan", f"{label} with numbers only", f"{count} of {have.size} are NaN")
    return _compare_values(expected, have, label, tolerance)


def _hint(got: Any) -> str:
    """Say what a list lacks to be an array."""
    if not isinstance(got, list):
        return ""
    try:
        np.shape(got)
    except ValueError:
        return " (it is ragged: its rows have different lengths)"
    return " (np.stack or np.array makes an array of it)"


def _compare_values(
    expected: np.ndarray[Any, Any], have: np.ndarray[Any, Any], label: str, tolerance: Tolerance
) -> Difference | None:
    with np.errstate(all="ignore"):
        error = np.abs(have.astype(np.float64) - expected.astype(np.float64))
        close = np.isfinite(expected) & (error <= tolerance.of(expected))
        wrong = ~(close | (have == expected) | (np.isnan(have) & np.isnan(expected)))
        error = np.where(np.isnan(error), np.inf, error)
    if not wrong.any():
        return None
    place = np.unravel_index(int(np.argmax(np.where(wrong, error, -1.0))), error.shape)
    index = "[" + ", ".join(str(int(k)) for k in place) + "]" if place else ""
    count = f"{int(wrong.sum())} of {wrong.size} entries differ, most"
    return Difference(
        "values",
        f"{label}{index} = {expected[place]:.6g}",
        f"{have[place]:.6g}; {count} here",
        f"{label}: {count} at {index}" if index else f"another {label}",
    )


def arrays_in(value: Any) -> list[np.ndarray[Any, Any]]:
    """Collect the arrays inside containers."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, Mapping):
        return [array for item in value.values() for array in arrays_in(item)]
    if isinstance(value, (tuple, list)):
        return [array for item in value for array in arrays_in(item)]
    return []


def unchanged(before: Any, after: Any) -> bool:
    """Tell whether arguments are, to the bit, what they were; generators may move on."""
    if isinstance(before, np.ndarray):
        return (
            isinstance(after, np.ndarray)
            and before.shape == after.shape
            and before.dtype == after.dtype
            and before.tobytes() == after.tobytes()
        )
    if isinstance(before, Mapping):
        return list(before) == list(after) and all(unchanged(before[k], after[k]) for k in before)
    if isinstance(before, (tuple, list)):
        return len(before) == len(after) and all(map(unchanged, before, after))
    return True
