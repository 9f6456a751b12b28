"""State tracking at work: is the number of ones odd? Every bit counts, so none may be averaged."""

from collections.abc import Sequence

import numpy as np

from lstm_ref.losses import softmax_cross_entropy
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.sequence_model import Layer, SequenceModel
from lstm_ref.tasks import parity_task
from lstm_ref.training import train

__all__ = ["train_parity"]


def train_parity(
    layer: Layer,
    seed: int,
    lengths: Sequence[int] = (12, 24, 96),
    steps: int = 12,
    updates: int = 1000,
    hidden_size: int = 8,
    size: int = 32,
    learning_rate: float = 0.02,
) -> Array:
    """Train a recurrent layer to give the parity after every bit, and test it on longer strings.

    Parameters
    ----------
    layer : Layer
    seed : int
        Of first weights and data.
    lengths : sequence of int, optional
        Of the strings to be tested on.
    steps : int, optional
        Longest string in training; their lengths are uniform from 1.
    updates, size : int, optional
        Updates of Adam, each on so many fresh strings, gradients clipped to norm 1.
    hidden_size : int, optional
    learning_rate : float, optional

    Returns
    -------
    ndarray, shape (len(lengths),)
        Share of fresh strings whose parity is right after the last bit; guessing gives one half.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from lstm_ref import lstm_layer
    >>> from lstm_ref.trials.parity import train_parity
    >>> train_parity(lstm_layer(), seed=0, updates=1).shape
    (3,)
    """
    model = SequenceModel(layer, softmax_cross_entropy, every_step=True)
    params = train(
        model.loss_and_grad,
        model.init(np.random.default_rng([seed, 1]), 1, hidden_size, 2),
        lambda rng, step: parity_task(rng, size, steps, shortest=1),
        adam(learning_rate),
        np.random.default_rng([seed, 2]),
        updates,
        max_norm=1.0,
    ).params
    right = []
    for length in lengths:
        batch = parity_task(np.random.default_rng([seed, 3]), 500, length)
        outputs, _ = model.predict(params, batch.xs)
        right.append(float((outputs[-1].argmax(axis=1) == batch.targets[-1]).mean()))
    return np.array(right)
