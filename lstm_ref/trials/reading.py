"""Gated attention at work: look something up, and show only the parts that were asked for.

A sequence has items, each a key with a value. A query holds the key of one item and says of every
channel of the value whether it is wanted; the answer is the value with the other channels set to
zero. So a query has to find, and then to choose.

Shapes
------
``B`` sequences, ``N`` items and as many queries in each, ``d`` width of a key, ``m`` of a value,
``e`` of a projected key. Sequences stand below each other, and a mask keeps them apart.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm_ref.initializers import uniform
from lstm_ref.legacy.attention import gated_attention, gated_attention_backward
from lstm_ref.linear import LinearParams, linear_backward, linear_forward
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.training import train
from lstm_ref.validation import check_at_least, check_generator

__all__ = [
    "READERS",
    "ReaderParams",
    "ReadingBatch",
    "ReadingResult",
    "init_reader_params",
    "reader_loss",
    "reading_batch",
    "train_reader",
]

#: Kinds of reader: the gate multiplies, is held open, or is added with the same parameters.
READERS = ("gated", "open", "added")

OPEN = 1000.0  # a pre-activation at which a gate is 1


class ReadingBatch(NamedTuple):
    """Queries ``(B N, d + m)``, keys ``(B N, d)``, values, targets ``(B N, m)``, and the mask."""

    queries: Array
    keys: Array
    values: Array
    targets: Array
    mask: NDArray[np.bool_]


class ReaderParams(NamedTuple):
    """Projections of queries and keys, the gate, and the readout.

    ``W_q (e, d + m)``, ``W_k (e, d)``, ``gate`` from ``d + m`` to ``m``, ``readout`` from ``m`` to
    ``m``.
    """

    W_q: Array
    W_k: Array
    gate: LinearParams
    readout: LinearParams


class ReadingResult(NamedTuple):
    """What `train_reader` gives: ``errors (m + 1,)`` by the number of channels wanted."""

    errors: Array
    params: ReaderParams


def reading_batch(
    rng: np.random.Generator, size: int, items: int = 6, width: int = 6, channels: int = 3
) -> ReadingBatch:
    """Draw sequences of items, and a query for each item in an order of its own.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : int
        ``B``.
    items, width, channels : int, optional
        ``N``, ``d`` and ``m``.

    Returns
    -------
    ReadingBatch
        Keys of length 1 in random directions, normal values, each channel wanted or not with even
        odds. The mask is true within a sequence.

    Raises
    ------
    ValueError
        If a number is below 1, or `rng` is no generator.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.reading import reading_batch
    >>> batch = reading_batch(np.random.default_rng(0), size=2, items=3)
    >>> batch.queries.shape, batch.mask.sum(axis=1)
    ((6, 9), array([3, 3, 3, 3, 3, 3]))
    """
    check_generator(rng)
    check_at_least(1, size=size, items=items, width=width, channels=channels)
    keys = rng.standard_normal((size * items, width))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    values = rng.standard_normal((size * items, channels))
    wanted = rng.integers(0, 2, values.shape).astype(float)
    sequence = np.repeat(np.arange(size), items)
    asked = np.concatenate([s * items + rng.permutation(items) for s in range(size)])
    return ReadingBatch(
        queries=np.concatenate([keys[asked], wanted], axis=1),
        keys=keys,
        values=values,
        targets=wanted * values[asked],
        mask=sequence[:, None] == sequence,
    )


def init_reader_params(
    rng: np.random.Generator, width: int, channels: int, head: int = 8
) -> ReaderParams:
    """Draw the first parameters of a reader; the gate's bias starts at 0.

    Parameters
    ----------
    rng : numpy.random.Generator
    width, channels : int
        ``d`` and ``m``.
    head : int, optional
        ``e``.

    Returns
    -------
    ReaderParams

    Raises
    ------
    ValueError
        If a number is below 1, or `rng` is no generator.
    """
    check_generator(rng)
    check_at_least(1, width=width, channels=channels, head=head)
    bound = 1 / np.sqrt(width)
    return ReaderParams(
        W_q=uniform(rng, (head, width + channels), bound),
        W_k=uniform(rng, (head, width), bound),
        gate=LinearParams(uniform(rng, (channels, width + channels), bound), np.zeros(channels)),
        readout=LinearParams(np.eye(channels), np.zeros(channels)),
    )


def reader_loss(
    params: ReaderParams, batch: ReadingBatch, kind: str = "gated"
) -> tuple[float, ReaderParams, Array]:
    """Mean squared error of a reader's answers, its gradients, and the answers.

    Parameters
    ----------
    params : ReaderParams
    batch : ReadingBatch
    kind : str
        One of `READERS`. What a kind does not use gets a gradient of zero.

    Returns
    -------
    loss : float
    grads : ReaderParams
    answers : ndarray, shape (B N, m)

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in READERS:
        raise ValueError(f"expected a kind out of {', '.join(READERS)}, got {kind!r}")
    queries, keys, values, targets, mask = batch
    q, k = queries @ params.W_q.T, keys @ params.W_k.T  # (B N, e)
    z = linear_forward(queries, params.gate)  # (B N, m)
    gate = z if kind == "gated" else np.full_like(z, OPEN)
    read = gated_attention(q, k, values, gate, mask)  # (B N, m)
    answers = linear_forward(read, params.readout) + (z if kind == "added" else 0)
    error = answers - targets
    danswers = 2 * error / error.size
    dread, readout = linear_backward(danswers, read, params.readout)
    dq, dk, _, dgate = gated_attention_backward(dread, q, k, values, gate, mask)
    dz = {"gated": dgate, "open": 0 * z, "added": danswers}[kind]
    _, gate_grads = linear_backward(dz, queries, params.gate)
    grads = ReaderParams(dq.T @ queries, dk.T @ keys, gate_grads, readout)
    return float((error**2).mean()), grads, answers


def train_reader(
    kind: str, seed: int, updates: int = 600, size: int = 8, learning_rate: float = 0.02
) -> ReadingResult:
    """Train a reader, and measure its error on fresh sequences by how much was asked for.

    Parameters
    ----------
    kind : str
        One of `READERS`.
    seed : int
        Of first weights and data; all kinds see the same of both.
    updates, size : int, optional
        Updates of Adam, each on so many fresh sequences, gradients clipped to norm 1.
    learning_rate : float, optional

    Returns
    -------
    ReadingResult

    Raises
    ------
    ValueError
        If the kind is unknown or a number is out of range.

    Examples
    --------
    >>> from lstm_ref.trials.reading import train_reader
    >>> train_reader("gated", seed=0, updates=2).errors.shape
    (4,)
    """
    start = init_reader_params(np.random.default_rng([seed, 1]), width=6, channels=3)

    def loss_and_grad(params: Any, batch: Any, rng: Any) -> tuple[float, ReaderParams]:
        return reader_loss(params, batch, kind)[:2]

    data = np.random.default_rng([seed, 2])
    params = train(
        loss_and_grad,
        start,
        lambda rng, step: reading_batch(rng, size),
        adam(learning_rate),
        data,
        updates,
        max_norm=1.0,
    ).params
    batch = reading_batch(np.random.default_rng([seed, 3]), 100)
    error = (reader_loss(params, batch, kind)[2] - batch.targets) ** 2
    wanted = batch.queries[:, -error.shape[1] :].sum(axis=1)
    by_count = [error[wanted == count].mean() for count in range(error.shape[1] + 1)]
    return ReadingResult(np.array(by_count), params)
