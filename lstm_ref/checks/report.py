"""What a failed check tells the student."""

from dataclasses import dataclass, replace

from lstm_ref.checks.exercise import Misconception

__all__ = ["CheckFailed", "Report"]


@dataclass(frozen=True)
class Report:
    """The findings of one check of one function.

    Attributes
    ----------
    function : str
    kind : str
        ``undefined unwritten raised slow printed reference none type structure shape dtype nan
        values judged changed aliased warned unrepeatable``.
    tested, expected, got : str
        One small case; a part is left out where it is empty.
    diagnosis : Misconception or None
        The mistake, where it was recognised.
    advice : str
        What to do next, where no mistake was recognised.
    veiled : str
        What a hidden check says in place of `expected` and `got`, where these hold its numbers.
    """

    function: str
    kind: str
    tested: str = ""
    expected: str = ""
    got: str = ""
    diagnosis: Misconception | None = None
    advice: str = ""
    veiled: str = ""

    def without_numbers(self) -> "Report":
        """Return the report of a hidden check: an expected number would be half of an answer."""
        return replace(self, expected="", got=self.veiled) if self.veiled else self

    def __str__(self) -> str:
        rows = [("tested", self.tested), ("expected", self.expected), ("got", self.got)]
        if self.diagnosis is not None:
            rows += [("likely", self.diagnosis.says), ("read", f"{self.diagnosis.see}")]
        else:
            rows += [("next", self.advice)]
        lines = [f"{self.function}: not right yet."]
        lines += [f"  {name + ':':<10}{text}" for name, text in rows if text]
        return "\n".join(lines)


class CheckFailed(AssertionError):
    """Raised by a check; in a notebook it shows its message alone, without a traceback.

    Attributes
    ----------
    report : Report
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def _render_traceback_(self) -> list[str]:
        """Give IPython the lines to show."""
        return str(self).splitlines()
