"""Two figures of an LSTM at work: its gates as a heat map, its belt as stacked bands.

Both draw on axes that the caller has made, so this module needs no plotting library of its own.
"""

from typing import Any

import numpy as np

from lstm_ref.params import Array

__all__ = ["plot_belt", "plot_gate_heatmap"]


def plot_gate_heatmap(gate: Array, ax: Any) -> Any:
    """Draw the values of a gate: time runs right, units run down, dark is shut, bright is open.

    Parameters
    ----------
    gate : ndarray, shape (T, H)
        Values in [0, 1].
    ax : matplotlib.axes.Axes

    Returns
    -------
    matplotlib.image.AxesImage
        For a colour bar.

    Raises
    ------
    ValueError
        If `gate` has not two axes.
    """
    gate = np.asarray(gate)
    if gate.ndim != 2:
        raise ValueError(f"expected gate of shape (T, H), got {gate.shape}")
    image = ax.imshow(
        gate.T, aspect="auto", vmin=0, vmax=1, cmap="cividis", interpolation="nearest"
    )
    ax.set(xlabel="time step", ylabel="unit", title="How far the gate is open")
    return image


def plot_belt(contributions: Array, ax: Any) -> None:
    """Draw who put what on the belt: one band a step, stacked over time.

    Parameters
    ----------
    contributions : ndarray, shape (T, T + 1)
        From `lstm_ref.belt_contributions`; heights are absolute values.
    ax : matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the shape is not ``(T, T + 1)``.
    """
    contributions = np.asarray(contributions)
    steps = len(contributions) if contributions.ndim else 0
    if contributions.shape != (steps, steps + 1):
        raise ValueError(f"expected contributions of shape (T, T + 1), got {contributions.shape}")
    grey = [str(0.25 + 0.6 * k / (steps + 1)) for k in range(steps + 1)]
    bands = np.abs(contributions).T  # (T + 1, T)
    ax.stackplot(np.arange(steps), bands, colors=grey, edgecolor="white", linewidth=0.5)
    ax.set(xlabel="time step", ylabel="absolute content", title="Who put what on the belt")
