"""A network ready to be trained: recurrent layers, a linear readout, a loss.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size, ``M`` output size, ``V`` classes.

A `Layer` is what training sees of a recurrent layer, whatever its cell. The constructors here
(`lstm_layer`, `gru_layer`, …) run on `lstm_ref.fast` where it has the cell and on the readable
tier otherwise; `stacked_layer` and `bidirectional_layer` put layers together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lstm_ref import fast, gru, initializers, layers, rnn, variants
from lstm_ref.architectures import _reversal, _turn
from lstm_ref.linear import (
    LinearParams,
    embedding_backward,
    embedding_forward,
    linear_backward,
    linear_forward,
)
from lstm_ref.losses import gaussian_nll, mse
from lstm_ref.params import Array
from lstm_ref.tree import tree_map
from lstm_ref.validation import check_array, check_lengths

__all__ = [
    "BidirectionalParams",
    "Layer",
    "LayerOutput",
    "SequenceBatch",
    "SequenceModel",
    "SequenceParams",
    "bidirectional_layer",
    "coupled_layer",
    "gaussian_loss",
    "gru_layer",
    "lstm1997_layer",
    "lstm_layer",
    "peephole_layer",
    "rnn_layer",
    "stacked_layer",
]

Loss: TypeAlias = Callable[[Array, Any, Any], tuple[float, Array]]


class LayerOutput(NamedTuple):
    """What a layer gives: every hidden state, the last one, the state to go on from, and a tape.

    ``hs (T, B, W)`` and ``last (B, W)``, with ``W`` the layer's width; ``last`` is the hidden
    state after each sequence's own end.
    """

    hs: Array
    last: Array
    state: Any
    tape: Any


class Layer(NamedTuple):
    """A recurrent layer as training sees it.

    Attributes
    ----------
    init : callable
        ``(rng, input_size, hidden_size, dtype) → params``.
    start : callable
        ``(params, batch_size) → state``: what sequences start from, zeros.
    forward : callable
        ``(xs, params, lengths, state, rng) → LayerOutput``. Without a state it begins with that of
        `start`; with a generator it is in training, and dropout drops.
    backward : callable
        ``(dhs, dlast, tape) → (dxs, grads)``.
    width : callable
        ``(hidden_size) → W``.
    """

    init: Callable[..., Any]
    start: Callable[[Any, int], Any]
    forward: Callable[..., LayerOutput]
    backward: Callable[..., tuple[Array, Any]]
    width: Callable[[int], int]


# --- layers ---------------------------------------------------------------------------------------


def _layer(init: Any, run: Any, run_back: Any, states: int, readable: bool) -> Layer:
    """Make a `Layer` of a pair of functions with ``h`` alone, or ``h`` and ``c``, for a state."""

    def start(params: Any, batch_size: int) -> tuple[Array, ...]:
        bias = params[1]  # (H,)
        return tuple(np.zeros((batch_size, len(bias)), dtype=bias.dtype) for _ in range(states))

    def forward(
        xs: Array, params: Any, lengths: Any = None, state: Any = None, rng: Any = None
    ) -> LayerOutput:
        if state is None:
            check_array("xs", xs, ("T", "B", "D"))
            state = start(params, xs.shape[1])
        hs, after, tape = run(xs, *state, params, lengths)
        after = after if states == 2 else (after,)
        return LayerOutput(hs, after[0], after, (tape, params, lengths))

    def backward(dhs: Array, dlast: Array | None, tape: Any) -> tuple[Array, Any]:
        kept, params, lengths = tape
        if readable:
            dxs, *_, grads = run_back(dhs, kept, params, dlast, lengths=lengths)
        else:
            dxs, *_, grads = run_back(dhs, kept, dlast)
        return dxs, grads

    return Layer(init, start, forward, backward, lambda hidden_size: hidden_size)


def lstm_layer(forget_bias: float = 1.0, readable: bool = False) -> Layer:
    """Make an LSTM layer for a `SequenceModel`.

    Parameters
    ----------
    forget_bias : float
        As in `init_lstm_params`.
    readable : bool
        Run on `lstm_ref.layers` instead of `lstm_ref.fast`: the same numbers, slower.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import lstm_layer
    >>> layer = lstm_layer()
    >>> params = layer.init(np.random.default_rng(0), 3, 5)
    >>> layer.forward(np.ones((7, 2, 3)), params).last.shape
    (2, 5)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return initializers.init_lstm_params(rng, input_size, hidden_size, forget_bias, dtype)

    tier = layers if readable else fast
    return _layer(init, tier.lstm_forward_cached, tier.lstm_backward, 2, readable)


def gru_layer(update_bias: float = 0.0, readable: bool = False) -> Layer:
    """Make a GRU layer for a `SequenceModel`.

    Parameters
    ----------
    update_bias : float
        As in `init_gru_params`.
    readable : bool
        Run on `lstm_ref.gru` instead of `lstm_ref.fast`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gru_layer
    >>> gru_layer().init(np.random.default_rng(0), 3, 5).W_z.shape
    (5, 8)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return initializers.init_gru_params(rng, input_size, hidden_size, update_bias, dtype)

    tier = gru if readable else fast
    return _layer(init, tier.gru_forward_cached, tier.gru_backward, 1, readable)


def rnn_layer(readable: bool = False) -> Layer:
    """Make a plain recurrent layer for a `SequenceModel`.

    Parameters
    ----------
    readable : bool
        Run on `lstm_ref.rnn` instead of `lstm_ref.fast`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import rnn_layer
    >>> rnn_layer().init(np.random.default_rng(0), 3, 5).W.shape
    (5, 8)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return initializers.init_rnn_params(rng, input_size, hidden_size, dtype)

    tier = rnn if readable else fast
    return _layer(init, tier.rnn_forward_cached, tier.rnn_backward, 1, readable)


def peephole_layer(forget_bias: float = 1.0) -> Layer:
    """Make a layer of LSTM cells with peepholes, on the readable tier.

    Parameters
    ----------
    forget_bias : float
        As in `init_peephole_params`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import peephole_layer
    >>> peephole_layer().init(np.random.default_rng(0), 3, 5).p_f.shape
    (5,)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return initializers.init_peephole_params(rng, input_size, hidden_size, forget_bias, dtype)

    return _layer(init, variants.peephole_forward_cached, variants.peephole_backward, 2, True)


def lstm1997_layer(input_bias: float = 0.0, output_bias: float = 0.0) -> Layer:
    """Make a layer of the original cells, on the readable tier, trained by full BPTT.

    Parameters
    ----------
    input_bias, output_bias : float
        As in `init_lstm1997_params`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import lstm1997_layer
    >>> lstm1997_layer(input_bias=-3.0).init(np.random.default_rng(0), 3, 2).b_i
    array([-3., -3.])
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return initializers.init_lstm1997_params(
            rng, input_size, hidden_size, input_bias, output_bias, dtype
        )

    return _layer(init, variants.lstm1997_forward_cached, variants.lstm1997_backward, 2, True)


def coupled_layer(forget_bias: float = 1.0) -> Layer:
    """Make a layer of LSTM cells with coupled gates, on the readable tier.

    Parameters
    ----------
    forget_bias : float
        As in `init_coupled_params`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import coupled_layer
    >>> coupled_layer().init(np.random.default_rng(0), 3, 5).W_f.shape
    (5, 8)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return initializers.init_coupled_params(rng, input_size, hidden_size, forget_bias, dtype)

    return _layer(init, variants.coupled_forward_cached, variants.coupled_backward, 2, True)


# --- layers put together --------------------------------------------------------------------------


def stacked_layer(parts: Sequence[Layer], dropout: float = 0.0) -> Layer:
    """Put layers on top of each other, all of one hidden size.

    Parameters
    ----------
    parts : sequence of Layer
        Bottom first.
    dropout : float
        Probability with which a value between two layers is dropped in training; the others are
        scaled up by ``1 / (1 − dropout)``.

    Returns
    -------
    Layer
        Its parameters and state are tuples, bottom first.

    Raises
    ------
    ValueError
        If there is no layer, or `dropout` lies outside [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import lstm_layer, stacked_layer
    >>> layer = stacked_layer([lstm_layer(), lstm_layer()])
    >>> [p.W_f.shape for p in layer.init(np.random.default_rng(0), 3, 5)]
    [(5, 8), (5, 10)]
    """
    parts = tuple(parts)
    if not parts:
        raise ValueError("expected at least one layer, got none")
    if not 0 <= dropout < 1:
        raise ValueError(f"expected a dropout of at least 0 and below 1, got {dropout}")

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        params = []
        for part in parts:
            params.append(part.init(rng, input_size, hidden_size, dtype))
            input_size = part.width(hidden_size)
        return tuple(params)

    def start(params: Any, batch_size: int) -> tuple[Any, ...]:
        return tuple(part.start(own, batch_size) for part, own in zip(parts, params, strict=True))

    def forward(
        xs: Array, params: Any, lengths: Any = None, state: Any = None, rng: Any = None
    ) -> LayerOutput:
        tapes, states = [], []
        for k, (part, own) in enumerate(zip(parts, params, strict=True)):
            mask = None
            if k > 0 and rng is not None and dropout > 0:
                mask = ((rng.random(xs.shape) >= dropout) / (1 - dropout)).astype(xs.dtype)
                xs = xs * mask
            out = part.forward(xs, own, lengths, None if state is None else state[k], rng)
            tapes.append((out.tape, mask))
            states.append(out.state)
            xs = out.hs
        return LayerOutput(out.hs, out.last, tuple(states), tapes)

    def backward(dhs: Array, dlast: Array | None, tape: Any) -> tuple[Array, Any]:
        grads = []
        for part, (own, mask) in zip(parts[::-1], tape[::-1], strict=True):
            dhs, grad = part.backward(dhs, dlast, own)
            dhs = dhs if mask is None else dhs * mask
            dlast = None  # only the top layer's last state is read
            grads.append(grad)
        return dhs, tuple(grads[::-1])

    return Layer(init, start, forward, backward, parts[-1].width)


class BidirectionalParams(NamedTuple):
    """Parameters of the two directions of a bidirectional layer."""

    forward: Any
    backward: Any


def bidirectional_layer(part: Layer) -> Layer:
    """Run a layer in both directions of time and join the states, forward first.

    Parameters
    ----------
    part : Layer
        For both directions, each with parameters of its own.

    Returns
    -------
    Layer
        Of width ``2 W``; its parameters are `BidirectionalParams`. ``last`` joins the forward
        direction's state after each sequence's end with the backward direction's state after its
        first step: both have seen the whole sequence. It sees the future: never in a forecast,
        and never with a carried state.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import bidirectional_layer, lstm_layer
    >>> layer = bidirectional_layer(lstm_layer())
    >>> params = layer.init(np.random.default_rng(0), 3, 5)
    >>> layer.forward(np.ones((7, 2, 3)), params).hs.shape
    (7, 2, 10)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        first, second = (part.init(rng, input_size, hidden_size, dtype) for _ in range(2))
        return BidirectionalParams(first, second)

    def start(params: Any, batch_size: int) -> Any:
        raise ValueError(
            "expected a layer of one direction to carry a state through, got a bidirectional one, "
            "which sees the whole sequence"
        )

    def forward(
        xs: Array, params: Any, lengths: Any = None, state: Any = None, rng: Any = None
    ) -> LayerOutput:
        if state is not None:
            raise ValueError(
                "expected no state, as a bidirectional layer sees the whole sequence, "
                f"got {type(state).__name__}"
            )
        check_array("xs", xs, ("T", "B", "D"))
        if lengths is not None:
            check_lengths(lengths, xs.shape[0], xs.shape[1])
            lengths = np.asarray(lengths)
        reversal = _reversal(xs.shape[0], xs.shape[1], lengths)
        ahead = part.forward(xs, params.forward, lengths, None, rng)
        back = part.forward(_turn(xs, reversal), params.backward, lengths, None, rng)
        hs = np.concatenate([ahead.hs, _turn(back.hs, reversal)], axis=2)
        last = np.concatenate([ahead.last, back.last], axis=1)
        return LayerOutput(hs, last, None, (ahead.tape, back.tape, reversal))

    def backward(dhs: Array, dlast: Array | None, tape: Any) -> tuple[Array, Any]:
        ahead, back, reversal = tape
        width = dhs.shape[2] // 2
        dlasts = (None, None) if dlast is None else (dlast[:, :width], dlast[:, width:])
        dxs, grads = part.backward(dhs[:, :, :width], dlasts[0], ahead)
        turned, grads_back = part.backward(_turn(dhs[:, :, width:], reversal), dlasts[1], back)
        return dxs + _turn(turned, reversal), BidirectionalParams(grads, grads_back)

    return Layer(init, start, forward, backward, lambda hidden_size: 2 * part.width(hidden_size))


# --- losses on outputs ----------------------------------------------------------------------------


def gaussian_loss(outputs: Array, targets: Any, mask: Any = None) -> tuple[float, Array]:
    """Apply `gaussian_nll` to outputs that hold means first and log-variances after them.

    Parameters
    ----------
    outputs : ndarray, shape (..., 2M)
    targets : array_like, shape (..., M)
    mask : array_like of bool, shape (...), optional

    Returns
    -------
    loss : float
    doutputs : ndarray, shape (..., 2M)

    Raises
    ------
    ValueError
        If the number of outputs is odd, or shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gaussian_loss
    >>> gaussian_loss(np.zeros((1, 2)), [[2.0]])[1]
    array([[-2. , -1.5]])
    """
    check_array("outputs", outputs, (*np.shape(outputs)[:-1], "2M"))
    size = outputs.shape[-1]
    if size % 2:
        raise ValueError(f"expected an even number of outputs, got {size}")
    mean, log_variance = outputs[..., : size // 2], outputs[..., size // 2 :]
    loss, gradients = gaussian_nll(mean, log_variance, targets, mask)
    return loss, np.concatenate(gradients, axis=-1)


# --- the model ------------------------------------------------------------------------------------


class SequenceBatch(NamedTuple):
    """Sequences to train on; a `TaskBatch` will do as well.

    ``xs (T, B, D)``, or tokens ``(T, B)`` for a model with an embedding; ``targets`` as the loss
    wants them, ``(B, …)`` for the last step or ``(T, B, …)`` for every step; ``lengths (B,)``;
    ``mask (T, B)``, or ``(B,)`` for the last step, true where a position counts; ``starts (B,)``,
    where a state is carried, true for the sequences that begin here and do not go on.
    """

    xs: Any
    targets: Any
    lengths: Any = None
    mask: Any = None
    starts: Any = None


class SequenceParams(NamedTuple):
    """Embedding ``(V, D)`` or None, the layer's parameters, and the readout ``(M, W)``."""

    embedding: Array | None
    layer: Any
    readout: LinearParams


@dataclass(frozen=True)
class SequenceModel:
    """A recurrent layer, a linear readout and a loss; stateless, its parameters are a tree.

    Parameters
    ----------
    layer : Layer
    loss : callable
        ``(outputs, targets, mask) → (loss, doutputs)``: `mse`, `softmax_cross_entropy`,
        `gaussian_loss`, or your own.
    every_step : bool
        Whether outputs are wanted at every step, or once after each sequence's end.

    Examples
    --------
    Ten steps of learning to add:

    >>> import numpy as np
    >>> from lstm_ref import SequenceModel, adam, adding_problem, lstm_layer, mse
    >>> rng = np.random.default_rng(0)
    >>> model = SequenceModel(lstm_layer(), mse)
    >>> params = model.init(rng, input_size=2, hidden_size=8, outputs=1)
    >>> optimizer = adam(0.02)
    >>> state = optimizer.init(params)
    >>> losses = []
    >>> for _ in range(10):
    ...     loss, grads = model.loss_and_grad(params, adding_problem(rng, 32, T=10))
    ...     params, state = optimizer.update(grads, state, params)
    ...     losses.append(loss)
    >>> losses[-1] < losses[0]
    True
    """

    layer: Layer
    loss: Loss = mse
    every_step: bool = False

    def init(
        self,
        rng: np.random.Generator,
        input_size: int,
        hidden_size: int,
        outputs: int,
        vocabulary_size: int | None = None,
        dtype: DTypeLike = np.float64,
    ) -> SequenceParams:
        """Draw the first parameters.

        Parameters
        ----------
        rng : numpy.random.Generator
        input_size, hidden_size, outputs : int
            ``D``, ``H`` and ``M``.
        vocabulary_size : int, optional
            Gives the model an embedding of that many tokens into ``D`` numbers.
        dtype : dtype, optional

        Returns
        -------
        SequenceParams

        Raises
        ------
        ValueError
            If a size is below 1.
        """
        E = None
        if vocabulary_size is not None:
            E = initializers.init_embedding(rng, vocabulary_size, input_size, dtype)
        layer = self.layer.init(rng, input_size, hidden_size, dtype)
        width = self.layer.width(hidden_size)
        return SequenceParams(E, layer, initializers.init_linear_params(rng, width, outputs, dtype))

    def predict(
        self, params: SequenceParams, xs: Any, lengths: Any = None, state: Any = None
    ) -> tuple[Array, Any]:
        """Run the network.

        Parameters
        ----------
        params : SequenceParams
        xs : ndarray, shape (T, B, D), or tokens (T, B)
        lengths : array_like of int, shape (B,), optional
        state : optional
            Where to go on from, as an earlier call returned it; zeros if omitted.

        Returns
        -------
        outputs : ndarray, shape (B, M), or (T, B, M) with `every_step`
        state
            After the last step.

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit.
        """
        out = self.layer.forward(self._embed(params, xs), params.layer, lengths, state, None)
        read = out.hs if self.every_step else out.last
        return linear_forward(read, params.readout), out.state

    def loss_and_grad(
        self, params: SequenceParams, batch: Any, rng: np.random.Generator | None = None
    ) -> tuple[float, SequenceParams]:
        """Compute the loss of a batch and its gradient.

        Parameters
        ----------
        params : SequenceParams
        batch : SequenceBatch or TaskBatch
            Positions past a sequence's end do not count.
        rng : numpy.random.Generator, optional
            Turns dropout on.

        Returns
        -------
        loss : float
        grads : SequenceParams

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit.
        """
        return self._loss_and_grad(params, batch, rng, None)[:2]

    def start(self, params: SequenceParams, batch_size: int) -> Any:
        """Make the state that sequences start from, to be carried by `carried_loss_and_grad`.

        Parameters
        ----------
        params : SequenceParams
        batch_size : int
            ``B``, at least 1.

        Returns
        -------
        tree of ndarray, shape (B, H)
            Zeros.

        Raises
        ------
        ValueError
            If the batch is empty or the layer bidirectional.
        """
        if batch_size < 1:
            raise ValueError(f"expected a batch_size of at least 1, got {batch_size}")
        return self.layer.start(params.layer, batch_size)

    def carried_loss_and_grad(
        self, params: SequenceParams, batch: Any, rng: np.random.Generator | None, carried: Any
    ) -> tuple[float, SequenceParams, Any]:
        """Compute loss and gradient of sequences that go on: truncated BPTT, the state carried.

        Parameters
        ----------
        params : SequenceParams
        batch : SequenceBatch or TaskBatch
            The next window of every sequence. Where ``batch.starts`` is true a new sequence begins
            instead, and what was carried is dropped.
        rng : numpy.random.Generator or None
            Turns dropout on.
        carried : tree of ndarray, shape (B, H)
            The state to go on from: that of `start`, or what the call for the window before gave.

        Returns
        -------
        loss : float
        grads : SequenceParams
            They stop at the window's first step: `carried` counts as a constant.
        carried : like carried
            The state after the window.

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit, or the layer has no state to carry.

        References
        ----------
        R. J. Williams, J. Peng (1990). An Efficient Gradient-Based Algorithm for On-Line Training
        of Recurrent Network Trajectories. Neural Computation 2(4).

        Examples
        --------
        A model that reads a long stream in windows of five steps:

        >>> import numpy as np
        >>> from lstm_ref import SequenceModel, lstm_layer, stream_batches
        >>> rng = np.random.default_rng(0)
        >>> model = SequenceModel(lstm_layer(), every_step=True)
        >>> params = model.init(rng, input_size=1, hidden_size=4, outputs=1)
        >>> stream = rng.standard_normal((15, 2, 1))
        >>> next_batch, carried = stream_batches(stream, stream, window=5), model.start(params, 2)
        >>> for step in range(3):
        ...     batch = next_batch(rng, step)
        ...     loss, grads, carried = model.carried_loss_and_grad(params, batch, None, carried)
        >>> [array.shape for array in carried], bool(carried[0].any())
        ([(2, 4), (2, 4)], True)
        """
        fresh = self.start(params, np.shape(batch.xs)[1])
        starts = _starts(batch)[:, None]  # (B, 1)
        carried = tree_map(lambda zero, held: np.where(starts, zero, held), fresh, carried)
        loss, grads, after = self._loss_and_grad(params, batch, rng, carried)
        if after is None:
            raise ValueError("expected a layer that gives a state to go on from, got None")
        return loss, grads, after

    def _loss_and_grad(
        self, params: SequenceParams, batch: Any, rng: np.random.Generator | None, state: Any
    ) -> tuple[float, SequenceParams, Any]:
        xs, targets, lengths = batch[:3]
        vectors = self._embed(params, xs)
        out = self.layer.forward(vectors, params.layer, lengths, state, rng)
        read = out.hs if self.every_step else out.last
        mask = self._mask(batch, out.hs.shape)
        loss, doutputs = self.loss(linear_forward(read, params.readout), targets, mask)
        dread, readout = linear_backward(doutputs, read, params.readout)
        if self.every_step:
            dxs, layer = self.layer.backward(dread, None, out.tape)
        else:
            dxs, layer = self.layer.backward(np.zeros_like(out.hs), dread, out.tape)
        E = params.embedding
        dE = None if E is None else embedding_backward(dxs, xs, E.shape[0])
        return loss, SequenceParams(dE, layer, readout), out.state

    def evaluate(self, params: SequenceParams, batch: Any) -> float:
        """Compute the loss of a batch, without gradient and without dropout.

        Parameters
        ----------
        params : SequenceParams
        batch : SequenceBatch or TaskBatch

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit.
        """
        xs, targets, lengths = batch[:3]
        outputs, _ = self.predict(params, xs, lengths)
        return self.loss(outputs, targets, self._mask(batch, np.shape(xs)))[0]

    def _embed(self, params: SequenceParams, xs: Any) -> Array:
        return xs if params.embedding is None else embedding_forward(xs, params.embedding)

    def _mask(self, batch: Any, shape: tuple[int, ...]) -> Any:
        """Positions that count: those within a sequence, and of them those the batch marks."""
        mask = batch.mask if isinstance(batch, SequenceBatch) else None
        if not self.every_step or batch.lengths is None:
            return mask
        running = np.arange(shape[0])[:, None] < np.asarray(batch.lengths)  # (T, B)
        return running if mask is None else running & np.asarray(mask, dtype=bool)


def _starts(batch: Any) -> NDArray[np.bool_]:
    """Say which sequences begin with this batch; none if it does not tell."""
    size = np.shape(batch.xs)[1]
    given = batch.starts if isinstance(batch, SequenceBatch) else None
    starts = np.zeros(size, dtype=bool) if given is None else np.asarray(given)
    if starts.shape != (size,) or starts.dtype != bool:
        raise ValueError(
            f"expected starts as true or false of shape ({size},), got {starts.dtype} "
            f"{starts.shape}"
        )
    return starts
