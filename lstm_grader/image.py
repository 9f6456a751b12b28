"""What a student's process may import of the course: parameters, data, plotting, and stand-ins.

In the sandbox there is no reference answer to read. The folder made here holds a package
`lstm_ref` in which a few modules are the real ones, and every public name of all others is an
`lstm_grader.inside.absent.Absent`: it can be imported, and calling it asks the judge.
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


def build(target: Path) -> None:
    """Write the packages that a sandbox's interpreter imports from `target`.

    Parameters
    ----------
    target : Path
        A folder to be made; readable by everybody, since the reader is nobody.
    """
    source = Path(lstm_ref.__file__).parent
    for path in sorted(source.rglob("*.py")):
        place = path.relative_to(source)
        text = _text(path, ".".join(place.with_suffix("").parts))
        if text is not None:
            _write(target / "lstm_ref" / place, text)
    if (source / "data").is_dir():
        shutil.copytree(source / "data", target / "lstm_ref" / "data")
    _write(target / "lstm_grader" / "__init__.py", "")
    for path in [_GRADER / "wire.py", *(_GRADER / "inside").glob("*.py")]:
        _write(target / "lstm_grader" / path.relative_to(_GRADER), path.read_text("utf-8"))
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _text(path: Path, module: str) -> str | None:
    """Return what stands in for a module; None if nothing does."""
    if module in REAL:
        return path.read_text("utf-8")
    if module == "checks.__init__":
        return ""
    if module.startswith("checks."):
        return _CHECKS if module.startswith("checks.ch") else None
    names = _public(ast.parse(path.read_text("utf-8")))
    lines = ["from lstm_grader.inside.absent import Absent", "", f"__all__ = {names!r}", ""]
    home = f"lstm_ref.{module.removesuffix('.__init__')}"
    return "\n".join([*lines, *(f"{n} = Absent({n!r}, {home!r})" for n in names), ""])


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
