"""The interactive figure of chapter 5: one unit of each cell, fed with the same sequence."""

from typing import Any

import numpy as np

from lstm_ref.architectures import parameter_counts
from lstm_ref.params import (
    CoupledParams,
    GRUParams,
    LSTM1997Params,
    LSTMParams,
    PeepholeParams,
    RNNParams,
)
from lstm_ref.widgets import figure_class

__all__ = ["one_unit_params", "variants_figure"]

VariantsFigure = figure_class("variants.js")

#: What acts on ``[h, value, mark]``. The mark opens the way for the value and clears what was.
WEIGHTS = {
    "keep": [0.2, 0.0, -6.0],
    "write": [0.0, 0.0, 6.0],
    "candidate": [0.3, 1.5, 0.0],
    "show": [0.0, 0.0, 0.0],
    "rnn": [1.0, 1.5, 0.0],
    "peepholes": [0.5, -0.5, 0.5],
}

NAMES = {
    "lstm": "LSTM",
    "gru": "GRU",
    "coupled": "coupled gates",
    "peephole": "peepholes",
    "lstm1997": "cell of 1997",
    "rnn": "plain RNN",
}

EQUATIONS = {
    "lstm": "c\u2032 = f · c + i · c\u0303,  h\u2032 = o · tanh(c\u2032)",
    "gru": "h\u2032 = (1 \u2212 z) · h + z · h\u0303,  h\u0303 sees r · h",
    "coupled": "c\u2032 = f · c + (1 \u2212 f) · c\u0303,  h\u2032 = o · tanh(c\u2032)",
    "peephole": "as the LSTM; f and i also see c, o also sees c\u2032",
    "lstm1997": "c\u2032 = c + i · c\u0303,  h\u2032 = o · tanh(c\u2032)",
    "rnn": "h\u2032 = tanh(W · [h, x] + b)",
}


def one_unit_params(keep: float, write: float, show: float) -> dict[str, Any]:
    """Return the parameters of each kind of cell, one unit and two inputs, as the figure has them.

    Parameters
    ----------
    keep, write, show : float
        Biases of the forget, input and output gate. The GRU's update gate has ``−keep`` and its
        reset gate ``show``.

    Returns
    -------
    dict of str to NamedTuple
        Keys ``lstm, gru, coupled, peephole, lstm1997, rnn``.
    """

    def pair(name: str, bias: float, sign: float = 1.0) -> list[Any]:
        return [sign * np.array([WEIGHTS[name]]), np.array([sign * bias])]

    f, i, o = pair("keep", keep), pair("write", write), pair("show", show)
    c = pair("candidate", 0.0)
    peepholes = [np.array([p]) for p in WEIGHTS["peepholes"]]
    return {
        "lstm": LSTMParams(*f, *i, *c, *o),
        "gru": GRUParams(*pair("keep", keep, -1.0), *o, *c),
        "coupled": CoupledParams(*f, *c, *o),
        "peephole": PeepholeParams(*f, *i, *c, *o, *peepholes),
        "lstm1997": LSTM1997Params(*i, *c, *o),
        "rnn": RNNParams(*pair("rnn", 0.0)),
    }


def variants_figure(seed: int = 5, steps: int = 40) -> Any:
    """Show the memory of one unit of each cell while it reads the same marked and noisy sequence.

    Parameters
    ----------
    seed : int, optional
        Of the noise.
    steps : int, optional
        At least 8. A tenth of the way in, +1 is marked, and −1 past the middle.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there are fewer than 8 steps.

    Examples
    --------
    >>> from lstm_ref.widgets.variants import variants_figure
    >>> [x for x in variants_figure().source["inputs"] if x[1]]
    [[1.0, 1.0], [-1.0, 1.0]]
    """
    if steps < 8:
        raise ValueError(f"expected at least 8 steps, got {steps}")
    noise = np.random.default_rng(seed).uniform(-0.6, 0.6, steps).round(2)
    inputs = [[float(value), 0.0] for value in noise]
    inputs[steps // 10] = [1.0, 1.0]
    inputs[steps // 2 + steps // 10] = [-1.0, 1.0]
    counts = parameter_counts(input_size=32, hidden_size=64)
    counts["coupled"] = counts["gru"]
    return VariantsFigure(
        source={
            "inputs": inputs,
            "weights": WEIGHTS,
            "names": NAMES,
            "equations": EQUATIONS,
            "counts": {kind: counts[kind] for kind in NAMES},
            "start": {"keep": 4.5, "write": -4.0, "show": 0.0},
        }
    )
