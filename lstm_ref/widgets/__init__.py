"""Interactive figures of the book, as functions that return a widget.

Each is drawn as SVG by a few lines of JavaScript beside this file, from numbers that travel with
the page: it moves on the static site and offline just as in a notebook, and by keyboard alone.
"""

import pathlib
from typing import Any

import anywidget
import traitlets

from lstm_ref.colors import COLORS
from lstm_ref.params import LSTMParams

__all__ = ["lstm_step_figure"]

HERE = pathlib.Path(__file__).parent


class Figure(anywidget.AnyWidget):
    """An interactive figure: `source` is what its JavaScript draws, ``kit.js`` its tools."""

    _css = (HERE / "kit.css").read_text(encoding="utf-8")

    source = traitlets.Dict().tag(sync=True)
    colors = traitlets.Dict(COLORS).tag(sync=True)


def figure_class(script: str) -> type[Figure]:
    """Make the class of the figure that ``kit.js`` and `script` draw."""
    code = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("kit.js", script))
    return type(script.removesuffix(".js"), (Figure,), {"_esm": code})


LSTMStepFigure = figure_class("lstm_step.js")


def lstm_step_figure(params: LSTMParams, x: float = 0.0, h: float = 0.0, c: float = 0.0) -> Any:
    """Show one step of an LSTM with one unit and one input, with sliders for all that enters it.

    Sliders set the input, both states and the biases of the three gates; a button hands the new
    states to the next step.

    Parameters
    ----------
    params : LSTMParams
        With ``D = 1`` and ``H = 1``.
    x, h, c : float, optional
        Where the sliders stand at first: input, hidden state and cell state before the step.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If `params` has more than one unit or more than one input.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams
    >>> from lstm_ref.widgets import lstm_step_figure
    >>> figure = lstm_step_figure(LSTMParams(*[np.ones((1, 2)), np.zeros(1)] * 4), x=1.0)
    >>> figure.source["x"]
    1.0
    """
    if params.W_f.shape != (1, 2):
        raise ValueError(f"expected W_f of shape (1, 2), got {params.W_f.shape}")
    gates = {}
    for gate in "fico":
        weight, bias = getattr(params, f"W_{gate}"), getattr(params, f"b_{gate}")
        gates[gate] = {"h": float(weight[0, 0]), "x": float(weight[0, 1]), "b": float(bias[0])}
    return LSTMStepFigure(source={"gates": gates, "x": float(x), "h": float(h), "c": float(c)})
