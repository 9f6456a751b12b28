"""What the fast cells share: how a sequence is laid out in memory and cut into blocks of time.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size. Callers see ``(T, B, D)``. Inside,
the batch comes last, ``(T, D, B)``: the rows of one gate then lie in one piece of memory, and so do
neighbouring gates, which is what lets one NumPy call work on several of them.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.params import Array
from lstm_ref.validation import check_array, check_lengths

__all__ = [
    "as_columns",
    "block_size",
    "check_gradients",
    "joining_states",
    "order_for",
    "read_lengths",
    "repeated",
    "spread_gradients",
    "states_at",
    "time_blocks",
    "write_inputs",
    "write_outputs",
]

Lengths = NDArray[np.integer[Any]]

# Numbers in one working array of a block of time: small enough to stay in a core's cache, large
# enough that what is done once a block costs little next to what is done once a step.
BLOCK_NUMBERS = 1 << 17
# Columns (steps times batch) a block should have for its weight gradient to be a good product.
BLOCK_COLUMNS = 512


def read_lengths(lengths: ArrayLike | None, steps: int, batch_size: int) -> Lengths | None:
    """Check the lengths of a batch; None when all sequences are whole."""
    if lengths is None:
        return None
    check_lengths(lengths, steps, batch_size)
    return np.array(lengths)


def write_inputs(rows: Array, xs: Array, lengths: Lengths | None) -> None:
    """Write ``xs (T, B, D)`` to ``rows (T, D, B)``.

    What lies past a sequence's end is replaced by zeros, so nothing found there can do harm.
    """
    rows[...] = xs.transpose(0, 2, 1)
    if lengths is not None:
        ended = np.arange(len(xs))[:, None] >= lengths  # (T, B)
        np.copyto(rows, 0, where=ended[:, None])


def order_for(batch_size: int) -> Literal["C", "F"]:
    """Say how a weight matrix should lie: by column for a single vector, by row for several."""
    return "F" if batch_size == 1 else "C"


def repeated(steps: int, shape: tuple[int, ...], dtype: Any, keep: bool) -> Array:
    """Make room for one array a step: all of them, or a single one that every step overwrites.

    The second kind saves memory for what a forward pass alone will never read again.
    """
    if keep:
        return np.empty((steps, *shape), dtype)
    slot: Array = np.empty(shape, dtype)
    every: Array = np.lib.stride_tricks.as_strided(slot, (steps, *shape), (0, *slot.strides))
    return every


def states_at(states: Array, lengths: Lengths | None) -> Array:
    """Take each sequence's state after its last step from ``states (T + 1, H, B)``: ``(B, H)``."""
    last: Array = states[-1].T
    if lengths is not None:
        last = states[lengths, :, np.arange(states.shape[2])]
    return last.copy()


def write_outputs(hs: Array, states: Array, lengths: Lengths | None) -> None:
    """Write ``states (T, H, B)`` to ``hs (T, B, H)``, zeros past each sequence's end."""
    hs[...] = states.transpose(0, 2, 1)
    if lengths is not None:
        hs[np.arange(len(hs))[:, None] >= lengths] = 0


def check_gradients(dhs: Any, shape: tuple[int, int, int], **finals: Any) -> None:
    """Raise unless ``dhs (T, B, H)`` and the final states' gradients ``(B, H)`` or None fit."""
    check_array("dhs", dhs, shape)
    for name, value in finals.items():
        if value is not None:
            check_array(name, value, shape[1:])


def spread_gradients(
    spread: Array, dhs: Array, dh_T: Array | None, lengths: Lengths | None
) -> None:
    """Write the loss gradient of the state after ``s`` steps, for every ``s`` from 0 to T.

    Parameters
    ----------
    spread : ndarray, shape (T + 1, H, B)
        Becomes zero past each sequence's end; `dh_T` is added where its sequence ends. Slot 0 is
        the initial state's own, where a sequence of length 0 has its `dh_T`.
    dhs : ndarray, shape (T, B, H)
    dh_T : ndarray, shape (B, H), or None
    lengths : ndarray of int, shape (B,), or None
    """
    spread[0] = 0
    write_inputs(spread[1:], dhs, lengths)
    if dh_T is not None:
        ends = len(dhs) if lengths is None else lengths
        spread[ends, :, np.arange(spread.shape[2])] += dh_T


def joining_states(
    d_T: Array | None, lengths: Lengths | None, steps: int, batch_size: int
) -> list[Array | None]:
    """List, for every number of steps from 0 to T, the gradient of states final after that many.

    Returns
    -------
    list of (ndarray, shape (H, B)) or None
        Zero for the sequences that end elsewhere; None where none ends.
    """
    joining: list[Array | None] = [None] * (steps + 1)
    if d_T is not None:
        ends = np.full(batch_size, steps) if lengths is None else lengths
        for end in np.unique(ends):
            joining[end] = np.where(ends == end, d_T.T, 0)
    return joining


def block_size(steps: int, step_numbers: int, batch_size: int) -> int:
    """Say how many steps make a block of time, if one adds `step_numbers` to a working array."""
    wanted = max(BLOCK_NUMBERS // step_numbers, -(-BLOCK_COLUMNS // batch_size))
    return min(wanted, steps)


def time_blocks(steps: int, size: int) -> Iterator[slice]:
    """Cut time into blocks of `size` steps, last block first; only the first in time is shorter."""
    for stop in range(steps, 0, -size):
        yield slice(max(stop - size, 0), stop)


def as_columns(block: Array) -> Array:
    """Turn a block of time ``(n, K, B)`` into ``(K, n B)``, so one product can sum over it."""
    return block.transpose(1, 0, 2).reshape(block.shape[1], -1)
