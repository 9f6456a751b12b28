"""What a character model must beat: compressors, and counting what followed before.

Shapes
------
``N`` characters; ``V`` symbols of the alphabet, which `encode` numbers.
"""

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.params import Array
from lstm_ref.validation import check_at_least

__all__ = [
    "ALPHABET",
    "COMPRESSORS",
    "WittenBell",
    "compressed_bits",
    "decode",
    "encode",
    "fit_ngrams",
    "ngram_bits",
    "ngram_probabilities",
]

#: Line end and printable ASCII: the symbols of `lstm_ref.datasets.python_reference`.
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
#: Compressors of the standard library, at their strongest.
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 9, mtime=0),
    "bzip2": lambda data: bz2.compress(data, 9),
    "xz": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
}
_LONGEST = 7  # symbols that fit into one integer of 64 bits, with one to spare


class WittenBell(NamedTuple):
    """Counts of all contexts up to a length, made by `fit_ngrams`.

    For every length ``k`` a table: ``contexts[k]`` are sorted numbers of contexts, ``seen[k]`` how
    often each came, ``kinds[k]`` how many different symbols followed; ``pairs[k]`` and
    ``followed[k]`` the same for a context with its next symbol.
    """

    contexts: list[NDArray[np.int64]]
    seen: list[NDArray[np.int64]]
    kinds: list[NDArray[np.int64]]
    pairs: list[NDArray[np.int64]]
    followed: list[NDArray[np.int64]]


def encode(text: str) -> NDArray[np.int64]:
    """Give every character of a text its number.

    Parameters
    ----------
    text : str

    Returns
    -------
    ndarray of int, shape (N,)
        Places in `ALPHABET`.

    Raises
    ------
    ValueError
        If a character is not in the alphabet.

    Examples
    --------
    >>> from lstm_ref.trials.ngram import decode, encode
    >>> encode("a b"), decode(encode("a b"))
    (array([66,  1, 67]), 'a b')
    """
    places = {sign: k for k, sign in enumerate(ALPHABET)}
    strange = sorted(set(text) - places.keys())
    if strange:
        raise ValueError(f"expected line ends and printable ASCII, got {strange[0]!r}")
    return np.array([places[sign] for sign in text], dtype=np.int64)


def decode(tokens: ArrayLike) -> str:
    """Turn numbers back into characters.

    Parameters
    ----------
    tokens : array_like of int, shape (N,)

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a number is no place in the alphabet.
    """
    numbers = np.asarray(tokens, dtype=np.int64).reshape(-1)
    _check_tokens(numbers)
    return "".join(ALPHABET[k] for k in numbers)


def _check_tokens(tokens: NDArray[np.int64]) -> None:
    wrong = tokens[(tokens < 0) | (tokens >= len(ALPHABET))]
    if wrong.size:
        raise ValueError(f"expected tokens from 0 to {len(ALPHABET) - 1}, got {wrong[0]}")


# --- compressors ----------------------------------------------------------------------------------


def compressed_bits(text: str, after: str = "") -> dict[str, float]:
    """Measure how far the compressors of the standard library shrink a text.

    Parameters
    ----------
    text : str
        At least one character.
    after : str, optional
        A text that the compressor has had before; its own bits are taken off.

    Returns
    -------
    dict of str to float
        For each of `COMPRESSORS` the bits per character of `text`.

    Raises
    ------
    ValueError
        If there is no text.

    Notes
    -----
    With ``C`` the length of the compressed bytes: ``8 (C(after + text) − C(after)) / N``. What a
    compressor remembers of the text before differs: gzip looks back 32 KB, bzip2 900 KB, xz over
    the whole.

    Examples
    --------
    >>> from lstm_ref.trials.ngram import compressed_bits
    >>> compressed_bits("ab" * 5000)["xz"] < 0.2
    True
    """
    if not text:
        raise ValueError("expected a text of at least one character, got none")
    size = {
        name: len(shrink((after + text).encode())) - len(shrink(after.encode())) * bool(after)
        for name, shrink in COMPRESSORS.items()
    }
    return {name: 8 * bytes_ / len(text) for name, bytes_ in size.items()}


# --- n-grams --------------------------------------------------------------------------------------


def _numbers(tokens: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Give the context of `length` symbols before a position its number, for all that have one."""
    numbers = np.zeros(len(tokens) - length, np.int64)
    for k in range(length):
        numbers = numbers * len(ALPHABET) + tokens[k : len(tokens) - length + k]
    return numbers


def fit_ngrams(tokens: ArrayLike, longest: int) -> WittenBell:
    """Count what followed every context of up to `longest` symbols.

    Parameters
    ----------
    tokens : array_like of int, shape (N,)
        From `encode`; more than `longest`.
    longest : int
        Symbols of context, from 0 to 7: one fewer than the n of the n-gram.

    Returns
    -------
    WittenBell

    Raises
    ------
    ValueError
        If there are too few tokens, one is not in the alphabet, or `longest` is out of range.

    Examples
    --------
    >>> from lstm_ref.trials.ngram import encode, fit_ngrams
    >>> fit_ngrams(encode("abab"), 1).seen
    [array([4]), array([2, 1])]
    """
    text = np.asarray(tokens)
    check_at_least(0, longest=longest)
    if longest > _LONGEST:
        raise ValueError(f"expected longest from 0 to {_LONGEST}, got {longest}")
    if text.ndim != 1 or len(text) <= longest:
        raise ValueError(f"expected more than {longest} tokens, got shape {text.shape}")
    _check_tokens(text)
    table = WittenBell([], [], [], [], [])
    for length in range(longest + 1):
        context = _numbers(text, length)
        pairs, followed = np.unique(context * len(ALPHABET) + text[length:], return_counts=True)
        contexts, first, kinds = np.unique(
            pairs // len(ALPHABET), return_index=True, return_counts=True
        )
        seen = np.add.reduceat(followed, first)
        for column, value in zip(table, (contexts, seen, kinds, pairs, followed), strict=True):
            column.append(value)
    return table


def _look_up(
    keys: NDArray[np.int64], wanted: NDArray[np.int64], *values: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Find `wanted` in sorted `keys`, and give its values; 0 where it is not there."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = keys[at] == wanted
    return [np.where(there, value[at], 0) for value in values]


def ngram_probabilities(table: WittenBell, tokens: ArrayLike) -> Array:
    r"""Give the probability of every symbol of a text, from the counts of another.

    Parameters
    ----------
    table : WittenBell
    tokens : array_like of int, shape (N,)
        From `encode`. The first symbols have shorter contexts.

    Returns
    -------
    ndarray, shape (K, N)
        Row ``k`` is of contexts of up to ``k`` symbols, for all ``K`` that `table` has.

    Raises
    ------
    ValueError
        If a token is not in the alphabet.

    Notes
    -----
    Interpolation after Witten and Bell: a context ``h`` that came ``c(h)`` times and was followed
    by ``n(h)`` different symbols trusts its own counts by ``c(h) / (c(h) + n(h))``, and for the
    rest the context ``h'`` that is shorter by its oldest symbol:

    .. math::
        p(w \mid h) = \frac{c(h w) + n(h) \, p(w \mid h')}{c(h) + n(h)}

    Below the empty context, every symbol has ``1/V``.

    References
    ----------
    I. H. Witten, T. C. Bell (1991). The Zero-Frequency Problem: Estimating the Probabilities of
    Novel Events in Adaptive Text Compression. IEEE Transactions on Information Theory 37(4).

    Examples
    --------
    >>> from lstm_ref.trials.ngram import encode, fit_ngrams, ngram_probabilities
    >>> table = fit_ngrams(encode("abababab"), 1)
    >>> ngram_probabilities(table, encode("ab"))[1].round(2)
    array([0.4 , 0.88])
    """
    text = np.asarray(tokens, dtype=np.int64).reshape(-1)
    _check_tokens(text)
    p, rows = np.full(len(text), 1 / len(ALPHABET)), []
    for length, (contexts, seen, kinds, pairs, followed) in enumerate(zip(*table, strict=True)):
        if length < len(text):
            context, later = _numbers(text, length), slice(length, None)
            count, new = _look_up(contexts, context, seen, kinds)
            (own,) = _look_up(pairs, context * len(ALPHABET) + text[later], followed)
            p = p.copy()
            known = np.maximum(count + new, 1)
            p[later] = np.where(count > 0, (own + new * p[later]) / known, p[later])
        rows.append(p)
    return np.stack(rows)


def ngram_bits(table: WittenBell, tokens: ArrayLike) -> Array:
    """Measure the bits per character of a text under the counts of another.

    Parameters
    ----------
    table : WittenBell
    tokens : array_like of int, shape (N,)
        At least one.

    Returns
    -------
    ndarray, shape (K,)
        For contexts of up to 0, 1, 2, … symbols.

    Raises
    ------
    ValueError
        If there is no token, or one is not in the alphabet.

    Examples
    --------
    >>> from lstm_ref.trials.ngram import encode, fit_ngrams, ngram_bits
    >>> bits = ngram_bits(fit_ngrams(encode("abababab"), 1), encode("abab"))
    >>> bool(bits[1] < bits[0])
    True
    """
    if np.size(tokens) == 0:
        raise ValueError("expected at least one token, got none")
    return np.asarray(-np.log2(ngram_probabilities(table, tokens)).mean(axis=1))
