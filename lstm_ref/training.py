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

from lstm_ref.checkpoint import load_checkpoint, save_checkpoint
from lstm_ref.optim import Optimizer, clip_by_global_norm
from lstm_ref.tree import tree_map
from lstm_ref.validation import check_at_least

__all__ = [
    "Progress",
    "TrainingState",
    "progress_bar",
    "train",
]

LossAndGrad = Callable[..., tuple[Any, ...]]
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
    carried : tree of ndarray or None
        What the next step goes on from; None where nothing is carried.
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
    carried: Any = None


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
    carried: Any = None,
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
        ``(params, batch, rng) → (loss, grads)``; with `carried`,
        ``(params, batch, rng, carried) → (loss, grads, carried)``.
    params : tree of ndarray
        Where to start; left as it is.
    next_batch : callable
        ``(rng, step) → batch``, with the steps done so far. `epoch_batches`, `random_windows` and
        `stream_batches` make one; for a task, ``lambda rng, step: adding_problem(rng, 64)``.
    optimizer : Optimizer
        From `sgd` or `adam`.
    rng : numpy.random.Generator
        The only source of randomness; advances.
    steps : int
        How many steps the whole run has, those before a resumption included.
    carried : tree of ndarray, optional
        What goes from step to step besides the parameters, as it is before the first: the state
        of a network whose batches follow one another. Left as it is.
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
        `checkpoint`, a gradient is not finite or not like `params`, what is carried changes its
        shape, or the checkpoint is damaged or of another model, optimiser or kind of generator.
    FloatingPointError
        If a loss is not finite: the step that led there was too long.

    Notes
    -----
    A run that is stopped and resumed gives bit for bit the numbers of one that was not, as long
    as `next_batch` draws from its arguments alone, and the machine and its number of threads are
    the same. What else is passed (the learning rate, the patience) may be changed on the way.

    Truncated backpropagation through a long stream, the state carried from window to window:
    ``train(model.carried_loss_and_grad, params, stream_batches(xs, targets, window), optimizer,
    rng, steps, carried=model.start(params, batch_size))``.

    References
    ----------
    L. Prechelt (1998). Early Stopping – But When? In: Neural Networks: Tricks of the Trade,
    Springer. R. J. Williams, J. Peng (1990). An Efficient Gradient-Based Algorithm for On-Line
    Training of Recurrent Network Trajectories. Neural Computation 2(4).

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
    state = _start(params, optimizer, rng, carried)
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


def _start(
    params: Any, optimizer: Optimizer, rng: np.random.Generator, carried: Any = None
) -> TrainingState:
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
        carried=tree_map(np.copy, carried),
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
    batch, carried = next_batch(rng, state.step), None
    if state.carried is None:
        loss, grads = loss_and_grad(state.params, batch, rng)
    else:
        loss, grads, after_batch = loss_and_grad(state.params, batch, rng, state.carried)
        carried = tree_map(lambda before, after: after, state.carried, after_batch)
    step = state.step + 1
    if not np.isfinite(loss):
        raise FloatingPointError(
            f"expected a finite loss at step {step}, got {loss}: try a smaller learning rate or "
            "max_norm"
        )
    clipped, norm = clip_by_global_norm(grads, max_norm)
    params, optimizer_state = optimizer.update(clipped, state.optimizer, state.params)
    after = state._replace(
        params=params,
        optimizer=optimizer_state,
        step=step,
        generator=rng.bit_generator.state,
        carried=carried,
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
    check_at_least(0, steps=steps)
    check_at_least(1, validate_every=validate_every, checkpoint_every=checkpoint_every)
    if patience is not None:
        check_at_least(1, patience=patience)
    if not max_norm > 0:
        raise ValueError(f"expected a max_norm above 0, got {max_norm}")


# --- checkpoints of a run -------------------------------------------------------------------------


def _arrays(state: TrainingState) -> dict[str, Any]:
    return {
        "params": state.params,
        "optimizer": state.optimizer,
        "best_params": state.best_params,
        "carried": state.carried,
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
    check_at_least(1, steps=steps)
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
