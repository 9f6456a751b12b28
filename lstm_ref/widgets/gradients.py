"""The interactive figure of chapter 4: a microscope for gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.gradient_paths import (
    GradientPaths,
    gru_gradient_paths,
    lstm_gradient_paths,
    rnn_gradient_paths,
)
from lstm_ref.gru import gru_forward_cached
from lstm_ref.initializers import init_gru_params, init_lstm_params, init_rnn_params
from lstm_ref.layers import lstm_forward_cached
from lstm_ref.params import Array, RNNParams
from lstm_ref.rnn import rnn_forward_cached
from lstm_ref.widgets import figure_class

__all__ = ["gradient_microscope_figure"]

GradientMicroscopeFigure = figure_class("gradient_microscope.js")

SMALLEST = -40.0  # a gradient below 10^-40 is drawn as that


def gradient_microscope_figure(
    seed: int = 4,
    steps: int = 100,
    hidden_size: int = 16,
    biases: Sequence[float] = (0.0, 1.0, 3.0, 5.0),
    scales: Sequence[float] = (1.0, 2.0, 4.0),
) -> Any:
    """Show how much of a loss's gradient arrives at each step of an RNN, an LSTM and a GRU.

    The three networks read the same random sequence; the loss is at its end. Sliders pick the
    time step, the bias with which the memory is kept, and a factor on all recurrent weights.

    Parameters
    ----------
    seed : int, optional
        Of the sequence, the loss and all weights.
    steps, hidden_size : int, optional
    biases : sequence of float, optional
        Forget biases of the LSTM; the GRU's update bias is the negative. The RNN has none.
    scales : sequence of float, optional
        Factors on the weights that act on ``h``.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    ValueError
        If there is no bias, no scale, or fewer than two steps.

    Examples
    --------
    >>> from lstm_ref.widgets.gradients import gradient_microscope_figure
    >>> figure = gradient_microscope_figure(steps=5, hidden_size=3)
    >>> figure.source["lstm"][0][0]["total"][-1]
    0.0
    """
    if steps < 2 or not len(biases) or not len(scales):
        raise ValueError(
            "expected at least two steps, one bias and one scale, got "
            f"{steps}, {len(biases)} and {len(scales)}"
        )
    rng = np.random.default_rng(seed)
    H = hidden_size
    xs, h0 = rng.standard_normal((steps, 1, 2)), np.zeros((1, H))
    dhs = np.zeros((steps, 1, H))
    dhs[-1] = rng.standard_normal((1, H))

    def rnn(scale: float) -> dict[str, list[float]]:
        params = RNNParams(*init_rnn_params(np.random.default_rng(seed), 2, H))
        params = _scaled(params, scale, H)
        _, _, caches = rnn_forward_cached(xs, h0, params)
        return _curves(rnn_gradient_paths(dhs, caches, params))

    def lstm(bias: float, scale: float) -> dict[str, list[float]]:
        params = init_lstm_params(np.random.default_rng(seed), 2, H, forget_bias=bias)
        params = _scaled(params, scale, H)
        _, _, caches = lstm_forward_cached(xs, h0, h0, params)
        return _curves(lstm_gradient_paths(dhs, caches, params))

    def gru(bias: float, scale: float) -> dict[str, list[float]]:
        params = init_gru_params(np.random.default_rng(seed), 2, H, update_bias=-bias)
        params = _scaled(params, scale, H)
        _, _, caches = gru_forward_cached(xs, h0, params)
        return _curves(gru_gradient_paths(dhs, caches, params))

    return GradientMicroscopeFigure(
        source={
            "steps": steps,
            "biases": [float(b) for b in biases],
            "scales": [float(s) for s in scales],
            "rnn": [[rnn(s) for s in scales]],
            "lstm": [[lstm(b, s) for s in scales] for b in biases],
            "gru": [[gru(b, s) for s in scales] for b in biases],
        }
    )


def _scaled(params: Any, scale: float, hidden_size: int) -> Any:
    """Multiply the columns of every weight that act on ``h``."""
    factor = np.ones(params[0].shape[1])  # (H + D,)
    factor[:hidden_size] = scale
    return type(params)(*(p * factor if p.ndim == 2 else p for p in params))


def _curves(paths: GradientPaths) -> dict[str, list[float]]:
    """Logarithms of the norms, over steps, relative to the whole gradient at the last one."""
    unit = float(np.linalg.norm(paths.total[-1]))

    def curve(gradient: Array) -> list[float]:
        norms = np.linalg.norm(gradient, axis=(1, 2)) / unit  # (T,)
        logs = np.log10(np.maximum(norms, 10.0**SMALLEST))
        return [round(float(value), 2) + 0.0 for value in logs]

    return {
        "total": curve(paths.total),
        "highway": curve(paths.highway),
        "gates": curve(paths.total - paths.highway),
    }
