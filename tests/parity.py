"""The same computation here and in PyTorch: its own modules, or its autograd where it has none.

``tests/golden/parity.npz`` holds inputs and PyTorch's results, so that a machine without PyTorch
checks parity too; ``tests/golden/parity.json`` is the table that the book shows. Both are written
by ``tools/make_golden_vectors.py``.
"""

import json
import pathlib
import platform
from typing import Any, NamedTuple

import numpy as np

import lstm_ref
from lstm_ref.checks.inputs import normal, parameters
from tests.cells import KINDS, inputs_and_gradients

GOLDEN = pathlib.Path(__file__).parent / "golden"
Arrays = dict[str, Any]
SIZES = (7, 5, 2, 3)  # T, B, D, H: primes, no two alike
PRIMES = (2, 3, 5, 7, 11, 13)


class Case(NamedTuple):
    """A layer or a single cell; `torchs` says what of PyTorch it is compared with."""

    kind: str
    layers: int = 1
    directions: int = 1
    lengths: bool = False
    cell: bool = False

    @property
    def name(self) -> str:
        parts = [self.kind]
        parts += [f"{self.layers} layers"] * (self.layers > 1)
        parts += ["bidirectional"] * (self.directions > 1)
        parts += ["lengths"] * self.lengths + ["one step"] * self.cell
        return "/".join(parts)

    @property
    def places(self) -> list[str]:
        """PyTorch's name of each layer and direction, in its order."""
        ends = ["", "_reverse"][: self.directions]
        return [f"l{k}{end}" for k in range(self.layers) for end in ends]


TORCH_NAMES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
RESTATED = ("gru reset before", "peephole", "lstm1997", "coupled")  # no module of PyTorch's
COURSE = {name: name for name in ("rnn", "lstm", "peephole", "lstm1997", "coupled")} | {
    "gru": "gru_reset_after",
    "gru reset before": "gru",
}
CASES = {
    case.name: case
    for case in (
        *(Case(kind, lengths=lengths) for kind in TORCH_NAMES for lengths in (False, True)),
        *(Case(kind, cell=True) for kind in TORCH_NAMES),
        *(
            Case("lstm", layers, directions, lengths)
            for layers, directions in ((1, 2), (3, 1), (2, 2))
            for lengths in (False, True)
        ),
        *(Case(kind, lengths=lengths) for kind in RESTATED for lengths in (False, True)),
        *(Case(kind, cell=True) for kind in RESTATED),
    )
}


def random_sizes(seed: int) -> tuple[int, ...]:
    """Draw T, B, D, H: distinct primes, so that no two axes can be taken for each other."""
    return tuple(map(int, np.random.default_rng(seed).permutation(PRIMES)[:4]))


def letters_of(case: Case) -> str:
    return "hc"[: KINDS[COURSE[case.kind]].states]


def make_inputs(case: Case, seed: int = 0, sizes: tuple[int, ...] = SIZES) -> Arrays:
    """Draw the inputs of a case as named arrays: states and loss gradients of all results too."""
    rng = np.random.default_rng(seed)
    T, B, D, H = sizes
    kind = KINDS[COURSE[case.kind]].params
    out: Arrays = {"xs": normal(rng, B, D) if case.cell else normal(rng, T, B, D)}
    if not case.cell:
        out["dhs"] = normal(rng, T, B, case.directions * H)
    for k, place in enumerate(case.places):
        width = D if k < case.directions else case.directions * H
        for field, value in parameters(kind, rng, H, width)._asdict().items():
            out[f"{field}.{place}"] = value
        for letter in letters_of(case):
            out[f"{letter}0.{place}"] = np.tanh(normal(rng, B, H))
            out[f"d{letter}_T.{place}"] = normal(rng, B, H)
    if case.lengths:
        out["lengths"] = np.append(T, rng.integers(1, T + 1, B - 1))  # PyTorch refuses 0
    return out


def params_at(case: Case, inputs: Arrays, place: str) -> Any:
    kind = KINDS[COURSE[case.kind]].params
    return kind(*(inputs[f"{field}.{place}"] for field in kind._fields))


def states_at(case: Case, inputs: Arrays, place: str, text: str) -> tuple[Any, ...]:
    return tuple(inputs[text.format(letter) + f".{place}"] for letter in letters_of(case))


def named(case: Case, place: str, final: Any, dinitial: Any, grads: Any) -> Arrays:
    """Name what one layer and direction gives: final states, and gradients of what went in."""
    out = {f"d{field}.{place}": value for field, value in grads._asdict().items()}
    for letter, state, dstate in zip(letters_of(case), final, dinitial, strict=True):
        out |= {f"{letter}_T.{place}": state, f"d{letter}0.{place}": dstate}
    return out


# ------------------------------------------------------------------------------------ the course


def ours(case: Case, inputs: Arrays) -> Arrays:
    """Compute outputs and all gradients with the readable tier."""
    if case.cell:
        return _our_step(case, inputs)
    if case.directions == 2:
        return _our_bidirectional_layers(case, inputs)
    if case.layers > 1:
        return _our_stack(case, inputs)
    params, lengths = params_at(case, inputs, "l0"), inputs.get("lengths")
    kind = KINDS[COURSE[case.kind]]
    hs, final, caches = kind.forward(
        inputs["xs"], *states_at(case, inputs, "l0", "{}0"), params, lengths
    )
    dxs, *dinitial, grads = kind.backward(
        inputs["dhs"], caches, params, *states_at(case, inputs, "l0", "d{}_T"), lengths=lengths
    )
    final = final if isinstance(final, tuple) else (final,)
    return {"hs": hs, "dxs": dxs} | named(case, "l0", final, dinitial, grads)


def _our_step(case: Case, inputs: Arrays) -> Arrays:
    name, params = COURSE[case.kind], params_at(case, inputs, "l0")
    step = getattr(lstm_ref, f"{name}_step_cached")
    h, cache = step(inputs["xs"], *states_at(case, inputs, "l0", "{}0"), params)
    dx, *dinitial, grads = getattr(lstm_ref, f"{name}_step_backward")(
        *states_at(case, inputs, "l0", "d{}_T"), cache, params
    )
    final = (h, cache.c_next) if "c" in letters_of(case) else (h,)
    return {"dxs": dx} | named(case, "l0", final, dinitial, grads)


def _our_stack(case: Case, inputs: Arrays) -> Arrays:
    layers = [params_at(case, inputs, place) for place in case.places]
    initial = [states_at(case, inputs, place, "{}0") for place in case.places]
    dfinal = [states_at(case, inputs, place, "d{}_T") for place in case.places]
    hs, final, tape = lstm_ref.stacked_forward_cached(
        inputs["xs"], layers, inputs.get("lengths"), initial=initial
    )
    dxs, dinitial, grads = lstm_ref.stacked_backward(inputs["dhs"], tape, layers, dfinal)
    out = {"hs": hs, "dxs": dxs}
    for k, place in enumerate(case.places):
        out |= named(case, place, final[k], dinitial[k], grads[k])
    return out


def _our_bidirectional_layers(case: Case, inputs: Arrays) -> Arrays:
    out: Arrays = {}
    hs, ran = inputs["xs"], []
    for layer in range(case.layers):
        places = case.places[2 * layer : 2 * layer + 2]
        pair = [params_at(case, inputs, place) for place in places]
        initial = tuple(states_at(case, inputs, place, "{}0") for place in places)
        hs, final, tape = lstm_ref.bidirectional_forward_cached(
            hs, *pair, inputs.get("lengths"), initial
        )
        ran.append((places, pair, final, tape))
    out["hs"], dhs = hs, inputs["dhs"]
    for places, pair, final, tape in ran[::-1]:
        dfinal = tuple(states_at(case, inputs, place, "d{}_T") for place in places)
        dhs, dinitial, grads = lstm_ref.bidirectional_backward(dhs, tape, *pair, dfinal)
        for k, place in enumerate(places):
            out |= named(case, place, final[k], dinitial[k], grads[k])
    return out | {"dxs": dhs}


# --------------------------------------------------------------------------------------- PyTorch


def torchs(case: Case, inputs: Arrays) -> Arrays:
    """Compute the same with PyTorch's own module and autograd, in the course's layout."""
    import torch

    if case.kind in RESTATED:
        return _restated(case, inputs)
    net = torch_module(case, inputs)
    tensors = {
        key: torch.tensor(value, requires_grad=key == "xs" or key[1:3] == "0.")
        for key, value in inputs.items()
        if key != "lengths"
    }
    hs, final = _run_torch(case, net, tensors, inputs.get("lengths"))
    loss = 0 if hs is None else (hs * tensors["dhs"]).sum()
    for key, state in final.items():
        loss = loss + (state * tensors[f"d{key}"]).sum()
    loss.backward()
    out = {} if hs is None else {"hs": hs.detach().numpy()}
    out["dxs"] = tensors["xs"].grad.numpy()
    for place in case.places:
        states = [final[f"{letter}_T.{place}"].detach().numpy() for letter in letters_of(case)]
        dinitial = [tensors[f"{letter}0.{place}"].grad.numpy() for letter in letters_of(case)]
        out |= named(case, place, states, dinitial, torch_gradients(case, net, place))
    return out


def _step_in_torch(kind: str, x: Any, state: Any, p: Any) -> Any:
    """State one step of a cell that PyTorch lacks; its autograd does the rest."""
    import torch

    linear, sigmoid, tanh = torch.nn.functional.linear, torch.sigmoid, torch.tanh
    h, c = state if len(state) == 2 else (*state, None)
    hx = torch.cat([h, x], dim=1)
    if kind == "gru reset before":
        z, r = sigmoid(linear(hx, p.W_z, p.b_z)), sigmoid(linear(hx, p.W_r, p.b_r))
        candidate = tanh(linear(torch.cat([r * h, x], dim=1), p.W_h, p.b_h))
        return (torch.lerp(h, candidate, z),)
    candidate, o = tanh(linear(hx, p.W_c, p.b_c)), linear(hx, p.W_o, p.b_o)
    if kind == "lstm1997":
        c = c + sigmoid(linear(hx, p.W_i, p.b_i)) * candidate
    elif kind == "coupled":
        c = torch.lerp(candidate, c, sigmoid(linear(hx, p.W_f, p.b_f)))
    else:  # peephole
        f = sigmoid(linear(hx, p.W_f, p.b_f) + p.p_f * c)
        c = f * c + sigmoid(linear(hx, p.W_i, p.b_i) + p.p_i * c) * candidate
        o = o + p.p_o * c
    return sigmoid(o) * tanh(c), c


def _restated(case: Case, inputs: Arrays) -> Arrays:
    """Run a cell that PyTorch lacks over time; past a sequence's end its state is held."""
    import torch

    lengths = inputs.get("lengths")
    tensors = {
        key: torch.tensor(value, requires_grad=True)
        for key, value in inputs.items()
        if key != "lengths"
    }
    p, state = params_at(case, tensors, "l0"), states_at(case, tensors, "l0", "{}0")
    hs = []
    for t, x in enumerate(tensors["xs"][None] if case.cell else tensors["xs"]):
        after = _step_in_torch(case.kind, x, state, p)
        running = torch.tensor(True if lengths is None else (t < lengths)[:, None])
        hs.append(torch.where(running, after[0], 0.0))
        state = tuple(torch.where(running, a, b) for a, b in zip(after, state, strict=True))
    weights = states_at(case, tensors, "l0", "d{}_T")
    loss = sum((s * d).sum() for s, d in zip(state, weights, strict=True))
    if not case.cell:
        loss = loss + (torch.stack(hs) * tensors["dhs"]).sum()
    loss.backward()
    gradients = {key: tensor.grad.numpy() for key, tensor in tensors.items() if tensor.is_leaf}
    final = [s.detach().numpy() for s in state]
    dinitial, grads = states_at(case, gradients, "l0", "{}0"), params_at(case, gradients, "l0")
    out = {} if case.cell else {"hs": torch.stack(hs).detach().numpy()}
    return out | {"dxs": gradients["xs"]} | named(case, "l0", final, dinitial, grads)


WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _weights_of(case: Case, net: Any, place: str) -> list[Any]:
    return [getattr(net, name if case.cell else f"{name}_{place}") for name in WEIGHTS]


def torch_module(case: Case, inputs: Arrays) -> Any:
    import torch

    name = TORCH_NAMES[case.kind]
    D, H = inputs["xs"].shape[-1], inputs["h0.l0"].shape[1]
    if case.cell:
        net = getattr(torch.nn, name + "Cell")(D, H, dtype=torch.float64)
    else:
        net = getattr(torch.nn, name)(
            D, H, case.layers, bidirectional=case.directions == 2, dtype=torch.float64
        )
    to_torch = getattr(lstm_ref, f"{case.kind}_to_torch")
    for place in case.places:
        values = to_torch(params_at(case, inputs, place)).values()
        for weight, value in zip(_weights_of(case, net, place), values, strict=True):
            weight.data = torch.tensor(value)
    return net


def _run_torch(case: Case, net: Any, tensors: Arrays, lengths: Any) -> tuple[Any, Arrays]:
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    def joined(letter: str) -> Any:
        return torch.stack([tensors[f"{letter}0.{place}"] for place in case.places])

    if case.cell:
        initial = [joined(letter)[0] for letter in letters_of(case)]
        final = net(tensors["xs"], tuple(initial) if case.kind == "lstm" else initial[0])
        final = final if isinstance(final, tuple) else (final,)
        return None, {f"{k}_T.l0": v for k, v in zip(letters_of(case), final, strict=True)}
    x = tensors["xs"]
    if lengths is not None:
        x = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    initial = tuple(joined(letter) for letter in letters_of(case))
    hs, final = net(x, initial if case.kind == "lstm" else initial[0])
    if lengths is not None:
        hs, _ = pad_packed_sequence(hs, total_length=len(tensors["xs"]))
    final = final if isinstance(final, tuple) else (final,)
    return hs, {
        f"{letter}_T.{place}": states[k]
        for letter, states in zip(letters_of(case), final, strict=True)
        for k, place in enumerate(case.places)
    }


def torch_gradients(case: Case, net: Any, place: str) -> Any:
    """Return the gradients in the course's layout, in which two biases are one."""
    gradients = [weight.grad.numpy() for weight in _weights_of(case, net, place)]
    # Both biases of a sum have the sum's gradient: count it once. The second bias of the GRU's
    # candidate stands inside the reset gate, and has a gradient of its own.
    second = np.zeros_like(gradients[3])
    if case.kind == "gru":
        H = second.size // 3
        second[2 * H :] = gradients[3][2 * H :]
    return getattr(lstm_ref, f"{case.kind}_from_torch")(*gradients[:3], second)


# ------------------------------------------------------------------------------------- comparing


def largest_difference(a: Arrays, b: Arrays) -> dict[str, float]:
    """Return the largest absolute difference of each quantity; both must have the same ones."""
    if set(a) != set(b):
        raise ValueError(f"expected the same quantities, got {sorted(set(a) ^ set(b))} on one side")
    out = {}
    for key in sorted(a):
        if a[key].shape != b[key].shape:
            raise ValueError(f"expected {key} of shape {b[key].shape}, got {a[key].shape}")
        difference = np.abs(a[key] - b[key])
        out[key] = float(np.where(np.isnan(difference), np.inf, difference).max())
    return out


def read_golden() -> dict[str, tuple[Arrays, Arrays]]:
    """Return inputs and PyTorch's results of every case."""
    golden: dict[str, tuple[Arrays, Arrays]] = {}
    with np.load(GOLDEN / "parity.npz", allow_pickle=False) as data:
        for key in data.files:
            case, side, name = key.split("|")
            golden.setdefault(case, ({}, {}))[side == "out"][name] = data[key]
    return golden


def golden_arrays() -> Arrays:
    """Compute, from PyTorch, what ``parity.npz`` holds."""
    arrays: Arrays = {}
    for name, case in CASES.items():
        inputs = make_inputs(case)
        arrays |= {f"{name}|in|{key}": value for key, value in inputs.items()}
        arrays |= {f"{name}|out|{key}": value for key, value in torchs(case, inputs).items()}
    return arrays


def parity_rows() -> list[dict[str, Any]]:
    """Compare with the stored results of PyTorch: case, quantity, largest absolute difference.

    A quantity names its layer and direction where there is more than one: ``dW_f.l1_reverse``.
    """
    rows = []
    for name, (inputs, results) in read_golden().items():
        case = CASES[name]
        for quantity, difference in largest_difference(ours(case, inputs), results).items():
            quantity = quantity if len(case.places) > 1 else quantity.removesuffix(".l0")
            rows.append({"case": name, "quantity": quantity, "difference": difference})
    return rows


def difference_rows() -> list[dict[str, Any]]:
    """Compare every cell with central differences: case, quantity, largest relative error."""
    rows = []
    for name, kind in KINDS.items():
        for with_lengths in (False, True):
            loss, tree, gradient = inputs_and_gradients(kind, with_lengths)
            case = name + "/lengths" * with_lengths
            for quantity, value in tree.items():
                report = lstm_ref.gradcheck(
                    lambda v, q=quantity, tree=tree, loss=loss: loss({**tree, q: v}),
                    value,
                    gradient[quantity],
                )
                rows.append({"case": case, "quantity": f"d{quantity}", "error": report.error})
    return rows


def write_golden() -> dict[str, Any]:
    """Write the golden vectors and the table; return the table."""
    import torch

    GOLDEN.mkdir(exist_ok=True)
    np.savez_compressed(GOLDEN / "parity.npz", **golden_arrays())
    table = {
        "versions": {
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "sizes": dict(zip("TBDH", SIZES, strict=True)),
        "dtype": "float64",
        "rows": parity_rows(),
        "central_differences": difference_rows(),
    }
    (GOLDEN / "parity.json").write_text(json.dumps(table, indent=1) + "\n")
    return table
