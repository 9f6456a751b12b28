"""Static figures of chapter 8, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from lstm_ref.colors import COLORS
from lstm_ref.params import Array

__all__ = ["plot_addresses", "plot_lines", "plot_runs", "plot_selection"]

TONES = ["f", "i", "candidate", "o", "c"]
MARKERS = "osD^v"
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1))]


def plot_runs(ax: Axes, groups: Sequence[Any], results: Mapping[str, Array]) -> None:
    """Draw several runs of several models in several situations: every run, and the median.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    groups : sequence
        Names of the situations, from left to right.
    results : mapping of str to ndarray, shape (runs, len(groups))
        One entry a model.
    """
    for k, (name, values) in enumerate(results.items()):
        at = np.arange(len(groups)) + 0.2 * (k - (len(results) - 1) / 2)
        color, marker = COLORS[TONES[k % 5]], MARKERS[k % 5]
        for run in values:
            ax.plot(at, run, marker, color=color, alpha=0.45, markersize=5)
        middle = np.median(values, axis=0)
        ax.plot(at, middle, color=color, linestyle=DASHES[k % 5], label=name, linewidth=1.5)
    ax.set_xticks(range(len(groups)), [str(group) for group in groups])
    ax.legend()


def plot_addresses(
    axes: Sequence[Axes], writing: ArrayLike, reading: ArrayLike, labels: Sequence[str]
) -> None:
    """Draw where a head writes and where another reads at every step.

    Parameters
    ----------
    axes : sequence of two matplotlib.axes.Axes
    writing, reading : array_like, shape (T, N)
        Weights of the rows of the memory, which are numbered from 1.
    labels : sequence of str
        What each step is.
    """
    for ax, weights, title in zip(
        axes, (writing, reading), ("write weights", "read weights"), strict=True
    ):
        image = ax.imshow(
            np.asarray(weights).T, cmap="Greys", vmin=0, vmax=1, aspect="auto", origin="upper"
        )
        ax.grid(visible=False)
        ax.set(title=title, ylabel="row")
        ax.set_xticks(range(len(labels)), labels)
        rows = np.shape(weights)[1]
        ax.set_yticks(range(rows), [str(n + 1) for n in range(rows)])
        ax.figure.colorbar(image, ax=ax, pad=0.02)


def plot_selection(ax: Axes, weights: ArrayLike, names: Sequence[str]) -> None:
    """Draw the weights that selectors gave to variables: every run as a mark, the mean as a bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    weights : array_like, shape (runs, 2, J)
        As in `lstm_ref.trials.switching.SelectorResult`, for every run.
    names : sequence of str
        Of the variables.
    """
    runs = np.asarray(weights)
    for k, (name, tone, hatch) in enumerate((("switch on", "i", ""), ("switch off", "f", "//"))):
        at = np.arange(len(names)) + 0.36 * (k - 0.5)
        bars = ax.bar(at, runs[:, k].mean(axis=0), 0.32, label=name, hatch=hatch, linewidth=1.5)
        for bar in bars:
            bar.set(facecolor="none", edgecolor=COLORS[tone])
        for run in runs[:, k]:
            ax.plot(at, run, "o", color=COLORS[tone], markersize=4)
    ax.set_xticks(range(len(names)), names)
    ax.set(ylabel="mean weight", ylim=(0, 1))
    ax.legend()


def plot_lines(ax: Axes, x: ArrayLike, lines: Mapping[str, ArrayLike]) -> None:
    """Draw lines on logarithmic axes, told apart by dashes as well as by colour.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : array_like, shape (N,)
    lines : mapping of str to array_like, shape (N,)
        One entry a line.
    """
    for k, (name, values) in enumerate(lines.items()):
        ax.loglog(x, values, color=COLORS[TONES[k % 5]], linestyle=DASHES[k % 5], label=name)
    ax.legend()
