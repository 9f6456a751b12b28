"""What a hostile submission is: the files that are handed in, and what must come of them."""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.tiny_course import RIGHT, edited

__all__ = ["PLACES", "SECRETS", "Attack", "Files", "Link", "Pipe", "cell", "fill", "notebook"]

Notebook = dict[str, Any]

SECRETS = (
    "a teacher's secret",  # in a file, in the environment, at a service, in a comment
    "work of another student",  # in the honest submissions
    "BEGIN HIDDEN TESTS",
    "secret_number",
    "2469134",
    "SQLite format 3",
    "root:x:0:",
    "signature_scheme",  # of a kernel's connection file, beside its key
    "def lstm_step",
)
"""None of these may show in what a submission prints, in any of its cells."""

PLACES = ("SECRET_FILE", "GRADEBOOK", "SUBMITTED", "MASTER", "PORT")
"""What an attacker has guessed: where things lie. `fill` puts it in."""


@dataclass(frozen=True)
class Link:
    """A symbolic link among the files that are handed in."""

    to: str


@dataclass(frozen=True)
class Pipe:
    """A named pipe among them: reading it waits for somebody to write."""


Files = dict[str, "bytes | Link | Pipe"]
Maker = Callable[[Notebook, Mapping[str, str]], Files]


@dataclass(frozen=True)
class Attack:
    """One hostile submission and what must come of it.

    Attributes
    ----------
    kind, name : str
    make : callable
        Takes the released notebook and the `PLACES`; returns what is handed in, by name.
    earns : int or None
        Points of 100 that its honest part is worth; None if there must be no score at all.
    spoils : bool
        Whether it breaks its own process, so that its honest part may earn nothing, too.
    says : str
        Words that student or instructor must be told.
    collected : bool
        Whether `collect` takes it in; if not, it must also do no harm where it lies already.
    folder : str
        Name of the student's folder, where the trick is in that.
    own : int
        Points that its own answers are worth to a grader that reads it although we do not.
    """

    kind: str
    name: str
    make: Maker
    earns: int | None = 60
    spoils: bool = False
    says: str = ""
    collected: bool = True
    folder: str = ""
    own: int = 60

    @property
    def worth(self) -> int:
        """Return the points that its own answers are worth."""
        return self.own if self.earns is None else self.earns

    @property
    def id(self) -> str:
        """Kind and name."""
        return f"{self.kind}/{self.name}"

    def digest(self, released: Notebook) -> str:
        """Return a hash of what is handed in, wherever things lie."""
        total = hashlib.sha256(self.folder.encode())
        places = {name: name for name in PLACES}
        for name, content in sorted(self.make(copy.deepcopy(released), places).items()):
            total.update(f"\0{name}\0".encode())
            total.update(content if isinstance(content, bytes) else repr(content).encode())
        return total.hexdigest()[:16]


def fill(text: str, places: Mapping[str, str]) -> str:
    """Put the places into an attack's text."""
    for name in PLACES:
        text = text.replace(name, places[name])
    return text


def cell(source: str) -> Maker:
    """Hand in the right answer for `halve`, and `source` for `double`."""

    def make(released: Notebook, places: Mapping[str, str]) -> Files:
        return _written(edited(released, double=fill(source, places), halve=RIGHT["halve"]))

    return make


def notebook(change: Callable[[Notebook], None], double: str = "def double(x): return 0") -> Maker:
    """Hand in a right `halve`, a wrong `double`, and the notebook changed in place."""

    def make(released: Notebook, places: Mapping[str, str]) -> Files:
        result = edited(released, double=fill(double, places), halve=RIGHT["halve"])
        change(result)
        return _written(result)

    return make


def _written(notebook: Notebook) -> Files:
    # Ids as the release has them; without indent, so that huge ones take no longer than they must.
    return {"tiny.ipynb": json.dumps(notebook).encode()}
