"""The interactive figure of chapter 6: a conveyor belt and three robots."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.widgets import figure_class

__all__ = ["belt_figure"]

BeltFigure = figure_class("belt.js")


def belt_figure(
    sentences: Sequence[str],
    traces: Sequence[Mapping[str, Array]],
    unit: int = 0,
    notes: Mapping[int, str] | None = None,
) -> Any:
    """Show what the gates of one unit do to its cell state, word by word, as robots at a belt.

    Buttons and a slider step through a sentence, four moments a word: the word arrives, the forget
    gate scales what is there, the input gate adds, the output gate shows. Two lists choose the
    sentence and the unit.

    Parameters
    ----------
    sentences : sequence of str
        Words with spaces between them.
    traces : sequence of mapping
        What `lstm_ref.gate_trace` returned for each sentence, run alone (``B = 1``) from zero
        states.
    unit : int, optional
        The unit shown first.
    notes : mapping of int to str, optional
        What is known about a unit, shown beside its number.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there is no sentence, a trace has not as many steps as its sentence has words, its batch
        is not 1, or there is no such unit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, gate_trace
    >>> from lstm_ref.widgets.belt import belt_figure
    >>> p, zero = LSTMParams(*[np.ones((2, 5)), np.ones(2)] * 4), np.zeros((1, 2))
    >>> trace = gate_trace(np.ones((3, 1, 3)), zero, zero, p)
    >>> belt_figure(["dogs sing ."], [trace], unit=1).source["words"]
    [['dogs', 'sing', '.']]
    """
    words = [sentence.split() for sentence in sentences]
    if not words or len(words) != len(traces):
        raise ValueError(
            f"expected a trace for each of {len(words)} sentences, at least one, got {len(traces)}"
        )
    units = traces[0]["f"].shape[-1]
    for row, trace in zip(words, traces, strict=True):
        if trace["f"].shape != (len(row), 1, units):
            raise ValueError(
                f"expected a trace of shape ({len(row)}, 1, {units}), got {trace['f'].shape}"
            )
    if not 0 <= unit < units:
        raise ValueError(f"expected a unit from 0 to {units - 1}, got {unit}")
    source = {
        "words": words,
        "traces": [
            {
                name: np.round(trace[name][:, 0].T, 4).tolist()  # (H, T)
                for name in ("f", "i", "candidate", "o")
            }
            for trace in traces
        ],
        "unit": unit,
        "notes": {str(number): note for number, note in (notes or {}).items()},
    }
    return BeltFigure(source=source)
