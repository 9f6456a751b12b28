"""The interactive figure of chapter 2: a store with three valves."""

from typing import Any

import numpy as np

from lstm_ref.widgets import figure_class

__all__ = ["valves_figure"]

ValvesFigure = figure_class("valves.js")


def valves_figure(
    seed: int = 3, steps: int = 40, forget: float = 3.0, write: float = 0.0, show: float = 3.0
) -> Any:
    """Show what a memory cell holds and shows over time, with a slider for each of its valves.

    The sliders set the pre-activations of the gates, the same for every step.

    Parameters
    ----------
    seed : int, optional
        Of the candidates that come by.
    steps : int, optional
    forget, write, show : float, optional
        Where the sliders of the forget, input and output gate stand at first.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there are fewer than two steps.

    Examples
    --------
    >>> from lstm_ref.widgets.valves import valves_figure
    >>> figure = valves_figure(steps=10, forget=2.0)
    >>> len(figure.source["candidates"]), figure.source["f"]
    (10, 2.0)
    """
    if steps < 2:
        raise ValueError(f"expected at least two steps, got {steps}")
    candidates = np.zeros(steps)
    candidates[1:] = 0.25 * np.random.default_rng(seed).standard_normal(steps - 1).clip(-3, 3)
    candidates[0] = 0.9  # what there is to remember
    source = {
        "candidates": np.round(candidates, 3).tolist(),
        "f": float(forget),
        "i": float(write),
        "o": float(show),
    }
    return ValvesFigure(source=source)
