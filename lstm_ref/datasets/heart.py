"""An electrocardiogram in which one heartbeat comes too early.

Shapes
------
``N`` samples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm_ref.datasets.store import load_arrays
from lstm_ref.params import Array

__all__ = ["Heartbeat", "heartbeat"]

SHA256 = "add0a3d0985090ef19a0579a1cbd647480325f72190891c662e810236b1de0c8"


class Heartbeat(NamedTuple):
    """A signal ``(N,)`` in millivolts, where it is ``odd (N,)``, and samples a second, ``rate``."""

    signal: Array
    odd: NDArray[np.bool_]
    rate: float


def heartbeat() -> Heartbeat:
    """Load 21 seconds of an electrocardiogram: regular beats, and a premature one near the end.

    Returns
    -------
    Heartbeat
        7,500 samples, float64, at 360 a second. The odd stretch begins after the beat before the
        premature one and ends after the pause that follows it.

    Raises
    ------
    ValueError
        If the file is damaged.
    FileNotFoundError
        If it is missing.

    Notes
    -----
    Lead MLII of record 100 of the MIT-BIH Arrhythmia Database, samples 92,500 to 99,999 (licence
    ODC-By 1.0, doi:10.13026/C2F305), as the package sktime 1.2.0 (BSD licence) carries it, with its
    marks.

    References
    ----------
    G. B. Moody, R. G. Mark (2001). The Impact of the MIT-BIH Arrhythmia Database. IEEE Engineering
    in Medicine and Biology Magazine 20(3).

    Examples
    --------
    >>> from lstm_ref.datasets import heartbeat
    >>> signal, odd, rate = heartbeat()
    >>> signal.shape, int(odd.sum()), rate
    ((7500,), 352, 360.0)
    """
    arrays = load_arrays("heartbeat", SHA256)
    return Heartbeat(arrays["signal_200ths"] / 200, arrays["odd"], 360.0)
