"""What a student's process may import of the course: parameters, data, plotting, and stand-ins.

In the sandbox there is no reference answer to read. The folder made here holds a package
`lstm_ref` in which a few modules are the real ones, and every public name of all others is an
`lstm_grader.inside.absent.Absent`: it can be imported, and calling it asks the judge.

An assignment may want its answers to build on the whole package (an exercise with ``may_use=None``,
such as the capstone of assignment 7). For it the modules are the real ones, and only the functions
that the assignment asks for are cut out.
"""

import ast
import shutil
from pathlib import Path

import lstm_ref

__all__ = ["REAL", "build"]

REAL = frozenset(
    {
        "__init__",
        "checks.artists",
        "checks.calling",
        "checks.compare",
        "checks.exercise",
        "colors",
        "params",
        "plots",
        "plots_forgetting",
        "plots_gradients",
        "plots_variants",
        "tables",
        "tasks",
        "validation",
    }
)
"""Modules of `lstm_ref` that a student's process gets as they are."""

_GRADER = Path(__file__).parent
_CHECKS = '''"""Checks run apart from student code while work is graded."""

from lstm_grader.inside.absent import no_check as hidden
from lstm_grader.inside.absent import no_check as visible

__all__ = ["hidden", "visible"]
'''


def build(target: Path, answers: frozenset[str] = frozenset()) -> None:
    """Write the packages that a sandbox's interpreter imports from `target`.

    Parameters
    ----------
    target : Path
        A folder to be made; readable by everybody, since the reader is nobody.
    answers : frozenset of str
        If given, everything but these functions and the checks is real.
    """
    source = Path(lstm_ref.__file__).parent
    for path in sorted(source.rglob("*.py")):
        place = path.relative_to(source)
        text = _text(path, ".".join(place.with_suffix("").parts), answers)
        if text is not None:
            _write(target / "lstm_ref" / place, text)
    if (source / "data").is_dir():
        shutil.copytree(source / "data", target / "lstm_ref" / "data")
    _write(target / "lstm_grader" / "__init__.py", "")
    for path in [_GRADER / "wire.py", *(_GRADER / "inside").glob("*.py")]:
        _write(target / "lstm_grader" / path.relative_to(_GRADER), path.read_text("utf-8"))
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _text(path: Path, module: str, answers: frozenset[str]) -> str | None:
    """Return what stands in for a module; None if nothing does."""
    if module in REAL:
        return path.read_text("utf-8")
    if module == "checks.__init__":
        return ""
    if module.startswith("checks."):
        return _CHECKS if module.startswith("checks.ch") else None
    if answers and not module.startswith("widgets"):
        return _without(path.read_text("utf-8"), answers)
    names = _public(ast.parse(path.read_text("utf-8")))
    lines = ["from lstm_grader.inside.absent import Absent", "", f"__all__ = {names!r}", ""]
    home = f"lstm_ref.{module.removesuffix('.__init__')}"
    return "\n".join([*lines, *(f"{n} = Absent({n!r}, {home!r})" for n in names), ""])


def _without(text: str, functions: frozenset[str]) -> str:
    """Put stand-ins in the place of some functions of a module."""
    lines = text.splitlines()
    found = [n for n in ast.parse(text).body if getattr(n, "name", "") in functions]
    for node in reversed(found):
        name = repr(node.name)  # type: ignore[attr-defined]
        made = f"__import__('lstm_grader.inside.absent', fromlist=['x']).Absent({name}, __name__)"
        lines[node.lineno - 1 : node.end_lineno] = [f"{name[1:-1]} = {made}"]
    return "\n".join([*lines, ""])


def _public(tree: ast.Module) -> list[str]:
    """Return the names in ``__all__``, or all public names that a module defines."""
    names = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
            names.append(node.name)
    return names


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
