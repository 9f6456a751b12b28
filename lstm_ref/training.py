"""A small training loop: clip, step, validate, stop early, save, and go on as if never stopped.

The loop owns no model. It takes a function that gives a loss and its gradient
(`SequenceModel.loss_and_grad` is one), a function that gives the next batch, and an optimiser; all
that changes from step to step is a `TrainingState`, which is what a checkpoint holds.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.checkpoint import load_checkpoint, save_checkpoint
from lstm_ref.optim import Optimizer, clip_by_global_norm
from lstm_ref.params import Array
from lstm_ref.sequence_model import SequenceBatch
from lstm_ref.tree import tree_map

__all__ = [
    "Progress",
    "TrainingState",
    "epoch_batches",
    "progress_bar",
    "random_windows",
    "train",
]

LossAndGrad = Callable[[Any, Any, np.random.Generator], tuple[float, Any]]
NextBatch = Callable[[np.random.Generator, int], Any]


class TrainingState(NamedTuple):
    """A training run between two steps.

    Attributes
    ----------
    params : tree of ndarray
    optimizer : tree of ndarray
    best_params : tree of ndarray
        Those of the best validation so far; the current ones where nothing was validated.
    best_loss : float
        The best validation so far; infinite before the first.
    stale : int
        Validations since the best.
    step : int
        Steps done.
    generator : dict
        State of the random generator after the last step.
    losses : list of float
        Training loss of every step.
    validations : list of (int, float)
        Steps done and validation loss, for every validation.
    """

    params: Any
    optimizer: Any
    best_params: Any
    best_loss: float
    stale: int
    step: int
    generator: Any
    losses: list[float]
    validations: list[tuple[int, float]]


class Progress(NamedTuple):
    """What a callback is told after every step; ``validation`` is None where none was made."""

    step: int
    loss: float
    grad_norm: float
    validation: float | None


def train(
    loss_and_grad: LossAndGrad,
    params: Any,
    next_batch: NextBatch,
    optimizer: Optimizer,
    rng: np.random.Generator,
    steps: int,
    *,
    max_norm: float = float("inf"),
    validate: Callable[[Any], float] | None = None,
    validate_every: int = 100,
    patience: int | None = None,
    callback: Callable[[Progress], object] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1000,
    resume: bool = False,
) -> TrainingState:
    """Train until the steps are done, validation no longer improves, or a callback says stop.

    Parameters
    ----------
    loss_and_grad : callable
        ``(params, batch, rng) → (loss, grads)``.
    params : tree of ndarray
        Where to start; left as it is.
    next_batch : callable
        ``(rng, step) → batch``, with the steps done so far. `epoch_batches` and `random_windows`
        make one; for a task, ``lambda rng, step: adding_problem(rng, 64)``.
    optimizer : Optimizer
        From `sgd` or `adam`.
    rng : numpy.random.Generator
        The only source of randomness; advances.
    steps : int
        How many steps the whole run has, those before a resumption included.
    max_norm : float
        Gradients are clipped to this global norm. Measured even if nothing is clipped.
    validate : callable, optional
        ``params → loss``, smaller is better.
    validate_every : int
        Steps between two validations.
    patience : int, optional
        Stop after so many validations in a row without a new best.
    callback : callable, optional
        Called with a `Progress` after every step; training stops if it returns something true.
    checkpoint : path-like, optional
        An ``.npz`` to be written every `checkpoint_every` steps, at the end, and on Ctrl-C.
    checkpoint_every : int
    resume : bool
        Go on from `checkpoint` if the file exists; otherwise start, and overwrite.

    Returns
    -------
    TrainingState
        Use ``best_params`` if there was validation; without it they are ``params``.

    Raises
    ------
    ValueError
        If a number is out of range, `patience` comes without `validate` or `resume` without
        `checkpoint`, a gradient is not finite or not like `params`, or the checkpoint is damaged
        or of another model, optimiser or kind of generator.
    FloatingPointError
        If a loss is not finite: the step that led there was too long.

    Notes
    -----
    A run that is stopped and resumed gives bit for bit the numbers of one that was not, as long
    as `next_batch` draws from its arguments alone, and the machine and its number of threads are
    the same. What else is passed (the learning rate, the patience) may be changed on the way.

    References
    ----------
    L. Prechelt (1998). Early Stopping – But When? In: Neural Networks: Tricks of the Trade,
    Springer.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import sgd, train
    >>> def pull_to_three(params, batch, rng):
    ...     error = params["x"] - 3
    ...     return float((error**2).sum()), {"x": 2 * error}
    >>> state = train(
    ...     pull_to_three, {"x": np.zeros(1)}, lambda rng, step: None, sgd(0.1),
    ...     np.random.default_rng(0), steps=100,
    ... )
    >>> state.params["x"].round(6), state.step, len(state.losses)
    (array([3.]), 100, 100)
    """
    _check_settings(steps, validate_every, checkpoint_every, patience, max_norm)
    if patience is not None and validate is None:
        raise ValueError("expected a validate function with patience, got None")
    if resume and checkpoint is None:
        raise ValueError("expected a checkpoint to resume from, got None")
    state = _start(params, optimizer, rng)
    if resume and checkpoint is not None and Path(checkpoint).exists():
        state = _load(checkpoint, state, rng)
    stop = False
    try:
        while state.step < steps and not stop and not _is_stale(state, patience):
            state, progress = _advance(
                state, loss_and_grad, next_batch, optimizer, rng, max_norm, validate, validate_every
            )
            stop = callback is not None and bool(callback(progress))
            if checkpoint is not None and state.step % checkpoint_every == 0:
                _save(checkpoint, state)
    except KeyboardInterrupt:
        if checkpoint is not None:
            _save(checkpoint, state)
        raise
    if checkpoint is not None:
        _save(checkpoint, state)
    return state


def _start(params: Any, optimizer: Optimizer, rng: np.random.Generator) -> TrainingState:
    params = tree_map(np.copy, params)
    return TrainingState(
        params=params,
        optimizer=optimizer.init(params),
        best_params=params,
        best_loss=float("inf"),
        stale=0,
        step=0,
        generator=rng.bit_generator.state,
        losses=[],
        validations=[],
    )


def _advance(
    state: TrainingState,
    loss_and_grad: LossAndGrad,
    next_batch: NextBatch,
    optimizer: Optimizer,
    rng: np.random.Generator,
    max_norm: float,
    validate: Callable[[Any], float] | None,
    validate_every: int,
) -> tuple[TrainingState, Progress]:
    """Take one step, and validate where it is due.

    The two lists grow in place, as copying them every step would make long runs slow; an
    interruption can leave them one entry ahead, which `_save` cuts off.
    """
    loss, grads = loss_and_grad(state.params, next_batch(rng, state.step), rng)
    step = state.step + 1
    if not np.isfinite(loss):
        raise FloatingPointError(
            f"expected a finite loss at step {step}, got {loss}: try a smaller learning rate or "
            "max_norm"
        )
    clipped, norm = clip_by_global_norm(grads, max_norm)
    params, optimizer_state = optimizer.update(clipped, state.optimizer, state.params)
    after = state._replace(
        params=params, optimizer=optimizer_state, step=step, generator=rng.bit_generator.state
    )
    validation = None
    if validate is None:
        after = after._replace(best_params=params)
    elif step % validate_every == 0:
        validation = float(validate(params))
        if validation < state.best_loss:
            after = after._replace(best_params=params, best_loss=validation, stale=0)
        else:
            after = after._replace(stale=state.stale + 1)
        after.validations.append((step, validation))
    after.losses.append(float(loss))
    return after, Progress(step, float(loss), norm, validation)


def _is_stale(state: TrainingState, patience: int | None) -> bool:
    return patience is not None and state.stale >= patience


def _check_settings(
    steps: int, validate_every: int, checkpoint_every: int, patience: int | None, max_norm: float
) -> None:
    for name, value, least in (
        ("steps", steps, 0),
        ("validate_every", validate_every, 1),
        ("checkpoint_every", checkpoint_every, 1),
        ("patience", 1 if patience is None else patience, 1),
    ):
        if value != int(value) or value < least:
            raise ValueError(f"expected {name} as an integer of at least {least}, got {value}")
    if not max_norm > 0:
        raise ValueError(f"expected a max_norm above 0, got {max_norm}")


# --- checkpoints of a run -------------------------------------------------------------------------


def _arrays(state: TrainingState) -> dict[str, Any]:
    return {
        "params": state.params,
        "optimizer": state.optimizer,
        "best_params": state.best_params,
    }


def _save(path: str | Path, state: TrainingState) -> None:
    notes = {
        "best_loss": state.best_loss,
        "stale": state.stale,
        "step": state.step,
        "generator": _to_json(state.generator),
        "losses": state.losses[: state.step],
        "validations": [v for v in state.validations if v[0] <= state.step],
    }
    save_checkpoint(path, _arrays(state), notes)


def _load(path: str | Path, start: TrainingState, rng: np.random.Generator) -> TrainingState:
    """Read a run's state and set the generator to where it was."""
    arrays, notes = load_checkpoint(path, like=_arrays(start))
    kind = type(rng.bit_generator).__name__
    try:
        generator = _from_json(notes["generator"])
        state = start._replace(
            **arrays,
            best_loss=float(notes["best_loss"]),
            stale=int(notes["stale"]),
            step=int(notes["step"]),
            generator=generator,
            losses=[float(loss) for loss in notes["losses"]],
            validations=[(int(step), float(loss)) for step, loss in notes["validations"]],
        )
        saved_kind = generator["bit_generator"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"expected the checkpoint of a training run in {path}") from error
    if saved_kind != kind:
        raise ValueError(f"expected a checkpoint made with a {kind} generator, got {saved_kind}")
    rng.bit_generator.state = generator
    return state


def _to_json(value: Any) -> Any:
    """Make a generator's state JSON: some kinds keep arrays in it."""
    if isinstance(value, dict):
        return {key: _to_json(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"dtype", "values"}:
        return np.array(value["values"], dtype=value["dtype"])
    if isinstance(value, dict):
        return {key: _from_json(part) for key, part in value.items()}
    return value


# --- progress -------------------------------------------------------------------------------------


def progress_bar(steps: int, stream: TextIO | None = None) -> Callable[[Progress], None]:
    """Make a callback that shows how training goes.

    Parameters
    ----------
    steps : int
        Of the whole run, at least 1.
    stream : text stream, optional
        Standard error if omitted. On a terminal one line is redrawn, at most ten times a second;
        into a file go ten lines.

    Returns
    -------
    callable
        To be given to `train`.

    Raises
    ------
    ValueError
        If `steps` is below 1.

    Examples
    --------
    >>> import io
    >>> from lstm_ref import Progress, progress_bar
    >>> out = io.StringIO()
    >>> show = progress_bar(2, out)
    >>> show(Progress(step=1, loss=0.25, grad_norm=1.0, validation=None))
    >>> show(Progress(step=2, loss=0.125, grad_norm=1.0, validation=0.5))
    >>> print(out.getvalue(), end="")
    step 1/2  50%  loss 0.25
    step 2/2 100%  loss 0.125  validation 0.5
    """
    if steps < 1:
        raise ValueError(f"expected steps of at least 1, got {steps}")
    out = sys.stderr if stream is None else stream
    drawn = {"time": -1.0, "tenth": -1, "width": 0}
    last: dict[str, float] = {}

    def show(progress: Progress) -> None:
        if progress.validation is not None:
            last["validation"] = progress.validation
        done = progress.step / steps
        text = f"step {progress.step}/{steps} {done:4.0%}  loss {progress.loss:.4g}"
        text += "".join(f"  {name} {value:.4g}" for name, value in last.items())
        finished = progress.step >= steps
        if out.isatty():
            if finished or time.monotonic() - drawn["time"] >= 0.1:
                filled = int(20 * min(done, 1))
                line = f"[{'█' * filled}{'·' * (20 - filled)}] {text}"
                out.write("\r" + line.ljust(int(drawn["width"])) + ("\n" if finished else ""))
                out.flush()
                drawn.update(time=time.monotonic(), width=len(line))
        elif int(10 * done) > drawn["tenth"]:
            drawn["tenth"] = int(10 * done)
            out.write(text + "\n")
            out.flush()

    return show


# --- batches --------------------------------------------------------------------------------------


def epoch_batches(
    xs: Array,
    targets: ArrayLike,
    batch_size: int,
    seed: int,
    lengths: ArrayLike | None = None,
    every_step: bool = False,
) -> NextBatch:
    """Go through a data set again and again, shuffled anew each time.

    Parameters
    ----------
    xs : ndarray, shape (T, N, D)
        All sequences.
    targets : array_like, shape (N, ...), or (T, N, ...) with `every_step`
    batch_size : int
        From 1 to ``N``. The last batch of an epoch may be smaller.
    seed : int
        Decides every shuffle: the order within an epoch depends on it and the epoch's number alone,
        so a resumed run goes on in the middle of an epoch.
    lengths : array_like of int, shape (N,), optional
        Batches are cut off after their longest sequence.
    every_step : bool
        Whether `targets` has a time axis.

    Returns
    -------
    callable
        ``(rng, step) → SequenceBatch``, for `train`.

    Raises
    ------
    ValueError
        If numbers of sequences do not fit, or `batch_size` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import epoch_batches
    >>> next_batch = epoch_batches(np.zeros((7, 5, 1)), np.arange(5), batch_size=2, seed=0)
    >>> [len(next_batch(None, step).targets) for step in range(4)]
    [2, 2, 1, 2]
    """
    targets = np.asarray(targets)
    count, axis = np.shape(xs)[1], 1 if every_step else 0
    if targets.ndim <= axis or targets.shape[axis] != count:
        raise ValueError(f"expected targets of {count} sequences, got shape {targets.shape}")
    ends = None if lengths is None else np.asarray(lengths)
    if ends is not None and ends.shape != (count,):
        raise ValueError(f"expected lengths of shape ({count},), got {ends.shape}")
    if not 1 <= batch_size <= count:
        raise ValueError(f"expected a batch_size from 1 to {count}, got {batch_size}")
    per_epoch = -(-count // batch_size)

    def next_batch(rng: Any, step: int) -> SequenceBatch:
        epoch, k = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(count)
        at = order[k * batch_size : (k + 1) * batch_size]
        own = None if ends is None else ends[at]
        longest = xs.shape[0] if own is None else max(int(own.max()), 1)
        wanted = targets[:longest, at] if every_step else targets[at]
        return SequenceBatch(xs[:longest, at], wanted, own)

    return next_batch


def random_windows(tokens: ArrayLike, window: int, batch_size: int) -> NextBatch:
    """Cut windows out of a long text at random, each with the tokens that follow.

    Parameters
    ----------
    tokens : array_like of int, shape (N,)
    window : int
        Tokens a window, from 1 to ``N − 1``.
    batch_size : int
        At least 1.

    Returns
    -------
    callable
        ``(rng, step) → SequenceBatch``: ``xs (window, B)`` tokens, and as ``targets (window, B)``
        each one's successor.

    Raises
    ------
    ValueError
        If there are not that many tokens, or a number is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import random_windows
    >>> batch = random_windows(np.arange(100), 3, 1)(np.random.default_rng(0), 0)
    >>> batch.targets[:, 0] - batch.xs[:, 0]
    array([1, 1, 1])
    """
    text: NDArray[Any] = np.asarray(tokens)
    if text.ndim != 1 or not np.issubdtype(text.dtype, np.integer):
        raise ValueError(
            f"expected tokens as integers of shape (N,), got {text.dtype} {text.shape}"
        )
    if not 1 <= window < text.size:
        raise ValueError(f"expected a window from 1 to {text.size - 1}, got {window}")
    if batch_size < 1:
        raise ValueError(f"expected a batch_size of at least 1, got {batch_size}")

    def next_batch(rng: np.random.Generator, step: int) -> SequenceBatch:
        starts = rng.integers(0, text.size - window, batch_size)
        at = starts + np.arange(window)[:, None]  # (window, B)
        return SequenceBatch(text[at], text[at + 1])

    return next_batch
