"""Where the course and a class lie, and nbgrader's configuration for them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_grader.settings import configure

__all__ = ["STUDENT_ID", "Course", "GraderError", "UnknownName"]

STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class GraderError(Exception):
    """Something is wrong with the grader's surroundings, never with a submission."""


class UnknownName(GraderError):
    """An assignment or a student that does not exist."""


@dataclass(frozen=True)
class Course:
    """The folders of the course and of one class.

    Parameters
    ----------
    root : Path
        Holds ``solutions/``, ``exercises/`` and, if there is one, ``nbgrader_config.py``.
    class_folder : Path
        Holds ``submitted/``, ``autograded/``, ``feedback/``, ``logs/`` and ``gradebook.db``.
    gradebook_url : str
        A gradebook elsewhere, as SQLAlchemy names it, say ``postgresql+psycopg://host/name``.
    """

    root: Path
    class_folder: Path
    gradebook_url: str = ""

    @property
    def solutions(self) -> Path:
        """Folder of the masters."""
        return self.root / "solutions"

    @property
    def exercises(self) -> Path:
        """Folder of what students get."""
        return self.root / "exercises"

    @property
    def gradebook(self) -> Path:
        """The class's SQLite gradebook."""
        return self.class_folder / "gradebook.db"

    @property
    def db_url(self) -> str:
        """The gradebook, as SQLAlchemy names it."""
        return self.gradebook_url or f"sqlite:///{self.gradebook}"

    @property
    def is_sqlite(self) -> bool:
        """Whether the gradebook is the class's SQLite file."""
        return not self.gradebook_url

    @property
    def gradebook_name(self) -> str:
        """The gradebook as it may be shown: without a password."""
        if self.is_sqlite:
            return str(self.gradebook)
        return re.sub(r"//[^@/]*@", "//", self.gradebook_url)

    def submitted(self, student: str, assignment: str) -> Path:
        """Folder of a collected submission."""
        return self.class_folder / "submitted" / student / assignment

    def autograded(self, student: str, assignment: str) -> Path:
        """Folder of a graded submission."""
        return self.class_folder / "autograded" / student / assignment

    def feedback(self, student: str, assignment: str) -> Path:
        """Folder of what a student is told."""
        return self.class_folder / "feedback" / student / assignment

    def log(self, student: str, assignment: str) -> Path:
        """Log file of one submission."""
        return self.class_folder / "logs" / assignment / f"{student}.log"

    def assignments(self) -> list[str]:
        """Return the names of all masters' folders, in order.

        Raises
        ------
        GraderError
            If there is no ``solutions/``.
        """
        if not self.solutions.is_dir():
            raise GraderError(f"expected a folder of masters at {self.solutions}, found none")
        return sorted({path.parent.name for path in self.solutions.glob("[!.]*/[!.]*.ipynb")})

    def masters(self, assignment: str) -> list[Path]:
        """Return an assignment's master notebooks.

        Raises
        ------
        UnknownName
            If there are none.
        """
        known = self.assignments()
        if assignment not in known:
            raise UnknownName(
                f"there is no assignment {assignment!r}; there is {', '.join(known) or 'none yet'}"
            )
        return sorted((self.solutions / assignment).glob("[!.]*.ipynb"))

    def students(self, assignment: str) -> list[str]:
        """Return the students whose submission has been collected, in order."""
        folder = self.class_folder / "submitted"
        found = (path.parent.name for path in folder.glob(f"*/{assignment}") if path.is_dir())
        return sorted(name for name in found if STUDENT_ID.fullmatch(name))

    def config(self) -> Any:
        """Return nbgrader's configuration: the course's, `nbgrader_config.py`, then the folders.

        Raises
        ------
        GraderError
            If ``nbgrader_config.py`` cannot be run.
        """
        from traitlets.config import Config
        from traitlets.config.loader import PyFileConfigLoader

        config = Config()
        configure(config)
        if (self.root / "nbgrader_config.py").is_file():
            loader = PyFileConfigLoader("nbgrader_config.py", path=str(self.root))
            try:
                config.merge(loader.load_config())
            except Exception as error:
                raise GraderError(f"nbgrader_config.py: {type(error).__name__}: {error}") from error
        config.CourseDirectory = Config(
            root=str(self.class_folder),
            source_directory=str(self.solutions),
            release_directory=str(self.exercises),
            submitted_directory="submitted",
            autograded_directory="autograded",
            feedback_directory="feedback",
            db_url=self.db_url,
            ignore=config.CourseDirectory.ignore,
        )
        return config
