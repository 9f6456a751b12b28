"""Tables of computed numbers, for notebooks and for the pages of the book."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Table", "number"]


@dataclass(frozen=True)
class Table:
    """A table that a notebook shows as one.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequence
        As many cells a row as the header has; each becomes text by `str`.

    Raises
    ------
    ValueError
        If a row has more or fewer cells than the header.

    Examples
    --------
    >>> from lstm_ref.tables import Table
    >>> Table(["gate", "value"], [["forget", 0.5]])
    | gate | value |
    | :--- | :--- |
    | forget | 0.5 |
    """

    header: Sequence[str]
    rows: Iterable[Sequence[object]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", [list(map(str, row)) for row in self.rows])
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"expected rows of {len(self.header)} cells, got {len(row)}")

    def _repr_markdown_(self) -> str:
        lines = [self.header, [":---"] * len(self.header), *self.rows]
        return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)

    def __repr__(self) -> str:
        """Show the same text where a table cannot be drawn."""
        return self._repr_markdown_()


def number(value: float, digits: int = 2) -> str:
    """Write a number as the book does: fixed decimals, a true minus sign, no negative zero.

    Parameters
    ----------
    value : float
    digits : int, optional
        After the point.

    Returns
    -------
    str

    Examples
    --------
    >>> from lstm_ref.tables import number
    >>> number(-0.5), number(-0.001)
    ('−0.50', '0.00')
    """
    text = f"{abs(value):.{digits}f}"
    return "−" + text if value < 0 and float(text) != 0 else text
