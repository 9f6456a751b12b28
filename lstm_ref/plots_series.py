"""Static figures of chapter 7's pages on series, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from numpy.typing import ArrayLike, NDArray

from lstm_ref.colors import COLORS
from lstm_ref.params import Array
from lstm_ref.trials.volatility import autocorrelation

__all__ = [
    "plot_autocorrelation",
    "plot_changes",
    "plot_market",
    "plot_series",
    "use_date_axis",
]

TONES = ["f", "i", "candidate", "o", "c"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1))]
MARKERS = "osD^v"


def use_date_axis(ax: Axes) -> None:
    """Label an axis of dates in few words.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    """
    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def plot_market(axes: Sequence[Axes], dates: ArrayLike, panels: Mapping[str, Array]) -> None:
    """Draw several series of the same days below each other.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        As many as panels.
    dates : array_like of datetime64, shape (N,)
    panels : mapping of str to ndarray, shape (N,)
        Label of the vertical axis, and values.
    """
    tones = ("h", "i", "f", "candidate", "o")
    for ax, tone, (label, values) in zip(axes, tones, panels.items(), strict=False):
        ax.plot(np.asarray(dates), values, color=COLORS[tone], linewidth=0.8)
        ax.set_ylabel(label)
    use_date_axis(axes[-1])


def plot_autocorrelation(ax: Axes, series: Mapping[str, Array], lags: int) -> None:
    """Draw the autocorrelation of several series, and the band in which chance leaves it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    series : mapping of str to ndarray, shape (N,)
    lags : int
    """
    steps = np.arange(1, lags + 1)
    for k, (name, values) in enumerate(series.items()):
        ax.plot(
            steps,
            autocorrelation(values, lags),
            MARKERS[k % 5],
            color=COLORS[TONES[k % 5]],
            markersize=3,
            label=name,
        )
    band = 2 / np.sqrt(len(next(iter(series.values()))))
    ax.axhspan(-band, band, color=COLORS["muted"], alpha=0.3, linewidth=0)
    ax.set(xlabel="days back", ylabel="autocorrelation", xlim=(0, lags + 1))
    ax.legend()


def plot_series(ax: Axes, x: ArrayLike, lines: Mapping[str, ArrayLike], width: float = 1.5) -> None:
    """Draw lines told apart by dashes as well as by colour.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : array_like, shape (N,)
    lines : mapping of str to array_like, shape (N,)
        At most five.
    width : float, optional
        Of the lines.
    """
    for k, (name, values) in enumerate(lines.items()):
        tone, dashes = COLORS[TONES[k % 5]], DASHES[k % 5]
        ax.plot(np.asarray(x), np.asarray(values), color=tone, ls=dashes, lw=width, label=name)
    ax.legend()


def plot_changes(ax: Axes, predicted: NDArray[np.float64], true: NDArray[np.float64]) -> None:
    """Draw predicted against true changes, with the line on which a good forecast would lie.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    predicted, true : ndarray, shape (N,)
    """
    ax.plot(predicted, true, "o", color=COLORS["i"], markersize=3, alpha=0.5)
    reach = 1.05 * float(np.abs([predicted, true]).max())
    line = [-reach, reach]
    ax.plot(line, line, color=COLORS["f"], ls="--", lw=1.2, label="true = predicted")
    ax.set(xlabel="predicted change", ylabel="true change", aspect="equal", xlim=line, ylim=line)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1))
