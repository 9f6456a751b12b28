"""A student's notebook: read from whatever was handed in, and brought back into the graded form.

Nothing here runs student code or writes a file. `parse` turns damage into one clear sentence;
`repair` restores the checks that a student (or an editor) deleted, changed, moved or doubled.
"""

import copy
import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any

from lstm_grader.masters import Notebook, grade_id, source_of

__all__ = [
    "MAX_BYTES",
    "BadSubmission",
    "digest",
    "find_notebook",
    "load",
    "parse",
    "read",
    "repair",
]

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_BYTES = 50_000_000
_OLDEST, _NEWEST = 3, 4  # major versions of the notebook format


class BadSubmission(Exception):
    """A submission that cannot be graded; the message is the sentence for student and teacher."""


def find_notebook(folder: Path, name: str) -> Path:
    """Return the path of a notebook in a submission.

    Raises
    ------
    BadSubmission
        If it is not there, or there is anything but files and folders.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BadSubmission(f"{path.name} is a link; hand in the file itself.")
        if not (path.is_file() or path.is_dir()):
            raise BadSubmission(f"{path.name} is no plain file; hand in the file itself.")
    path = folder / f"{name}.ipynb"
    if path.is_dir():
        raise BadSubmission(f"{path.name} is a folder, not a notebook.")
    if path.is_file():
        return path
    others = sorted(p.name for p in folder.rglob("*") if p.is_file() and p.name != "timestamp.txt")
    came = f"found {', '.join(others[:3])}" if others else "found no file"
    raise BadSubmission(f"expected a notebook named {path.name}, {came}.")


def load(path: Path) -> bytes:
    """Read a submitted file, whatever is in it.

    Raises
    ------
    BadSubmission
        If it cannot be read or is too large.
    """
    name = path.name
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise BadSubmission(f"{name} cannot be read: {error.strerror}.") from error
    if raw is None:
        size = f"{path.stat().st_size / 1e6:.0f} MB"
        raise BadSubmission(
            f"{name} has {size}; clear its outputs (limit {MAX_BYTES // 10**6} MB)."
        )
    return raw


def parse(name: str, raw: bytes) -> Notebook:
    """Make a notebook of a submitted file's contents, forgiving all that does no harm.

    Outputs, execution counts and foreign metadata are dropped; missing and doubled cell ids and
    format 3 are put right. The result always is a valid notebook of format 4.5.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    raw : bytes

    Raises
    ------
    BadSubmission
        With one sentence that says what is wrong with the file.
    """
    return _rebuild(name, _decoded(name, raw))


def read(path: Path) -> Notebook:
    """`load` a file and `parse` it."""
    return parse(path.name, load(path))


def _decoded(name: str, raw: bytes) -> Any:
    if not raw.strip():
        raise BadSubmission(f"{name} is empty ({len(raw)} bytes).")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise BadSubmission(_cut_off(name, raw)) from error
        raise BadSubmission(f"{name} is not text in UTF-8 (byte {error.start}).") from error
    if "\0" in text:
        raise BadSubmission(f"{name} contains NUL bytes: the file was damaged on its way.")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if text[0] == "{" and (text[-1] != "}" or error.pos >= len(text) - 1):
            raise BadSubmission(_cut_off(name, raw)) from error
        raise BadSubmission(
            f"{name} is not a notebook: no JSON at line {error.lineno}, column {error.colno}."
        ) from error
    except (RecursionError, ValueError) as error:
        raise BadSubmission(
            f"{name} is not a notebook: its JSON is too deep or too odd."
        ) from error


def _cut_off(name: str, raw: bytes) -> str:
    return f"{name} is cut off after {len(raw)} bytes: its end is missing."


def _rebuild(name: str, data: Any) -> Notebook:
    """Make a valid notebook of what JSON there is."""
    if not isinstance(data, dict) or not ("cells" in data or "worksheets" in data):
        raise BadSubmission(f"{name} is JSON, but not a notebook: it has no cells.")
    major = data.get("nbformat")
    if not isinstance(major, int) or not _OLDEST <= major <= _NEWEST:
        raise BadSubmission(f"{name} is in notebook format {major!r}; save it in format 4.")
    if major < _NEWEST:
        data = _convert(name, data)
    if not isinstance(data["cells"], list):
        raise BadSubmission(f"{name} is JSON, but not a notebook: its cells are no list.")
    taken: set[str] = set()
    cells = [_cell(name, number, cell, taken) for number, cell in enumerate(data["cells"], 1)]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _convert(name: str, data: Notebook) -> Notebook:
    import nbformat

    try:
        converted: Notebook = nbformat.convert(nbformat.from_dict(data), 4)  # type: ignore[no-untyped-call]
    except Exception as error:
        raise BadSubmission(
            f"{name} is in notebook format 3, and damaged; save it in format 4."
        ) from error
    return converted


def _cell(name: str, number: int, cell: Any, taken: set[str]) -> Notebook:
    """Keep of a cell what matters for grading."""
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if kind not in ("code", "markdown", "raw"):
        raise BadSubmission(f"{name}: cell {number} is neither code nor text.")
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise BadSubmission(f"{name}: cell {number} has no source.")
    source = source.encode("utf-8", "replace").decode()  # JSON can hold halves of characters
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    identifier = cell.get("id")
    if not isinstance(identifier, str) or not _CELL_ID.fullmatch(identifier) or identifier in taken:
        identifier = uuid.uuid4().hex[:8]
    taken.add(identifier)
    kept: Notebook = {
        "cell_type": kind,
        "id": identifier,
        "metadata": {"nbgrader": copy.deepcopy(marks)} if isinstance(marks, dict) else {},
        "source": source,
    }
    if kind == "code":
        kept |= {"execution_count": None, "outputs": []}
    return kept


def digest(folder: Path) -> str:
    """Return a hash of all files of a folder, names and contents."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def repair(submitted: Notebook, released: Notebook) -> tuple[Notebook, list[str]]:
    """Put a submission's cells back into the roles that the release gave them.

    A cell is recognised by its grade id, or by its cell id where the markup was lost. Of several
    cells with one grade id the last counts; the others stay as plain code. Locked cells come from
    the release, whatever the student's copy says; a check that was deleted is put back, one that
    was moved before the answer it checks goes after it. A deleted answer is not put back: it may
    be in another cell. The order of everything else is the student's.

    Parameters
    ----------
    submitted : dict
        From `read`; left as it is.
    released : dict
        The notebook that students were given.

    Returns
    -------
    repaired : dict
    notices : list of str
        One sentence for each thing that was put right.
    """
    notices: list[str] = []
    roles = {grade_id(cell): cell for cell in released["cells"] if grade_id(cell)}
    cells = _recognise(list(submitted["cells"]), roles, notices)
    for name, role in roles.items():
        marks = role["metadata"]["nbgrader"]
        if not (marks.get("locked") or marks.get("grade")):
            continue
        place, earliest = _place(cells, name), _after_answer(cells, name, roles)
        if place is None:
            notices.append(f"The cell {name} was missing; it was put back.")
            cells.insert(max(earliest, _before_next(cells, name, roles)), copy.deepcopy(role))
        elif place < earliest and marks.get("locked"):
            notices.append(f"The cell {name} stood before the answer it checks; it was moved.")
            cells.insert(earliest - 1, cells.pop(place))
    repaired = {**submitted, "cells": cells, "metadata": copy.deepcopy(released["metadata"])}
    return repaired, notices


def _recognise(
    cells: list[Notebook], roles: dict[str, Notebook], notices: list[str]
) -> list[Notebook]:
    """Give every cell the markup of its role, and take foreign and doubled markup away."""
    by_id = {role["id"]: name for name, role in roles.items() if "id" in role}
    named = {grade_id(cell) for cell in cells}
    last: dict[str, int] = {}
    count: dict[str, int] = {}
    for number, cell in enumerate(cells):
        name = grade_id(cell)
        if name not in roles:
            name = by_id.get(cell["id"], "")
            if name in named:
                continue  # another cell carries the markup
        if name:
            last[name] = number
            count[name] = count.get(name, 0) + 1
    for name in sorted(n for n, times in count.items() if times > 1):
        notices.append(f"The cell {name} was there {count[name]} times; the last one counts.")
    names = {number: name for name, number in last.items()}
    for n, cell in enumerate(cells):
        if n not in names and cell["id"] in by_id:
            cells[n] = {**cell, "id": f"copy-{n}-{cell['id']}"[:64]}
    return [_in_role(cell, roles.get(names.get(n, ""))) for n, cell in enumerate(cells)]


def _in_role(cell: Notebook, role: Notebook | None) -> Notebook:
    if role is None:
        return {**cell, "metadata": {}}
    if role["metadata"]["nbgrader"].get("locked"):
        return copy.deepcopy(role)
    answer = copy.deepcopy(role)
    answer["source"] = source_of(cell)
    return answer


def _place(cells: list[Notebook], name: str) -> int | None:
    return next((n for n, cell in enumerate(cells) if grade_id(cell) == name), None)


def _after_answer(cells: list[Notebook], name: str, roles: dict[str, Notebook]) -> int:
    """Return the first place where a check may stand: after the answer it belongs to."""
    before = list(roles)[: list(roles).index(name)]
    answers = [n for n in before if roles[n]["metadata"]["nbgrader"].get("solution")]
    place = _place(cells, answers[-1]) if answers else None
    return 0 if place is None else place + 1


def _before_next(cells: list[Notebook], name: str, roles: dict[str, Notebook]) -> int:
    """Return the place just before the next cell of the release that is there, or the end.

    So whatever the student wrote where the missing cell was runs before it.
    """
    after = list(roles)[list(roles).index(name) + 1 :]
    places = (_place(cells, n) for n in after)
    return next((place for place in places if place is not None), len(cells))
