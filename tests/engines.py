"""Notebooks of right and of wrong answers, to be run by more than one engine."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lstm_ref
from lstm_grader.masters import grade_id, read_master
from tests.catalogue import ASSIGNMENTS, ROOT, answer_files

Notebook = dict[str, Any]


def cell(source: str) -> Notebook:
    """Make a cell of a student's own."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "own",
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def master_of(assignment: str) -> Notebook:
    (path,) = (ROOT / "solutions" / assignment).glob("*.ipynb")
    return read_master(path)


def with_answers(assignment: str, source: str) -> Notebook:
    """Return the master with one cell in place of all its answers."""
    notebook = copy.deepcopy(master_of(assignment))
    cells = []
    for one in notebook["cells"]:
        if one["cell_type"] == "code" and one["metadata"].get("nbgrader", {}).get("solution"):
            one["source"] = "pass"
        cells.append(one)
        if grade_id(one) == "setup":
            cells.append(cell(source))
    notebook["cells"] = cells
    return notebook


def write_known(folder: Path) -> None:
    """Write a copy of `lstm_ref` under another name, for wrong answers that build on it.

    Its named tuples are the course's own.
    """
    source = Path(lstm_ref.__file__).parent
    for path in source.rglob("*.py"):
        text = re.sub(r"\blstm_ref\b(?!\.params)", "known", path.read_text(encoding="utf-8"))
        target = folder / "known" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def right() -> Iterator[tuple[str, Notebook]]:
    """Yield a notebook for each assignment and style of right answers."""
    for path in answer_files():
        name = path.parent.name
        yield f"{name}/{path.stem}", with_answers(name, path.read_text(encoding="utf-8"))


def wrong() -> Iterator[tuple[str, Notebook]]:
    """Yield notebooks in each of which every function makes its k-th mistake, for every k."""
    for name, assignment in ASSIGNMENTS.items():
        counts = {f: len(e.misconceptions) for f, e in assignment.exercises.items()}
        module = next(m for m in _modules() if m[2:4] == name[:2])
        for k in range(max(counts.values())):
            lines = [f"from known.checks.mistakes.{module} import mistakes as _all"]
            lines += [f"{f} = _all.of({f!r})[{k}].wrong" for f, n in counts.items() if k < n]
            yield f"{name}/mistake-{k}", with_answers(name, "\n".join(lines))


def _modules() -> list[str]:
    folder = Path(lstm_ref.__file__).parent / "checks" / "mistakes"
    return sorted(path.stem for path in folder.glob("ch*.py"))


def verdicts(executed: Notebook) -> dict[str, tuple[str, str]]:
    """Return what each check said: name and text of its error, two empty strings if it passed."""
    found = {}
    for one in executed["cells"]:
        marks = one["metadata"].get("nbgrader", {})
        if marks.get("grade") and not marks.get("solution"):
            errors = [o for o in one["outputs"] if o["output_type"] == "error"]
            said = (errors[0]["ename"], errors[0]["evalue"]) if errors else ("", "")
            found[grade_id(one)] = said
    return found
