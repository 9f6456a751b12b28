"""What an executed notebook earns, by nbgrader's own rules.

Importing nbgrader takes seconds, so workers leave this to the process that records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import from_dict
from nbgrader.preprocessors import IgnorePattern, LimitOutput
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_solution, is_task
from traitlets.config import Config

from lstm_grader.masters import Notebook, grade_id, to_text

__all__ = ["Scored", "score"]


@dataclass(frozen=True)
class Scored:
    """An executed notebook and what it earns.

    Attributes
    ----------
    text : str
        The notebook's file, outputs shortened.
    points : dict of str to float or None
        Of each graded cell; None where a person has to read it.
    untouched : list of str
        The answers that are as they were released.
    """

    text: str
    points: Mapping[str, float | None]
    untouched: list[str]


def score(notebook: Notebook, options: Mapping[str, Any]) -> Scored:
    """Shorten outputs and see what each cell earns.

    Parameters
    ----------
    notebook : dict
        Executed.
    options : dict
        The sections of the course's configuration on `IgnorePattern` and `LimitOutput`.
    """
    node = from_dict(notebook)  # type: ignore[no-untyped-call]
    for kind in (IgnorePattern, LimitOutput):
        node, _ = kind(config=Config(options)).preprocess(node, {})
    points: dict[str, float | None] = {}
    untouched = []
    for cell in node.cells:
        if is_grade(cell):
            earned, _ = determine_grade(cell)
            points[grade_id(cell)] = None if earned is None else float(earned)
        if is_solution(cell) and not is_task(cell):
            if cell.metadata.nbgrader.get("checksum") == compute_checksum(cell):
                untouched.append(grade_id(cell))
    return Scored(to_text(node), points, untouched)
