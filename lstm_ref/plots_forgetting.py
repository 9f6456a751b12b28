"""Static figures of chapters 1 and 2, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lstm_ref.cells import sigmoid
from lstm_ref.colors import COLORS
from lstm_ref.params import Array
from lstm_ref.rnn import gradient_norms, rnn_forward, rnn_jacobian
from lstm_ref.store import half_life

__all__ = [
    "TIMELINE",
    "measure_gradient",
    "plot_accuracy",
    "plot_half_life",
    "plot_latch",
    "plot_norms",
    "plot_timeline",
]

STYLES = (("f", "-", "o"), ("i", "--", "s"), ("candidate", "-.", "^"), ("o", ":", "d"))

#: Year and title of what the timeline of chapter 1 shows.
TIMELINE = (
    (1991, "Hochreiter's thesis: gradients vanish"),
    (1994, "Bengio, Simard, Frasconi: the same, on their own"),
    (1997, "LSTM, without a forget gate"),
    (2000, "Forget gate; peepholes"),
    (2005, "Full backpropagation through the LSTM"),
    (2013, "Clipping by the norm"),
    (2014, "GRU"),
    (2015, "Highway networks"),
    (2017, "Gated linear units; Transformer"),
    (2021, "Temporal Fusion Transformer"),
    (2024, "xLSTM; minLSTM"),
)


def measure_gradient(
    radius: float, steps: int, hidden_size: int, input_scale: float, rng: np.random.Generator
) -> Array:
    """Run a random plain recurrent network, and measure what a gradient becomes on its way back.

    Parameters
    ----------
    radius : float
        Spectral radius of the recurrent weights.
    steps, hidden_size : int
    input_scale : float
        Standard deviation of the inputs, each straight to one unit; 0 leaves the state at zero.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (steps + 1,)
        `gradient_norms` of the Jacobians that the run met.
    """
    H = hidden_size
    U = rng.standard_normal((H, H))
    U *= radius / np.abs(np.linalg.eigvals(U)).max()
    W = np.concatenate([U, np.eye(H)], axis=1)  # (H, 2H)
    xs = input_scale * rng.standard_normal((steps, 1, H))
    hs = rnn_forward(xs, np.zeros((1, H)), W, np.zeros(H))  # (T, 1, H)
    return gradient_norms(rnn_jacobian(hs[:, 0], W))


def plot_norms(ax: Axes, norms: Mapping[str, Array], title: str) -> None:
    """Draw how the norm of a product of Jacobians goes with the number of factors.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    norms : mapping of str to ndarray, shape (T + 1,)
        At most four.
    title : str
    """
    for (label, values), (name, dashes, _) in zip(norms.items(), STYLES, strict=False):
        ax.semilogy(values, color=COLORS[name], ls=dashes, label=label)
    ax.axhline(1, color=COLORS["muted"], lw=0.8)
    ax.set(title=title, xlabel="steps back k", ylabel="norm of the product")
    ax.legend()


def plot_accuracy(ax: Axes, results: Mapping[str, Mapping[int, Sequence[float]]]) -> None:
    """Draw the accuracy of several networks against the lag, a mark a seed, lines through means.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    results : mapping of str to mapping of int to sequence of float
        Label of the network to lag to accuracies, one a seed. At most four networks.
    """
    for (label, runs), (name, dashes, marker) in zip(results.items(), STYLES, strict=False):
        lags = list(runs)
        means = [float(np.mean(runs[lag])) for lag in lags]
        ax.plot(lags, means, color=COLORS[name], ls=dashes, label=label)
        for lag in lags:
            ax.plot([lag] * len(runs[lag]), runs[lag], marker, color=COLORS[name], ms=5, mfc="none")
    ax.axhline(0.5, color=COLORS["muted"], lw=0.8)
    ax.annotate(
        "guessing", (1, 0.5), (0, 3), ("axes fraction", "data"), "offset points", ha="right"
    )
    ax.set(xlabel="lag (steps)", ylabel="answers right", ylim=(0.4, 1.03))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)


def plot_timeline(ax: Axes, events: Sequence[tuple[int, str]] = TIMELINE) -> None:
    """Draw events down a line of years; the distance between them is not to scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Emptied of its frame.
    events : sequence of (int, str), optional
        Year and title, oldest first.
    """
    ax.plot([0, 0], [0.4, -len(events) + 0.6], color=COLORS["muted"], lw=2)
    for row, (year, title) in enumerate(events):
        ax.plot(0, -row, "o", color=COLORS["f" if "LSTM" in title else "i"], ms=8)
        ax.text(-0.04, -row, str(year), ha="right", va="center", weight="bold")
        ax.text(0.04, -row, title, ha="left", va="center")
    ax.set(xlim=(-0.2, 1))
    ax.axis("off")


def plot_half_life(ax: Axes, biases: Array) -> None:
    """Draw the half-life of a memory against the pre-activation of its forget gate.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    biases : ndarray, shape (N,)
    """
    exact = half_life(sigmoid(biases))
    ax.semilogy(biases, exact, color=COLORS["f"], label="exact")
    ax.semilogy(
        biases, np.log(2) * np.exp(biases), color=COLORS["i"], ls="--", label="ln 2 · exp z"
    )
    ax.set(xlabel="pre-activation z of the forget gate", ylabel="half-life (steps)")
    ax.legend()


def plot_latch(axes: Sequence[Axes], xs: Array, h: Array) -> None:
    """Draw what enters a latch, and what it shows.

    Parameters
    ----------
    axes : sequence of two matplotlib.axes.Axes
    xs : ndarray, shape (T, 2)
        Value and write, one row a step.
    h : ndarray, shape (T,)
    """
    steps = np.arange(len(xs))
    axes[0].plot(steps, xs[:, 0], color=COLORS["h"], lw=0.7, label="value")
    written = np.flatnonzero(xs[:, 1])
    axes[0].plot(written, xs[written, 0], "v", color=COLORS["i"], ms=9, label="write = 1")
    axes[1].step(steps, h, where="post", color=COLORS["f"], label="$h_t$")
    for ax, name in zip(axes, ("input", "hidden state"), strict=True):
        ax.set(ylabel=name, ylim=(-1.3, 1.3))
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes[1].set(xlabel="time step t")
