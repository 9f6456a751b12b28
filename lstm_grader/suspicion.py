"""What in a graded notebook an instructor should look at: attacks tried, references used.

Read from what the judge wrote into the outputs, never from what a student's cell printed. A finding
is a reason to look, not a verdict: an honest answer can end its process, too.
"""

from typing import Any

from lstm_grader.execution import ENDED, NOT_RUN
from lstm_grader.masters import Notebook, grade_id
from lstm_grader.remote import BROKE

__all__ = ["suspicions"]

_REFERENCE = "a call of lstm_ref."


def suspicions(notebook: Notebook) -> list[str]:
    """Name what is to be looked at in an executed notebook, one sentence each.

    Examples
    --------
    >>> from lstm_grader.suspicion import suspicions
    >>> error = {"output_type": "error", "ename": "NotRun", "evalue":
    ...          "This cell ended the Python process it ran in."}
    >>> marks = {"nbgrader": {"grade_id": "double", "solution": True}}
    >>> suspicions({"cells": [{"cell_type": "code", "metadata": marks, "outputs": [error]}]})
    ['double ended the Python process it ran in']
    """
    found = []
    for cell in notebook["cells"]:
        where = grade_id(cell) or "a cell of the student's own"
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                said = _said(where, output)
                if said and said not in found:
                    found.append(said)
    return found


def _said(where: str, output: dict[str, Any]) -> str:
    name, text = output["ename"], output["evalue"]
    if name == NOT_RUN and text == ENDED:
        return f"{where} ended the Python process it ran in"
    if name == NOT_RUN and text == BROKE:
        return f"{where} broke the connection to the judge"
    if name == "CheckFailed" and _REFERENCE in text:
        used = text.split(_REFERENCE, 1)[1].split()[0]
        return f"{where}: the answer calls lstm_ref.{used}"
    return ""
