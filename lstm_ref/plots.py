"""Static figures of the book, as functions that draw on given axes.

Import it on its own: it needs matplotlib, which the rest of `lstm_ref` does not. Every function
takes the axes and the numbers to draw, so the page that shows a figure also shows where its
numbers come from.
"""

import sys
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from lstm_ref.cells import sigmoid
from lstm_ref.colors import COLORS
from lstm_ref.params import Array
from lstm_ref.tables import number

__all__ = ["draw_lstm_cell", "plot_squashing", "plot_states", "use_course_style"]

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.0, 3.2),
    "font.size": 11,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "svg.hashsalt": "lstm-course",  # the same drawing gives the same file
}


def use_course_style() -> None:
    """Set matplotlib up for the course; in a notebook figures become SVG on white.

    The same numbers then give the same file, byte for byte.

    Examples
    --------
    >>> from lstm_ref import plots
    >>> plots.use_course_style()
    """
    mpl.rcParams.update(STYLE)
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})  # type: ignore[no-untyped-call]


CELL_NAMES = {
    "c": "$c_{t-1}$",
    "h": "$h_{t-1}$",
    "x": "$x_t$",
    "f": "$f_t$",
    "i": "$i_t$",
    "candidate": "$\\tilde{c}_t$",
    "o": "$o_t$",
    "c_next": "$c_t$",
    "h_next": "$h_t$",
}


# Where things stand in the drawing: wires by the symbol whose colour they take, learned layers,
# and for each label its place, its side and how far below it a number goes.
CELL_WIRES: list[Any] = [
    ("c", (0.2, 5.6), (11.8, 5.6)),
    ("h", (0.2, 1.4), (8.1, 1.4), (8.1, 2.1)),
    ("h", (2.2, 0.2), (2.2, 1.4)),
    ("f", (3.0, 1.4), (3.0, 2.1)),
    ("i", (4.8, 1.4), (4.8, 2.1)),
    ("candidate", (6.5, 1.4), (6.5, 2.1)),
    ("f", (3.0, 2.7), (3.0, 5.35)),
    ("i", (4.8, 2.7), (4.8, 4.2), (5.4, 4.2)),
    ("candidate", (6.5, 2.7), (6.5, 4.2), (5.9, 4.2)),
    ("c", (5.65, 4.45), (5.65, 5.35)),
    ("o", (8.1, 2.7), (8.1, 3.6), (9.05, 3.6)),
    ("c", (9.3, 5.6), (9.3, 5.0)),
    ("c", (9.3, 4.4), (9.3, 3.85)),
    ("h", (9.55, 3.6), (11.8, 3.6)),
]
CELL_LAYERS = [
    ("f", 3.0, "σ", "forget"),
    ("i", 4.8, "σ", "input"),
    ("candidate", 6.5, "tanh", "candidate"),
    ("o", 8.1, "σ", "output"),
]
CELL_LABELS = {
    "c": (0.2, 6.0, "left", 0.75),
    "c_next": (11.8, 6.0, "right", 0.8),
    "h": (0.2, 1.8, "left", 0.75),
    "h_next": (11.8, 4.0, "right", 0.8),
    "x": (2.4, 0.92, "left", 0.42),
    "f": (3.15, 3.5, "left", 0.42),
    "i": (4.95, 3.5, "left", 0.42),
    "candidate": (6.65, 3.5, "left", 0.42),
    "o": (8.2, 3.95, "left", -0.45),
}


def draw_lstm_cell(ax: Axes, values: Mapping[str, float] | None = None) -> None:
    """Draw the inside of an LSTM cell: boxes are learned layers, circles work element by element.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Emptied of its frame; made for a figure of about 6 × 4 inches.
    values : mapping of str to float, optional
        Numbers to write beside the symbols, under the names ``c h x f i candidate o c_next
        h_next``; those left out show their symbol alone.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from lstm_ref import plots
    >>> ax = Figure().subplots()
    >>> plots.draw_lstm_cell(ax, {"f": 0.88})
    >>> any("0.88" in text.get_text() for text in ax.texts)
    True
    """
    ax.set(xlim=(0, 12), ylim=(0.15, 6.7), aspect="equal")
    ax.axis("off")
    frame = "round,pad=0.1,rounding_size=0.4"
    ax.add_patch(FancyBboxPatch((1.6, 1.1), 8.7, 5.3, frame, fc="#f4f4f2", ec="0.6"))
    for name, *points in CELL_WIRES:
        _wire(ax, points, name)
    for name, x, function, role in CELL_LAYERS:
        _box(ax, x, 2.4, function, COLORS[name])
        ax.text(x + 0.12, 1.75, role, va="center", fontsize=10, style="italic")
    _box(ax, 9.3, 4.7, "tanh", COLORS["c"])
    for x, y, sign in ((3.0, 5.6, "×"), (5.65, 5.6, "+"), (5.65, 4.2, "×"), (9.3, 3.6, "×")):
        ax.add_patch(Circle((x, y), 0.25, fc="white", ec="0.2", lw=1.3, zorder=3))
        ax.text(x, y - 0.02, sign, ha="center", va="center", zorder=4)
    for name, (x, y, side, drop) in CELL_LABELS.items():
        ax.text(x, y, CELL_NAMES[name], ha=side, va="center", fontsize=13)
        if values and name in values:
            ax.text(x, y - drop, number(values[name]), ha=side, va="center", fontsize=11)


def _wire(ax: Axes, points: list[tuple[float, float]], name: str) -> None:
    """Draw a bent line that ends in an arrow; the belt from edge to edge is thicker."""
    width = 3.5 if points[-1][0] - points[0][0] > 11 else 1.8
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=COLORS[name], lw=width, solid_joinstyle="round", zorder=1)
    arrow = {"arrowstyle": "-|>", "color": COLORS[name], "lw": width, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-2], arrowprops=arrow, zorder=1)


def _box(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    style = "round,pad=0.05,rounding_size=0.1"
    ax.add_patch(FancyBboxPatch((x - 0.5, y - 0.25), 1.0, 0.5, style, fc="white", ec=color, lw=2))
    ax.text(x, y, text, ha="center", va="center")


def plot_squashing(ax: Axes, reach: float = 8.0, flat: float = 0.05) -> None:
    """Draw σ and its slope, and shade where a gate is within `flat` of shut or open.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    reach : float, optional
        The pre-activation runs from ``−reach`` to ``reach``.
    flat : float, optional
        A gate below this value counts as shut, above ``1 − flat`` as open.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from lstm_ref import plots
    >>> ax = Figure().subplots()
    >>> plots.plot_squashing(ax)
    >>> ax.get_xlabel()
    'pre-activation z'
    """
    z = np.linspace(-reach, reach, 201)
    gate = sigmoid(z)
    edge = float(np.log((1 - flat) / flat))  # σ(edge) = 1 − flat
    for start, stop, name in ((-reach, -edge, "shut"), (edge, reach, "open")):
        ax.axvspan(start, stop, color=COLORS["muted"], alpha=0.15, lw=0)
        ax.text((start + stop) / 2, 0.5, name, ha="center")
    ax.plot(z, gate, color=COLORS["f"], label="σ(z)")
    ax.plot(z, gate * (1 - gate), color=COLORS["i"], ls="--", label="slope σ′(z)")
    ax.set(xlabel="pre-activation z", ylabel="value", xlim=(-reach, reach), ylim=(-0.02, 1.02))
    ax.legend(loc="upper left", bbox_to_anchor=(0, 1.18), ncols=2)


def plot_states(ax: Axes, runs: Mapping[str, Array], title: str, ylabel: str) -> None:
    """Draw one state over time for several runs, each told apart by its dashes and its label.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to ndarray, shape (T,)
        At most three; the label of each and its values.
    title, ylabel : str

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from lstm_ref import plots
    >>> ax = Figure().subplots()
    >>> plots.plot_states(ax, {"open": np.ones(5), "shut": np.zeros(5)}, "Forget gate", "$c_t$")
    >>> [line.get_label() for line in ax.lines]
    ['open', 'shut']
    """
    styles = ((COLORS["f"], "-"), (COLORS["i"], "--"), ("0.35", ":"))
    for (label, values), (color, dashes) in zip(runs.items(), styles, strict=False):
        ax.plot(np.arange(len(values)), values, color=color, ls=dashes, label=label)
    ax.set(title=title, xlabel="time step t", ylabel=ylabel)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
