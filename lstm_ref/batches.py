"""What a training loop is fed: data sets in epochs, texts in windows, streams that go on.

Shapes
------
``T`` time, ``N`` sequences or tokens in all, ``B`` sequences in a batch, ``D`` input size.

Each function makes a ``next_batch`` for `train`: ``(rng, step) → SequenceBatch``. A batch depends
on these two alone, so a resumed run gets the batches of one that was never stopped.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.architectures import time_windows
from lstm_ref.params import Array
from lstm_ref.sequence_model import SequenceBatch
from lstm_ref.validation import check_lengths

__all__ = ["epoch_batches", "random_windows", "stream_batches", "token_streams"]

NextBatch = Callable[[np.random.Generator, int], SequenceBatch]


def epoch_batches(
    xs: Array,
    targets: ArrayLike,
    batch_size: int,
    seed: int,
    lengths: ArrayLike | None = None,
    every_step: bool = False,
) -> NextBatch:
    """Go through a data set again and again, shuffled anew each time.

    Parameters
    ----------
    xs : ndarray, shape (T, N, D), or tokens (T, N)
        All sequences.
    targets : array_like, shape (N, ...), or (T, N, ...) with `every_step`
    batch_size : int
        From 1 to ``N``. The last batch of an epoch may be smaller.
    seed : int
        Decides every shuffle: the order within an epoch depends on it and the epoch's number alone,
        so a resumed run goes on in the middle of an epoch.
    lengths : array_like of int, shape (N,), optional
        Batches are cut off after their longest sequence.
    every_step : bool
        Whether `targets` has a time axis.

    Returns
    -------
    callable
        ``(rng, step) → SequenceBatch``, for `train`.

    Raises
    ------
    ValueError
        If numbers of sequences do not fit, an axis is empty, a length is negative or larger than
        T, or `batch_size` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import epoch_batches
    >>> next_batch = epoch_batches(np.zeros((7, 5, 1)), np.arange(5), batch_size=2, seed=0)
    >>> [len(next_batch(None, step).targets) for step in range(4)]
    [2, 2, 1, 2]
    """
    targets = np.asarray(targets)
    if np.ndim(xs) < 2 or np.size(xs) == 0:
        raise ValueError(f"expected xs of shape (T, N, …) with no axis empty, got {np.shape(xs)}")
    count, axis = xs.shape[1], 1 if every_step else 0
    if targets.ndim <= axis or targets.shape[axis] != count:
        raise ValueError(f"expected targets of {count} sequences, got shape {targets.shape}")
    if lengths is not None:
        check_lengths(lengths, xs.shape[0], count)
    ends = None if lengths is None else np.asarray(lengths)
    if not 1 <= batch_size <= count:
        raise ValueError(f"expected a batch_size from 1 to {count}, got {batch_size}")
    per_epoch = -(-count // batch_size)

    def next_batch(rng: Any, step: int) -> SequenceBatch:
        epoch, k = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(count)
        at = order[k * batch_size : (k + 1) * batch_size]
        own = None if ends is None else ends[at]
        longest = xs.shape[0] if own is None else max(int(own.max()), 1)
        wanted = targets[:longest, at] if every_step else targets[at]
        return SequenceBatch(xs[:longest, at], wanted, own)

    return next_batch


def random_windows(tokens: ArrayLike, window: int, batch_size: int) -> NextBatch:
    """Cut windows out of a long text at random, each with the tokens that follow.

    Parameters
    ----------
    tokens : array_like of int, shape (N,)
    window : int
        Tokens a window, from 1 to ``N − 1``.
    batch_size : int
        At least 1.

    Returns
    -------
    callable
        ``(rng, step) → SequenceBatch``: ``xs (window, B)`` tokens, and as ``targets (window, B)``
        each one's successor.

    Raises
    ------
    ValueError
        If there are not that many tokens, or a number is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import random_windows
    >>> batch = random_windows(np.arange(100), 3, 1)(np.random.default_rng(0), 0)
    >>> batch.targets[:, 0] - batch.xs[:, 0]
    array([1, 1, 1])
    """
    text = _as_text(tokens)
    if not 1 <= window < text.size:
        raise ValueError(f"expected a window from 1 to {text.size - 1}, got {window}")
    if batch_size < 1:
        raise ValueError(f"expected a batch_size of at least 1, got {batch_size}")

    def next_batch(rng: np.random.Generator, step: int) -> SequenceBatch:
        starts = rng.integers(0, text.size - window, batch_size)
        at = starts + np.arange(window)[:, None]  # (window, B)
        return SequenceBatch(text[at], text[at + 1])

    return next_batch


def token_streams(tokens: ArrayLike, batch_size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cut a long text into equal parts to be read side by side, each token with its successor.

    Parameters
    ----------
    tokens : array_like of int, shape (N,)
    batch_size : int
        ``B``, from 1 to ``N − 1``.

    Returns
    -------
    xs, targets : ndarray of int, shape (T, B)
        With ``T = (N − 1) // B``; column ``b`` of `xs` is the text's part ``b``. Up to ``B − 1``
        tokens at the end are left out. For `stream_batches`.

    Raises
    ------
    ValueError
        If there are not that many tokens, or `batch_size` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import token_streams
    >>> xs, targets = token_streams(np.arange(8), 2)
    >>> xs[:, 0], xs[:, 1], targets[:, 1]
    (array([0, 1, 2]), array([3, 4, 5]), array([4, 5, 6]))
    """
    text = _as_text(tokens)
    if not 1 <= batch_size < text.size:
        raise ValueError(f"expected a batch_size from 1 to {text.size - 1}, got {batch_size}")
    steps = (text.size - 1) // batch_size
    count = steps * batch_size
    xs, targets = (
        part.reshape(batch_size, steps).T for part in (text[:count], text[1 : count + 1])
    )
    return np.ascontiguousarray(xs), np.ascontiguousarray(targets)


def stream_batches(
    xs: ArrayLike, targets: ArrayLike, window: int, lengths: ArrayLike | None = None
) -> NextBatch:
    """Go through long sequences window by window, each batch going on where the last one ended.

    Made for truncated backpropagation with a carried state: see `train`. After the last window
    all sequences begin again, which the batch says in ``starts``.

    Parameters
    ----------
    xs : array_like, shape (T, B, D), or tokens (T, B)
    targets : array_like, shape (T, B, ...)
    window : int
        Steps a window, at least 1; the last one may be shorter.
    lengths : array_like of int, shape (B,), optional
        How many steps of each sequence count. One that has ended holds its state.

    Returns
    -------
    callable
        ``(rng, step) → SequenceBatch``, for `train`.

    Raises
    ------
    ValueError
        If shapes do not fit, an axis is empty, `window` is below 1, or a length is negative or
        larger than T.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import stream_batches, token_streams
    >>> next_batch = stream_batches(*token_streams(np.arange(11), 2), window=3)
    >>> [next_batch(None, step).xs[:, 0].tolist() for step in range(3)]
    [[0, 1, 2], [3, 4], [0, 1, 2]]
    >>> [bool(next_batch(None, step).starts.all()) for step in range(3)]
    [True, False, True]
    """
    stream, wanted = np.asarray(xs), np.asarray(targets)
    if stream.ndim not in (2, 3) or stream.size == 0:
        raise ValueError(
            f"expected xs of shape (T, B, D) or (T, B) with no axis empty, got {stream.shape}"
        )
    if wanted.shape[:2] != stream.shape[:2]:
        steps, size = stream.shape[:2]
        raise ValueError(f"expected targets of shape ({steps}, {size}, …), got {wanted.shape}")
    if lengths is not None:
        check_lengths(lengths, *stream.shape[:2])
    windows = time_windows(len(stream), window, lengths)

    def next_batch(rng: Any, step: int) -> SequenceBatch:
        k = step % len(windows)
        part, ends = windows[k]
        starts = np.full(stream.shape[1], k == 0)
        return SequenceBatch(stream[part], wanted[part], ends, starts=starts)

    return next_batch


def _as_text(tokens: ArrayLike) -> NDArray[Any]:
    text: NDArray[Any] = np.asarray(tokens)
    if text.ndim != 1 or not np.issubdtype(text.dtype, np.integer):
        raise ValueError(
            f"expected tokens as integers of shape (N,), got {text.dtype} {text.shape}"
        )
    return text
