"""What a hidden unit stands for, found by measurement: by correlation, and by force.

Shapes
------
``N`` independent observations, ``H`` hidden size, ``T`` time, ``B`` batch; sequences are
time-major.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.layers import lstm_forward
from lstm_ref.params import Array, LSTMParams
from lstm_ref.sequence_model import SequenceParams
from lstm_ref.traces import gate_trace
from lstm_ref.validation import as_floating, check_array, check_at_least, check_generator

__all__ = ["force_cell", "largest_by_chance", "silence_unit", "unit_correlations"]


def unit_correlations(states: ArrayLike, labels: ArrayLike) -> Array:
    r"""Correlate every unit with a property.

    Parameters
    ----------
    states : array_like, shape (N, H)
        A row an observation, such as the cell states at one word of each of ``N`` sentences.
    labels : array_like, shape (N,)
        The property, as numbers.

    Returns
    -------
    ndarray, shape (H,)
        Pearson's coefficient of each unit, from −1 to 1; 0 for a unit that never changes.

    Raises
    ------
    ValueError
        If shapes do not fit, or the property never changes.

    Notes
    -----
    .. math::
        r_k = \frac{\sum_n (s_{nk} - \bar s_k)(y_n - \bar y)}
        {\sqrt{\sum_n (s_{nk} - \bar s_k)^2 \sum_n (y_n - \bar y)^2}}

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.unit_meaning import unit_correlations
    >>> unit_correlations([[1.0, 0.0, 3.0], [2.0, 0.0, 2.0], [3.0, 0.0, 1.0]], [-1, 0, 1])
    array([ 1.,  0., -1.])
    """
    s, y = as_floating("states", states), as_floating("labels", labels)
    if s.ndim != 2 or y.shape != s.shape[:1]:
        raise ValueError(f"expected states (N, H) and labels (N,), got {s.shape} and {y.shape}")
    s, y = s - s.mean(axis=0), y - y.mean()
    if not y.any():
        raise ValueError("expected labels that differ from each other, got a single value")
    scale = np.sqrt((s**2).sum(axis=0) * (y**2).sum())  # (H,)
    return np.asarray(y @ s / np.where(scale > 0, scale, 1))


def largest_by_chance(
    states: ArrayLike, labels: ArrayLike, rng: np.random.Generator, shuffles: int = 1000
) -> Array:
    """Shuffle the labels again and again, and take the largest correlation of any unit.

    This is what the *best* of all units reaches if the property has nothing to do with the states.

    Parameters
    ----------
    states : array_like, shape (N, H)
        Rows must be independent of each other: one word a sentence, not all its words.
    labels : array_like, shape (N,)
    rng : numpy.random.Generator
    shuffles : int, optional

    Returns
    -------
    ndarray, shape (shuffles,)
        The largest absolute value of `unit_correlations`, for each shuffle.

    Raises
    ------
    ValueError
        As `unit_correlations` does; if `shuffles` is below 1 or `rng` is no generator.

    References
    ----------
    T. E. Nichols, A. P. Holmes (2002). Nonparametric Permutation Tests for Functional
    Neuroimaging: A Primer with Examples. Human Brain Mapping 15(1), for the largest of many.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.unit_meaning import largest_by_chance
    >>> rng = np.random.default_rng(0)
    >>> few = largest_by_chance(rng.normal(size=(100, 2)), np.arange(100), rng)
    >>> many = largest_by_chance(rng.normal(size=(100, 200)), np.arange(100), rng)
    >>> bool(np.median(few) < 0.15 < 0.25 < np.median(many))
    True
    """
    check_generator(rng)
    check_at_least(1, shuffles=shuffles)
    y = np.asarray(labels)
    return np.array(
        [np.abs(unit_correlations(states, rng.permutation(y))).max() for _ in range(shuffles)]
    )


def silence_unit(params: SequenceParams, unit: int, value: float = 0.0) -> SequenceParams:
    """Change a network so that everybody hears the same constant from one unit.

    Parameters
    ----------
    params : SequenceParams
        Of a model with a single LSTM layer; left as it is.
    unit : int
    value : float, optional
        What is heard in place of the unit's hidden state: its mean is closer to what the network is
        used to than 0.

    Returns
    -------
    SequenceParams
        The weights on the unit are zero, and the biases are raised by what `value` would have
        added. The unit itself still runs.

    Raises
    ------
    ValueError
        If there is no such unit.
    """
    H = params.layer.b_f.shape[0]
    if not 0 <= unit < H:
        raise ValueError(f"expected a unit from 0 to {H - 1}, got {unit}")

    def without(W: Array, b: Array) -> tuple[Array, Array]:
        silenced = W.copy()
        silenced[:, unit] = 0  # columns 0 to H − 1 act on h
        return silenced, b + value * W[:, unit]

    pairs = [without(W, b) for W, b in zip(params.layer[::2], params.layer[1::2], strict=True)]
    layer = LSTMParams(*(array for pair in pairs for array in pair))
    return params._replace(layer=layer, readout=type(params.readout)(*without(*params.readout)))


def force_cell(xs: Array, params: LSTMParams, step: int, unit: int, values: ArrayLike) -> Array:
    """Run an LSTM from zero states, overwrite one cell after one step, and run on.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    params : LSTMParams
    step : int
        After which the cell is overwritten, from 0 to ``T − 1``.
    unit : int
    values : array_like, shape (B,), or a number
        What the cell is made to hold. The hidden state of the same step follows it.

    Returns
    -------
    ndarray, shape (T, B, H)
        Hidden states.

    Raises
    ------
    ValueError
        If there is no such step or unit, or shapes do not fit.
    """
    check_array("xs", xs, ("T", "B", "D"))
    H, T = params.b_f.shape[0], len(xs)
    if not (0 <= unit < H and 0 <= step < T):
        raise ValueError(
            f"expected a unit from 0 to {H - 1} and a step from 0 to {T - 1}, got {unit} and {step}"
        )
    zero = np.zeros((xs.shape[1], H), dtype=xs.dtype)
    trace = gate_trace(xs[: step + 1], zero, zero, params)
    hs, c = trace["h"], trace["c"][-1].copy()
    if np.shape(values) not in ((), c.shape[:1]):
        raise ValueError(f"expected values of shape {c.shape[:1]}, got {np.shape(values)}")
    c[:, unit] = values
    hs[-1, :, unit] = trace["o"][-1, :, unit] * np.tanh(c[:, unit])
    if step == T - 1:
        return hs
    after, _ = lstm_forward(xs[step + 1 :], hs[-1], c, params)
    return np.concatenate([hs, after])
