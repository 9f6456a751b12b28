"""The libraries compared, each behind the same two calls.

Every contestant gets the same float32 numbers for one layer, zero initial states, and has two
calls: ``forward()`` runs a sequence and keeps nothing, ``train()`` runs it and takes gradients of
``sum(hs · dhs)`` back to the inputs and all weights. `outcome` says what came of them, so it can
be compared before anything is timed.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size; see `problem`.
"""

import importlib.metadata
import warnings
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.params import Array, LSTMParams, lstm_to_torch

__all__ = ["CONTESTANTS", "Contestant", "Problem", "problem"]


class Problem(NamedTuple):
    """One layer's numbers, float32."""

    xs: Array  # (T, B, D)
    h0: Array  # (B, H)
    params: LSTMParams
    dhs: Array  # (T, B, H)


def problem(size: tuple[int, int, int, int]) -> Problem:
    """Draw a problem of a size ``(T, B, D, H)``, the same one every time."""
    T, B, D, H = size
    rng = np.random.default_rng(1997)
    bound = H**-0.5
    shapes = [(H, H + D) if name.startswith("W") else (H,) for name in LSTMParams._fields]
    params = LSTMParams(*(rng.uniform(-bound, bound, s).astype(np.float32) for s in shapes))
    xs, dhs = (rng.normal(size=(T, B, k)).astype(np.float32) for k in (D, H))
    return Problem(xs, np.zeros((B, H), np.float32), params, dhs)


class Contestant:
    """One library set to one problem."""

    def __init__(self, given: Problem, threads: int) -> None:
        self.given = given

    @staticmethod
    def version() -> str:
        """Return the library's name and version."""
        return f"NumPy {np.__version__}"

    def forward(self) -> Array:
        """Run the sequence; returns ``hs (T, B, H)``."""
        raise NotImplementedError

    def train(self) -> tuple[Any, Any, Any]:
        """Run the sequence there and back; returns ``hs``, ``dxs`` and weight gradients."""
        raise NotImplementedError

    def choose_threads(self, seconds: Callable[[Callable[[], object], int], float]) -> None:
        """Choose what `threading` gives, by the time calls take; nothing to choose as a rule."""

    def threading(self) -> AbstractContextManager[None]:
        """Return the context the timed calls run in."""
        return nullcontext()

    def outcome(self) -> list[Array]:
        """Return ``hs`` of both calls, ``dxs`` and the gradient of ``W_f``, as arrays."""
        return [np.asarray(a) for a in (self.forward(), *self.train())]


class Fast(Contestant):
    """`lstm_ref.fast`."""

    def forward(self) -> Array:
        from lstm_ref import fast

        xs, h0, params, _ = self.given
        return fast.lstm_forward(xs, h0, h0, params)[0]

    def train(self) -> tuple[Array, Array, Array]:
        from lstm_ref import fast

        xs, h0, params, dhs = self.given
        hs, _, tape = fast.lstm_forward_cached(xs, h0, h0, params)
        dxs, _, _, grads = fast.lstm_backward(dhs, tape)
        return hs, dxs, grads.W_f


class BestOfBlas(Contestant):
    """NumPy code that knows nothing of threads: gets the faster of one BLAS thread and all."""

    single = False

    def choose_threads(self, seconds: Callable[[Callable[[], object], int], float]) -> None:
        times = {}
        for self.single in (False, True):
            with self.threading():
                self.forward()
                times[self.single] = seconds(self.forward, 1)
        self.single = times[True] < times[False]

    def threading(self) -> AbstractContextManager[None]:
        from lstm_ref.fast.threads import one_blas_thread

        return one_blas_thread() if self.single else nullcontext()


class Readable(BestOfBlas):
    """`lstm_ref.layers`, the tier written for reading."""

    def forward(self) -> Array:
        import lstm_ref

        xs, h0, params, _ = self.given
        return lstm_ref.lstm_forward(xs, h0, h0, params)[0]

    def train(self) -> tuple[Array, Array, Array]:
        import lstm_ref

        xs, h0, params, dhs = self.given
        hs, _, caches = lstm_ref.lstm_forward_cached(xs, h0, h0, params)
        dxs, _, _, grads = lstm_ref.lstm_backward(dhs, caches, params)
        return hs, dxs, grads.W_f


class Torch(Contestant):
    """``torch.nn.LSTM`` on the CPU."""

    def __init__(self, given: Problem, threads: int) -> None:
        import torch

        super().__init__(given, threads)
        torch.set_num_threads(threads)
        self.torch = torch
        self.layer = torch.nn.LSTM(given.xs.shape[2], given.h0.shape[1])
        state = lstm_to_torch(given.params)
        self.layer.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in state.items()})
        self.xs = torch.from_numpy(given.xs.copy()).requires_grad_()
        self.dhs = torch.from_numpy(given.dhs.copy())

    @staticmethod
    def version() -> str:
        import torch

        return f"PyTorch {torch.__version__}"

    def forward(self) -> Array:
        with self.torch.inference_mode():
            hs: Array = self.layer(self.xs)[0].numpy()
        return hs

    def train(self) -> tuple[Any, Any, Any]:
        self.layer.zero_grad(set_to_none=True)
        self.xs.grad = None
        hs, _ = self.layer(self.xs)
        hs.backward(self.dhs)
        return hs, self.xs.grad, (self.layer.weight_hh_l0.grad, self.layer.weight_ih_l0.grad)

    def outcome(self) -> list[Array]:
        hs, dxs, weights = self.train()
        H = len(self.given.h0[0])
        W_f = np.concatenate([w.numpy()[H : 2 * H] for w in weights], axis=1)  # gates i, f, g, o
        return [self.forward(), hs.detach().numpy(), dxs.numpy(), W_f]


class NumpyML(BestOfBlas):
    """numpy-ml's ``LSTMCell``, over time as its ``LSTM`` layer does it.

    The layer itself (0.1.2, the last release) cannot be used: it hands its cell an argument the
    cell does not take, and expects two results where the cell's backward step returns one. Nor can
    a cell go back twice: what it carries from step to step is reset to lists. Here that is set
    straight. It is given float32 numbers like all others, but starts every sequence from float64
    zeros, which turns all its work into float64: numpy-ml knows nothing else.
    """

    state_type: type = np.float64
    names = ("Wf", "bf", "Wu", "bu", "Wc", "bc", "Wo", "bo")

    def __init__(self, given: Problem, threads: int) -> None:
        super().__init__(given, threads)
        _restore_removed_names()
        with warnings.catch_warnings():  # of optional packages it lacks
            warnings.simplefilter("ignore")
            layers: Any = importlib.import_module("numpy_ml.neural_nets.layers.layers")

        self.xs, self.dhs = (np.ascontiguousarray(np.moveaxis(a, 0, 2)) for a in given[::3])
        self.cell = layers.LSTMCell(given.h0.shape[1])
        self.cell.n_in = given.xs.shape[2]
        self.cell._init_params()
        self.cell.parameters = {  # it multiplies from the right, and its biases are rows
            name: np.ascontiguousarray(value.T) if value.ndim == 2 else value[None]
            for name, value in zip(self.names, given.params, strict=True)
        }

    @staticmethod
    def version() -> str:
        return f"numpy-ml {importlib.metadata.version('numpy-ml')}, NumPy {np.__version__}"

    def forward(self) -> Array:
        self.cell.flush_gradients()
        kept = self.cell.derived_variables
        zeros: Array = self.given.h0.astype(self.state_type)
        kept["A"], kept["C"] = [zeros], [zeros]
        kept["dLdA_accumulator"] = kept["dLdC_accumulator"] = None
        steps = range(self.xs.shape[2])
        hs: Array = np.dstack([self.cell.forward(self.xs[:, :, t])[0] for t in steps])  # (B, H, T)
        return np.moveaxis(hs, 2, 0)

    def train(self) -> tuple[Array, Array, Array]:
        hs = self.forward()
        steps = reversed(range(self.xs.shape[2]))
        dxs = np.dstack([self.cell.backward(self.dhs[:, :, t]) for t in steps][::-1])
        return hs, np.moveaxis(dxs, 2, 0), self.cell.gradients["Wf"].T


class NumpyMLSingle(NumpyML):
    """numpy-ml helped to float32, by the float32 zeros it would not give itself."""

    state_type = np.float32


def _restore_removed_names() -> None:
    """Put back what numpy-ml imports from `collections` and Python 3.10 took away."""
    import collections

    if not hasattr(collections, "Hashable"):
        collections.Hashable = Hashable  # type: ignore[attr-defined]


CONTESTANTS: dict[str, type[Contestant]] = {
    "fast": Fast,
    "torch": Torch,
    "readable": Readable,
    "numpy-ml": NumpyML,
    "numpy-ml f32": NumpyMLSingle,
}
