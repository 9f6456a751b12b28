"""The interactive figure of chapter 8: a small memory, found by content, read and written."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.widgets import figure_class

__all__ = ["addressing_figure"]

AddressingFigure = figure_class("addressing.js")

#: Rows in the plane: two long ones, a third, a short one, and one that is empty.
ROWS = ((1.2, 0.3), (0.5, 1.1), (-0.9, 0.6), (-0.3, -0.4), (0.0, 0.0))


def addressing_figure(
    memory: Sequence[Sequence[float]] = ROWS,
    angle: float = 30.0,
    strength: float = 2.0,
    erase: float = 1.0,
    add: float = 1.0,
) -> Any:
    """Show a memory whose rows lie in the plane: what a key finds, reads and overwrites.

    Sliders set the key's direction and strength, how much is erased and how much is added along
    the key; a button writes.

    Parameters
    ----------
    memory : sequence of pairs of float, optional
        One to five rows.
    angle : float, optional
        Of the key, in degrees.
    strength, erase, add : float, optional
        Where the other sliders stand at first.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there are no or more than five rows, or they are not pairs.

    Examples
    --------
    >>> from lstm_ref.widgets.addressing import addressing_figure
    >>> addressing_figure([(1.0, 0.0), (0.0, 1.0)], strength=5.0).source["memory"]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    rows = np.asarray(memory, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != 2 or not 1 <= rows.shape[0] <= 5:
        raise ValueError(f"expected memory of shape (N, 2) with N from 1 to 5, got {rows.shape}")
    start = {"angle": angle, "strength": strength, "erase": erase, "add": add}
    return AddressingFigure(
        source={"memory": rows.tolist(), **{key: float(value) for key, value in start.items()}}
    )
