"""Static figures of chapter 5, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lstm_ref.architectures import parameter_counts
from lstm_ref.colors import COLORS
from lstm_ref.trials.comparison import ComparisonResult

__all__ = ["plot_comparison", "plot_parameter_counts"]


def plot_comparison(
    ax: Axes, results: Sequence[ComparisonResult], baseline: float, title: str
) -> None:
    """Draw the test error of each kind of cell: every seed, the median, and the quartiles.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    results : sequence of ComparisonResult
    baseline : float
        Error of always predicting the mean, drawn as a line.
    title : str
    """
    for k, result in enumerate(results):
        low, middle, high = np.quantile(result.best, [0.25, 0.5, 0.75])
        ax.plot(result.best, np.full(len(result.best), k), "o", color=COLORS["muted"], alpha=0.7)
        ax.errorbar(
            middle,
            k,
            xerr=[[middle - low], [high - middle]],
            fmt="D",
            color=COLORS["f"],
            capsize=4,
            zorder=3,
        )
    ax.axvline(baseline, color=COLORS["h"], linestyle="--", linewidth=1)
    ax.set_yticks(range(len(results)), [f"{r.kind} ({r.parameters})" for r in results])
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="mean squared error on fresh sequences", title=title)


def plot_parameter_counts(ax: Axes, input_size: int, hidden_sizes: Sequence[int]) -> None:
    """Draw the number of parameters of each architecture against its hidden size.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    input_size : int
    hidden_sizes : sequence of int
    """
    tables = [parameter_counts(input_size, size) for size in hidden_sizes]
    styles = {
        "bidirectional": ("o", "-"),
        "peephole": ("i", ":"),
        "lstm": ("f", "-"),
        "gru": ("candidate", "-"),
        "lstm1997": ("c", "--"),
        "rnn": ("h", "-."),
    }
    for kind, (tone, dashes) in styles.items():
        counts = [table[kind] for table in tables]
        ax.loglog(hidden_sizes, counts, color=COLORS[tone], linestyle=dashes, label=kind)
    ax.set(xlabel="hidden size H", ylabel="parameters")
    ax.legend()
