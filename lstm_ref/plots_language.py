"""Static figures of the page on language, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from lstm_ref.colors import COLORS
from lstm_ref.params import Array

__all__ = ["plot_bits_by_context", "plot_forcing", "plot_line_cell", "plot_training_bits"]

TONES = ("f", "i", "candidate", "o", "c")
DASHES: Sequence[Any] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))


def plot_training_bits(
    ax: Axes, losses: Sequence[Array], levels: Mapping[str, float], smooth: int = 20
) -> None:
    """Draw running means of the training loss of several runs, and levels to compare with.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    losses : sequence of ndarray, shape (steps,)
        Bits per character.
    levels : mapping of str to float
    smooth : int, optional
        Steps each point is the mean of.
    """
    kernel = np.full(smooth, 1 / smooth)
    for k, run in enumerate(losses):
        means = np.convolve(run, kernel, mode="valid")
        steps = np.arange(smooth, smooth + len(means))
        ax.plot(steps, means, color=COLORS["i"], lw=1, label=None if k else "LSTM, each seed")
    for k, (name, level) in enumerate(levels.items()):
        ax.axhline(level, color=COLORS[TONES[k]], ls=DASHES[k + 1], label=name)
    ax.set(xlabel="update", ylabel="bits per character", ylim=(0, None))
    ax.legend()


def plot_bits_by_context(
    ax: Axes, courses: Mapping[str, tuple[ArrayLike, ArrayLike]], levels: Mapping[str, float]
) -> None:
    """Draw bits against the characters read before, on a logarithmic axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    courses : mapping of str to (array_like, array_like), each of shape (N,)
        Numbers of characters, and bits.
    levels : mapping of str to float
        Drawn as horizontal lines.
    """
    for k, (name, (read, bits)) in enumerate(courses.items()):
        ax.plot(read, bits, color=COLORS[TONES[k]], ls=DASHES[k], marker="os^"[k], ms=5, label=name)
    for k, (name, level) in enumerate(levels.items(), start=len(courses)):
        ax.axhline(level, color=COLORS[TONES[k]], ls=DASHES[k], label=name)
    ax.set_xscale("log")
    ax.set(xlabel="characters read since the state was zero", ylabel="bits per character")
    ax.legend()


def plot_line_cell(axes: Sequence[Axes], cell: Array, text: str) -> None:
    """Draw what a cell holds along a text: over time, and against the column of the line.

    Parameters
    ----------
    axes : sequence of two matplotlib.axes.Axes
    cell : ndarray, shape (N,)
        After each character.
    text : str
        As many characters.
    """
    steps = np.arange(len(text))
    ends = np.flatnonzero(np.array(list(text)) == "\n")
    begins = np.concatenate([[0], ends + 1])  # of lines
    columns = steps - begins[np.searchsorted(ends, steps)]
    for k, end in enumerate(ends):
        axes[0].axvline(float(end), color="0.6", lw=0.8, label=None if k else "line end")
    axes[0].plot(cell, color=COLORS["c"], lw=1.2)
    axes[0].set(xlabel="character", ylabel="cell")
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1))
    axes[1].plot(columns, cell, ".", color=COLORS["c"], ms=3)
    axes[1].set(xlabel="column in the line")


def plot_forcing(ax: Axes, forced: Array, usual: float, unit: int) -> None:
    """Draw, for every unit, how likely something becomes when its cell is overwritten.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    forced : ndarray, shape (H,)
        Mean probability, by unit.
    usual : float
        With nothing overwritten.
    unit : int
        To be marked.
    """
    order = np.argsort(-forced)
    place = int(np.flatnonzero(order == unit)[0])
    ax.plot(np.arange(1, len(forced) + 1), forced[order], ".", color=COLORS["muted"])
    ax.plot(place + 1, forced[unit], "D", color=COLORS["f"], ms=9, label=f"unit {unit}")
    ax.axhline(usual, color=COLORS["i"], ls="--", label="nothing overwritten")
    ax.set(xlabel="units, by effect", ylabel="probability")
    ax.legend()
