"""What was drawn on a pair of axes, as plain data: a check judges the picture, not the code."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from lstm_ref.checks.calling import RemoteFunction
from lstm_ref.params import Array

__all__ = ["describe_bands", "describe_grid", "describe_text", "drawn_by"]


def drawn_by(describe: Callable[[Any, Any], dict[str, Any]]) -> Callable[..., Any]:
    """Make an adapter: draw on fresh axes, then return `describe(axes, what came back)`.

    The student's ``plot(data, ax)`` becomes a function of ``data`` that returns data.
    """

    def adapt(plot: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(plot, RemoteFunction):
            return plot.drawing(describe.__name__)
        # Here, and not in the call: loading it must not use up the student's time.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        def draw(data: Array) -> dict[str, Any]:
            figure = Figure()
            FigureCanvasAgg(figure)
            ax = figure.add_subplot()
            returned = plot(data, ax)
            ax.get_xlim(), ax.get_ylim()  # settles the limits, on which the places depend
            return describe(ax, returned)

        return draw

    return adapt


def describe_text(ax: Any) -> dict[str, str]:
    """Return the texts around the axes."""
    titles = [ax.get_title(loc=place) for place in ("center", "left", "right")]
    suptitle = ax.figure.get_suptitle()
    return {
        "a label of the time axis": ax.get_xlabel().strip(),
        "a label of the vertical axis": ax.get_ylabel().strip(),
        "a title": "".join([*titles, suptitle]).strip(),
    }


def describe_grid(ax: Any, returned: Any) -> dict[str, Any]:
    """Return the values of a heat map as seen: rows from the top, columns from the left."""
    mappables = [*ax.images, *(c for c in ax.collections if hasattr(c, "get_coordinates"))]
    description: dict[str, Any] = {"text": describe_text(ax), "grid": None, "limits": None}
    description["returned"] = any(returned is m for m in mappables)
    if mappables:
        values, centres = _cells(mappables[0])
        seen = ax.transData.transform(centres.reshape(-1, 2)).reshape(centres.shape)
        columns = np.argsort(seen[0, :, 0])
        rows = np.argsort(-seen[:, 0, 1])
        description["grid"] = values[np.ix_(rows, columns)]
        description["limits"] = [float(limit) for limit in mappables[0].get_clim()]
    return description


def _cells(mappable: Any) -> tuple[Array, Array]:
    """Return the values ``(R, C)`` of an image or a mesh, and the centres ``(R, C, 2)``."""
    values = np.ma.getdata(mappable.get_array())
    if hasattr(mappable, "get_coordinates"):
        corners = np.asarray(mappable.get_coordinates())
        if values.ndim == 1:
            values = values.reshape(corners.shape[0] - 1, corners.shape[1] - 1)
        if corners.shape[0] == values.shape[0]:
            return values, corners
        return values, 0.25 * (
            corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]
        )
    left, right, bottom, top = mappable.get_extent()
    if mappable.origin == "lower":
        bottom, top = top, bottom  # row 0 now lies at what we call the top
    R, C = values.shape[:2]
    x = left + (np.arange(C) + 0.5) * (right - left) / C
    y = top + (np.arange(R) + 0.5) * (bottom - top) / R
    return values, np.stack(np.meshgrid(x, y), axis=2)


def describe_bands(ax: Any, returned: Any) -> dict[str, Any]:
    """Return the stacked bands: each a list of ``(x, low, high)``, in the order of drawing."""
    bands = [_polygon(c) for c in ax.collections if hasattr(c, "get_paths")]
    bands += [_bars(container) for container in ax.containers if hasattr(container, "patches")]
    return {"text": describe_text(ax), "bands": [band for band in bands if band]}


def _polygon(collection: Any) -> list[tuple[float, float, float]]:
    """Measure an area between curves at every x where it has a corner."""
    spans: dict[float, list[float]] = {}
    for path in collection.get_paths():
        vertices = path.vertices
        if len(vertices) < 3:
            continue
        closed = np.concatenate([vertices, vertices[:1]])
        for x in np.unique(np.round(vertices[:, 0], 9)):
            spans.setdefault(float(x), []).extend(_crossings(closed, x))
    return [(x, min(ys), max(ys)) for x, ys in sorted(spans.items()) if ys]


def _crossings(closed: Array, x: float) -> list[float]:
    """Return the heights at which the edges of a polygon meet the vertical line at `x`."""
    heights = []
    for (x0, y0), (x1, y1) in itertools.pairwise(closed):
        if min(x0, x1) - 1e-9 <= x <= max(x0, x1) + 1e-9:
            share = 0.0 if x1 == x0 else (x - x0) / (x1 - x0)
            heights += [y0, y1] if x1 == x0 else [y0 + share * (y1 - y0)]
    return [float(height) for height in heights]


def _bars(container: Any) -> list[tuple[float, float, float]]:
    """Measure the bars of one container."""
    spans = []
    for bar in container.patches:
        x = bar.get_x() + bar.get_width() / 2
        ends = bar.get_y(), bar.get_y() + bar.get_height()
        spans.append((float(x), float(min(ends)), float(max(ends))))
    return spans
