"""Is this gradient right? Central differences, and a comparison that names the worst entry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.params import Array
from lstm_ref.tree import tree_items, tree_map

__all__ = ["GradcheckReport", "gradcheck", "numerical_gradient"]


def numerical_gradient(f: Callable[[Array], Any], x: ArrayLike, eps: float = 1e-5) -> Array:
    """Estimate the gradient of a function by central differences.

    Parameters
    ----------
    f : callable
        Maps an array like `x`, float64, to a number. Every call gets its own copy.
    x : array_like
        Where to take the gradient, any shape; left as it is.
    eps : float
        How far to step to either side.

    Returns
    -------
    ndarray
        float64, shape of `x`.

    Raises
    ------
    ValueError
        If `eps` is not positive, too small to change an entry of `x`, or `f` does not return a
        single number.

    Notes
    -----
    ``∂f/∂x_k ≈ (f(x + ε e_k) − f(x − ε e_k)) / 2ε``. The error has two parts: about
    ``ε² f‴ / 6`` from the curvature that is left out, and about ``10⁻¹⁶ |f| / ε`` from rounding.
    A step of 10⁻⁵ keeps both near 10⁻¹¹ where ``f`` and its derivatives are about 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import numerical_gradient
    >>> numerical_gradient(lambda x: (x**3).sum(), np.array([1.0, 2.0])).round(6)
    array([ 3., 12.])
    """
    if not eps > 0:
        raise ValueError(f"expected an eps above 0, got {eps}")
    point = np.array(x, dtype=np.float64)
    gradient = np.empty_like(point)
    for index in np.ndindex(point.shape):
        above, below = point.copy(), point.copy()
        above[index] += eps
        below[index] -= eps
        # The step that was taken: for a large entry, x + ε rounds to something else.
        step = above[index] - below[index]
        if not step > 0:
            raise ValueError(f"expected an eps that changes x = {point[index]:g}, got {eps}")
        gradient[index] = (_number(f(above)) - _number(f(below))) / step
    return gradient


def _number(value: Any) -> float:
    if np.ndim(value) != 0:
        raise ValueError(f"expected f to return a single number, got shape {np.shape(value)}")
    return float(value)


@dataclass(frozen=True)
class GradcheckReport:
    """What `gradcheck` found; true if the gradient passed, and printable.

    Attributes
    ----------
    passed : bool
    name : str
        The array with the worst entry: its place in the tree, or empty for a bare array.
    index : tuple of int
        The worst entry in that array.
    analytic, numeric : float
        Its two gradients.
    error : float
        Their relative difference.
    entries : int
        How many entries were compared.
    rtol : float
        What was allowed.
    """

    passed: bool
    name: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    entries: int
    rtol: float

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        entry = (self.name or "x") + (f"[{', '.join(map(str, self.index))}]" if self.index else "")
        verdict = "agrees" if self.passed else "DIFFERS"
        return (
            f"gradient {verdict} in {self.entries} entries; worst is {entry}: "
            f"analytic {self.analytic:.9g}, numeric {self.numeric:.9g}, "
            f"relative error {self.error:.1e} (allowed {self.rtol:.0e})"
        )


def gradcheck(
    f: Callable[[Any], Any],
    x: Any,
    gradient: Any,
    eps: float = 1e-5,
    rtol: float = 1e-6,
    floor: float = 1e-3,
) -> GradcheckReport:
    """Compare a gradient worked out by hand with central differences.

    Parameters
    ----------
    f : callable
        Maps an array or tree like `x` to a number.
    x : ndarray or tree of ndarray
        Where the gradient was taken. float64: single precision is too coarse for the test.
    gradient : like `x`
        The gradient to be judged.
    eps : float
        Step of the differences.
    rtol : float
        Largest relative error allowed.
    floor : float
        Entries smaller than this are compared on its scale, as rounding hides their digits.

    Returns
    -------
    GradcheckReport
        Truthy if the gradient passed. ``print(report)`` names the worst entry.

    Raises
    ------
    ValueError
        If `gradient` is not like `x`, `x` is not float64, or there is nothing to compare.

    Notes
    -----
    The error of an entry is ``|a − n| / max(|a|, |n|, floor)``. A NaN counts as an infinite error.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gradcheck
    >>> x = {"w": np.array([1.0, 2.0])}
    >>> report = gradcheck(lambda x: (x["w"] ** 2).sum(), x, {"w": np.array([2.0, 5.0])})
    >>> bool(report), report.name, report.index, report.analytic, round(report.numeric, 6)
    (False, 'w', (1,), 5.0, 4.0)
    """
    tree_map(lambda a, g: None, x, gradient)  # same structure and shapes, or ValueError
    pairs = list(zip(tree_items(x), tree_items(gradient), strict=True))
    worst, entries = None, 0
    for k, ((name, a), (_, g)) in enumerate(pairs):
        if np.asarray(a).dtype != np.float64:
            raise ValueError(f"expected {name or 'x'} in float64, got {np.asarray(a).dtype}")
        numeric = numerical_gradient(lambda a, k=k: f(_replace(x, k, a)), a, eps)  # type: ignore[misc]
        size = np.maximum(np.maximum(np.abs(g), np.abs(numeric)), floor)
        error = np.abs(g - numeric) / size
        error = np.where(np.isnan(error), np.inf, error)
        entries += error.size
        if error.size and (worst is None or error.max() > worst[0]):
            index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
            worst = (float(error[index]), name, index, float(g[index]), float(numeric[index]))
    if worst is None:
        raise ValueError("expected at least one entry to compare, got none")
    error_max, name, index, analytic, numeric_value = worst
    return GradcheckReport(
        error_max <= rtol, name, index, analytic, numeric_value, error_max, entries, rtol
    )


def _replace(tree: Any, k: int, array: Array) -> Any:
    """Build the tree again with its ``k``-th array exchanged."""
    position = iter(range(1 << 62))
    return tree_map(lambda a: array if next(position) == k else a, tree)
