"""Train the character model that the page on language compares its own with, and save it.

Usage: ``python tools/train_text_model.py [--seeds 0 1 2] [--epochs 20] [--out FILE]``. Takes some
five minutes a seed on one free core. The seed with the lowest bits on the validation part is kept,
in half precision; the bits of every seed and how it was trained stand in the file's notes. The
page computes the kept model's bits afresh.
"""

import argparse
import pathlib
import sys
import time

import numpy as np

from lstm_ref import save_checkpoint, tree_map
from lstm_ref.datasets import python_reference
from lstm_ref.trials.spelling import text_bits, train_text_model

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "lstm_ref" / "data" / "reference_text_model.npz"
SETTINGS = {
    "hidden_size": 192,
    "embedding_size": 48,
    "batch_size": 32,
    "window": 64,
    "learning_rate": 0.01,
    "dropout": (0.1, 0.3),
}


def report(start, steps):
    """Make a callback that prints the training loss now and then."""

    def callback(progress):
        if progress.step % 100 == 0:
            bits = progress.loss / np.log(2)
            seconds = time.perf_counter() - start
            print(f"step {progress.step}/{steps}  {bits:.3f} bits  {seconds:.0f} s", flush=True)

    return callback


def main() -> int:
    """Train every seed, keep the best."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    asked = parser.parse_args()
    text = python_reference()
    steps = round(asked.epochs * len(text.train) / SETTINGS["batch_size"] / SETTINGS["window"])
    best, runs = None, []
    for seed in asked.seeds:
        start = time.perf_counter()
        run = train_text_model(text.train, seed, steps, **SETTINGS, callback=report(start, steps))
        half = tree_map(lambda value: value.astype(np.float16), run.params)
        rounded = tree_map(lambda value: value.astype(np.float32), half)
        runs.append(
            {
                "seed": seed,
                "seconds": round(time.perf_counter() - start),
                "training": round(float(run.losses[-100:].mean()), 4),
                "validation": round(float(text_bits(rounded, text.validation).mean()), 4),
                "test": round(float(text_bits(rounded, text.test).mean()), 4),
            }
        )
        print(runs[-1], flush=True)
        if best is None or runs[-1]["validation"] < best[0]:
            best = runs[-1]["validation"], half
            notes = {
                **SETTINGS,
                "steps": steps,
                "epochs": asked.epochs,
                "kept_seed": seed,
                "runs": runs,
                "python": text.version,
                "text_sha256": text.sha256,
                "numpy": np.__version__,
            }
            save_checkpoint(asked.out, half, notes)
    save_checkpoint(asked.out, best[1], notes)  # with the runs after the best
    print(f"{asked.out}: {asked.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
