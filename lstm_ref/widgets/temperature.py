"""The interactive figure of chapter 7: a distribution at any temperature, and draws from it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.widgets import figure_class

__all__ = ["temperature_figure"]

TemperatureFigure = figure_class("temperature.js")


def temperature_figure(
    names: Sequence[str], logits: Sequence[float], temperature: float = 1.0
) -> Any:
    """Show ``softmax(logits / temperature)`` with a slider for the temperature, and draws from it.

    Parameters
    ----------
    names : sequence of str
        The choices.
    logits : sequence of float
        One a choice.
    temperature : float, optional
        Where the slider stands at first, from 0 to 4.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there are not as many finite logits as names, or the temperature is out of range.

    Examples
    --------
    >>> from lstm_ref.widgets.temperature import temperature_figure
    >>> figure = temperature_figure(["runs", "sleeps"], [1.0, 0.0], temperature=0.5)
    >>> figure.source["temperature"]
    0.5
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.shape != (len(names),) or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"expected {len(names)} finite logits, at least one, got {logits}")
    if not 0 <= temperature <= 4:
        raise ValueError(f"expected a temperature from 0 to 4, got {temperature}")
    source = {
        "names": list(names),
        "logits": values.tolist(),
        "temperature": float(temperature),
    }
    return TemperatureFigure(source=source)
