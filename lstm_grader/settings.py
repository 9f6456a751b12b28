"""What nbgrader must know of this course: `nbgrader_config.py` and every command use the same."""

import os
from pathlib import Path
from typing import Any

__all__ = ["GRADEBOOK", "IGNORED", "TEMPLATES", "configure"]

IGNORED = (
    ".ipynb_checkpoints",
    "__pycache__",
    ".*",
    "*.pyc",
    "*.py",
    "*.md",
    "*~",
)
"""Names of files beside a master that are never released."""

GRADEBOOK = "LSTM_GRADEBOOK"
"""Environment variable with the address of a gradebook on a database server."""

TEMPLATES = Path(__file__).parent / "templates"


def configure(c: Any, class_folder: str = "class") -> None:
    """Set nbgrader's options for this course.

    Parameters
    ----------
    c : traitlets.config.Config
        Changed in place.
    class_folder : str
        Where submissions, grades and feedback lie, relative to the course's root.
    """
    # Imported here: nbgrader takes most of a second, and `lstm-grader --help` need not wait for it.
    from nbgrader.preprocessors import GetGrades

    from lstm_grader.feedback import CollectParts, FeedbackExporter
    from lstm_grader.reports import GradesCsv

    c.CourseDirectory.source_directory = "solutions"
    c.CourseDirectory.release_directory = "exercises"
    c.CourseDirectory.submitted_directory = f"{class_folder}/submitted"
    c.CourseDirectory.autograded_directory = f"{class_folder}/autograded"
    c.CourseDirectory.feedback_directory = f"{class_folder}/feedback"
    file = f"sqlite:///{Path(class_folder).absolute() / 'gradebook.db'}"
    c.CourseDirectory.db_url = os.environ.get(GRADEBOOK, "") or file
    c.CourseDirectory.ignore = list(IGNORED)

    # nbgrader's own executor, which formgrader's button starts; lstm-grader has its own.
    c.Execute.shutdown_kernel = "immediate"
    c.OverwriteCells.add_missing_cells = True  # a deleted check is not a silent zero

    # Its own feedback page shows the hidden tests.
    c.GenerateFeedback.preprocessors = [GetGrades, CollectParts]
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.FeedbackExporter.template_name = "lstm_feedback"  # of no other exporter: formgrader has one
    c.FeedbackExporter.extra_template_basedirs = [str(TEMPLATES)]

    c.ExportApp.plugin_class = GradesCsv  # its own export gives ungraded work a zero
