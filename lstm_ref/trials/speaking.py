"""Who is speaking? Classifiers of spoken vowels, from the plainest to a bidirectional LSTM.

Shapes
------
``T`` frames, ``N`` utterances or streams, ``D`` = 12 coefficients, ``K`` speakers; time-major.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.batches import epoch_batches
from lstm_ref.datasets.speech import Utterances
from lstm_ref.fast.threads import one_blas_thread
from lstm_ref.linear import LinearParams, linear_backward, linear_forward
from lstm_ref.losses import softmax, softmax_cross_entropy
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.sequence_model import (
    SequenceBatch,
    SequenceModel,
    SequenceParams,
    bidirectional_layer,
    lstm_layer,
)
from lstm_ref.training import train
from lstm_ref.validation import check_array, check_at_least, check_generator, check_lengths

__all__ = [
    "DIRECTIONS",
    "SpeakerModel",
    "around_splices",
    "decide_early",
    "first_frames",
    "fit_linear",
    "hold_out",
    "mean_frames",
    "nearest_speakers",
    "resampled_frames",
    "scale_utterances",
    "select_utterances",
    "shuffle_time",
    "speaker_probabilities",
    "splice",
    "train_on_streams",
    "train_speakers",
    "turn_time",
    "warping_distances",
    "windows_of_frames",
]

#: How an LSTM may read.
DIRECTIONS = ("one", "both")


class SpeakerModel(NamedTuple):
    """A trained network: its model, its parameters, and the last losses in nats."""

    model: SequenceModel
    params: SequenceParams
    losses: Array


# --- utterances in other forms --------------------------------------------------------------------


def scale_utterances(reference: Utterances, *others: Utterances) -> tuple[Utterances, ...]:
    """Standardise every coefficient by the frames of a reference, the training part.

    Parameters
    ----------
    reference : Utterances
        Comes back scaled, first.
    *others : Utterances

    Returns
    -------
    tuple of Utterances
        float32, zero after each end.

    Raises
    ------
    ValueError
        If there is no frame or coefficients differ in number.
    """
    frames = reference.xs[_running(reference)]  # (frames, D)
    check_array("frames", frames, ("frames", "D"))
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    scaled = []
    for part in (reference, *others):
        check_array("xs", part.xs, ("T", "N", len(mean)))
        xs = np.where(_running(part)[..., None], (part.xs - mean) / deviation, 0)
        scaled.append(part._replace(xs=xs.astype(np.float32)))
    return tuple(scaled)


def _check_utterances(utterances: Utterances) -> None:
    xs, lengths, _ = utterances
    check_array("xs", xs, ("T", "N", "D"))
    check_lengths(lengths, *xs.shape[:2])
    if lengths.min() < 1:
        raise ValueError("expected lengths of at least 1, got 0")


def _running(utterances: Utterances) -> NDArray[np.bool_]:
    """Mark the frames before each utterance's end: ``(T, N)``."""
    return np.arange(len(utterances.xs))[:, None] < utterances.lengths


def select_utterances(utterances: Utterances, which: ArrayLike) -> Utterances:
    """Take some of the utterances.

    Parameters
    ----------
    utterances : Utterances
    which : array_like, shape (N,) of bool, or of int
        A mask or places.

    Returns
    -------
    Utterances

    Raises
    ------
    ValueError
        If none is left.
    """
    at = np.asarray(which)
    lengths = utterances.lengths[at]
    if len(lengths) == 0:
        raise ValueError("expected at least one utterance to be selected, got none")
    xs = utterances.xs[: lengths.max(), at]
    return Utterances(xs, lengths, utterances.speakers[at])


def hold_out(utterances: Utterances, every: int = 5) -> tuple[Utterances, Utterances]:
    """Put every fifth utterance aside, for choices that must not be made on the test part.

    Parameters
    ----------
    utterances : Utterances
    every : int, optional
        At least 2.

    Returns
    -------
    kept, held_out : Utterances

    Raises
    ------
    ValueError
        If `every` is below 2.
    """
    check_at_least(2, every=every)
    aside = np.arange(len(utterances.lengths)) % every == 0
    return select_utterances(utterances, ~aside), select_utterances(utterances, aside)


def first_frames(utterances: Utterances, frames: int) -> Utterances:
    """Cut every utterance off after its first frames; shorter ones stay whole.

    Parameters
    ----------
    utterances : Utterances
    frames : int

    Returns
    -------
    Utterances

    Raises
    ------
    ValueError
        If `frames` is below 1.
    """
    check_at_least(1, frames=frames)
    lengths = np.minimum(utterances.lengths, frames)
    xs = utterances.xs[:frames]
    return utterances._replace(xs=xs, lengths=lengths)


def turn_time(utterances: Utterances) -> Utterances:
    """Let every utterance run backwards: of /ae/ it makes /ea/, frame by frame.

    Parameters
    ----------
    utterances : Utterances

    Returns
    -------
    Utterances

    Raises
    ------
    ValueError
        If an utterance has no frame, or shapes do not fit.
    """
    _check_utterances(utterances)
    return _reorder(utterances, lambda length: np.arange(length)[::-1])


def shuffle_time(utterances: Utterances, rng: np.random.Generator) -> Utterances:
    """Put the frames of every utterance in a random order of its own.

    Parameters
    ----------
    utterances : Utterances
    rng : numpy.random.Generator

    Returns
    -------
    Utterances

    Raises
    ------
    ValueError
        If `rng` is no generator.
    """
    check_generator(rng)
    return _reorder(utterances, rng.permutation)


def _reorder(utterances: Utterances, order: Any) -> Utterances:
    xs = utterances.xs.copy()
    for n, length in enumerate(utterances.lengths):
        xs[:length, n] = utterances.xs[order(int(length)), n]
    return utterances._replace(xs=xs)


# --- baselines ------------------------------------------------------------------------------------


def mean_frames(utterances: Utterances) -> Array:
    """Average each utterance over time: blind to order and to length.

    Parameters
    ----------
    utterances : Utterances
        With zeros after each end.

    Returns
    -------
    ndarray, shape (N, D)

    Raises
    ------
    ValueError
        If an utterance has no frame, or shapes do not fit.
    """
    _check_utterances(utterances)
    return np.asarray(utterances.xs.sum(axis=0) / utterances.lengths[:, None])


def resampled_frames(utterances: Utterances, frames: int) -> Array:
    """Stretch or squeeze every utterance to the same number of frames, by linear interpolation.

    Parameters
    ----------
    utterances : Utterances
    frames : int
        At least 2: the first is the utterance's first, the last its last.

    Returns
    -------
    ndarray, shape (N, frames · D)

    Raises
    ------
    ValueError
        If `frames` is below 2.
    """
    check_at_least(2, frames=frames)
    place = np.linspace(0, 1, frames)[:, None] * (utterances.lengths - 1)  # (frames, N)
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, utterances.lengths - 1)
    share, n = (place - before)[..., None], np.arange(len(utterances.lengths))
    xs = (1 - share) * utterances.xs[before, n] + share * utterances.xs[after, n]
    return np.asarray(xs.transpose(1, 0, 2).reshape(len(n), -1))


def windows_of_frames(xs: Array, past: int, future: int) -> Array:
    """Put around every frame of a stream its neighbours, zeros beyond the ends.

    Parameters
    ----------
    xs : ndarray, shape (T, N, D)
    past, future : int
        How many frames before and after.

    Returns
    -------
    ndarray, shape (T · N, (past + 1 + future) · D)

    Raises
    ------
    ValueError
        If `xs` has not three axes or a number is negative.
    """
    check_array("xs", xs, ("T", "N", "D"))
    check_at_least(0, past=past, future=future)
    padded = np.pad(xs, ((past, future), (0, 0), (0, 0)))
    parts = [padded[k : k + len(xs)] for k in range(past + future + 1)]
    return np.concatenate(parts, axis=2).reshape(-1, xs.shape[2] * len(parts))


def fit_linear(
    X: Array, labels: ArrayLike, penalty: float, classes: int = 9, steps: int = 300
) -> LinearParams:
    """Fit a multinomial logistic regression.

    Parameters
    ----------
    X : ndarray, shape (N, features)
    labels : array_like of int, shape (N,)
    penalty : float
        Weight of half the squared weights.
    classes, steps : int, optional
        Steps of Adam over all rows at once.

    Returns
    -------
    LinearParams
        They act on `X` as it is; inside, every feature is standardised, so that the penalty means
        the same for all.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is out of range, or a label is no class.
    """
    check_array("X", X, ("N", "features"))
    check_at_least(1, classes=classes, steps=steps)
    if penalty < 0:
        raise ValueError(f"expected a penalty of at least 0, got {penalty}")
    mean, deviation = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-12)
    Z = (X - mean) / deviation
    params = LinearParams(np.zeros((classes, X.shape[1]), X.dtype), np.zeros(classes, X.dtype))
    optimizer = adam(lambda step: 0.05 * (1 + np.cos(np.pi * step / steps)) / 2 + 1e-9)
    state = optimizer.init(params)
    with one_blas_thread():
        for _ in range(steps):
            _, dz = softmax_cross_entropy(linear_forward(Z, params), labels)
            _, grads = linear_backward(dz, Z, params)
            grads = grads._replace(W=grads.W + penalty * params.W)
            params, state = optimizer.update(grads, state, params)
    W = params.W / deviation
    return LinearParams(W, params.b - W @ mean)


def warping_distances(a: Utterances, b: Utterances) -> Array:
    r"""Measure how far utterances are apart when time may be stretched: dynamic time warping.

    Parameters
    ----------
    a, b : Utterances

    Returns
    -------
    ndarray, shape (N_a, N_b)
        Sum of Euclidean distances of frames along the best alignment, by the two lengths.

    Raises
    ------
    ValueError
        If coefficients differ in number.

    Notes
    -----
    ``D_{ij} = d_{ij} + min(D_{i−1,j}, D_{i,j−1}, D_{i−1,j−1})``, for all pairs at a time.

    References
    ----------
    H. Sakoe, S. Chiba (1978). Dynamic Programming Algorithm Optimization for Spoken Word
    Recognition. IEEE Transactions on Acoustics, Speech, and Signal Processing 26(1).
    """
    check_array("b.xs", b.xs, ("T", "N", a.xs.shape[2]))
    result = np.empty((len(a.lengths), len(b.lengths)))
    columns = np.arange(len(b.lengths))
    for n, length in enumerate(a.lengths):
        frames = a.xs[:length, n]  # (T_a, D)
        gaps = frames[:, None, None] - b.xs  # (T_a, T_b, N_b, D)
        local = np.sqrt(np.einsum("ijnd,ijnd->ijn", gaps, gaps))
        before = np.full((len(b.xs) + 1, len(columns)), np.inf)  # row i − 1, from j = −1
        before[0] = 0
        for row in local:
            after = np.full_like(before, np.inf)
            cheapest = np.minimum(before[1:], before[:-1])
            for j in range(len(row)):
                after[j + 1] = row[j] + np.minimum(cheapest[j], after[j])
            before = after
        result[n] = before[b.lengths, columns] / (length + b.lengths)
    return result


def nearest_speakers(distances: Array, speakers: ArrayLike) -> NDArray[np.int64]:
    """Give every utterance the speaker of the one that is nearest to it.

    Parameters
    ----------
    distances : ndarray, shape (N, M)
    speakers : array_like of int, shape (M,)

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    labels = np.asarray(speakers)
    check_array("distances", distances, ("N", len(labels)))
    return np.asarray(labels[distances.argmin(axis=1)])


# --- networks on utterances -----------------------------------------------------------------------


def _layer(direction: str) -> Any:
    if direction not in DIRECTIONS:
        raise ValueError(f"expected a direction out of {', '.join(DIRECTIONS)}, got {direction!r}")
    return lstm_layer() if direction == "one" else bidirectional_layer(lstm_layer())


def _falling(rate: float, steps: int) -> Any:
    """Make a learning rate that falls to (nearly) zero along a cosine."""
    return lambda step: rate * (1 + np.cos(np.pi * step / steps)) / 2 + 1e-9


def train_speakers(
    utterances: Utterances,
    seed: int,
    direction: str = "one",
    every_step: bool = False,
    hidden_size: int = 32,
    epochs: int = 25,
    classes: int = 9,
) -> SpeakerModel:
    """Train an LSTM to tell the speaker of an utterance.

    Parameters
    ----------
    utterances : Utterances
        Scaled.
    seed : int
        Of first weights and of the order of the utterances.
    direction : str, optional
        ``"one"`` or ``"both"``.
    every_step : bool, optional
        Whether it must answer after every frame, and not after the last alone.
    hidden_size : int, optional
        Of each direction.
    epochs, classes : int, optional

    Returns
    -------
    SpeakerModel

    Raises
    ------
    ValueError
        If `direction` is unknown or a number below 1.

    Notes
    -----
    Adam at 0.01, falling to zero along a cosine; 32 utterances an update; gradients clipped to
    norm 1.
    """
    check_at_least(1, epochs=epochs, hidden_size=hidden_size, classes=classes)
    xs, lengths, speakers = utterances
    targets = np.repeat(speakers[None], len(xs), axis=0) if every_step else speakers
    size = min(32, len(lengths))
    steps = epochs * -(-len(lengths) // size)
    model = SequenceModel(_layer(direction), softmax_cross_entropy, every_step)
    rng = np.random.default_rng(seed)
    params = model.init(rng, xs.shape[2], hidden_size, classes, dtype=np.float32)
    batches = epoch_batches(xs, targets, size, seed, lengths, every_step)
    with one_blas_thread():
        state = train(
            model.loss_and_grad,
            params,
            batches,
            adam(_falling(0.01, steps)),
            rng,
            steps,
            max_norm=1.0,
        )
    return SpeakerModel(model, state.params, np.array(state.losses))


def speaker_probabilities(trained: SpeakerModel, utterances: Utterances) -> Array:
    """Ask a trained network how likely each speaker is.

    Parameters
    ----------
    trained : SpeakerModel
    utterances : Utterances
        Scaled as those it was trained on.

    Returns
    -------
    ndarray, shape (N, K), or (T, N, K) if it was trained to answer at every step

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    with one_blas_thread():
        logits, _ = trained.model.predict(trained.params, utterances.xs, utterances.lengths)
    return softmax(logits)


def decide_early(
    probabilities: Array, lengths: ArrayLike, sure: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stop listening as soon as a speaker is likely enough, at the latest at the end.

    Parameters
    ----------
    probabilities : ndarray, shape (T, N, K)
        From a network that answers at every frame.
    lengths : array_like of int, shape (N,)
    sure : float
        The probability at which to stop.

    Returns
    -------
    speakers : ndarray of int, shape (N,)
    frames : ndarray of int, shape (N,)
        How many were heard.

    Raises
    ------
    ValueError
        If shapes do not fit or `sure` lies outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.speaking import decide_early
    >>> p = np.array([[[0.6, 0.4]], [[0.2, 0.8]], [[0.1, 0.9]]])
    >>> decide_early(p, [3], 0.7), decide_early(p, [3], 0.95)
    ((array([1]), array([2])), (array([1]), array([3])))
    """
    check_array("probabilities", probabilities, ("T", "N", "K"))
    check_lengths(lengths, *probabilities.shape[:2])
    if not 0 <= sure <= 1:
        raise ValueError(f"expected sure from 0 to 1, got {sure}")
    ends = np.asarray(lengths)
    enough = probabilities.max(axis=2) >= sure  # (T, N)
    frames = np.minimum(np.where(enough.any(axis=0), enough.argmax(axis=0) + 1, ends), ends)
    answers = probabilities[frames - 1, np.arange(len(ends))]
    return answers.argmax(axis=1), frames


# --- streams of several speakers ------------------------------------------------------------------


def splice(
    utterances: Utterances,
    rng: np.random.Generator,
    count: int,
    frames: int,
    same_speaker: bool = False,
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Join utterances end to end to streams in which the speaker changes.

    Parameters
    ----------
    utterances : Utterances
    rng : numpy.random.Generator
    count : int
        Streams.
    frames : int
        Length of each.
    same_speaker : bool, optional
        Join utterances of a single speaker a stream instead: the splices stay, the changes go.

    Returns
    -------
    xs : ndarray, shape (frames, count, D)
    speakers : ndarray of int, shape (frames, count)
        Who speaks.
    since : ndarray of int, shape (frames, count)
        Frames since the utterance began; 0 in its first.

    Raises
    ------
    ValueError
        If a number is below 1, or there is no second speaker to change to.
    """
    check_generator(rng)
    check_at_least(1, count=count, frames=frames)
    if not same_speaker and len(np.unique(utterances.speakers)) < 2:
        raise ValueError("expected utterances of at least two speakers, got one")
    xs = np.zeros((frames, count, utterances.xs.shape[2]), utterances.xs.dtype)
    speakers, since = np.zeros((2, frames, count), np.int64)
    for b in range(count):
        t, n = 0, int(rng.integers(len(utterances.lengths)))
        while t < frames:
            length = min(int(utterances.lengths[n]), frames - t)
            part = slice(t, t + length)
            xs[part, b] = utterances.xs[:length, n]
            speakers[part, b], since[part, b] = utterances.speakers[n], np.arange(length)
            t += length
            alike = utterances.speakers == utterances.speakers[n]
            n = int(rng.choice(np.flatnonzero(alike if same_speaker else ~alike)))
    return xs, speakers, since


def around_splices(values: Array, since: ArrayLike, before: int, after: int) -> Array:
    """Cut a piece around every splice of a stream out of what was recorded along it.

    Parameters
    ----------
    values : ndarray, shape (T, N, …)
    since : array_like of int, shape (T, N)
        From `splice`.
    before, after : int
        Frames to take before the first frame of an utterance, and from it on.

    Returns
    -------
    ndarray, shape (before + after, splices, …)
        Row `before` is the first frame after the splice. Pieces that would reach over an end of
        the stream or over another splice are left out.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is below 1, or no piece is left.
    """
    check_at_least(1, before=before, after=after)
    begins = np.asarray(since) == 0
    if begins.shape != np.shape(values)[:2]:
        raise ValueError(f"expected since of shape {np.shape(values)[:2]}, got {begins.shape}")
    pieces = []
    for t, n in np.argwhere(begins):
        if (
            t >= before
            and t + after <= len(begins)
            and begins[t - before : t + after, n].sum() == 1
        ):
            pieces.append(values[t - before : t + after, n])
    if not pieces:
        raise ValueError(f"expected a splice with {before} and {after} frames around, got none")
    return np.stack(pieces, axis=1)


def train_on_streams(
    utterances: Utterances,
    seed: int,
    direction: str = "one",
    hidden_size: int = 32,
    steps: int = 150,
    frames: int = 60,
    size: int = 16,
) -> SpeakerModel:
    """Train an LSTM to say at every frame of a stream who speaks; every update has new streams.

    Parameters
    ----------
    utterances : Utterances
        Scaled; what `splice` makes the streams of.
    seed : int
    direction : str, optional
        ``"one"`` or ``"both"``.
    hidden_size : int, optional
        Of each direction.
    steps, frames, size : int, optional
        Updates of Adam, length and number of streams an update.

    Returns
    -------
    SpeakerModel

    Raises
    ------
    ValueError
        If `direction` is unknown or a number below 1.
    """
    check_at_least(1, steps=steps, hidden_size=hidden_size)
    classes = int(utterances.speakers.max()) + 1
    model = SequenceModel(_layer(direction), softmax_cross_entropy, every_step=True)
    rng = np.random.default_rng(seed)
    params = model.init(rng, utterances.xs.shape[2], hidden_size, classes, dtype=np.float32)

    def next_batch(rng: np.random.Generator, step: int) -> SequenceBatch:
        xs, speakers, _ = splice(utterances, rng, size, frames)
        return SequenceBatch(xs, speakers)

    with one_blas_thread():
        state = train(
            model.loss_and_grad,
            params,
            next_batch,
            adam(_falling(0.02, steps)),
            rng,
            steps,
            max_norm=1.0,
        )
    return SpeakerModel(model, state.params, np.array(state.losses))
