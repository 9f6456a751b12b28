"""Attacks by the notebook around the answers: its checks, its markup, its file, its place.

Where nothing else is said, `halve` is right and `double` returns 0: 60 points are earned.
"""

import copy
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from tests.hostile.corpus import Attack, Files, Link, Maker, Pipe, fill, notebook
from tests.tiny_course import RIGHT, edited, find

__all__ = ["ARCHIVES", "NOTEBOOKS"]

Notebook = dict[str, Any]
_WRONG = "def double(x): return 0"


# ------------------------------------------------------------------------------- the test cells


def _remove(*names: str) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        nb["cells"] = [c for c in nb["cells"] if _name(c) not in names]

    return change


def _name(cell: Notebook) -> str:
    marks = cell["metadata"].get("nbgrader", {})
    return str(marks.get("grade_id", "")) if isinstance(marks, dict) else ""


def _write(source: str, *names: str) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for name in names:
            find(nb, name)["source"] = source

    return change


CHECKS = ("test_double", "hidden_double")


def _again(nb: Notebook, name: str, source: str, place: int | None = None) -> None:
    """Put a second cell of the same name in."""
    cell = copy.deepcopy(find(nb, name)) | {"id": f"again-{name}", "source": source}
    nb["cells"].insert(len(nb["cells"]) if place is None else place, cell)


def _double_up(first: bool) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for name in CHECKS:
            _again(nb, name, "pass", 0 if first else None)

    return change


def _to_front(nb: Notebook) -> None:
    checks = [c for c in nb["cells"] if _name(c) in CHECKS]
    _remove(*CHECKS)(nb)
    nb["cells"] = [*checks, *nb["cells"]]


def _reversed(nb: Notebook) -> None:
    nb["cells"].reverse()


def _shielded(nb: Notebook) -> None:
    """Put the checks between two cells that make the name another's, and take it back."""
    at = nb["cells"].index(find(nb, "test_double"))
    same = "type('', (), {'__eq__': lambda *a: True})()"
    own = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None}
    nb["cells"].insert(at, own | {"source": f"double = lambda x: {same}"})


def _kind(kind: str) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for name in CHECKS:
            cell = find(nb, name)
            cell["cell_type"] = kind
            for key in ("outputs", "execution_count"):
                cell.pop(key, None)

    return change


def _swapped(nb: Notebook) -> None:
    """Let the checks of `double` be those of `halve`."""
    for kind in ("test", "hidden"):
        one, other = find(nb, f"{kind}_double"), find(nb, f"{kind}_halve")
        for key in ("id", "source"):
            one[key], other[key] = other[key], one[key]
        marks = one["metadata"], other["metadata"]
        one["metadata"], other["metadata"] = marks[1], marks[0]


def _one_cell(nb: Notebook) -> None:
    """Hand in nothing but one cell, with everything in it."""
    cell = find(nb, "halve")
    cell["source"] = "double = halve = lambda x: type('', (), {'__eq__': lambda *a: True})()"
    nb["cells"] = [cell]


def _answer_below(nb: Notebook) -> None:
    """Answer `double` in a second cell of that name, below the checks."""
    _again(nb, "double", "def double(x):\n    return {3: 6}.get(x)\n")


CELLS: dict[str, tuple[Maker, dict[str, Any]]] = {
    "edited: they ask for nothing": (notebook(_write("pass", *CHECKS)), {}),
    "edited: they end the notebook": (
        notebook(_write("import os\nos._exit(0)", *CHECKS)),
        {},
    ),
    "edited: an answer stands in them": (
        notebook(_write("double = lambda x: 2 * x", *CHECKS)),
        {},
    ),
    "edited: the set-up cell defines the answer's judge": (
        notebook(_write("class double(int):\n    __eq__ = lambda *a: True\n", "setup")),
        {},
    ),
    "deleted: the visible one": (notebook(_remove("test_double")), {"says": "was missing"}),
    "deleted: the hidden one": (notebook(_remove("hidden_double")), {"says": "was missing"}),
    "deleted: all": (
        notebook(_remove("test_double", "hidden_double", "test_halve", "hidden_halve")),
        {"says": "was missing"},
    ),
    "deleted: the answer and its checks": (
        notebook(_remove("double", *CHECKS)),
        {"says": "was missing"},
    ),
    "doubled: a second one passes": (
        notebook(_double_up(first=False)),
        {"says": "was there 2 times"},
    ),
    "doubled: a first one passes": (notebook(_double_up(first=True)), {"says": "was there 2"}),
    "doubled: the answer, below the checks": (
        notebook(_answer_below),
        {"says": "was there 2 times", "earns": 70},
    ),
    "moved: before the answer": (notebook(_to_front), {"says": "stood before"}),
    "moved: all cells in reverse": (notebook(_reversed), {"says": "stood before"}),
    "moved: a cell between answer and check": (notebook(_shielded), {}),
    "swapped with another part's": (notebook(_swapped), {}),
    "turned into text": (notebook(_kind("markdown")), {}),
    "turned into raw cells": (notebook(_kind("raw")), {}),
    "an empty notebook": (
        notebook(lambda nb: nb.update(cells=[])),
        {"earns": 0, "says": "was missing"},
    ),
    "one cell in place of all": (notebook(_one_cell), {"earns": 0, "says": "was missing"}),
}


# ------------------------------------------------------------------------------------ the markup


def _mark(*names: str, **marks: Any) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for name in names:
            find(nb, name)["metadata"]["nbgrader"].update(marks)

    return change


def _unmark(nb: Notebook) -> None:
    for cell in nb["cells"]:
        cell["metadata"] = {}


def _strange_marks(nb: Notebook) -> None:
    for cell in [find(nb, name) for name in CHECKS]:
        cell["metadata"]["nbgrader"] = ["grade", "passed"]


def _unlocked(nb: Notebook) -> None:
    _mark(*CHECKS, locked=False, solution=True)(nb)
    _write("pass", *CHECKS)(nb)


def _bonus(nb: Notebook) -> None:
    marks = {"grade_id": "bonus", "grade": True, "solution": False, "locked": True, "points": 500}
    base = {"cell_type": "code", "id": "bonus", "outputs": [], "execution_count": None}
    marks |= {"schema_version": 3, "task": False}
    nb["cells"].append(base | {"metadata": {"nbgrader": marks}, "source": "pass"})


def _task(nb: Notebook) -> None:
    marks = {"grade_id": "task", "grade": True, "solution": False, "locked": True, "points": 500}
    marks |= {"schema_version": 3, "task": True}
    base = {"cell_type": "markdown", "id": "task", "source": "done"}
    nb["cells"].append(base | {"metadata": {"nbgrader": marks}})


def _outputs(*outputs: dict[str, Any]) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for name in CHECKS:
            find(nb, name).update(outputs=list(outputs), execution_count=7)

    return change


def _scores(nb: Notebook) -> None:
    for name in CHECKS:
        find(nb, name)["metadata"]["nbgrader"].update(score=40, auto_score=40, manual_score=40)
    nb["metadata"]["nbgrader"] = {"score": 100, "max_score": 100}


def _wait_for_a_person(nb: Notebook) -> None:
    """Make the checks look like answers that a person marks."""
    _mark(*CHECKS, solution=True, grade=True, locked=False)(nb)


def _partial(nb: Notebook) -> None:
    """Let the checks end with a number: nbgrader takes that for points."""
    _write("100", *CHECKS)(nb)


MARKS: dict[str, tuple[Maker, dict[str, Any]]] = {
    "points": (notebook(_mark(*CHECKS, "test_halve", points=1000)), {}),
    "points of the wrong answer are none": (notebook(_mark(*CHECKS, points=0)), {}),
    "points below zero": (notebook(_mark(*CHECKS, points=-40)), {}),
    "points that are no number": (notebook(_mark(*CHECKS, points="all")), {}),
    "checks are not graded": (notebook(_mark(*CHECKS, grade=False)), {}),
    "checks are answers": (notebook(_unlocked), {}),
    "checks are marked by a person": (notebook(_wait_for_a_person), {}),
    "checks are another part's": (
        notebook(_mark("test_double", grade_id="test_halve")),
        {"says": "was there 2 times"},
    ),
    "checks end with points": (notebook(_partial), {}),
    "a graded cell of their own": (notebook(_bonus), {}),
    "a task of their own": (notebook(_task), {}),
    "none": (notebook(_unmark), {}),
    "no markup but a list": (notebook(_strange_marks), {}),
    "of a future scheme": (notebook(_mark(*CHECKS, schema_version=99)), {}),
    "of an old scheme": (notebook(_mark(*CHECKS, schema_version=1)), {}),
    "a scheme that is no number": (notebook(_mark(*CHECKS, schema_version="three")), {}),
    "names that lead elsewhere": (
        notebook(_mark(*CHECKS, grade_id="../../gradebook")),
        {},
    ),
    "checksums": (notebook(_mark(*CHECKS, checksum="0" * 32)), {}),
    "outputs: passed": (
        notebook(_outputs({"output_type": "stream", "name": "stdout", "text": "passed"})),
        {},
    ),
    "outputs: full points": (
        notebook(
            _outputs(
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "40"},
                    "metadata": {},
                    "execution_count": 7,
                }
            )
        ),
        {},
    ),
    "outputs: a script for the teacher": (
        notebook(
            _outputs(
                {
                    "output_type": "display_data",
                    "data": {"text/html": "<script>alert(1)</script>"},
                    "metadata": {},
                }
            )
        ),
        {},
    ),
    "scores": (notebook(_scores), {}),
}


# -------------------------------------------------------------------------------------- the file


def _raw(change: Callable[[bytes], bytes]) -> Maker:
    def make(released: Notebook, places: Mapping[str, str]) -> Files:
        files = notebook(lambda nb: None)(released, places)
        return {name: change(bytes(content)) for name, content in files.items()}  # type: ignore[arg-type]

    return make


def _json(change: Callable[[Notebook], Any]) -> Maker:
    def make(released: Notebook, places: Mapping[str, str]) -> Files:
        result = copy.deepcopy(edited(released, double=_WRONG, halve=RIGHT["halve"]))
        change(result)
        return {"tiny.ipynb": json.dumps(result).encode()}

    return make


def _kernel(**spec: Any) -> Maker:
    return _json(lambda nb: nb["metadata"].update(kernelspec=spec))


def _old(nb: Notebook) -> None:
    """Bring it into format 3."""
    cells = []
    for cell in nb.pop("cells"):
        kept = {k: cell[k] for k in ("cell_type", "metadata")}
        if cell["cell_type"] == "code":
            more = {"input": cell["source"], "language": "python", "outputs": []}
            cells.append({**kept, **more, "prompt_number": None})
        else:
            cells.append({**kept, "source": cell["source"]})
    nb.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": cells, "metadata": {}}])


def _many_cells(nb: Notebook) -> None:
    empty = {"cell_type": "markdown", "metadata": {}, "source": ""}
    nb["cells"] += [empty | {"id": f"n{k}"} for k in range(20_000)]


def _ids(identifier: Any) -> Callable[[Notebook], None]:
    def change(nb: Notebook) -> None:
        for cell in nb["cells"]:
            cell["id"] = identifier

    return change


_BIG = 50_000_001
FILES: dict[str, tuple[Maker, dict[str, Any]]] = {
    "empty": (_raw(lambda b: b""), {"earns": None, "says": "is empty"}),
    "cut off": (_raw(lambda b: b[:900]), {"earns": None, "says": "is cut off after 900"}),
    "NUL bytes at its end": (
        _raw(lambda b: b[:500] + b"\0" * 500),
        {"earns": None, "says": "contains NUL bytes"},
    ),
    "NUL bytes in an answer": (
        _json(lambda nb: find(nb, "double").update(source="double = 0\0")),
        {"says": "null bytes"},
    ),
    "no JSON": (
        _raw(lambda b: b"<!DOCTYPE html><p>Please log in"),
        {"earns": None, "says": "is not a notebook"},
    ),
    "not in UTF-8": (
        _raw(lambda b: b.decode().encode("utf-16")),
        {"earns": None, "says": "not text in UTF-8"},
    ),
    "halves of characters": (
        _raw(lambda b: b.replace(b"return 0", b"return '\\ud800'")),
        {},
    ),
    "JSON of another kind": (
        _raw(lambda b: b"[1, 2, 3]"),
        {"earns": None, "says": "is JSON, but not a notebook"},
    ),
    "lists in lists in lists": (
        _raw(lambda b: b'{"nbformat": 4, "cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        {"earns": None, "says": "too deep or too odd"},
    ),
    "a number of 100,000 digits": (
        _raw(lambda b: b'{"nbformat": ' + b"9" * 100_000 + b', "cells": []}'),
        {"earns": None, "says": "is not a notebook"},
    ),
    "cells that come twice in the JSON": (
        _raw(lambda b: b.rstrip()[:-1] + b', "cells": 3}'),
        {"earns": None, "says": "its cells are no list"},
    ),
    "huge: 50 MB": (_raw(lambda b: b + b" " * _BIG), {"earns": None, "says": "clear its outputs"}),
    "huge: a picture of 30 MB": (
        _json(
            lambda nb: find(nb, "double").update(
                outputs=[
                    {
                        "output_type": "display_data",
                        "metadata": {},
                        "data": {"image/png": "A" * 30_000_000},
                    }
                ]
            )
        ),
        {},
    ),
    "huge: 20,000 cells": (_json(_many_cells), {}),
    "huge: an answer of 5 MB": (
        _json(lambda nb: find(nb, "double").update(source="double = 0\n" * 450_000)),
        {},
    ),
    "of format 3": (_json(_old), {}),
    "of format 3, damaged": (
        _raw(lambda b: b'{"nbformat": 3, "worksheets": 1}'),
        {"earns": None, "says": "format 3, and damaged"},
    ),
    "of a future format": (
        _json(lambda nb: nb.update(nbformat=5)),
        {"earns": None, "says": "is in notebook format 5"},
    ),
    "of a future minor format": (_json(lambda nb: nb.update(nbformat_minor=99)), {}),
    "of no format": (
        _json(lambda nb: nb.pop("nbformat")),
        {"earns": None, "says": "is in notebook format None"},
    ),
    "a kernel that is not there": (_kernel(name="cobol", display_name="x", language="cobol"), {}),
    "a kernel that is a path": (_kernel(name="../../bin/sh", display_name="x"), {}),
    "a kernel that is a list": (_json(lambda nb: nb["metadata"].update(kernelspec=[])), {}),
    "a language of its own": (
        _json(lambda nb: nb["metadata"].update(language_info={"name": "bash"})),
        {},
    ),
    "ids that are all the same": (_json(_ids("same")), {}),
    "ids that are numbers": (_json(_ids(7)), {}),
    "ids with a path": (_json(_ids("../../x")), {}),
    "a cell that is a number": (
        _json(lambda nb: nb["cells"].append(7)),
        {"earns": None, "says": "neither code nor text"},
    ),
    "a cell without a source": (
        _json(lambda nb: nb["cells"][0].update(source=None)),
        {"earns": None, "says": "has no source"},
    ),
    "a script in the answer": (
        _json(
            lambda nb: find(nb, "double").update(source="'</script><script>alert(1)</script>'\n")
        ),
        {},
    ),
}


# ---------------------------------------------------------------------------- names and places


def _with(double: str = _WRONG, **files: "bytes | Link | Pipe") -> Maker:
    """Hand in other files beside the notebook; `__` in a name stands for a dot."""

    def make(released: Notebook, places: Mapping[str, str]) -> Files:
        found = notebook(lambda nb: None, double)(released, places)
        for name, content in files.items():
            if isinstance(content, Link):
                content = Link(fill(content.to, places))
            elif isinstance(content, bytes):
                content = fill(content.decode(), places).encode()
            found[name.replace("__", ".")] = content
        return found

    return make


def _only(name: str, content: "bytes | Link | Pipe | None" = None) -> Maker:
    """Hand in the notebook under another name, or something else under its name."""

    def make(released: Notebook, places: Mapping[str, str]) -> Files:
        files = notebook(lambda nb: None)(released, places)
        if content is None:
            return {name: files["tiny.ipynb"]}
        return {name: Link(fill(content.to, places)) if isinstance(content, Link) else content}

    return make


_LINK = {"collected": False, "earns": None, "says": "is a link", "own": 0}
_NO_FILE = {"earns": None, "says": "expected a notebook named"}
_PRINTS = "print(open('data.csv').read())"
_NAMES = {
    "a name with a blank": "Ada Lovelace",
    "a name that is a path": "%2e%2e%2fada",
    "a name that is an option": "--force",
    "a name with a line's end": "mal\nlory",
    "a name with a pattern": "(?P<student_id>.*)",
    "a name of stars": "**",
    "a name in braces": "{student_id}",
    "a name of 200 letters": "m" * 200,
    "a name that asks the gradebook": "x'; DROP TABLE grade; --",
    "a name with a script": "<script>alert(1)<script>",
}

PLACED: dict[str, tuple[Maker, dict[str, Any]]] = {
    "the notebook is a link to another's": (
        _only("tiny.ipynb", Link("SUBMITTED/ada/00-tiny/tiny.ipynb")),
        _LINK,
    ),
    "the notebook is a link to the master": (_only("tiny.ipynb", Link("MASTER")), _LINK),
    "the notebook is a link to itself": (_only("tiny.ipynb", Link("tiny.ipynb")), _LINK),
    "the notebook is a link to a device": (_only("tiny.ipynb", Link("/dev/zero")), _LINK),
    "a file is a link to a secret": (
        _with(_PRINTS, data__csv=Link("SECRET_FILE")),
        _LINK | {"own": 60},
    ),
    "a file is a link to the gradebook": (
        _with("print(open('data.csv', 'rb').read()[:99])", data__csv=Link("GRADEBOOK")),
        _LINK | {"own": 60},
    ),
    "a folder is a link to the root": (
        _with("import os\nprint(os.listdir('all'))", all=Link("/")),
        _LINK | {"own": 60},
    ),
    "a folder is a link to another's": (
        _with("import os\nprint(open('other/00-tiny/tiny.ipynb').read())", other=Link("../../ada")),
        _LINK | {"own": 60},
    ),
    "the notebook is a pipe": (
        _only("tiny.ipynb", Pipe()),
        {"collected": False, "earns": None, "says": "no plain file"},
    ),
    "a file is a pipe": (
        _with(data__csv=Pipe()),
        {"collected": False, "earns": None, "says": "no plain file"},
    ),
    "the notebook is a folder": (
        _only("tiny.ipynb/x.txt", b"x"),
        {"earns": None, "says": "folder"},
    ),
    "the notebook has another name": (_only("Tiny (1).ipynb"), _NO_FILE),
    "the notebook's name is in capitals": (_only("TINY.IPYNB"), _NO_FILE),
    "the notebook's name has a line's end": (_only("tiny\n.ipynb"), _NO_FILE),
    "the notebook lies deeper": (_only("a/b/c/tiny.ipynb"), _NO_FILE),
    "a second notebook": (
        _with(second__ipynb=b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'),
        {},
    ),
    "a file as a module of the library": (
        _with(random__py=b"raise SystemExit", numpy__py=b"raise SystemExit"),
        {},
    ),
    "a file as the course's package": (
        _with(
            "import lstm_ref.checks",
            lstm_ref__py=b"raise SystemExit",
            sitecustomize__py=b"raise SystemExit",
        ),
        {},
    ),
    "a configuration for nbgrader": (
        _with(nbgrader_config__py=b"c = get_config()\nc.Execute.timeout = 0\nraise SystemExit"),
        {},
    ),
    "a time that is none": (
        _with(timestamp__txt=b"yesterday evening"),
        {"earns": None, "says": "timestamp.txt holds no date"},
    ),
    "a time of 1 MB": (
        _with(timestamp__txt=b"9" * 1_000_000),
        {"earns": None, "says": "timestamp.txt holds no date"},
    ),
    "a time before all time": (
        _with(timestamp__txt=b"0000-00-00 00:00:00 UTC"),
        {"earns": None, "says": "timestamp.txt holds no date"},
    ),
    "five hundred files": (
        _with(**{f"f{k}__txt": b"x" for k in range(500)}),
        {"collected": False, "says": "more than"},
    ),
    **{
        name: (_with(), {"collected": False, "earns": None, "says": "student's id", "folder": text})
        for name, text in _NAMES.items()
    },
}

NOTEBOOKS = [
    Attack(kind, name, make, **expected)
    for kind, attacks in (("cells", CELLS), ("marks", MARKS), ("file", FILES), ("place", PLACED))
    for name, (make, expected) in attacks.items()
]


# -------------------------------------------------------------------------------------- archives


def _archive(*members: tuple[str, bytes, int]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada/tiny.ipynb", b"{}")
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return made.getvalue()


_FILE, _SYMLINK = 0o100644, 0o120777
ARCHIVES: dict[str, Callable[[], bytes]] = {
    "a path that climbs": lambda: _archive(("mallory/../../../x", b"x", _FILE)),
    "a path that climbs, with backslashes": lambda: _archive(
        ("mallory\\..\\..\\..\\x", b"x", _FILE)
    ),
    "a link": lambda: _archive(("mallory/tiny.ipynb", b"/etc/passwd", _SYMLINK)),
    "a link, and a file through it": lambda: _archive(
        ("mallory/out", b"/tmp", _SYMLINK), ("mallory/out/x", b"x", _FILE)
    ),
    "a file that is a folder, too": lambda: _archive(
        ("mallory/a", b"x", _FILE), ("mallory/a/b", b"x", _FILE)
    ),
    "a bomb: 200 MB of nothing": lambda: _archive(("mallory/x.csv", bytes(200_000_000), _FILE)),
}
"""Archives in which one student's files play a trick; ada's have none, and must be taken."""
