"""Static figures of chapter 7, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lstm_ref.colors import COLORS
from lstm_ref.params import Array

__all__ = [
    "draw_task_shapes",
    "plot_learning_curves",
    "plot_scores",
    "plot_two_distances",
    "plot_window",
]


def draw_task_shapes(ax: Axes, steps: int = 4) -> None:
    """Draw the two shapes of a task over time: an answer at every step, and one at the end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    steps : int, optional
    """
    for offset, title, answers in (
        (0, "many to many", range(steps)),
        (steps + 1, "many to one", [steps - 1]),
    ):
        for t in range(steps):
            x = offset + t
            ax.annotate("", (x, 0.8), (x, 0.2), arrowprops={"arrowstyle": "->"})
            ax.text(x, 0.0, f"$x_{t}$", ha="center", va="center")
            ax.text(
                x,
                1.0,
                "LSTM",
                ha="center",
                va="center",
                fontsize=9,
                bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": COLORS["c"]},
            )
            if t + 1 < steps:
                ax.annotate("", (x + 0.68, 1), (x + 0.32, 1), arrowprops={"arrowstyle": "->"})
            if t in answers:
                arrow = {"arrowstyle": "->", "color": COLORS["o"]}
                ax.annotate("", (x, 1.8), (x, 1.2), arrowprops=arrow)
                ax.text(x, 2.0, rf"$\hat y_{t}$", ha="center", va="center")
        ax.text(offset + (steps - 1) / 2, 2.45, title, ha="center", va="center")
    ax.set(xlim=(-0.6, 2 * steps + 0.6), ylim=(-0.3, 2.7))
    ax.axis("off")


def plot_window(ax: Axes, series: Array, start: int, window: int, horizon: int) -> None:
    """Draw a series with one window and its target marked.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    series : ndarray, shape (N,)
    start : int
        First row of the window.
    window, horizon : int
    """
    rows, target = np.arange(start, start + window), start + window - 1 + horizon
    ax.plot(series, "o-", color=COLORS["muted"], markersize=4, linewidth=1)
    ax.plot(rows, series[rows], "s-", color=COLORS["i"], label="window: what the model reads")
    ax.plot(target, series[target], "D", color=COLORS["f"], markersize=9, label="target")
    y = float(np.min(series)) - 0.35
    ax.annotate(
        "", (target, y), (rows[-1], y), arrowprops={"arrowstyle": "<->", "color": COLORS["f"]}
    )
    ax.text((target + rows[-1]) / 2, y - 0.12, f"horizon {horizon}", ha="center", va="top")
    ax.set(xlabel="row of the series", ylabel="value", ylim=(y - 0.7, float(np.max(series)) + 0.3))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def plot_two_distances(
    ax: Axes, errors: Array, mean: Array, covariance: Array, points: Mapping[str, Array]
) -> None:
    """Draw errors in the plane, lines of equal Mahalanobis distance, and points to compare.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    errors : ndarray, shape (N, 2)
    mean : ndarray, shape (2,)
    covariance : ndarray, shape (2, 2)
    points : mapping of str to ndarray, shape (2,)
        Label and place.
    """
    ax.plot(*errors.T, ".", color=COLORS["muted"], markersize=3)
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.linalg.cholesky(covariance) @ np.stack([np.cos(angle), np.sin(angle)])
    for radius, dashes in ((1, ":"), (2, "--"), (3, "-")):
        ax.plot(*(mean[:, None] + radius * circle), color=COLORS["c"], linestyle=dashes)
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    for marker, (label, (x, y)) in zip("sD^v", points.items(), strict=False):
        ax.plot(x, y, marker, color=COLORS["f"], markersize=9)
        ax.annotate(label, (x, y), xytext=(9, -4), textcoords="offset points", bbox=paper)
    ax.set(xlabel="first error", ylabel="second error", aspect="equal")


def plot_scores(
    axes: Sequence[Axes], series: Array, scores: Array, first: int, threshold: float, odd: slice
) -> None:
    """Draw a series above, the anomaly score of each of its steps below, and what was odd.

    Parameters
    ----------
    axes : sequence of two matplotlib.axes.Axes
    series : ndarray, shape (N, D)
    scores : ndarray, shape (K,)
    first : int
        Row of the series that the first score belongs to.
    threshold : float
    odd : slice
        Rows that were tampered with.
    """
    for ax in axes:
        ax.axvspan(odd.start, odd.stop - 1, color=COLORS["muted"], alpha=0.25, linewidth=0)
    for column, (tone, dashes) in enumerate((("i", "-"), ("candidate", "--"))):
        label = f"feature {column + 1}"
        axes[0].plot(series[:, column], color=COLORS[tone], linestyle=dashes, label=label)
    axes[0].set_ylabel("value")
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    axes[1].semilogy(first + np.arange(len(scores)), scores, color=COLORS["o"], linewidth=1)
    axes[1].axhline(threshold, color=COLORS["h"], linestyle="--", linewidth=1)
    axes[1].set(xlabel="row of the series", ylabel="anomaly score")


def plot_learning_curves(
    ax: Axes, curves: Mapping[str, Sequence[float]], baseline: float, smooth: int = 20
) -> None:
    """Draw running means of training errors, one line a run, on a logarithmic axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to sequence of float
        Error of each update, by label.
    baseline : float
        Drawn as a line.
    smooth : int, optional
        Updates each point is the mean of.
    """
    styles = zip(("f", "i", "candidate", "o"), ("-", "--", "-.", ":"), strict=True)
    kernel = np.full(smooth, 1 / smooth)
    for (tone, dashes), (label, errors) in zip(styles, curves.items(), strict=False):
        means = np.convolve(errors, kernel, mode="valid")
        x = np.arange(smooth, smooth + means.size)
        ax.semilogy(x, means, color=COLORS[tone], linestyle=dashes, label=label)
    ax.axhline(baseline, color=COLORS["h"], linewidth=1)
    ax.text(smooth, baseline * 1.1, "always the mean", fontsize=9, va="bottom")
    ax.set(xlabel="update", ylabel="mean squared error")
    ax.legend()
