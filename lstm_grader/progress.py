"""What ``autograde`` shows: a bar while it works, a table or JSON when it is done."""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from lstm_grader.grading import Graded
from lstm_grader.job import FAILED, GRADED, NOT_GRADED

__all__ = ["Summary", "as_json", "as_table", "bar"]


def bar(name: str, total: int) -> Any:
    """Return a progress bar with rate and remaining time; only a terminal is shown one."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        desc=name,
        unit="submission",
        file=sys.stderr,
        disable=None if sys.stderr is not None else True,
        dynamic_ncols=True,
        smoothing=0.1,
    )


class Summary:
    """What became of one assignment in this run.

    Attributes
    ----------
    assignment : str
    graded : list of Graded
    seconds : float
        From the start to the last result.
    """

    def __init__(self, assignment: str) -> None:
        self.assignment = assignment
        self.graded: list[Graded] = []
        self.seconds = 0.0
        self._start = time.monotonic()

    def add(self, one: Graded) -> None:
        """Take a result in."""
        self.graded.append(one)
        self.seconds = time.monotonic() - self._start

    def counts(self) -> dict[str, int]:
        """Count what is in the table."""
        states = [one.state for one in self.graded]
        return {
            "graded": states.count(GRADED),
            "of them as before": sum(not one.again for one in self.graded),
            "failed": states.count(FAILED),
            "to look at": sum(bool(one.suspicions) for one in self.graded),
            "grader's own errors": states.count(NOT_GRADED),
        }

    def per_minute(self) -> float:
        """Return the rate of what was run now."""
        run = sum(one.again for one in self.graded)
        return 60 * run / self.seconds if self.seconds else 0.0


def as_table(summaries: Iterable[Summary]) -> str:
    """Lay the counts out for a terminal, a line for each assignment."""
    rows = []
    for summary in summaries:
        cells = [summary.assignment, *map(str, summary.counts().values())]
        rows.append([*cells, f"{summary.per_minute():.0f}"])
    if not rows:
        return "nothing to grade: no submission has been collected"
    head = ["assignment", *Summary("").counts(), "a minute"]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in [head, ["─" * width for width in widths], *rows]:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([first, *rest]))
    return "\n".join(lines)


def as_json(summaries: Iterable[Summary]) -> str:
    """Write every result as JSON."""
    data = [
        {
            "assignment": summary.assignment,
            "counts": summary.counts(),
            "seconds": round(summary.seconds, 3),
            "submissions": [asdict(one) for one in summary.graded],
        }
        for summary in summaries
    ]
    return json.dumps(data, ensure_ascii=False, indent=1)
