"""Grading one submission, wherever that happens: bytes go in, data comes out.

A `Task` holds all that is needed, so it can be done in this process, in another one, or on another
machine; an `Outcome` holds all that is to be recorded. Neither knows of a gradebook or of the
class's folders: what is done twice, or lost half-way and done again, harms nothing.
"""

import base64
import functools
import hashlib
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import lstm_grader
import lstm_ref
from lstm_grader.course import GraderError
from lstm_grader.execution import Engine, EngineError
from lstm_grader.masters import Notebook
from lstm_grader.submission import BadSubmission, parse, repair
from lstm_grader.suspicion import suspicions

__all__ = ["FAILED", "GRADED", "NOT_GRADED", "Outcome", "Task", "code_version", "grade"]

GRADED, FAILED = "graded", "failed"
NOT_GRADED = "not graded"
"""State after a failure of the grader itself: nothing is recorded, and a rerun tries again."""


@dataclass(frozen=True)
class Task:
    """One submission to be graded.

    Attributes
    ----------
    name : str
        Whose it is.
    notebooks : dict of str to bytes
        What was handed in, by name without ``.ipynb``.
    forms : dict of str to dict
        The graded form of each of them, hidden tests included. Where there is none the notebook
        runs as it is, as a master does.
    files : dict of str to bytes
        What lies beside the notebooks.
    """

    name: str
    notebooks: Mapping[str, bytes]
    forms: Mapping[str, Notebook] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Write the task, and the version of the code that wrote it, as JSON."""
        data = {
            "code": code_version(),
            "name": self.name,
            "notebooks": _encoded(self.notebooks),
            "forms": self.forms,
            "files": _encoded(self.files),
        }
        return json.dumps(data).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Task":
        """Read a task.

        Raises
        ------
        EngineError
            If other code wrote it: two versions may judge differently.
        """
        fields = json.loads(data)
        code = fields.pop("code")
        if code != code_version():
            raise EngineError(
                f"this worker has version {code_version()} of the course, the grader has {code}; "
                "install the same one everywhere"
            )
        for name in ("notebooks", "files"):
            fields[name] = {key: base64.b64decode(text) for key, text in fields[name].items()}
        return cls(**fields)


@dataclass(frozen=True)
class Outcome:
    """What became of a submission.

    Attributes
    ----------
    state : str
        ``graded``, ``failed``, or ``not graded`` if the grader failed.
    reason : str
        Why not, one sentence.
    notices : tuple of str
        What was put right.
    notebooks : dict of str to dict
        As executed.
    suspicions : tuple of str
        What an instructor should look at.
    seconds : float
        How long it took.
    """

    state: str
    reason: str = ""
    notices: tuple[str, ...] = ()
    notebooks: Mapping[str, Notebook] = field(default_factory=dict)
    suspicions: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_bytes(self) -> bytes:
        """Write the outcome as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Outcome":
        """Read an outcome."""
        fields = json.loads(data)
        for name in ("notices", "suspicions"):
            fields[name] = tuple(fields[name])
        return cls(**fields)


def grade(task: Task, engine: Engine) -> Outcome:
    """Read, repair and run the notebooks of a task.

    Returns
    -------
    Outcome
        Always: a submission that cannot be graded is ``failed``; where the engine or anything else
        around it fails, it is ``not graded``.
    """
    start = time.perf_counter()
    try:
        done = _graded(task, engine)
    except BadSubmission as error:
        done = {"state": FAILED, "reason": str(error)}
    except (GraderError, OSError) as error:
        done = {"state": NOT_GRADED, "reason": str(error) or type(error).__name__}
    except Exception as error:  # no student code runs here: a fault of ours is nobody's zero
        done = {"state": NOT_GRADED, "reason": f"{type(error).__name__}: {error}"}
    return Outcome(**done, seconds=time.perf_counter() - start)


def _graded(task: Task, engine: Engine) -> dict[str, Any]:
    notices: list[str] = []
    notebooks, repaired = {}, {}
    strange: list[str] = []
    for name, raw in task.notebooks.items():
        notebook = parse(f"{name}.ipynb", raw)
        if name in task.forms:
            notebook, found = repair(notebook, task.forms[name])
            notices += found
        repaired[name] = notebook
    with tempfile.TemporaryDirectory(prefix="lstm-task-") as scratch:
        files = Path(scratch)
        for place, content in task.files.items():
            (files / place).parent.mkdir(parents=True, exist_ok=True)
            (files / place).write_bytes(content)
        for name, notebook in repaired.items():
            notebooks[name] = _executed(engine, notebook, files)
            strange += suspicions(notebooks[name])
    return {
        "state": GRADED,
        "notices": tuple(notices),
        "notebooks": notebooks,
        "suspicions": tuple(strange),
    }


def _executed(engine: Engine, notebook: Notebook, files: Path) -> Notebook:
    """Run a notebook, and keep chatter from costing points.

    nbgrader takes any text on the error stream for a failed check. A correct answer that prints
    there would silently earn nothing; a check that fails raises.
    """
    executed = engine.execute(notebook, files)
    for cell in executed["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("grade"):
            for output in cell["outputs"]:
                if output["output_type"] == "stream":
                    output["name"] = "stdout"
    return executed


def _encoded(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in contents.items()}


@functools.cache
def code_version() -> str:
    """Return a hash of the code that judges: of `lstm_ref` and `lstm_grader`."""
    total = hashlib.sha256()
    for package in (lstm_ref, lstm_grader):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            total.update(f"{path.relative_to(folder)}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()[:12]
