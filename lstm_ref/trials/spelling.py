"""A character model of a text: trained, judged in bits, made to write, and looked into.

Shapes
------
``T`` time, ``B`` batch, ``H`` hidden size, ``N`` characters, ``V`` symbols of the alphabet of
`lstm_ref.trials.ngram`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lstm_ref.batches import stream_batches, token_streams
from lstm_ref.checkpoint import load_checkpoint
from lstm_ref.datasets.store import data_path
from lstm_ref.fast.threads import one_blas_thread
from lstm_ref.losses import log_softmax, softmax_cross_entropy
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.sequence_model import Layer, LayerOutput, SequenceModel, SequenceParams, lstm_layer
from lstm_ref.training import TrainingState, train
from lstm_ref.tree import tree_map
from lstm_ref.trials.ngram import ALPHABET, encode
from lstm_ref.unit_meaning import unit_correlations
from lstm_ref.validation import check_at_least, check_generator

__all__ = [
    "TextRun",
    "UnitMatch",
    "bits_after_reset",
    "chance_when_forced",
    "dropout_layer",
    "init_text_params",
    "load_text_model",
    "match_units",
    "text_bits",
    "text_model",
    "text_places",
    "text_properties",
    "train_text_model",
    "write_text",
]


class TextRun(NamedTuple):
    """A trained character model.

    ``params``; ``losses (steps,)``, bits per character of every training step; ``stages``, the
    parameters at the steps asked for, by step.
    """

    params: SequenceParams
    losses: Array
    stages: dict[int, SequenceParams]


class UnitMatch(NamedTuple):
    """The unit whose cell state goes best with a property.

    ``unit`` was chosen on the first half of the text, ``correlation`` is that of the second half.
    ``chance`` is what the best of all units stays below in 95 of 100 shifts of the property.
    """

    unit: int
    correlation: float
    chance: float


# --- the model ------------------------------------------------------------------------------------


def dropout_layer(part: Layer, before: float, after: float) -> Layer:
    """Drop inputs and outputs of a layer in training, each entry anew.

    Parameters
    ----------
    part : Layer
    before, after : float
        Probabilities for an input and for an output; what stays is scaled up.

    Returns
    -------
    Layer
        Its parameters and state are those of `part`. ``last`` is not dropped.

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1).

    References
    ----------
    W. Zaremba, I. Sutskever, O. Vinyals (2014). Recurrent Neural Network Regularization.
    arXiv:1409.2329.
    """
    for name, rate in (("before", before), ("after", after)):
        if not 0 <= rate < 1:
            raise ValueError(f"expected {name} of at least 0 and below 1, got {rate}")

    def drop(values: Array, rate: float, rng: Any) -> tuple[Array, Array | None]:
        if rng is None or rate == 0:
            return values, None
        kept = rng.random(values.shape, dtype=np.float32) >= rate
        mask = kept * values.dtype.type(1 / (1 - rate))
        return values * mask, mask

    def forward(
        xs: Array, params: Any, lengths: Any = None, state: Any = None, rng: Any = None
    ) -> LayerOutput:
        xs, first = drop(xs, before, rng)
        out = part.forward(xs, params, lengths, state, rng)
        hs, second = drop(out.hs, after, rng)
        return out._replace(hs=hs, tape=(out.tape, first, second))

    def backward(dhs: Array, dlast: Array | None, tape: Any) -> tuple[Array, Any]:
        own, first, second = tape
        dxs, grads = part.backward(dhs if second is None else dhs * second, dlast, own)
        return dxs if first is None else dxs * first, grads

    return Layer(part.init, part.start, forward, backward, part.width)


def text_model(before: float = 0.0, after: float = 0.0) -> SequenceModel:
    """Make a model that gives logits of the next character at every step.

    Parameters
    ----------
    before, after : float, optional
        Dropout in training, as in `dropout_layer`.

    Returns
    -------
    SequenceModel

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1).
    """
    layer = dropout_layer(lstm_layer(), before, after)
    return SequenceModel(layer, softmax_cross_entropy, every_step=True)


def init_text_params(
    rng: np.random.Generator,
    hidden_size: int,
    embedding_size: int,
    dtype: DTypeLike = np.float32,
) -> SequenceParams:
    """Draw first parameters of `text_model`.

    Parameters
    ----------
    rng : numpy.random.Generator
    hidden_size, embedding_size : int
    dtype : dtype, optional

    Returns
    -------
    SequenceParams

    Raises
    ------
    ValueError
        If a size is below 1 or `rng` is no generator.
    """
    check_generator(rng)
    check_at_least(1, hidden_size=hidden_size, embedding_size=embedding_size)
    V = len(ALPHABET)
    return text_model().init(rng, embedding_size, hidden_size, V, V, dtype)


def train_text_model(
    text: str,
    seed: int,
    steps: int,
    hidden_size: int = 96,
    embedding_size: int = 32,
    batch_size: int = 16,
    window: int = 50,
    learning_rate: float = 0.01,
    dropout: tuple[float, float] = (0.0, 0.0),
    stages: tuple[int, ...] = (),
    callback: Callable[..., object] | None = None,
) -> TextRun:
    """Train a character model on a text, read in parallel streams with a carried state.

    Parameters
    ----------
    text : str
    seed : int
        Of the first weights and of dropout; the order of the text is the same for every seed.
    steps : int
        Updates of Adam; the learning rate falls to zero along a cosine. Gradients are clipped to
        norm 1.
    hidden_size, embedding_size, batch_size, window : int, optional
    learning_rate : float, optional
    dropout : tuple of float, optional
        Of inputs and outputs.
    stages : tuple of int, optional
        Steps after which the parameters are kept.
    callback : callable, optional
        As in `train`.

    Returns
    -------
    TextRun

    Raises
    ------
    ValueError
        If a number is out of range, or a character is not in the alphabet.

    Notes
    -----
    BLAS is held to one thread: the matrices are small, and pages are computed side by side.

    Examples
    --------
    >>> from lstm_ref.trials.spelling import train_text_model
    >>> run = train_text_model("ab" * 500, seed=0, steps=60, hidden_size=8, window=10)
    >>> bool(run.losses[-1] < 1.5 < 5 < run.losses[0])
    True
    """
    check_at_least(1, steps=steps)
    rng = np.random.default_rng(seed)
    model, params = text_model(*dropout), init_text_params(rng, hidden_size, embedding_size)
    kept: dict[int, SequenceParams] = {}

    def loss_and_grad(params: Any, batch: Any, rng: Any, carried: Any) -> Any:
        if len(losses) in stages:
            kept[len(losses)] = params
        out = model.carried_loss_and_grad(params, batch, rng, carried)
        losses.append(out[0])
        return out

    losses: list[float] = []
    with one_blas_thread():
        state: TrainingState = train(
            loss_and_grad,
            params,
            stream_batches(*token_streams(encode(text), batch_size), window),
            adam(lambda step: learning_rate * (1 + np.cos(np.pi * step / steps)) / 2 + 1e-9),
            rng,
            steps,
            carried=model.start(params, batch_size),
            max_norm=1.0,
            callback=callback,
        )
    if steps in stages:
        kept[steps] = state.params
    return TextRun(state.params, np.array(state.losses) / np.log(2), kept)


def load_text_model(name: str = "reference_text_model") -> tuple[SequenceParams, dict[str, Any]]:
    """Load the character model that was trained for longer than a page may take.

    Parameters
    ----------
    name : str, optional
        Of a committed file, made by ``tools/train_text_model.py``.

    Returns
    -------
    params : SequenceParams
        float32; the file has half precision.
    notes : dict
        How it was trained: sizes, steps, seed, seconds, versions, the digest of the text.

    Raises
    ------
    ValueError
        If the file is damaged.
    FileNotFoundError
        If it is missing.
    """
    path = data_path(name)
    with np.load(path, allow_pickle=False) as file:
        shapes = [file[f"tree/{key}"].shape for key in ("layer/W_f", "embedding")]
    (hidden_size, _), (_, size) = shapes
    like = init_text_params(np.random.default_rng(0), hidden_size, size, np.float16)
    params, notes = load_checkpoint(path, like)
    return tree_map(lambda value: value.astype(np.float32), params), notes


# --- judging and writing --------------------------------------------------------------------------


def text_bits(params: SequenceParams, text: str, parts: int = 16, warm: int = 300) -> Array:
    """Measure how surprising each character of a text is, given those before it.

    Parameters
    ----------
    params : SequenceParams
        Of `text_model`.
    text : str
        At least two characters.
    parts : int, optional
        Pieces that are read side by side, which is faster than one after the other.
    warm : int, optional
        How many characters a piece begins earlier than it counts, so that its state is not cold.

    Returns
    -------
    ndarray, shape (N − 1,)
        Bits of every character but the first.

    Raises
    ------
    ValueError
        If the text is too short, a number is out of range, or a character is not in the alphabet.
    """
    check_at_least(1, parts=parts)
    check_at_least(0, warm=warm)
    tokens = _at_least_two(text)
    size = -(-(len(tokens) - 1) // parts)
    bits = np.empty(len(tokens) - 1)
    starts = np.arange(0, len(tokens) - 1, size)
    steps = min(warm, max(len(tokens) - 1 - size, 0)) + size
    firsts = np.clip(starts + size - steps, 0, len(tokens) - 1 - steps)
    at = firsts + np.arange(steps)[:, None]  # (T, B)
    own = _bits(params, tokens[at], tokens[at + 1])
    for first, start, column in zip(firsts, starts, own.T, strict=True):
        stop = min(start + size, len(bits))
        bits[start:stop] = column[start - first : stop - first]
    return bits


def _bits(params: SequenceParams, xs: NDArray[np.int64], targets: NDArray[np.int64]) -> Array:
    """Bits of every target ``(T, B)``, from a zero state on."""
    with one_blas_thread():
        logits, _ = text_model().predict(params, xs)
    picked = np.take_along_axis(log_softmax(logits), targets[..., None], axis=2)
    return np.asarray(-picked[..., 0].astype(np.float64) / np.log(2))


def _at_least_two(text: str) -> NDArray[np.int64]:
    tokens = encode(text)
    if len(tokens) < 2:
        raise ValueError(f"expected a text of at least two characters, got {len(tokens)}")
    return tokens


def bits_after_reset(params: SequenceParams, text: str, window: int) -> Array:
    """Measure how surprising characters are when the state is set to zero every `window` steps.

    Parameters
    ----------
    params : SequenceParams
    text : str
        More than `window` characters.
    window : int

    Returns
    -------
    ndarray, shape (window, K)
        Bits; row ``t`` are the characters before which ``t + 1`` have been read since the reset.

    Raises
    ------
    ValueError
        If `window` is below 1 or not smaller than the text.
    """
    check_at_least(1, window=window)
    tokens = encode(text)
    count = (len(tokens) - 1) // window
    if count < 1:
        raise ValueError(f"expected more than {window} characters, got {len(tokens)}")
    xs, targets = token_streams(tokens[: count * window + 1], count)  # (window, K)
    return _bits(params, xs, targets)


def write_text(
    params: SequenceParams,
    rng: np.random.Generator,
    length: int,
    temperature: float = 1.0,
    start: str = "\n\n",
    count: int = 1,
) -> list[str]:
    """Let a model write: draw a character, read it, draw the next.

    Parameters
    ----------
    params : SequenceParams
    rng : numpy.random.Generator
    length : int
        Characters to write.
    temperature : float, optional
        0 takes the likeliest character each time.
    start : str, optional
        What the model reads first; not part of the result.
    count : int, optional
        Texts, written side by side.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a number is out of range, or `start` is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.spelling import init_text_params, write_text
    >>> rng = np.random.default_rng(0)
    >>> [len(text) for text in write_text(init_text_params(rng, 4, 3), rng, 7, count=2)]
    [7, 7]
    """
    check_generator(rng)
    check_at_least(1, length=length, count=count)
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"expected a temperature of at least 0, got {temperature}")
    if not start:
        raise ValueError("expected a start of at least one character, got none")
    model, written = text_model(), np.empty((length, count), np.int64)
    with one_blas_thread():
        read = np.repeat(encode(start)[:, None], count, axis=1)  # (T, B)
        logits, state = model.predict(params, read)
        for t in range(length):
            written[t] = _draw(logits[-1].astype(np.float64), temperature, rng)
            logits, state = model.predict(params, written[t : t + 1], state=state)
    return ["".join(ALPHABET[k] for k in column) for column in written.T]


def _draw(logits: Array, temperature: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one symbol a row from ``softmax(logits / temperature)``."""
    if temperature == 0:
        return np.asarray(logits.argmax(axis=1))
    # The largest of logits with Gumbel noise added is a draw from their softmax.
    return np.asarray((logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1))


# --- looking inside -------------------------------------------------------------------------------


def text_properties(text: str) -> dict[str, Array]:
    """Say, after every character of a text, what a reader might keep in mind.

    Parameters
    ----------
    text : str
        At least one character.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        ``column``, characters since the line began; ``indentation`` of the line so far, in spaces;
        ``word``, letters since the word began; ``quotes``, 1 between double quotes of a paragraph;
        ``parentheses``, how many are open in the paragraph.

    Raises
    ------
    ValueError
        If there is no text.

    Examples
    --------
    >>> from lstm_ref.trials.spelling import text_properties
    >>> kept = text_properties('a "b"')
    >>> kept["column"], kept["quotes"]
    (array([1., 2., 3., 4., 5.]), array([0., 0., 1., 1., 0.]))
    """
    if not text:
        raise ValueError("expected a text of at least one character, got none")
    names = ("column", "indentation", "word", "quotes", "parentheses")
    rows = np.zeros((len(text), len(names)))
    column = indentation = word = quotes = depth = 0
    before = ""
    for t, sign in enumerate(text):
        if sign == "\n":
            column = indentation = 0
            if before == "\n":
                quotes = depth = 0
        else:
            indentation += sign == " " and indentation == column
            column += 1
        word = word + 1 if sign.isalpha() else 0
        quotes = 1 - quotes if sign == '"' else quotes
        depth = max(0, depth + (sign == "(") - (sign == ")"))
        rows[t], before = (column, indentation, word, quotes, depth), sign
    return dict(zip(names, rows.T, strict=True))


def text_places(text: str) -> NDArray[np.str_]:
    """Say of every character what kind of place it stands in.

    Parameters
    ----------
    text : str
        At least one character.

    Returns
    -------
    ndarray of str, shape (N,)
        ``line end``, ``space``, ``first letter`` or ``later letter`` of a word, ``sign`` for
        digits and all else.

    Raises
    ------
    ValueError
        If there is no text.

    Examples
    --------
    >>> from lstm_ref.trials.spelling import text_places
    >>> text_places("ab (").tolist()
    ['first letter', 'later letter', 'space', 'sign']
    """
    if not text:
        raise ValueError("expected a text of at least one character, got none")
    kinds, before = [], " "
    for sign in text:
        if sign.isalpha():
            kinds.append("later letter" if before.isalpha() else "first letter")
        else:
            kinds.append({" ": "space", "\n": "line end"}.get(sign, "sign"))
        before = sign
    return np.array(kinds)


def chance_when_forced(
    params: SequenceParams,
    text: str,
    positions: ArrayLike,
    units: ArrayLike,
    values: ArrayLike,
    sign: str = "\n",
    context: int = 150,
) -> tuple[Array, Array]:
    """Overwrite one cell in the middle of a text, and see how likely a character becomes.

    Parameters
    ----------
    params : SequenceParams
    text : str
    positions : array_like of int, shape (K,)
        At least `context`. The cell is overwritten before the character at the position is read,
        and the probability is that of `sign` after it.
    units : array_like of int, shape (U,)
        One at a time.
    values : array_like, shape (U,)
        What each unit's cell is made to hold.
    sign : str, optional
    context : int, optional
        Characters to read before.

    Returns
    -------
    usual : ndarray, shape (K,)
        Probabilities with nothing overwritten.
    forced : ndarray, shape (U, K)

    Raises
    ------
    ValueError
        If a position or unit is out of range, or shapes do not fit.
    """
    tokens, at = encode(text), np.asarray(positions)
    cells, held = np.asarray(units), np.asarray(values)
    check_at_least(1, context=context)
    if at.ndim != 1 or at.size == 0 or at.min() < context or at.max() >= len(tokens):
        raise ValueError(f"expected positions (K,) from {context} to {len(tokens) - 1}, got {at}")
    H = params.layer.b_f.shape[0]
    if cells.shape != held.shape or cells.ndim != 1 or ((cells < 0) | (cells >= H)).any():
        raise ValueError(
            f"expected units (U,) from 0 to {H - 1} and as many values, got {cells.shape} and "
            f"{held.shape}"
        )
    model, wanted = text_model(), int(encode(sign)[0])
    with one_blas_thread():
        before = tokens[at - context + np.arange(context)[:, None]]  # (context, K)
        _, (h, c) = model.predict(params, before)

        def chance(c: Array) -> Array:
            logits, _ = model.predict(params, tokens[at][None], state=(h, c))
            return np.asarray(np.exp(log_softmax(logits[0])[:, wanted]))

        forced = np.empty((len(cells), len(at)))
        for k, (unit, value) in enumerate(zip(cells, held, strict=True)):
            changed = c.copy()
            changed[:, unit] = value
            forced[k] = chance(changed)
        return chance(c), forced


def match_units(
    states: Array, properties: dict[str, Array], rng: np.random.Generator, shifts: int = 100
) -> dict[str, UnitMatch]:
    """Find for every property the unit that goes with it, and see whether it does elsewhere.

    Parameters
    ----------
    states : ndarray, shape (N, H)
        Cell states after every character.
    properties : dict of str to ndarray, shape (N,)
    rng : numpy.random.Generator
        Draws the shifts.
    shifts : int, optional

    Returns
    -------
    dict of str to UnitMatch

    Raises
    ------
    ValueError
        If shapes do not fit, or a property never changes.

    Notes
    -----
    Neighbouring characters are alike, so shuffling the property would make chance look smaller
    than it is. Shifted along the text, in a circle, the property keeps its own course and loses
    every tie to the states.
    """
    check_generator(rng)
    check_at_least(1, shifts=shifts)
    half = len(states) // 2
    found = {}
    for name, values in properties.items():
        first = unit_correlations(states[:half], values[:half])
        unit = int(np.abs(first).argmax())
        later, wanted = states[half:], values[half:]
        by = rng.integers(len(wanted) // 10, len(wanted) - len(wanted) // 10, shifts)
        moved = np.stack([np.roll(wanted, k) for k in by], axis=1)  # (N/2, shifts)
        by_chance = np.abs(_correlations(later, moved)).max(axis=0)
        own = float(unit_correlations(later[:, unit : unit + 1], wanted)[0])
        found[name] = UnitMatch(unit, own, float(np.quantile(by_chance, 0.95)))
    return found


def _correlations(states: Array, columns: Array) -> Array:
    """Correlate every unit with every column: ``(H, shifts)``."""
    s, y = states - states.mean(axis=0), columns - columns.mean(axis=0)
    scale = np.sqrt((s**2).sum(axis=0)[:, None] * (y**2).sum(axis=0))
    return np.asarray(s.T @ y / np.where(scale > 0, scale, 1))
