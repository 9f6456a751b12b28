"""The interactive figure of chapter 1: a gradient on its way back through a plain network."""

from typing import Any

import numpy as np

from lstm_ref.widgets import figure_class

__all__ = ["forgetting_figure"]

ForgettingFigure = figure_class("forgetting.js")


def forgetting_figure(
    seed: int = 1,
    steps: int = 50,
    hidden_size: int = 6,
    radius: float = 0.8,
    input_scale: float = 0.0,
) -> Any:
    """Show what is left of a gradient after each step back through a plain recurrent network.

    Sliders set the spectral radius of the recurrent weights, the strength of the inputs, and the
    number of steps that is read off.

    Parameters
    ----------
    seed : int, optional
        Of the weights and the inputs.
    steps, hidden_size : int, optional
    radius, input_scale : float, optional
        Where the sliders stand at first.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there are fewer than two steps or no unit.

    Examples
    --------
    >>> from lstm_ref.widgets.forgetting import forgetting_figure
    >>> forgetting_figure(radius=1.2).source["radius"]
    1.2
    """
    if steps < 2 or hidden_size < 1:
        raise ValueError(f"expected at least two steps and a unit, got {steps} and {hidden_size}")
    rng = np.random.default_rng(seed)
    U = rng.standard_normal((hidden_size, hidden_size))
    U /= np.abs(np.linalg.eigvals(U)).max()  # spectral radius 1
    source = {
        "U": np.round(U, 6).tolist(),
        "xs": np.round(rng.standard_normal((steps, hidden_size)), 4).tolist(),
        "radius": float(radius),
        "input": float(input_scale),
    }
    return ForgettingFigure(source=source)
