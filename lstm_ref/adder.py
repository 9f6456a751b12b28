"""The capstone of chapter 7, solved: an LSTM that learns to add two numbers far apart."""

import time

import numpy as np

from lstm_ref.losses import mse
from lstm_ref.optim import adam
from lstm_ref.params import Array, LSTMParams
from lstm_ref.sequence_model import SequenceModel, lstm_layer
from lstm_ref.tasks import TaskBatch, adding_problem
from lstm_ref.training import Progress, train
from lstm_ref.tree import tree_map

__all__ = ["train_adder"]


def train_adder(rng: np.random.Generator) -> tuple[LSTMParams, Array, Array]:
    """Train an LSTM on the adding problem of 50 steps, until it is right.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    params : LSTMParams
        ``D = 2``, float64.
    W_y : ndarray, shape (1, H)
    b_y : ndarray, shape (1,)
        The prediction is ``W_y · h_T + b_y``, from zero initial states.

    Raises
    ------
    ValueError
        If `rng` is no generator.

    Notes
    -----
    Two biases decide how soon this is learned. A forget bias of 4 gives the cells a half-life of
    about 38 steps before any training (a bias of 1 has 2): the first marked number is still there
    when the answer is due, and so is its gradient. An input-gate bias of −3, as in 1997, keeps the
    48 unmarked numbers from piling up on it. Besides, fresh sequences in every batch leave nothing
    to memorise, and gradients are clipped, because the surface has cliffs. Training stops when the
    mean error of the last 50 batches is well below the bar, or after 40 seconds.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import adding_problem, lstm_forward, train_adder
    >>> params, W_y, b_y = train_adder(np.random.default_rng(0))
    >>> test = adding_problem(np.random.default_rng(1), 1000)
    >>> zero = np.zeros((1000, params.b_f.size))
    >>> _, (h_T, _) = lstm_forward(test.xs, zero, zero, params)
    >>> bool(((h_T @ W_y.T + b_y - test.targets) ** 2).mean() < 0.01)
    True
    """
    model = SequenceModel(lstm_layer(forget_bias=4.0), mse)
    start = model.init(rng, input_size=2, hidden_size=16, outputs=1, dtype=np.float32)
    start = start._replace(layer=start.layer._replace(b_i=start.layer.b_i - 3))
    deadline = time.monotonic() + 40
    recent: list[float] = []

    def next_batch(rng: np.random.Generator, step: int) -> TaskBatch:
        return adding_problem(rng, 64, T=50, dtype=np.float32)

    def is_right(progress: Progress) -> bool:
        recent.append(progress.loss)
        solved = len(recent) >= 50 and float(np.mean(recent[-50:])) < 0.004
        return solved or time.monotonic() > deadline

    state = train(
        model.loss_and_grad,
        start,
        next_batch,
        adam(0.01),
        rng,
        steps=5000,
        max_norm=1.0,
        callback=is_right,
    )
    trained = tree_map(lambda a: a.astype(np.float64), state.params)
    return trained.layer, trained.readout.W, trained.readout.b
