"""The same computation here and in PyTorch; run as a module it writes the golden vectors anew.

``tests/golden/parity.npz`` holds inputs and PyTorch's results, so that a machine without PyTorch
checks parity too; ``tests/golden/parity.json`` is the table that the book shows.
"""

import json
import pathlib
import platform
from collections.abc import Callable
from typing import Any

import numpy as np

import lstm_ref
from lstm_ref.checks.inputs import normal, parameters

GOLDEN = pathlib.Path(__file__).parent / "golden"
Arrays = dict[str, Any]
SIZES = (7, 5, 3, 11)  # T, B, D, H: primes, no two alike
LENGTHS = np.array([7, 2, 5, 1, 6])

KINDS = {
    "rnn": (lstm_ref.RNNParams, 1, "RNN"),
    "gru": (lstm_ref.GRUResetAfterParams, 1, "GRU"),
    "lstm": (lstm_ref.LSTMParams, 2, "LSTM"),
}
CASES = [
    *(f"{kind}{lengths}" for kind in KINDS for lengths in ("", "/lengths")),
    "bidirectional",
    "bidirectional/lengths",
    "stacked",
    "stacked/lengths",
]


def make_inputs(case: str, seed: int = 0, sizes: tuple[int, ...] = SIZES) -> Arrays:
    """Draw the inputs of a case, loss gradients among them, as named arrays."""
    rng = np.random.default_rng(seed)
    T, B, D, H = sizes
    name = case.split("/")[0]
    kind, states, _ = KINDS.get(name, KINDS["lstm"])
    widths = {"bidirectional": [(D, H), (D, H)], "stacked": [(D, H), (H, 2), (2, 5)]}
    out: Arrays = {"xs": normal(rng, T, B, D)}
    for k, (inputs, units) in enumerate(widths.get(name, [(D, H)])):
        for field, value in parameters(kind, rng, units, inputs)._asdict().items():
            out[f"p{k}.{field}"] = value
    top = {"bidirectional": 2 * H, "stacked": 5}.get(name, H)
    out["dhs"] = normal(rng, T, B, top)
    if name in KINDS:
        for letter in "hc"[:states]:
            out[f"{letter}0"] = np.tanh(normal(rng, B, H))
            out[f"d{letter}_T"] = normal(rng, B, H)
    if "lengths" in case:
        out["lengths"] = LENGTHS if sizes == SIZES else rng.integers(1, T + 1, B)
        out["lengths"].flat[0] = T
    return out


def layers_of(case: str, inputs: Arrays) -> list[Any]:
    """Take the parameter tuples out of the named arrays."""
    kind, _, _ = KINDS.get(case.split("/")[0], KINDS["lstm"])
    count = len({key.split(".")[0] for key in inputs if key.startswith("p")})
    return [kind(*(inputs[f"p{k}.{field}"] for field in kind._fields)) for k in range(count)]


def named(prefix: str, grads: Any) -> Arrays:
    return {f"d{prefix}.{field}": value for field, value in grads._asdict().items()}


def ours(case: str, inputs: Arrays) -> Arrays:
    """Compute outputs and all gradients with the readable tier."""
    name, lengths, layers = case.split("/")[0], inputs.get("lengths"), layers_of(case, inputs)
    if name == "bidirectional":
        out, _, tape = lstm_ref.bidirectional_forward_cached(inputs["xs"], *layers, lengths)
        dxs, *grads = lstm_ref.bidirectional_backward(inputs["dhs"], tape, *layers)
        return {"hs": out, "dxs": dxs} | named("p0", grads[0]) | named("p1", grads[1])
    if name == "stacked":
        hs, states, tape = lstm_ref.stacked_forward_cached(inputs["xs"], layers, lengths)
        dxs, grads = lstm_ref.stacked_backward(inputs["dhs"], tape, layers)
        result = {"hs": hs, "dxs": dxs}
        for k, (h, c) in enumerate(states):
            result |= {f"h_T.{k}": h, f"c_T.{k}": c} | named(f"p{k}", grads[k])
        return result
    run: Callable[..., Any]
    run, back = {
        "rnn": (lstm_ref.rnn_forward_cached, lstm_ref.rnn_backward),
        "gru": (lstm_ref.gru_reset_after_forward_cached, lstm_ref.gru_reset_after_backward),
        "lstm": (lstm_ref.lstm_forward_cached, lstm_ref.lstm_backward),
    }[name]
    letters = "hc"[: KINDS[name][1]]
    params = layers[0]
    states0 = [inputs[f"{letter}0"] for letter in letters]
    hs, states, caches = run(inputs["xs"], *states0, params, lengths)
    states = states if isinstance(states, tuple) else (states,)
    dstates = [inputs[f"d{letter}_T"] for letter in letters]
    dxs, *dstates0, grads = back(inputs["dhs"], caches, params, *dstates, lengths=lengths)
    result = {"hs": hs, "dxs": dxs} | named("p0", grads)
    for letter, state, dstate in zip(letters, states, dstates0, strict=True):
        result |= {f"{letter}_T": state, f"d{letter}0": dstate}
    return result


def torchs(case: str, inputs: Arrays) -> Arrays:
    """Compute the same with PyTorch's own layers and autograd, in the course's layout."""
    import torch

    name, layers = case.split("/")[0], layers_of(case, inputs)
    kind = name if name in KINDS else "lstm"
    to_torch = getattr(lstm_ref, f"{kind}_to_torch")
    T, _, D = inputs["xs"].shape
    if name == "stacked":
        nets = [torch.nn.LSTM(p.W_f.shape[1] - p.b_f.size, p.b_f.size) for p in layers]
    else:
        H = layers[0][1].size
        options = {"bidirectional": True} if name == "bidirectional" else {}
        nets = [getattr(torch.nn, KINDS[kind][2])(D, H, **options)]
    weights = {}
    for k, params in enumerate(layers):
        net = nets[k] if name == "stacked" else nets[0]
        suffix = "_reverse" if name == "bidirectional" and k == 1 else ""
        net.double()
        for key, value in to_torch(params).items():
            weight = getattr(net, key + suffix)
            weight.data = torch.tensor(value)
            weights[k, key] = weight
    tensors = {
        k: torch.tensor(inputs[k], requires_grad=True) for k in ("xs", "h0", "c0") if k in inputs
    }
    hs, finals = _run_torch(name, nets, tensors, inputs.get("lengths"), T)
    loss = (hs * torch.tensor(inputs["dhs"])).sum()
    for letter in "hc":
        if f"d{letter}_T" in inputs:
            loss = loss + (finals[f"{letter}_T"] * torch.tensor(inputs[f"d{letter}_T"])).sum()
    loss.backward()
    result = {"hs": hs, **finals} | {f"d{k}": t.grad for k, t in tensors.items()}
    result = {k: v.detach().numpy().reshape(v.shape) for k, v in result.items()}
    for k in range(len(layers)):
        gradients = [
            weights[k, f"{key}_l0"].grad.numpy()
            for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        gradients[3] = _second_bias(kind, gradients[3])
        result |= named(f"p{k}", getattr(lstm_ref, f"{kind}_from_torch")(*gradients))
    return result


def _second_bias(kind: str, gradient: Any) -> Any:
    """Keep of PyTorch's second bias what the course keeps apart: the GRU's candidate's."""
    kept = np.zeros_like(gradient)
    if kind == "gru":
        third = gradient.size // 3
        kept[2 * third :] = gradient[2 * third :]
    return kept


def _run_torch(name: str, nets: list[Any], tensors: Arrays, lengths: Any, steps: int) -> Any:
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    x, finals = tensors["xs"], {}
    for k, net in enumerate(nets):
        packed = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
        initial = [tensors[key][None] for key in ("h0", "c0") if key in tensors]
        state = () if not initial else ((initial[0],) if len(initial) == 1 else (tuple(initial),))
        x, last = net(packed, *state)
        if lengths is not None:
            x, _ = pad_packed_sequence(x, total_length=steps)
        if name == "bidirectional":
            continue
        last = last if isinstance(last, tuple) else (last,)
        suffix = f".{k}" if name == "stacked" else ""
        finals |= {f"{letter}_T{suffix}": s[0] for letter, s in zip("hc", last, strict=False)}
    return x, finals


def largest_difference(a: Arrays, b: Arrays) -> dict[str, float]:
    """Return the largest absolute difference of each quantity; both sides must have the same."""
    assert set(a) == set(b), set(a) ^ set(b)
    return {key: float(np.abs(a[key] - b[key]).max()) for key in sorted(a)}


def read_golden() -> tuple[dict[str, Arrays], dict[str, Arrays]]:
    """Return inputs and PyTorch's results of every case."""
    inputs: dict[str, Arrays] = {case: {} for case in CASES}
    results: dict[str, Arrays] = {case: {} for case in CASES}
    with np.load(GOLDEN / "parity.npz", allow_pickle=False) as data:
        for key in data.files:
            case, side, name = key.split("|")
            (inputs if side == "in" else results)[case][name] = data[key]
    return inputs, results


def main() -> None:
    """Write golden vectors and parity table from PyTorch."""
    import torch

    GOLDEN.mkdir(exist_ok=True)
    arrays, rows = {}, []
    for case in CASES:
        inputs = make_inputs(case)
        results = torchs(case, inputs)
        arrays |= {f"{case}|in|{k}": v for k, v in inputs.items()}
        arrays |= {f"{case}|out|{k}": v for k, v in results.items()}
        for quantity, difference in largest_difference(ours(case, inputs), results).items():
            rows.append({"case": case, "quantity": quantity, "difference": difference})
    np.savez_compressed(GOLDEN / "parity.npz", **arrays)
    versions = {
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    sizes = dict(zip("TBDH", SIZES, strict=True))
    table = {"versions": versions, "sizes": sizes, "dtype": "float64", "rows": rows}
    (GOLDEN / "parity.json").write_text(json.dumps(table, indent=1) + "\n")
    worst = max(rows, key=lambda row: row["difference"])
    print(
        f"{len(rows)} quantities; largest difference {worst['difference']:.1e} in {worst['case']}"
    )


if __name__ == "__main__":
    main()
