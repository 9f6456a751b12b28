"""A toy language in which a verb agrees with a noun further back: the example of chapter 6.

Shapes
------
``T`` time, ``B`` streams, ``V`` words of the vocabulary, ``H`` hidden size; streams are time-major,
``(T, B)``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.linear import LinearParams, linear_forward
from lstm_ref.losses import softmax_cross_entropy
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.sequence_model import SequenceBatch, SequenceModel, SequenceParams, lstm_layer
from lstm_ref.training import train
from lstm_ref.validation import check_at_least, check_generator

__all__ = [
    "AGREEMENT_WORDS",
    "AgreementRun",
    "AgreementStream",
    "agreement_codes",
    "agreement_inputs",
    "agreement_stream",
    "before_first_verb",
    "plural_odds",
    "train_agreement",
]

# Singular, then plural.
_NOUNS = (("dog", "dogs"), ("cat", "cats"), ("bird", "birds"))
_VERBS = (("sings", "sing"), ("sleeps", "sleep"), ("waits", "wait"))
_PREPOSITIONS = ("near", "behind")

#: The vocabulary of the toy language, in the order of its one-hot codes.
AGREEMENT_WORDS = (
    *("the", ".", "that", *_PREPOSITIONS),
    *(word for pair in _NOUNS for word in pair),
    *(word for pair in _VERBS for word in pair),
)
_CODES = {word: code for code, word in enumerate(AGREEMENT_WORDS)}
_MODEL = SequenceModel(lstm_layer(), softmax_cross_entropy, every_step=True)


class AgreementStream(NamedTuple):
    """Sentences of the toy language back to back, and what is true after each word.

    All of shape ``(T, B)``. ``words`` and ``targets``, the next words, are codes; ``subject`` is
    the number of the subject whose verb is still to come, +1 plural, −1 singular, 0 if none is;
    ``attractor`` is that of the last other noun since, 0 if there is none; ``distance`` counts the
    words since the subject; ``due`` is true where the next word is the main verb.
    """

    words: NDArray[np.int64]
    targets: NDArray[np.int64]
    subject: NDArray[np.int64]
    attractor: NDArray[np.int64]
    distance: NDArray[np.int64]
    due: NDArray[np.bool_]


class AgreementRun(NamedTuple):
    """A network before and after `train_agreement`, and its losses ``(updates,)`` in nats."""

    untrained: SequenceParams
    params: SequenceParams
    losses: Array


def agreement_stream(rng: np.random.Generator, count: int, steps: int) -> AgreementStream:
    """Draw streams of sentences such as *the dogs near the cat sing*, with a full stop as a word.

    Between the subject and its verb stand up to three modifiers, each a preposition with another
    noun, or *that* with a verb that agrees with the noun before it. All numbers, nouns and verbs
    are drawn independently, so another noun says nothing about the subject.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        ``B``.
    steps : int
        ``T``. Every stream begins with a sentence; the last one may be cut off. The first main
        verb is always among the first 12 words.

    Returns
    -------
    AgreementStream

    Raises
    ------
    ValueError
        If `count` or `steps` is below 1, or `rng` is no generator.

    References
    ----------
    In the spirit of T. Linzen, E. Dupoux, Y. Goldberg (2016). Assessing the Ability of LSTMs to
    Learn Syntax-Sensitive Dependencies. Transactions of the Association for Computational
    Linguistics 4.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.agreement import AGREEMENT_WORDS, agreement_stream
    >>> stream = agreement_stream(np.random.default_rng(15), count=1, steps=9)
    >>> " ".join(AGREEMENT_WORDS[code] for code in stream.words[:, 0])
    'the birds that sing near the dog sleep .'
    >>> stream.subject[:, 0], stream.attractor[:, 0]
    (array([0, 1, 1, 1, 1, 1, 1, 0, 0]), array([ 0,  0,  0,  0,  0,  0, -1,  0,  0]))
    """
    check_generator(rng)
    check_at_least(1, count=count, steps=steps)
    streams = []
    for _ in range(count):
        rows: list[tuple[int, ...]] = []
        while len(rows) <= steps:
            rows += _sentence(rng)
        streams.append(rows[: steps + 1])
    facts = np.array(streams, dtype=np.int64).transpose(2, 1, 0)  # (5, T + 1, B)
    words, subject, attractor, distance, due = facts
    return AgreementStream(
        words[:-1], words[1:], subject[:-1], attractor[:-1], distance[:-1], due[:-1] == 1
    )


def _sentence(rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Draw a sentence; a row a word: code, subject, attractor, distance, due."""
    number = int(rng.integers(2))
    words, attractors = ["the", _NOUNS[rng.integers(3)][number]], [0, 0]
    nearest, relative = number, False
    for _ in range(rng.integers(4)):
        if not relative and rng.integers(2):
            words += ["that", _VERBS[rng.integers(3)][nearest]]
            attractors += [attractors[-1]] * 2
            relative = True
        else:
            nearest, relative = int(rng.integers(2)), False
            words += [_PREPOSITIONS[rng.integers(2)], "the", _NOUNS[rng.integers(3)][nearest]]
            attractors += [attractors[-1]] * 2 + [2 * nearest - 1]
    last = len(words) - 1  # the verb comes next
    facts = [(2 * number - 1, attractors[t], t - 1, int(t == last)) for t in range(1, last + 1)]
    words += [_VERBS[rng.integers(3)][number], "."]
    nothing = (0, 0, 0, 0)
    return [
        (_CODES[word], *fact)
        for word, fact in zip(words, [nothing, *facts, nothing, nothing], strict=True)
    ]


def agreement_codes(sentence: str) -> NDArray[np.int64]:
    """Turn a sentence into codes.

    Parameters
    ----------
    sentence : str
        Words of the toy language, with spaces between them.

    Returns
    -------
    ndarray of int, shape (T,)

    Raises
    ------
    ValueError
        If a word is not in the vocabulary.

    Examples
    --------
    >>> from lstm_ref.trials.agreement import agreement_codes
    >>> agreement_codes("the dog sings .")
    array([ 0,  5, 11,  1])
    """
    unknown = [word for word in sentence.split() if word not in _CODES]
    if unknown:
        raise ValueError(f"expected words of the toy language, got {unknown[0]!r}")
    return np.array([_CODES[word] for word in sentence.split()], dtype=np.int64)


def agreement_inputs(words: ArrayLike) -> Array:
    """Turn codes into the inputs of the network.

    Parameters
    ----------
    words : array_like of int, any shape

    Returns
    -------
    ndarray, shape (..., V)
        One-hot.

    Raises
    ------
    ValueError
        If a code is none of the vocabulary's.
    """
    codes, size = np.asarray(words), len(AGREEMENT_WORDS)
    if not np.issubdtype(codes.dtype, np.integer) or ((codes < 0) | (codes >= size)).any():
        raise ValueError(f"expected codes from 0 to {size - 1}, got {codes!r}")
    return np.asarray(np.eye(size)[codes])


def before_first_verb(values: ArrayLike, stream: AgreementStream) -> NDArray[Any]:
    """Pick from each stream what stands at the last word before its first main verb.

    Parameters
    ----------
    values : array_like, shape (T, B, ...)
    stream : AgreementStream
        Of at least 12 steps.

    Returns
    -------
    ndarray, shape (B, ...)
        One row a stream: rows of different streams are independent, words of one sentence are not.

    Raises
    ------
    ValueError
        If a stream ends before its first main verb.
    """
    if not stream.due.any(axis=0).all():
        raise ValueError(
            "expected a main verb in every stream, got one that ends before: draw at least 12 steps"
        )
    rows, streams = stream.due.argmax(axis=0), np.arange(stream.due.shape[1])
    return np.asarray(np.asarray(values)[rows, streams])


def plural_odds(hs: Array, readout: LinearParams) -> Array:
    r"""Log-odds of a plural verb against a singular one, as the network sees them.

    Parameters
    ----------
    hs : ndarray, shape (..., H)
        Hidden states.
    readout : LinearParams

    Returns
    -------
    ndarray, shape (...)
        Above 0 where plural verbs together are more probable than singular ones.

    Raises
    ------
    ValueError
        If `hs` does not fit the readout, or the readout not the vocabulary.

    Notes
    -----
    With logits ``z``, :math:`\log \sum_{w\ \text{plural}} e^{z_w} - \log
    \sum_{w\ \text{singular}} e^{z_w}`.
    """
    logits = linear_forward(hs, readout)  # (..., V)
    if logits.shape[-1] != len(AGREEMENT_WORDS):
        raise ValueError(f"expected {len(AGREEMENT_WORDS)} outputs, got {logits.shape[-1]}")
    singular, plural = ([_CODES[pair[n]] for pair in _VERBS] for n in (0, 1))
    odds = np.logaddexp.reduce(logits[..., plural], axis=-1)
    return np.asarray(odds - np.logaddexp.reduce(logits[..., singular], axis=-1))


def train_agreement(
    seed: int, updates: int = 600, hidden_size: int = 12, learning_rate: float = 0.02
) -> AgreementRun:
    """Train an LSTM to predict the next word of the toy language.

    Nothing but the next word is ever asked for: that there are such things as subjects and numbers
    is for the network to find out.

    Parameters
    ----------
    seed : int
        Of first weights and data.
    updates : int, optional
        Updates of Adam, each on 32 fresh streams of 24 words; gradients are clipped to norm 1.
    hidden_size : int, optional
    learning_rate : float, optional
        At first; it falls linearly to a hundredth.

    Returns
    -------
    AgreementRun

    Raises
    ------
    ValueError
        If `updates` or `hidden_size` is below 1.

    Examples
    --------
    >>> from lstm_ref.trials.agreement import train_agreement
    >>> train_agreement(seed=0, updates=2, hidden_size=3).losses.shape
    (2,)
    """
    check_at_least(1, updates=updates, hidden_size=hidden_size)
    rng = np.random.default_rng(seed)
    size = len(AGREEMENT_WORDS)
    untrained = _MODEL.init(rng, size, hidden_size, size)

    def next_batch(rng: np.random.Generator, step: int) -> SequenceBatch:
        stream = agreement_stream(rng, count=32, steps=24)
        return SequenceBatch(agreement_inputs(stream.words), stream.targets)

    optimizer = adam(lambda step: learning_rate * (1 - 0.99 * step / updates))
    state = train(
        _MODEL.loss_and_grad, untrained, next_batch, optimizer, rng, updates, max_norm=1.0
    )
    return AgreementRun(untrained, state.params, np.array(state.losses))
