"""Static figures of chapter 4, drawn on given axes, as in `lstm_ref.plots`."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lstm_ref.architectures import lstm_truncated_backward
from lstm_ref.cells import sigmoid
from lstm_ref.colors import COLORS
from lstm_ref.gradcheck import numerical_gradient
from lstm_ref.layers import lstm_backward, lstm_forward_cached
from lstm_ref.params import Array, LSTMParams
from lstm_ref.traces import carousel_gradient
from lstm_ref.tree import tree_items

__all__ = ["plot_difference_error", "plot_retention", "plot_truncation", "truncation_error"]

DASHES = ["-", "--", "-.", ":", (0, (1, 3)), (0, (5, 1, 1, 1, 1, 1))]
TONES = ["f", "i", "candidate", "o", "c", "h"]


def plot_retention(ax: Axes, biases: Sequence[float], steps: int) -> None:
    """Draw what a constant forget gate leaves of a gradient, for several biases.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    biases : sequence of float
    steps : int
        How far back to go.
    """
    for k, bias in enumerate(biases):
        gates = np.full(steps, sigmoid(np.asarray(bias, dtype=float)))  # (T,)
        color, dashes = COLORS[TONES[k % 6]], DASHES[k % 6]
        left = carousel_gradient(gates)[::-1]
        ax.semilogy(left, color=color, linestyle=dashes, label=f"bias {bias:g}")
    ax.set(xlabel="steps back", ylabel="gradient left", ylim=(1e-6, 2), xlim=(0, steps))
    ax.axhline(0.5, color=COLORS["muted"], linewidth=0.8)
    ax.annotate("half", (steps, 0.5), ha="right", va="top", color=COLORS["h"])
    ax.legend(loc="center right")


def plot_difference_error(ax: Axes, z: float = 0.7) -> None:
    """Draw the error of one-sided and central differences of a sigmoid against their step.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    z : float, optional
        Where the derivative is taken.
    """
    point = np.array(z)
    exact = float(sigmoid(point) * (1 - sigmoid(point)))
    steps = np.logspace(-13, -0.5, 76)
    central = [abs(float(numerical_gradient(sigmoid, point, eps)) - exact) for eps in steps]
    forward = [abs(float((sigmoid(point + e) - sigmoid(point)) / e) - exact) for e in steps]
    ax.loglog(steps, forward, color=COLORS["i"], linestyle="--", label="one-sided")
    ax.loglog(steps, central, color=COLORS["f"], label="central")
    ax.axvline(1e-5, color=COLORS["muted"], linewidth=0.8)
    ax.set(xlabel="step ε", ylabel="error of the derivative")
    ax.legend()


def truncation_error(
    xs: Array, dhs: Array, params: LSTMParams, windows: Sequence[int]
) -> dict[int, float]:
    """Measure how far the truncated gradient is from the true one, over a whole batch.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    params : LSTMParams
    windows : sequence of int

    Returns
    -------
    dict of int to float
        For each window, ``‖truncated − true‖ / ‖true‖`` over all parameters.
    """
    zero = np.zeros(dhs.shape[1:], dtype=dhs.dtype)
    _, _, caches = lstm_forward_cached(xs, zero, zero, params)
    true = _flat(lstm_backward(dhs, caches, params)[3])
    return {
        window: float(
            np.linalg.norm(_flat(lstm_truncated_backward(dhs, caches, params, window)[1]) - true)
            / np.linalg.norm(true)
        )
        for window in windows
    }


def plot_truncation(ax: Axes, errors: dict[int, dict[int, float]]) -> None:
    """Draw the errors of `truncation_error`, one line a size of batch.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    errors : dict of int to dict
        Size of the batch to what `truncation_error` returned for it.
    """
    for k, (size, error) in enumerate(errors.items()):
        ax.plot(
            list(error),
            list(error.values()),
            color=COLORS[TONES[k % 6]],
            linestyle=DASHES[k % 6],
            marker="osd^"[k % 4],
            label=f"{size} sequences",
        )
    ax.set(xlabel="window (steps)", ylabel="relative error of the gradient", ylim=(0, None))
    ax.legend()


def _flat(params: LSTMParams) -> Array:
    return np.concatenate([value.ravel() for _, value in tree_items(params)])
