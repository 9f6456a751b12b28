"""Masters: their normal form, and what of them must never reach a student.

A master is an ``.ipynb`` under ``solutions/``. Its normal form makes diffs readable and releases
reproducible: no outputs, no execution counts, the kernel as the only notebook metadata, and cell
ids that say what the cell is. A graded or locked cell's id is its grade id with ``_`` as ``-``, so
that a submission can be read even where an editor lost its markup.
"""

import json
import re
from pathlib import Path
from typing import Any, TypeAlias

from lstm_grader.course import GraderError

__all__ = [
    "MARKS",
    "MasterError",
    "Notebook",
    "faults",
    "grade_id",
    "is_normal",
    "normalise",
    "read_master",
    "secrets",
    "source_of",
    "to_text",
    "write_normalised",
]

Notebook: TypeAlias = dict[str, Any]

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
MARKS = re.compile(r"\b(BEGIN|END)[ _]+(SOLUTIONS?|HIDDEN(?:[ _]+TESTS?)?|MARK[ _]+SCHEME)\b", re.I)
_BEGIN = re.compile(r"BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
_END = re.compile(r"END (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
_RANDOM_ID = re.compile(r"[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f-]{27}")
# Lines any program may hold: they give nothing away, and would raise false alarms.
_COMMON = re.compile(r"(import|from|for|if|elif|else|while|with|try|except|finally|def|class)\b")
_SHORT = 20


class MasterError(GraderError):
    """A master that cannot be released as it is."""


def source_of(cell: Notebook) -> str:
    """Return a cell's source as one string, however it is stored."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def grade_id(cell: Notebook) -> str:
    """Return a cell's grade id, or an empty string."""
    return str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", ""))


def read_master(path: Path) -> Notebook:
    """Read a master; sources come as one string each.

    Raises
    ------
    MasterError
        If it is not a notebook of format 4.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MasterError(f"{path}: {error}") from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise MasterError(f"{path}: expected a notebook of format 4")
    for cell in notebook["cells"]:
        cell["source"] = source_of(cell)
    return notebook


def normalise(notebook: Notebook) -> Notebook:
    """Return a master's normal form; a normal master comes back equal.

    Parameters
    ----------
    notebook : dict
        A notebook of format 4, as JSON.

    Returns
    -------
    dict
        A new notebook of format 4.5.

    Examples
    --------
    >>> from lstm_grader.masters import normalise
    >>> cell = {"cell_type": "markdown", "metadata": {}, "source": "## The gate, at last"}
    >>> normalise({"nbformat": 4, "metadata": {}, "cells": [cell]})["cells"][0]["id"]
    'the-gate-at-last'
    """
    taken: set[str] = set()
    cells = []
    for cell in notebook["cells"]:
        identifier = _unique(_cell_id(cell), taken)
        taken.add(identifier)
        metadata = {k: v for k, v in cell["metadata"].items() if k in ("nbgrader", "tags")}
        kept: Notebook = {
            "cell_type": cell["cell_type"],
            "id": identifier,
            "metadata": {k: v for k, v in metadata.items() if v},
            "source": source_of(cell).splitlines(keepends=True),
        }
        if cell["cell_type"] == "code":
            kept |= {"execution_count": None, "outputs": []}
        elif cell.get("attachments"):
            kept["attachments"] = cell["attachments"]
        cells.append(kept)
    return {"cells": cells, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}


def _cell_id(cell: Notebook) -> str:
    """Choose an id: the grade id, else the author's own, else the first words of the text."""
    if grade_id(cell):
        return grade_id(cell).replace("_", "-")
    own = str(cell.get("id", ""))
    if own and not _RANDOM_ID.fullmatch(own):
        return own
    first = next((line for line in source_of(cell).splitlines() if line.strip()), "")
    words = re.findall(r"[a-z0-9]+", first.lower())
    return "-".join(words[:6])[:60] or "cell"


def _unique(identifier: str, taken: set[str]) -> str:
    candidate, number = identifier, 1
    while candidate in taken:
        number += 1
        candidate = f"{identifier}-{number}"
    return candidate


def to_text(notebook: Notebook) -> str:
    """Write a notebook as Jupyter does: sorted keys, one space of indent, a final newline."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def is_normal(path: Path) -> bool:
    """Tell whether a master's file is byte for byte in normal form."""
    return path.read_bytes() == to_text(normalise(read_master(path))).encode()


def write_normalised(path: Path) -> bool:
    """Bring a master's file into normal form; tell whether it had to change."""
    text = to_text(normalise(read_master(path))).encode()
    if path.read_bytes() == text:
        return False
    path.write_bytes(text)
    return True


def faults(path: Path) -> list[str]:
    """List what keeps a master from being released, one sentence each."""
    notebook = read_master(path)
    found = [] if is_normal(path) else ["it is not in normal form: run  lstm-grader normalise"]
    ids = [grade_id(cell) for cell in notebook["cells"] if grade_id(cell)]
    found += [
        f"the grade id {i} is used twice" for i in sorted({i for i in ids if ids.count(i) > 1})
    ]
    for cell in notebook["cells"]:
        name = grade_id(cell) or cell.get("id", "a cell")
        for mark in MARKS.findall(source_of(cell)):
            if f"{mark[0]} {mark[1]}" not in _known_marks(cell):
                found.append(f"{name}: “{' '.join(mark)}” is no mark that nbgrader knows")
        if name.startswith("hidden_") and "HIDDEN TESTS" not in source_of(cell):
            found.append(f"{name}: it has no BEGIN HIDDEN TESTS, so its tests would be released")
    return found


def _known_marks(cell: Notebook) -> set[str]:
    text = source_of(cell)
    return {m.group() for pattern in (_BEGIN, _END) for m in pattern.finditer(text)}


def secrets(notebook: Notebook) -> dict[str, str]:
    """Collect the lines of a master that no student may see.

    Those inside the marked regions, and all of an answer without a marked region. Short lines and
    lines any program holds (``import …``, ``for …:``) are left out.

    Returns
    -------
    dict of str to str
        Each line, without its indent, and the cell it is from.
    """
    found: dict[str, str] = {}
    for cell in notebook["cells"]:
        text = source_of(cell)
        answer = cell.get("metadata", {}).get("nbgrader", {}).get("solution", False)
        inside = answer and not _BEGIN.search(text)
        for line in text.splitlines():
            if _BEGIN.search(line) or _END.search(line):
                inside = bool(_BEGIN.search(line))
            elif inside and len(line.strip()) >= _SHORT and not _COMMON.match(line.strip()):
                found[line.strip()] = grade_id(cell)
    return found
