"""Static figures of chapter 6, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lstm_ref.colors import COLORS
from lstm_ref.gate_plots import plot_gate_heatmap
from lstm_ref.params import Array

__all__ = [
    "label_words",
    "plot_correlations",
    "plot_gates",
    "plot_intervention",
    "plot_shown_and_held",
    "plot_signed_belt",
]

GATES = {"f": "forget gate", "i": "input gate", "o": "output gate"}


def label_words(ax: Axes, words: Sequence[str]) -> None:
    """Write the words of a sentence along the time axis, one a step.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    words : sequence of str
    """
    ax.set_xticks(range(len(words)), list(words), rotation=60, ha="right", rotation_mode="anchor")


def plot_gates(axes: Sequence[Axes], trace: Mapping[str, Array], words: Sequence[str]) -> Any:
    """Draw the three gates of a run as heat maps below each other.

    Parameters
    ----------
    axes : sequence of three matplotlib.axes.Axes
    trace : mapping of str to ndarray, shape (T, H)
        Keys ``f, i, o`` at least.
    words : sequence of str
        One a step.

    Returns
    -------
    matplotlib.image.AxesImage
        Of the last gate, for a colour bar that serves all three.
    """
    for ax, (key, name) in zip(axes, GATES.items(), strict=True):
        image = plot_gate_heatmap(trace[key], ax)
        ax.set(title=name, xlabel="")
        ax.set_yticks(range(trace[key].shape[1]), minor=True)
        ax.grid(False)
        label_words(ax, words if ax is axes[-1] else [""] * len(words))
    return image


def plot_signed_belt(ax: Axes, contributions: Array, words: Sequence[str], named: int = 4) -> None:
    """Draw who put what on the belt with its sign: what is positive up, what is negative down.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    contributions : ndarray, shape (T, T + 1)
        From `lstm_ref.belt_contributions`.
    words : sequence of str
        What was read at each of the ``T`` steps.
    named : int, optional
        How many of the largest bands get a colour and an entry in the legend.
    """
    steps, names = np.arange(len(contributions)), ["at first", *words]
    rank = np.argsort(-np.abs(contributions).sum(axis=0), kind="stable")[:named]
    tones = dict(zip(sorted(rank), ("f", "i", "candidate", "o", "c", "h"), strict=False))
    up, down = np.zeros(len(steps)), np.zeros(len(steps))
    hatches = ("", "//", "..", "xx", "\\\\", "++")
    for k, band in enumerate(contributions.T):
        bottom = np.where(band > 0, up, down)
        number = list(tones).index(k) if k in tones else None
        ax.bar(
            steps,
            band,
            bottom=bottom,
            width=0.9,
            color="0.8" if number is None else COLORS[tones[k]],
            hatch="" if number is None else hatches[number],
            edgecolor="white",
            linewidth=0.5,
            label=None if number is None else f"{names[k]} ({k})",
        )
        up, down = up + np.maximum(band, 0), down + np.minimum(band, 0)
    ax.plot(steps, contributions.sum(axis=1), "o-", color="0.1", ms=5, label="cell $c_t$")
    ax.axhline(0, color="0.1", lw=0.8)
    ax.set(ylabel="content", title="With its sign")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    label_words(ax, words)


def plot_correlations(ax: Axes, groups: Mapping[str, Array], chance: float) -> None:
    """Draw the correlation of every unit with a property, for one or more networks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    groups : mapping of str to ndarray, shape (H,)
        At most three: the name of each network and its correlations.
    chance : float
        What the largest of all units stays below in 95 of 100 shuffles.
    """
    styles = (("f", "o", "full"), ("i", "s", "none"), ("candidate", "^", "none"))
    for (name, values), (tone, marker, fill) in zip(groups.items(), styles, strict=False):
        ax.plot(values, marker, color=COLORS[tone], fillstyle=fill, ms=8, label=name, ls="")
    ax.axhspan(-chance, chance, color=COLORS["muted"], alpha=0.3, lw=0, label="by chance")
    ax.axhline(0, color="0.1", lw=0.8)
    ax.set(xlabel="unit", ylabel="correlation", ylim=(-1.05, 1.05))
    ax.set_xticks(range(len(next(iter(groups.values())))))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def plot_intervention(axes: Sequence[Axes], silenced: Array, forced: Array, unit: int) -> None:
    """Draw what becomes of the answers when a unit is silenced, and when its cell is overwritten.

    Parameters
    ----------
    axes : sequence of two matplotlib.axes.Axes
    silenced : ndarray, shape (H,)
        Right answers with each unit silenced, from 0 to 1.
    forced : ndarray, shape (H,)
        Answers turned by overwriting each cell, from 0 to 1.
    unit : int
        To be marked.
    """
    titles = ("silenced: answers right", "overwritten: answers turned")
    for ax, values, title in zip(axes, (silenced, forced), titles, strict=True):
        tones = [COLORS["f"] if k == unit else "0.7" for k in range(len(values))]
        bars = ax.bar(range(len(values)), values, color=tones, edgecolor="0.2")
        bars[unit].set_hatch("//")
        ax.axhline(0.5, color="0.1", lw=0.8, ls="--")
        ax.set(title=title, xlabel="unit", ylim=(0, 1.05))
        ax.set_xticks(range(0, len(values), 2))


def plot_shown_and_held(ax: Axes, c: Array, o: Array, words: Sequence[str]) -> None:
    """Draw what a unit holds, and what of it is shown: ``tanh(c)`` and ``o · tanh(c)``.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    c, o : ndarray, shape (T,)
        Cell state and output gate of the unit.
    words : sequence of str
    """
    ax.plot(np.tanh(c), "o-", color=COLORS["f"], label="held: tanh $c_t$")
    ax.plot(o * np.tanh(c), "s--", color=COLORS["i"], label="shown: $h_t$")
    ax.axhline(0, color="0.1", lw=0.8)
    ax.set(ylabel="value", ylim=(-1.05, 1.05))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    label_words(ax, words)
