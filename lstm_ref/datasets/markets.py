"""Prices of two American share indices, as the package arch carries them.

They are imported and never copied: what may be done with them is not stated. So the book needs
`arch`, and nothing else in the course does.

Shapes
------
``N`` trading days.
"""

import hashlib
from importlib import import_module
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm_ref.params import Array

__all__ = ["MARKETS", "Market", "market"]

#: The indices there are, and the SHA-256 of their dates and numbers.
MARKETS = {
    "sp500": "2532484cbc9ad02a5d970dad4bcd9c386698cfd4c6224a22bb1576b6c5b5c32c",
    "nasdaq": "36440eb98aec14a64f8786e11fc87997dcf48a4941d27ecf5fbb78505e37f0ca",
}

COLUMNS = ("Open", "High", "Low", "Close", "Volume")


class Market(NamedTuple):
    """An index day by day: ``dates (N,)``, prices ``(N,)`` in points, ``volume (N,)`` in shares."""

    dates: NDArray[np.datetime64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def market(name: str = "sp500") -> Market:
    """Load an index: every trading day from 1999 to 2018.

    Parameters
    ----------
    name : str
        ``sp500`` or ``nasdaq``.

    Returns
    -------
    Market
        5,031 days, float64, new arrays at every call.

    Raises
    ------
    ValueError
        If there is no such index, or the numbers are not those that the book was written with.
    ImportError
        If the package arch is not installed.

    Notes
    -----
    The numbers are those of ``arch.data.sp500`` and ``arch.data.nasdaq`` (arch 8.0.0, NCSA
    licence). Of the prices themselves, the package states neither source nor licence.

    References
    ----------
    K. Sheppard (2025). arch, version 8.0.0. doi:10.5281/zenodo.593254.

    Examples
    --------
    >>> from lstm_ref.datasets.markets import market
    >>> market("ftse")
    Traceback (most recent call last):
    ValueError: expected an index out of sp500, nasdaq, got 'ftse'
    """
    if name not in MARKETS:
        raise ValueError(f"expected an index out of {', '.join(MARKETS)}, got {name!r}")
    try:
        table = import_module(f"arch.data.{name}").load()
    except ImportError as error:
        raise ImportError(
            "expected the package arch, which carries the prices, got none; install it with  "
            "pip install 'lstm-course[book]'"
        ) from error
    dates = table.index.to_numpy().astype("datetime64[D]")
    columns = [table[key].to_numpy(dtype=np.float64) for key in COLUMNS]
    found = Market(dates, *columns)
    digest = _digest(found)
    if digest != MARKETS[name]:
        raise ValueError(
            f"expected the index {name} with SHA-256 {MARKETS[name][:12]}…, got {digest[:12]}… "
            f"({len(dates)} days): this version of arch has other numbers than the book was "
            "written with"
        )
    return found


def _digest(found: Market) -> str:
    sha = hashlib.sha256(found.dates.astype(np.int64).astype("<i8").tobytes())
    for column in found[1:]:
        sha.update(column.astype("<f8").tobytes())
    return sha.hexdigest()
