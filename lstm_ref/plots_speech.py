"""Static figures of the page on speech, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from lstm_ref.colors import COLORS
from lstm_ref.datasets.speech import Utterances

__all__ = ["plot_courses", "plot_lengths", "plot_utterances"]

TONES = ("f", "i", "candidate", "o", "c")
DASHES: Sequence[Any] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
MARKERS = "osD^v"


def plot_utterances(axes: Sequence[Axes], utterances: Utterances, which: Sequence[int]) -> Any:
    """Draw utterances as grey values: frames run right, coefficients run up.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        One an utterance.
    utterances : Utterances
        Scaled.
    which : sequence of int

    Returns
    -------
    matplotlib.image.AxesImage
        Of the last one, for a colour bar that serves all.
    """
    for ax, n in zip(axes, which, strict=True):
        frames = utterances.xs[: utterances.lengths[n], n]  # (T, D)
        image = ax.imshow(
            frames.T, cmap="Greys", vmin=-2.5, vmax=2.5, aspect="auto", origin="lower"
        )
        ax.grid(visible=False)
        ax.set_xlim(-0.5, len(utterances.xs) - 0.5)
        ax.set_title(f"speaker {utterances.speakers[n] + 1}")
        ax.set_yticks([0, 5, 11], ["1", "6", "12"])
    axes[0].set_ylabel("coefficient")
    return image


def plot_lengths(ax: Axes, parts: Mapping[str, Utterances]) -> None:
    """Draw how many utterances have which length, one outline a part.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    parts : mapping of str to Utterances
        At most five.
    """
    longest = max(int(part.lengths.max()) for part in parts.values())
    edges = np.arange(longest + 2) - 0.5
    for k, (name, part) in enumerate(parts.items()):
        counts = np.bincount(part.lengths, minlength=longest + 1)
        ax.stairs(counts, edges, color=COLORS[TONES[k]], ls=DASHES[k], lw=2, label=name)
    ax.set(xlabel="length in frames", ylabel="utterances", xlim=(5.5, longest + 1.5))
    ax.legend()


def plot_courses(ax: Axes, x: ArrayLike, courses: Mapping[str, ArrayLike]) -> None:
    """Draw how something goes on over frames: a line a course, with the range of its runs.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : array_like, shape (N,)
    courses : mapping of str to array_like, shape (N,) or (runs, N)
        At most five. Of several runs the mean is the line, and lowest and highest bound a band.
    """
    for k, (name, values) in enumerate(courses.items()):
        runs = np.atleast_2d(np.asarray(values))
        tone = COLORS[TONES[k]]
        mean = runs.mean(axis=0)
        ax.plot(x, mean, color=tone, ls=DASHES[k], marker=MARKERS[k], ms=5, label=name)
        if len(runs) > 1:
            ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=tone, alpha=0.2, lw=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
