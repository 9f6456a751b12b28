"""Tasks with long time lags, as seeded generators: those of 1997, and three of later years.

Shapes
------
``T`` time (of the longest sequence), ``B`` sequences, ``D`` input size, ``M`` output size.

Every generator takes the random generator first and returns a `TaskBatch`: ``xs (T, B, D)``,
``targets`` and ``lengths (B,)``. Shorter sequences are padded with zeros at the end. Targets are
``(B, M)`` where only the last step is judged and ``(T, B, M)`` where every step is; the generators
say which. Where the paper of 1997 says when an answer is right, a function ``…_correct`` says it
here, given a network's outputs.

References
----------
S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8), 1735–1780.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lstm_ref.params import Array
from lstm_ref.validation import check_at_least, check_generator

__all__ = [
    "REBER_SYMBOLS",
    "TEMPORAL_ORDER_SYMBOLS",
    "ReberBatch",
    "TaskBatch",
    "adding_1997",
    "adding_correct",
    "adding_problem",
    "copy_correct",
    "copy_task",
    "embedded_reber",
    "embedded_reber_correct",
    "long_lag_correct",
    "multiplication_1997",
    "noise_free_lag",
    "parity_task",
    "random_lag",
    "temporal_order",
    "temporal_order_correct",
    "training_finished",
    "two_sequence",
    "two_sequence_solved",
    "very_long_lag",
    "very_long_lag_correct",
]


class TaskBatch(NamedTuple):
    """Sequences of a task.

    ``xs (T, B, D)``; ``targets`` as the generator says; ``lengths (B,)``, how many steps count.
    """

    xs: Array
    targets: Any
    lengths: NDArray[np.int64]


# --- experiment 1: embedded Reber grammar ---------------------------------------------------------

REBER_SYMBOLS = "BTPSXVE"

# Reber's automaton: from each state, two symbols and where each leads. State 5 emits the end.
_REBER = (
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
)


class ReberBatch(NamedTuple):
    """Strings of the embedded Reber grammar.

    ``xs (T, B, 7)``, ``lengths (B,)``; ``targets (T, B)`` are the next symbols as integers, 0 in
    the padding; ``possible (T, B, 7)`` is true for every symbol that the grammar allows next.
    """

    xs: Array
    targets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    possible: NDArray[np.bool_]


def embedded_reber(
    rng: np.random.Generator, count: int, dtype: DTypeLike = np.float64
) -> ReberBatch:
    """Draw strings of the embedded Reber grammar (experiment 1), symbol by symbol.

    A string is ``B``, then ``T`` or ``P``, a string of Reber's grammar, the same ``T`` or ``P``
    again, and ``E``. Which it was must be remembered over the whole string in between, which takes
    5 symbols or more and looks the same either way.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``. The paper draws 256 for training and 256 for testing.
    dtype : dtype, optional

    Returns
    -------
    ReberBatch
        One-hot inputs in the order of `REBER_SYMBOLS`, without the final ``E``, which is only ever
        predicted. Of two ways on, each is taken with probability ½.

    Raises
    ------
    ValueError
        If `count` is below 1.

    References
    ----------
    A. S. Reber (1967). Implicit Learning of Artificial Grammars. Journal of Verbal Learning and
    Verbal Behavior 6. — A. Cleeremans, D. Servan-Schreiber, J. L. McClelland (1989). Finite State
    Automata and Simple Recurrent Networks. Neural Computation 1(3).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import REBER_SYMBOLS, embedded_reber
    >>> batch = embedded_reber(np.random.default_rng(1), 3)
    >>> seen = batch.xs[: batch.lengths[0], 0].argmax(axis=1)
    >>> "".join(REBER_SYMBOLS[k] for k in [*seen, batch.targets[batch.lengths[0] - 1, 0]])
    'BTBPVVETE'
    """
    _check_draw(rng, count)
    strings = [_reber_string(rng) for _ in range(count)]
    lengths = np.array([len(symbols) - 1 for symbols, _ in strings], dtype=np.int64)
    codes = np.zeros((lengths.max() + 1, count), dtype=np.int64)  # (T + 1, B)
    possible = np.zeros((lengths.max(), count, len(REBER_SYMBOLS)), dtype=bool)
    for b, (symbols, following) in enumerate(strings):
        codes[: len(symbols), b] = [REBER_SYMBOLS.index(s) for s in symbols]
        for t, allowed in enumerate(following):
            possible[t, b, [REBER_SYMBOLS.index(s) for s in allowed]] = True
    running = np.arange(lengths.max())[:, None] < lengths  # (T, B)
    xs = _one_hot(codes[:-1], len(REBER_SYMBOLS), dtype) * running[:, :, None]
    return ReberBatch(xs.astype(dtype), np.where(running, codes[1:], 0), lengths, possible)


def _reber_string(rng: np.random.Generator) -> tuple[str, list[str]]:
    """Draw one string, and for each of its symbols but the last, what may follow it."""
    branch = "TP"[rng.integers(2)]
    symbols, following, state = "B" + branch + "B", ["TP", "B"], 0
    while state < len(_REBER):
        ways = _REBER[state]
        following.append(ways[0][0] + ways[1][0])
        symbol, state = ways[rng.integers(2)]
        symbols += symbol
    return symbols + "E" + branch + "E", [*following, "E", branch, "E"]


def embedded_reber_correct(outputs: ArrayLike, batch: ReberBatch) -> NDArray[np.bool_]:
    """Judge predictions by the paper: at every step the possible symbols are the most active.

    Parameters
    ----------
    outputs : array_like, shape (T, B, 7)
    batch : ReberBatch

    Returns
    -------
    ndarray of bool, shape (B,)
        True where the whole string is right: at each step every possible symbol is more active
        than every impossible one.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import embedded_reber, embedded_reber_correct
    >>> batch = embedded_reber(np.random.default_rng(0), 3)
    >>> embedded_reber_correct(batch.possible * 0.9, batch)
    array([ True,  True,  True])
    """
    outputs = _check_outputs(outputs, batch.possible.shape)
    least = np.where(batch.possible, outputs, np.inf).min(axis=2)  # (T, B)
    most = np.where(batch.possible, -np.inf, outputs).max(axis=2)  # (T, B)
    return np.asarray(((least > most) | ~_running(batch)).all(axis=0))


# --- experiment 2: noise-free and noisy long lags -------------------------------------------------


def noise_free_lag(
    rng: np.random.Generator, count: int, p: int = 100, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw the two sequences of experiment 2a: the first symbol comes back at the end.

    There are only ``(x, a₁, …, a_{p−1}, x)`` and ``(y, a₁, …, a_{p−1}, y)``, with equal
    probability.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    p : int
        The lag, at least 2; there are ``p + 1`` symbols.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (p, B, p + 1)`` one-hot: ``a₁ … a_{p−1}, x, y``. ``targets (p, B, p + 1)`` the next
        symbol at every step, one-hot.

    Raises
    ------
    ValueError
        If `count` is below 1 or `p` below 2.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import noise_free_lag
    >>> batch = noise_free_lag(np.random.default_rng(0), 1, p=4)
    >>> batch.xs[:, 0].argmax(axis=1), batch.targets[:, 0].argmax(axis=1)
    (array([4, 0, 1, 2]), array([0, 1, 2, 4]))
    """
    _check_draw(rng, count)
    check_at_least(2, p=p)
    ends = rng.integers(p - 1, p + 1, count)  # (B,)
    middle = np.broadcast_to(np.arange(p - 1)[:, None], (p - 1, count))
    codes = np.concatenate([ends[None], middle, ends[None]])  # (p + 1, B)
    one_hot = _one_hot(codes, p + 1, dtype)
    return TaskBatch(one_hot[:-1].copy(), one_hot[1:].copy(), np.full(count, p, dtype=np.int64))


def random_lag(
    rng: np.random.Generator, count: int, p: int = 100, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw sequences of experiment 2b: as 2a, but nothing in the middle can be predicted.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    p : int
        The lag, at least 2; there are ``p + 1`` symbols.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (p, B, p + 1)`` one-hot: ``a₁ … a_{p−1}, x, y``, the ``p − 1`` symbols in the middle
        drawn at random from the ``a``. ``targets (B, p + 1)``: the last symbol, one-hot; the
        others cannot be known.

    Raises
    ------
    ValueError
        If `count` is below 1 or `p` below 2.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import random_lag
    >>> batch = random_lag(np.random.default_rng(0), 3, p=4)
    >>> (batch.xs[0].argmax(axis=1) == batch.targets.argmax(axis=1)).all()
    np.True_
    """
    _check_draw(rng, count)
    check_at_least(2, p=p)
    ends = rng.integers(p - 1, p + 1, count)
    codes = np.concatenate([ends[None], rng.integers(0, p - 1, (p - 1, count))])  # (p, B)
    xs = _one_hot(codes, p + 1, dtype)
    return TaskBatch(xs, _one_hot(ends, p + 1, dtype), np.full(count, p, dtype=np.int64))


def long_lag_correct(outputs: ArrayLike, batch: TaskBatch) -> NDArray[np.bool_]:
    """Judge experiments 2a and 2b by the paper: every output is off by less than 0.25.

    Parameters
    ----------
    outputs : array_like, shape of the targets
        At every step for 2a, at the last one for 2b.
    batch : TaskBatch

    Returns
    -------
    ndarray of bool, shape (B,)
        The task counts as solved when 10,000 sequences in a row are right.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import long_lag_correct, random_lag
    >>> batch = random_lag(np.random.default_rng(0), 2, p=4)
    >>> long_lag_correct(batch.targets + [[0.2], [0.3]], batch)
    array([ True, False])
    """
    return _within(outputs, batch, 0.25)


def very_long_lag(
    rng: np.random.Generator, count: int, p: int = 50, q: int = 50, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw sequences of experiment 2c: a lag of at least ``q + 1`` with no upper end.

    First ``b``, then ``x`` or ``y``, then ``q + k`` distractors, then ``e``: now ``x`` or ``y`` is
    asked for. ``k`` grows by one with probability 9/10, so it is 9 on average.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    p : int
        Number of distractor symbols, at least 1.
    q : int
        Fewest distractors in a sequence, at least 0.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (T, B, p + 4)`` one-hot: ``a₁ … a_p, e, b, x, y``; lengths ``q + k + 3`` (the answer
        that follows is not an input). ``targets (B, 2)``: (1, 0) for ``x``, (0, 1) for ``y``, at
        the last step.

    Raises
    ------
    ValueError
        If a number is too small.

    Notes
    -----
    With the answer a sequence has ``q + k + 4`` symbols, ``q + 13`` on average. (The paper prints
    ``q + 14``.)

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import very_long_lag
    >>> batch = very_long_lag(np.random.default_rng(0), 5, p=3, q=2)
    >>> first, last = batch.xs[0].argmax(axis=1), batch.xs[batch.lengths - 1, range(5)]
    >>> first, last.argmax(axis=1)
    (array([4, 4, 4, 4, 4]), array([3, 3, 3, 3, 3]))
    """
    _check_draw(rng, count)
    check_at_least(1, p=p)
    check_at_least(0, q=q)
    answer = rng.integers(0, 2, count)  # (B,)
    distractors = q + rng.geometric(0.1, count) - 1  # (B,), q and more
    lengths = distractors + 3
    steps = int(lengths.max())
    codes = rng.integers(0, p, (steps, count))  # (T, B)
    codes[0] = p + 1
    codes[1] = p + 2 + answer
    codes[lengths - 1, np.arange(count)] = p
    running = np.arange(steps)[:, None] < lengths
    xs = _one_hot(codes, p + 4, dtype) * running[:, :, None]
    return TaskBatch(xs.astype(dtype), _one_hot(answer, 2, dtype), lengths.astype(np.int64))


def very_long_lag_correct(outputs: ArrayLike, batch: TaskBatch) -> NDArray[np.bool_]:
    """Judge experiment 2c by the paper: both outputs are off by less than 0.2.

    Parameters
    ----------
    outputs : array_like, shape (B, 2)
        At the last step.
    batch : TaskBatch

    Returns
    -------
    ndarray of bool, shape (B,)
        The task counts as solved when 10,000 sequences in a row are right.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import very_long_lag, very_long_lag_correct
    >>> batch = very_long_lag(np.random.default_rng(0), 2)
    >>> very_long_lag_correct(batch.targets + [[0.1], [0.21]], batch)
    array([ True, False])
    """
    return _within(outputs, batch, 0.2)


# --- experiment 3: two sequences ------------------------------------------------------------------


def two_sequence(
    rng: np.random.Generator,
    count: int,
    T: int = 100,
    informative: int = 3,
    noisy_inputs: bool = False,
    noisy_targets: bool = False,
    dtype: DTypeLike = np.float64,
) -> TaskBatch:
    """Draw sequences of experiment 3: the first few numbers tell the class, the rest is noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    T : int
        Lengths are uniform from ``T`` to ``T + T/10``.
    informative : int
        How many numbers at the start are +1 (class 1) or −1 (class 2): the paper's N, 3 or 1.
    noisy_inputs : bool
        Experiment 3b: noise on those numbers too.
    noisy_targets : bool
        Experiment 3c: the targets are 0.2 for class 1 and 0.8 for class 2, with Gaussian noise of
        variance 0.1. Otherwise they are 1 and 0.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (T, B, 1)``, noise of mean 0 and variance 0.2 after the informative numbers;
        ``targets (B, 1)`` at the last step.

    Raises
    ------
    ValueError
        If a number is below 1 or `informative` exceeds `T`.

    Notes
    -----
    The classes are equally likely. What noisy targets can teach is their mean: a network that
    answers 0.2 and 0.8 is right, though its error on every single target is about 0.25.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import two_sequence
    >>> batch = two_sequence(np.random.default_rng(0), 3)
    >>> (batch.xs[:3, :, 0] == 2 * batch.targets[:, 0] - 1).all()
    np.True_
    """
    _check_draw(rng, count)
    check_at_least(1, T=T, informative=informative)
    if informative > T:
        raise ValueError(f"expected informative up to T = {T}, got {informative}")
    first = rng.integers(0, 2, count).astype(bool)  # (B,) class 1?
    lengths = _draw_lengths(rng, count, T)
    xs = np.sqrt(0.2) * rng.standard_normal((lengths.max(), count))  # (T, B)
    told = np.where(first, 1.0, -1.0)
    xs[:informative] = told + xs[:informative] if noisy_inputs else told
    xs = xs * (np.arange(len(xs))[:, None] < lengths)
    if noisy_targets:
        targets = np.where(first, 0.2, 0.8) + np.sqrt(0.1) * rng.standard_normal(count)
    else:
        targets = first.astype(np.float64)
    return TaskBatch(xs[:, :, None].astype(dtype), targets[:, None].astype(dtype), lengths)


def two_sequence_solved(
    outputs: ArrayLike,
    clean_targets: ArrayLike,
    noisy_inputs: bool = False,
    noisy_targets: bool = False,
) -> tuple[bool, bool]:
    """Judge a test set of experiment 3 by the paper's two stopping criteria.

    Parameters
    ----------
    outputs, clean_targets : array_like, shape (B, 1)
        At the last step of the paper's 256 test sequences; targets without noise.
    noisy_inputs, noisy_targets : bool
        As for `two_sequence`: which experiment it is.

    Returns
    -------
    few_wrong, small_error : bool
        3a: ``ST1`` none is wrong (off by more than 0.2); ``ST2`` moreover the mean absolute error
        is below 0.01. 3b: fewer than 6 wrong; moreover below 0.04. 3c: none off by more than 0.1;
        moreover below 0.015.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import two_sequence_solved
    >>> two_sequence_solved(np.full((4, 1), 0.9), np.ones((4, 1)))
    (True, False)
    """
    clean = np.asarray(clean_targets, dtype=np.float64)
    error = np.abs(_check_outputs(outputs, clean.shape) - clean)
    tolerance, wrong_below, mean_below = 0.2, 1, 0.01
    if noisy_inputs:
        wrong_below, mean_below = 6, 0.04
    if noisy_targets:
        tolerance, wrong_below, mean_below = 0.1, 1, 0.015
    few_wrong = bool((error > tolerance).sum() < wrong_below)
    return few_wrong, few_wrong and bool(error.mean() < mean_below)


# --- experiments 4 and 5: adding and multiplication -----------------------------------------------


def adding_1997(
    rng: np.random.Generator, count: int, T: int = 100, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw sequences of experiment 4: the sum of two marked numbers.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    T : int
        At least 20. Lengths are uniform from ``T`` to ``T + T/10``.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (T, B, 2)``: values uniform in [−1, 1] and markers: 1 at two places, −1 at the first
        and the last step, else 0. One place is among the first 10 steps, the other among the first
        ``T/2 − 1`` that are still unmarked. ``targets (B, 1)`` at the last step:
        ``0.5 + (X₁ + X₂) / 4``, between 0 and 1.

    Raises
    ------
    ValueError
        If `count` is below 1 or `T` below 20.

    Notes
    -----
    The first step keeps its marker −1 even if it is one of the two; then its value counts as 0.
    (For `multiplication_1997`, as 1.)

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import adding_1997
    >>> batch = adding_1997(np.random.default_rng(0), 3)
    >>> value, marker = batch.xs[:, :, 0], batch.xs[:, :, 1]
    >>> np.allclose(0.5 + (value * (marker == 1)).sum(axis=0) / 4, batch.targets[:, 0])
    True
    """
    xs, marked, lengths = _marked_pairs(rng, count, T, -1.0)
    values = np.where(marked == 0, 0.0, xs[marked, np.arange(count), 0])  # (2, B)
    targets = 0.5 + values.sum(axis=0) / 4
    return TaskBatch(xs.astype(dtype), targets[:, None].astype(dtype), lengths)


def multiplication_1997(
    rng: np.random.Generator, count: int, T: int = 100, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw sequences of experiment 5: the product of two marked numbers.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    T : int
        At least 20. Lengths are uniform from ``T`` to ``T + T/10``.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        As `adding_1997`, but values are uniform in [0, 1] and the target is ``X₁ · X₂``, where a
        marked first step counts as 1.

    Raises
    ------
    ValueError
        If `count` is below 1 or `T` below 20.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import multiplication_1997
    >>> multiplication_1997(np.random.default_rng(0), 3).targets.shape
    (3, 1)
    """
    xs, marked, lengths = _marked_pairs(rng, count, T, 0.0)
    values = np.where(marked == 0, 1.0, xs[marked, np.arange(count), 0])  # (2, B)
    return TaskBatch(xs.astype(dtype), values.prod(axis=0)[:, None].astype(dtype), lengths)


def _marked_pairs(
    rng: np.random.Generator, count: int, T: int, low: float
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Draw values from ``[low, 1]`` with markers; also the two marked steps ``(2, B)``."""
    _check_draw(rng, count)
    check_at_least(20, T=T)
    lengths = _draw_lengths(rng, count, T)
    b = np.arange(count)
    first = rng.integers(0, 10, count)
    second = rng.integers(0, T // 2 - 1, count)
    second = second + (second >= first)  # among the steps that are still unmarked
    xs = np.zeros((lengths.max(), count, 2))
    xs[:, :, 0] = rng.uniform(low, 1, (lengths.max(), count))
    xs[first, b, 1] = 1
    xs[second, b, 1] = 1
    xs[0, :, 1] = -1
    xs[lengths - 1, b, 1] = -1
    xs *= (np.arange(len(xs))[:, None] < lengths)[:, :, None]
    return xs, np.stack([first, second]), lengths


def adding_correct(outputs: ArrayLike, batch: TaskBatch) -> NDArray[np.bool_]:
    """Judge experiments 4 and 5 by the paper: the error is below 0.04.

    Parameters
    ----------
    outputs : array_like, shape (B, 1)
        At the last step.
    batch : TaskBatch

    Returns
    -------
    ndarray of bool, shape (B,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import adding_1997, adding_correct
    >>> batch = adding_1997(np.random.default_rng(0), 2)
    >>> adding_correct(batch.targets + [[0.03], [-0.05]], batch)
    array([ True, False])
    """
    return _within(outputs, batch, 0.04)


def training_finished(
    errors: ArrayLike,
    tolerance: float = 0.04,
    mean_below: float | None = 0.01,
    wrong_below: int = 1,
    window: int = 2000,
) -> bool:
    """Say whether the paper would stop training (experiments 4 to 6).

    Parameters
    ----------
    errors : array_like, shape (N,)
        Absolute error of each training sequence so far, in order; the largest of its outputs.
    tolerance : float
        From where on a sequence counts as wrong: 0.04 for experiments 4 and 5, 0.3 for 6.
    mean_below : float, optional
        Bar for the mean error of the last `window` sequences: 0.01 for 4, 0.1 for 6, None for 5.
    wrong_below : int
        Bar for the number of wrong ones among them: 1 for 4 and 6; the paper's n, 140 or 13, for 5.
    window : int
        At least 1.

    Returns
    -------
    bool
        False as long as fewer than `window` sequences were seen.

    Raises
    ------
    ValueError
        If `errors` is not one row of numbers or `window` is below 1.

    Examples
    --------
    >>> from lstm_ref import training_finished
    >>> training_finished([0.5] + [0.001] * 2000), training_finished([0.001] * 1999)
    (True, False)
    """
    check_at_least(1, window=window)
    rows = np.asarray(errors, dtype=np.float64)
    if rows.ndim != 1:
        raise ValueError(f"expected errors of shape (N,), got {rows.shape}")
    last = rows[-window:]
    if len(last) < window or not (last >= tolerance).sum() < wrong_below:
        return False
    return mean_below is None or bool(last.mean() < mean_below)


# --- experiment 6: temporal order -----------------------------------------------------------------

TEMPORAL_ORDER_SYMBOLS = "EBXYabcd"


def temporal_order(
    rng: np.random.Generator, count: int, marks: int = 2, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw sequences of experiment 6: name the order in which two or three symbols came.

    ``E`` first, ``B`` last, in between ``a b c d`` at random, but at two or three places an ``X``
    or a ``Y``.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    marks : int
        2 (experiment 6a): places 10 to 20 and 50 to 60. 3 (experiment 6b): places 10 to 20, 33 to
        43 and 66 to 76. The first symbol has place 1.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (T, B, 8)`` one-hot in the order of `TEMPORAL_ORDER_SYMBOLS`, lengths 100 to 110.
        ``targets (B, 4)`` or ``(B, 8)``, one-hot at the last step: the class counts ``X`` as 0 and
        ``Y`` as 1, so ``XX, XY, YX, YY`` are 0 to 3.

    Raises
    ------
    ValueError
        If `count` is below 1 or `marks` is neither 2 nor 3.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import temporal_order
    >>> batch = temporal_order(np.random.default_rng(1), 1)
    >>> marks = batch.xs[:, 0, 2:4]
    >>> marks[marks.any(axis=1)].argmax(axis=1), int(batch.targets[0].argmax())
    (array([1, 0]), 2)
    """
    _check_draw(rng, count)
    if marks not in (2, 3):
        raise ValueError(f"expected marks as 2 or 3, got {marks}")
    starts = (10, 50) if marks == 2 else (10, 33, 66)
    lengths = rng.integers(100, 111, count)
    b = np.arange(count)
    codes = rng.integers(4, 8, (lengths.max(), count))  # (T, B)
    codes[0] = 0
    codes[lengths - 1, b] = 1
    kind = np.zeros(count, dtype=np.int64)
    for start in starts:
        place = rng.integers(start, start + 11, count) - 1
        symbol = rng.integers(0, 2, count)
        codes[place, b] = 2 + symbol
        kind = 2 * kind + symbol
    running = np.arange(len(codes))[:, None] < lengths
    xs = _one_hot(codes, len(TEMPORAL_ORDER_SYMBOLS), dtype) * running[:, :, None]
    return TaskBatch(xs.astype(dtype), _one_hot(kind, 2**marks, dtype), lengths.astype(np.int64))


def temporal_order_correct(outputs: ArrayLike, batch: TaskBatch) -> NDArray[np.bool_]:
    """Judge experiment 6 by the paper: every output is off by less than 0.3.

    Parameters
    ----------
    outputs : array_like, shape (B, 4) or (B, 8)
        At the last step.
    batch : TaskBatch

    Returns
    -------
    ndarray of bool, shape (B,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import temporal_order, temporal_order_correct
    >>> batch = temporal_order(np.random.default_rng(0), 2)
    >>> temporal_order_correct(batch.targets + [[0.29], [-0.31]], batch)
    array([ True, False])
    """
    return _within(outputs, batch, 0.3)


# --- later years ----------------------------------------------------------------------------------


def adding_problem(
    rng: np.random.Generator, count: int, T: int = 50, dtype: DTypeLike = np.float64
) -> TaskBatch:
    """Draw sequences of the adding problem as it is set today.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    T : int
        Length of every sequence, at least 2.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (T, B, 2)``: values uniform in [0, 1], and a marker that is 1 once in each half, else
        0. ``targets (B, 1)`` at the last step: the sum of the two marked values. Always answering
        1, the mean, has a mean squared error of 1/6.

    Raises
    ------
    ValueError
        If `count` is below 1 or `T` below 2.

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8), for the
    first form. — Q. V. Le, N. Jaitly, G. E. Hinton (2015). A Simple Way to Initialize Recurrent
    Networks of Rectified Linear Units. arXiv:1504.00941.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import adding_problem
    >>> batch = adding_problem(np.random.default_rng(0), 3)
    >>> np.allclose(batch.xs.prod(axis=2).sum(axis=0), batch.targets[:, 0])
    True
    """
    _check_draw(rng, count)
    check_at_least(2, T=T)
    b = np.arange(count)
    xs = np.zeros((T, count, 2))
    xs[:, :, 0] = rng.uniform(0, 1, (T, count))
    xs[rng.integers(0, T // 2, count), b, 1] = 1
    xs[rng.integers(T // 2, T, count), b, 1] = 1
    xs = xs.astype(dtype)
    targets = (xs[:, :, 0] * xs[:, :, 1]).sum(axis=0)[:, None]
    return TaskBatch(xs, targets, np.full(count, T, dtype=np.int64))


def copy_task(
    rng: np.random.Generator,
    count: int,
    lag: int = 20,
    symbols: int = 8,
    word: int = 10,
    dtype: DTypeLike = np.float64,
) -> TaskBatch:
    """Draw sequences of the copy task: keep a word through a silence, then say it.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    lag : int
        Steps between the word and its repetition, at least 1. The last of them shows the signal to
        speak.
    symbols : int
        Size of the alphabet, at least 1.
    word : int
        Length of the word, at least 1.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (2·word + lag, B, symbols + 2)`` one-hot: the alphabet, silence, signal.
        ``targets (2·word + lag, B)``, integers at every step: silence (``symbols``) until the last
        ``word`` steps, which want the word.

    Raises
    ------
    ValueError
        If a number is below 1.

    Notes
    -----
    Without memory, the best is silence and then a guess: a mean cross-entropy of
    ``word · log(symbols) / (2·word + lag)``.

    References
    ----------
    M. Arjovsky, A. Shah, Y. Bengio (2016). Unitary Evolution Recurrent Neural Networks. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import copy_task
    >>> batch = copy_task(np.random.default_rng(0), 1, lag=2, symbols=4, word=3)
    >>> batch.xs[:, 0].argmax(axis=1), batch.targets[:, 0]
    (array([3, 2, 2, 4, 5, 4, 4, 4]), array([4, 4, 4, 4, 4, 3, 2, 2]))
    """
    _check_draw(rng, count)
    check_at_least(1, lag=lag, symbols=symbols, word=word)
    steps = 2 * word + lag
    said = rng.integers(0, symbols, (word, count))
    codes = np.full((steps, count), symbols)
    codes[:word] = said
    codes[word + lag - 1] = symbols + 1
    targets = np.full((steps, count), symbols)
    targets[-word:] = said
    lengths = np.full(count, steps, dtype=np.int64)
    return TaskBatch(_one_hot(codes, symbols + 2, dtype), targets, lengths)


def copy_correct(outputs: ArrayLike, batch: TaskBatch) -> NDArray[np.bool_]:
    """Judge the copy task: the most active output is right at every step.

    Parameters
    ----------
    outputs : array_like, shape (T, B, symbols + 1) or (T, B, symbols + 2)
        Scores of the alphabet and silence (and, never wanted, the signal).
    batch : TaskBatch

    Returns
    -------
    ndarray of bool, shape (B,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import copy_correct, copy_task
    >>> batch = copy_task(np.random.default_rng(0), 2)
    >>> copy_correct(np.eye(9)[batch.targets], batch)
    array([ True,  True])
    """
    steps, count = batch.targets.shape
    size = batch.xs.shape[2]
    scores = np.asarray(outputs)
    if scores.shape not in ((steps, count, size - 1), (steps, count, size)):
        raise ValueError(
            f"expected outputs of shape ({steps}, {count}, {size - 1}), got {scores.shape}"
        )
    return np.asarray((scores.argmax(axis=2) == batch.targets).all(axis=0))


def parity_task(
    rng: np.random.Generator,
    count: int,
    T: int = 50,
    shortest: int | None = None,
    dtype: DTypeLike = np.float64,
) -> TaskBatch:
    """Draw bit strings, and whether the number of ones is odd.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    T : int
        Longest length, at least 1.
    shortest : int, optional
        Lengths are uniform from here to `T`; all are `T` if omitted.
    dtype : dtype, optional

    Returns
    -------
    TaskBatch
        ``xs (T, B, 1)`` of zeros and ones. ``targets (T, B)``, integers at every step: the parity
        so far, 0 in the padding. The hard form asks for the last one alone,
        ``targets[lengths - 1, range(B)]``.

    Raises
    ------
    ValueError
        If a number is below 1 or `shortest` exceeds `T`.

    Notes
    -----
    Two states are enough, but every bit counts: a change of any one turns the answer, so nothing
    is learned from getting near. Hochreiter and Schmidhuber name 500-step parity among the limits
    of their method.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import parity_task
    >>> batch = parity_task(np.random.default_rng(0), 1, T=6)
    >>> batch.xs[:, 0, 0], batch.targets[:, 0]
    (array([1., 1., 1., 0., 0., 0.]), array([1, 0, 1, 1, 1, 1]))
    """
    _check_draw(rng, count)
    check_at_least(1, T=T)
    shortest = T if shortest is None else shortest
    check_at_least(1, shortest=shortest)
    if shortest > T:
        raise ValueError(f"expected shortest up to T = {T}, got {shortest}")
    lengths = rng.integers(shortest, T + 1, count)
    running = np.arange(T)[:, None] < lengths  # (T, B)
    bits = rng.integers(0, 2, (T, count)) * running
    targets = np.cumsum(bits, axis=0) % 2 * running
    return TaskBatch(bits[:, :, None].astype(dtype), targets, lengths.astype(np.int64))


# --- helpers --------------------------------------------------------------------------------------


def _one_hot(codes: NDArray[Any], size: int, dtype: DTypeLike) -> Array:
    return np.asarray(codes[..., None] == np.arange(size)).astype(dtype)


def _draw_lengths(rng: np.random.Generator, count: int, T: int) -> NDArray[np.int64]:
    """Draw lengths uniformly from ``T`` to ``T + T/10``."""
    return rng.integers(T, T + T // 10 + 1, count).astype(np.int64)


def _running(batch: Any) -> NDArray[np.bool_]:
    return np.asarray(np.arange(batch.xs.shape[0])[:, None] < batch.lengths)  # (T, B)


def _within(outputs: ArrayLike, batch: TaskBatch, tolerance: float) -> NDArray[np.bool_]:
    """Say which sequences have all judged outputs within `tolerance`."""
    near = np.abs(_check_outputs(outputs, batch.targets.shape) - batch.targets) < tolerance
    right = near.all(axis=-1)  # (B,) or (T, B)
    return np.asarray(right if right.ndim == 1 else (right | ~_running(batch)).all(axis=0))


def _check_outputs(outputs: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    outputs = np.asarray(outputs)
    if outputs.shape != shape:
        raise ValueError(f"expected outputs of shape {shape}, got {outputs.shape}")
    return outputs


def _check_draw(rng: Any, count: int) -> None:
    check_generator(rng)
    check_at_least(1, count=count)
