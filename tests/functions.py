"""Every public function: those of the cells and layers with a maker of valid arguments.

The tests of `tests.test_properties` and `tests.test_bad_input` go through this table, and fail if a
function is missing from it.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import lstm_ref
from lstm_ref import architectures, cells, gru, layers, params, rnn, store, traces, variants
from lstm_ref.checks.inputs import normal, parameters
from tests.cells import KINDS

MODULES = (architectures, cells, gru, layers, params, rnn, store, traces, variants)
T, B, D, H = 5, 3, 2, 7

#: How the package works inside: no package exports their names, no page documents them.
INNER = {"lstm_ref.fast.sequence", "lstm_ref.fast.threads", "lstm_ref.validation"}
#: Figures: they draw what a page has computed, and are tested by what they draw.
FIGURES = ("lstm_ref.plots", "lstm_ref.widgets")
PACKAGES = (
    "lstm_ref",
    "lstm_ref.datasets",
    "lstm_ref.fast",
    "lstm_ref.legacy",
    "lstm_ref.trials",
    "lstm_ref.widgets",
)


def public_modules(without: tuple[str, ...] = ()) -> dict[str, ModuleType]:
    """Return every module of `lstm_ref` with public names; the checks are the notebooks' own."""
    names = [
        info.name
        for package in PACKAGES
        if not package.startswith(without)
        for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
        if not info.name.startswith((*without, "lstm_ref.checks"))
    ]
    modules = {name: importlib.import_module(name) for name in names}
    return {k: m for k, m in modules.items() if hasattr(m, "__all__") and k not in INNER}


def public_functions() -> dict[str, Callable[..., Any]]:
    """Return every public function but those that draw, by name; the fast ones as ``fast.…``."""
    return {
        ("fast." if name.startswith("lstm_ref.fast.") else "") + key: getattr(module, key)
        for name, module in public_modules(without=FIGURES).items()
        for key in module.__all__
        if inspect.isfunction(getattr(module, key))
    }


def gradient_functions() -> set[str]:
    """Name the functions that return gradients, by their name or by what they say they return."""
    returns = re.compile(r"\nReturns\n-+\n(.*?)(?:\n\n[A-Z]|\Z)", re.DOTALL)
    gradient = re.compile(r"^\(?(d\w+|grads?)\b.* :", re.MULTILINE)
    found = set()
    for name, function in public_functions().items():
        section = returns.search(inspect.getdoc(function) or "")
        if name.endswith("_backward") or (section and gradient.search(section[1])):
            found.add(name)
    return found


# No arrays go in: nothing to change, to alias or to round.
WITHOUT_ARRAYS = {"count_parameters", "latch_params", "parameter_counts", "time_windows"}


class Function(NamedTuple):
    """A public function and valid arguments for it.

    Attributes
    ----------
    arguments : callable
        ``(rng, scale) → tuple``; float64, inputs and states ``scale`` times as large.
    takes_numbers : bool
        Works element by element: scalars, integers and shapes that broadcast are welcome.
    fields : tuple of str
        Names of the arguments, for messages.
    """

    call: Callable[..., Any]
    arguments: Callable[..., tuple[Any, ...]]
    takes_numbers: bool = False


def _state(rng: Any, count: int, scale: float) -> list[Any]:
    return [scale * np.tanh(normal(rng, B, H)) for _ in range(count)]


def _gate(pairs: int, with_c: bool = False) -> Callable[..., tuple[Any, ...]]:
    def make(rng: Any, scale: float) -> tuple[Any, ...]:
        lstm = parameters(lstm_ref.LSTMParams, rng, H, D)
        h, c = _state(rng, 2, scale)
        return (h, scale * normal(rng, B, D), *([c] if with_c else []), *lstm[: 2 * pairs])

    return make


def _step(name: str, apart: bool = False) -> Callable[..., tuple[Any, ...]]:
    kind = KINDS[name]

    def make(rng: Any, scale: float) -> tuple[Any, ...]:
        own = parameters(kind.params, rng, H, D)
        given = (scale * normal(rng, B, D), *_state(rng, kind.states, scale))
        return (*given, *own) if apart else (*given, own)

    return make


def _step_back(name: str) -> Callable[..., tuple[Any, ...]]:
    kind, cached = KINDS[name], getattr(lstm_ref, f"{name}_step_cached")

    def make(rng: Any, scale: float) -> tuple[Any, ...]:
        given = _step(name)(rng, scale)
        return (*(normal(rng, B, H) for _ in range(kind.states)), cached(*given)[1], given[-1])

    return make


def _forward(name: str, apart: bool = False, lengths: bool = True) -> Callable[..., tuple]:
    kind = KINDS[name]

    def make(rng: Any, scale: float) -> tuple[Any, ...]:
        own = parameters(kind.params, rng, H, D)
        given = (scale * normal(rng, T, B, D), *_state(rng, kind.states, scale))
        ends = [np.array([5, 0, 2])] if lengths else []
        return (*given, *own, *ends) if apart else (*given, own, *ends)

    return make


def _back(name: str) -> Callable[..., tuple[Any, ...]]:
    kind = KINDS[name]

    def make(rng: Any, scale: float) -> tuple[Any, ...]:
        given = _forward(name)(rng, scale)
        caches = kind.forward(*given)[-1]
        dfinal = [normal(rng, B, H) for _ in range(kind.states)]
        return (normal(rng, T, B, H), caches, given[-2], *dfinal, given[-1])

    return make


def _all_of(name: str) -> dict[str, Function]:
    apart = name == "rnn"  # rnn_step and rnn_forward take W and b one by one
    parts = {
        f"{name}_step": _step(name, apart),
        f"{name}_step_cached": _step(name),
        f"{name}_step_backward": _step_back(name),
        f"{name}_forward": _forward(name, apart),
        f"{name}_forward_cached": _forward(name),
        f"{name}_backward": _back(name),
    }
    return {key: Function(getattr(lstm_ref, key), make) for key, make in parts.items()}


def _bidirectional(rng: Any, scale: float, cached: bool = False) -> tuple[Any, ...]:
    pair = [parameters(lstm_ref.LSTMParams, rng, H, D) for _ in range(2)]
    initial = tuple(tuple(_state(rng, 2, scale)) for _ in range(2))
    given = (scale * normal(rng, T, B, D), *pair, np.array([5, 0, 2]))
    return (*given, initial) if cached else given


def _bidirectional_back(rng: Any, scale: float) -> tuple[Any, ...]:
    given = _bidirectional(rng, scale, cached=True)
    out, _, tape = lstm_ref.bidirectional_forward_cached(*given)
    dfinal = tuple(tuple(_state(rng, 2, 1.0)) for _ in range(2))
    return (normal(rng, *out.shape), tape, *given[1:3], dfinal)


def _stacked(rng: Any, scale: float, cached: bool = False) -> tuple[Any, ...]:
    stack = [parameters(lstm_ref.LSTMParams, rng, H, width) for width in (D, H)]
    initial = [tuple(_state(rng, 2, scale)) for _ in range(2)]
    given = (scale * normal(rng, T, B, D), stack, np.array([5, 0, 2]), 0.5)
    generator = np.random.default_rng(0)
    return (*given, generator, initial) if cached else (*given, generator)


def _stacked_back(rng: Any, scale: float) -> tuple[Any, ...]:
    given = _stacked(rng, scale, cached=True)
    hs, _, tape = lstm_ref.stacked_forward_cached(*given)
    return (normal(rng, *hs.shape), tape, given[1], [tuple(_state(rng, 2, 1.0)) for _ in range(2)])


def _truncated_back(rng: Any, scale: float) -> tuple[Any, ...]:
    dhs, caches, params, _, _, lengths = _back("lstm")(rng, scale)
    return (dhs, caches, params, 2, lengths)


def _torch_layer(gates: int) -> Callable[..., tuple[Any, ...]]:
    def make(rng: Any, scale: float) -> tuple[Any, ...]:
        shapes = (gates * H, D), (gates * H, H), (gates * H,), (gates * H,)
        return tuple(normal(rng, *shape) for shape in shapes)

    return make


def _gates_of_time(axes: tuple[int, ...]) -> Callable[..., list[Any]]:
    return lambda rng: [rng.uniform(0, 1, (T, *axes)) for _ in range(2)] + [normal(rng, T, *axes)]


FUNCTIONS: dict[str, Function] = {
    "sigmoid": Function(lstm_ref.sigmoid, lambda rng, k: (k * normal(rng, B, H),), True),
    "forget_gate": Function(lstm_ref.forget_gate, _gate(1)),
    "input_gate": Function(lstm_ref.input_gate, _gate(2)),
    "update_cell": Function(
        lstm_ref.update_cell, lambda rng, k: tuple(k * normal(rng, B, H) for _ in range(4)), True
    ),
    "output_gate": Function(lstm_ref.output_gate, _gate(1, with_c=True)),
    **{key: entry for name in KINDS for key, entry in _all_of(name).items()},
    "rnn_jacobian": Function(
        lstm_ref.rnn_jacobian,
        lambda rng, k: (np.tanh(normal(rng, B, H)), k * normal(rng, H, H + D)),
    ),
    "gradient_norms": Function(
        lstm_ref.gradient_norms, lambda rng, k: (k * normal(rng, 200, H, H) / H,)
    ),
    "bidirectional_forward": Function(lstm_ref.bidirectional_forward, _bidirectional),
    "bidirectional_forward_cached": Function(
        lstm_ref.bidirectional_forward_cached, lambda rng, k: _bidirectional(rng, k, cached=True)
    ),
    "bidirectional_backward": Function(lstm_ref.bidirectional_backward, _bidirectional_back),
    "stacked_forward": Function(lstm_ref.stacked_forward, _stacked),
    "stacked_forward_cached": Function(
        lstm_ref.stacked_forward_cached, lambda rng, k: _stacked(rng, k, cached=True)
    ),
    "stacked_backward": Function(lstm_ref.stacked_backward, _stacked_back),
    "lstm_truncated_backward": Function(lstm_ref.lstm_truncated_backward, _truncated_back),
    **{
        f"{name}_to_torch": Function(
            getattr(lstm_ref, f"{name}_to_torch"),
            lambda rng, k, kind=kind: (parameters(kind, rng, H, D),),
        )
        for name, kind in (
            ("rnn", lstm_ref.RNNParams),
            ("gru", lstm_ref.GRUResetAfterParams),
            ("lstm", lstm_ref.LSTMParams),
        )
    },
    "rnn_from_torch": Function(lstm_ref.rnn_from_torch, _torch_layer(1)),
    "gru_from_torch": Function(lstm_ref.gru_from_torch, _torch_layer(3)),
    "lstm_from_torch": Function(lstm_ref.lstm_from_torch, _torch_layer(4)),
    "apply_gate": Function(
        lstm_ref.apply_gate, lambda rng, k: (k * normal(rng, B, H), k * normal(rng, B, H)), True
    ),
    "carry": Function(
        lstm_ref.carry, lambda rng, k: (k * normal(rng, B, H), *_gates_of_time((B, H))(rng)), True
    ),
    "half_life": Function(lstm_ref.half_life, lambda rng, k: (rng.uniform(0, 1, (B, H)),), True),
    "gate_trace": Function(lstm_ref.gate_trace, _forward("lstm", lengths=False)),
    "belt_contributions": Function(
        lstm_ref.belt_contributions,
        lambda rng, k: (*_gates_of_time(())(rng), float(k)),
        True,
    ),
    "carousel_gradient": Function(
        lstm_ref.carousel_gradient, lambda rng, k: (rng.uniform(0, 1, (T, B, H)),), True
    ),
}
