"""What the test cells of the exercise notebooks call: one module an assignment.

`exercise` says what an exercise is, `calling` watches one call, `compare` finds the first
difference, `runner` puts them together and recognises misconceptions, `report` is what the student
reads. The modules ``chNN_…`` hold the assignments, those of `mistakes` their misconceptions.
"""

from lstm_ref.checks.report import CheckFailed, Report
from lstm_ref.checks.runner import Assignment

__all__ = ["Assignment", "CheckFailed", "Report"]
