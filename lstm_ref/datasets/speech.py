"""Spoken vowels of nine men, as sequences of differing length.

Shapes
------
``T`` longest utterance, ``N`` utterances, 12 coefficients; time-major.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm_ref.datasets.store import load_arrays
from lstm_ref.params import Array

__all__ = ["JapaneseVowels", "Utterances", "japanese_vowels"]

SHA256 = "3cc973337679474a2e1a04adcdb83b9c57f71b027f60330d04ff689c5b6a87be"


class Utterances(NamedTuple):
    """Utterances with their speakers.

    ``xs (T, N, 12)``, cepstral coefficients without unit, zero after an utterance's end;
    ``lengths (N,)`` in frames of 6.4 ms; ``speakers (N,)``, 0 to 8.
    """

    xs: Array
    lengths: NDArray[np.int64]
    speakers: NDArray[np.int64]


class JapaneseVowels(NamedTuple):
    """The two parts, as published: 270 utterances to train on, 370 of other occasions to test."""

    train: Utterances
    test: Utterances


def japanese_vowels() -> JapaneseVowels:
    """Load the Japanese Vowels: nine men say /ae/, again and again.

    Returns
    -------
    JapaneseVowels
        Two `Utterances`, float64. Lengths are 7 to 29 frames. The training part has 30 utterances
        of every speaker, the test part 24 to 88 of the same speakers.

    Raises
    ------
    ValueError
        If the file is damaged.
    FileNotFoundError
        If it is missing.

    Notes
    -----
    The sound was sampled at 10 kHz; every 6.4 ms a frame of 25.6 ms was described by 12 cepstral
    coefficients of a linear prediction of order 12. The numbers are exactly those of the files of
    the package aeon 1.6.0 (BSD licence), which has them from the UCI Machine Learning Repository
    (licence CC BY 4.0, doi:10.24432/C5NS47).

    References
    ----------
    M. Kudo, J. Toyama, M. Shimbo (1999). Multidimensional Curve Classification Using
    Passing-Through Regions. Pattern Recognition Letters 20(11–13).

    Examples
    --------
    >>> from lstm_ref.datasets import japanese_vowels
    >>> train, test = japanese_vowels()
    >>> train.xs.shape, test.xs.shape, int(test.lengths.max())
    ((26, 270, 12), (29, 370, 12), 29)
    """
    arrays = load_arrays("japanese_vowels", SHA256)
    return JapaneseVowels(*(_utterances(arrays, part) for part in ("train", "test")))


def _utterances(arrays: dict[str, NDArray[np.int32]], part: str) -> Utterances:
    lengths = arrays[f"{part}_lengths"].astype(np.int64)
    ends = np.cumsum(lengths)
    xs = np.zeros((int(lengths.max()), len(lengths), 12))  # (T, N, 12)
    frames = arrays[f"{part}_millionths"] / 1e6
    for n, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        xs[:length, n] = frames[end - length : end]
    return Utterances(xs, lengths, arrays[f"{part}_speakers"].astype(np.int64))
