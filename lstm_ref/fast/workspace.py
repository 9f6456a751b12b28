"""Arrays and views that outlive a call, so that a training step need not make them anew.

A training step asks for the same arrays as the step before, and gives them back. Getting memory
from the system costs an interrupt for each 4 KB of it, and a NumPy view of one time step costs as
much as a sixth of a small operation on it; a thousand steps have ten thousand such views. So the
arrays of a pass and the views its loop walks over are made once, as a *workspace*, and lent out.

A `Loan` holds a workspace. When the last reference to a loan goes, as a tape's does when the next
training step replaces it, the workspace is idle again and serves the next pass of the same shape.
No two passes ever share one, and no result points into one.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np

__all__ = ["Loan", "borrow", "clear"]

Space = TypeVar("Space")

# Bytes of idle workspaces to keep at most: the oldest go first.
KEEP_BYTES = 160 << 20


class Pool:
    """Idle workspaces, the latest last."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.idle: OrderedDict[Hashable, list[tuple[Any, int]]] = OrderedDict()
        self.bytes = 0

    def take(self, key: Hashable) -> tuple[Any, int] | None:
        """Return an idle workspace and its size, or None."""
        with self.lock:
            spaces = self.idle.get(key)
            if not spaces:
                return None
            found = spaces.pop()
            if not spaces:
                del self.idle[key]
            self.bytes -= found[1]
            return found

    def give(self, key: Hashable, found: tuple[Any, int]) -> None:
        """Take a workspace back; what is over the limit is forgotten, the oldest first."""
        with self.lock:
            self.idle.setdefault(key, []).append(found)
            self.idle.move_to_end(key)
            self.bytes += found[1]
            while self.bytes > KEEP_BYTES:
                oldest = next(iter(self.idle))
                self.bytes -= self.idle[oldest].pop(0)[1]
                if not self.idle[oldest]:
                    del self.idle[oldest]

    def clear(self) -> None:
        """Forget all that is idle."""
        with self.lock:
            self.idle.clear()
            self.bytes = 0


_pool = Pool()


class Loan(Generic[Space]):
    """The one holder of a workspace, which is idle again when the loan is gone."""

    __slots__ = ("_give", "_key", "_size", "space")

    def __init__(self, space: Space, size: int, key: Hashable) -> None:
        self.space, self._size, self._key, self._give = space, size, key, _pool.give

    def __del__(self) -> None:
        """Return the workspace."""
        self._give(self._key, (self.space, self._size))

    def __reduce__(self) -> Any:
        """Refuse to be copied: a workspace has one holder."""
        raise TypeError("a tape cannot be copied or pickled; run the forward pass again")


def borrow(make: Callable[..., Space], *arguments: Hashable) -> Loan[Space]:
    """Lend out a workspace ``make(*arguments)``, an idle one if there is.

    What it held before is still in it: a borrower writes before it reads.
    """
    key = (make, *arguments)
    found = _pool.take(key)
    if found is not None:
        return Loan(*found, key=key)
    space = make(*arguments)
    return Loan(space, sum(map(_bytes, vars(space).values())), key)


def _bytes(value: object) -> int:
    """Return the memory of an array; one that repeats a single slot has that slot's."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return 0
    return value.nbytes if value.strides[0] else value[0].nbytes


def clear() -> None:
    """Let go of all idle workspaces, and so of their memory.

    Examples
    --------
    >>> from lstm_ref.fast import workspace
    >>> workspace.clear()
    """
    _pool.clear()
