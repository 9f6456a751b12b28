"""Time an LSTM layer against PyTorch, numpy-ml and the readable tier.

Run as ``python -m benchmarks.speed`` (``make bench``). Every library works in a process of its own,
because in one process their thread pools disturb one another; the processes take turns, so what
else the machine does falls on all of them; the medians of several turns are compared.

Prints a table and writes ``benchmarks/results/speed.json``, which the book's page on performance
reads. What numpy-ml needs is installed into an environment of its own under ``.cache/``.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contestants import CONTESTANTS

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "speed.json"
SIZES = [(28, 64, 28, 128), (100, 32, 64, 256), (1000, 16, 2, 64), (100, 1, 32, 32)]
LARGEST = (50, 128, 128, 512)
QUICK_SIZES = [(7, 5, 3, 2), (11, 1, 2, 13)]
MODES = ("forward", "train")
# Environment variables that choose OpenBLAS's kernels: a benchmark should have the default ones.
UNWANTED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
BUSY = 0.5  # processes running at the start, above which the numbers are not to be trusted
# Between turns. OpenBLAS's threads wait busily for more to do, some 30 ms, on a core that the next
# library needs: with a shorter pause whoever came after numpy-ml was charged half as much again.
PAUSE_SECONDS = 0.25
AT_LEAST = 9  # samples a median is taken of


class Library:
    """A worker process, asked for one thing at a time."""

    def __init__(self, name: str, python: str, threads: int) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in UNWANTED}
        environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
        environment["PYTHONPATH"] = str(ROOT)
        self.name = name
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-m", "benchmarks.worker", name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            text=True,
        )

    def ask(self, *request: Any) -> Any:
        """Send a request and wait for its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        time.sleep(PAUSE_SECONDS)
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            assert self.process.stderr is not None
            raise RuntimeError(f"{self.name} stopped: {self.process.stderr.read().strip()}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process and wait for it."""
        self.process.communicate()


def python_of(name: str) -> str:
    """Return the Python a library runs in: this one, but for numpy-ml one set up at need.

    numpy-ml is old, and none of the course's business; it is installed beside the NumPy we use.
    """
    if not name.startswith("numpy-ml"):
        return sys.executable
    folder = ROOT / ".cache" / "numpy-ml"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = folder / "complete"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        wanted = ["numpy-ml==0.1.2", f"numpy=={np.__version__}", "scipy"]
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, *wanted], check=True, capture_output=True, text=True)
        done.touch()
    return str(python)


def start(threads: int) -> tuple[dict[str, Library], dict[str, str], dict[str, str]]:
    """Start every library there is; returns them, their versions, and why others are missing."""
    libraries: dict[str, Library] = {}
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in CONTESTANTS:
        try:
            python = python_of(name)
            library = Library(name, python, threads)
            versions[name] = library.ask("hello")
            libraries[name] = library
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", None) or str(error)
            missing[name] = reason.strip().splitlines()[-1]
    return libraries, versions, missing


def compare_sums(name: str, sums: dict[str, list[float]]) -> None:
    """Raise unless all libraries computed the same; sums of absolute values must agree to 1e-3."""
    for library, values in sums.items():
        for value, want in zip(values, sums["fast"], strict=True):
            if not math.isclose(value, want, rel_tol=1e-3):
                raise RuntimeError(f"{library} computes other numbers at {name}: {value}, {want}")


def measure(
    libraries: dict[str, Library], size: tuple[int, ...], rounds: int
) -> dict[str, dict[str, Any]]:
    """Time one size; returns, for each mode and library, the median and quartiles in seconds."""
    compare_sums(str(size), {name: lib.ask("prepare", size) for name, lib in libraries.items()})
    found: dict[str, dict[str, Any]] = {}
    for mode in MODES:
        samples: dict[str, list[float]] = {name: [] for name in libraries}
        for turn in range(rounds):
            order = list(libraries)
            for name in order[turn % len(order) :] + order[: turn % len(order)]:
                samples[name].append(libraries[name].ask("sample", mode))
        found[mode] = {name: summary(values) for name, values in samples.items()}
    return found


def summary(values: list[float]) -> dict[str, Any]:
    """Return the median and quartiles of samples, and how many there are."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "quartiles": [low, high], "samples": len(values)}


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores we may use, system, Python, and how busy it is."""
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [k for k in cpuinfo.read_text().splitlines() if k.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "load_before": round(load, 2),
        "processor": processor or platform.machine(),
        "architecture": platform.machine(),
        "cores": cores,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def memory(threads: int, names: list[str]) -> dict[str, dict[str, int]]:
    """Measure peak memory of training at the largest size, each library in a fresh process."""
    found = {}
    for name in names:
        library = Library(name, python_of(name), threads)
        library.ask("hello")
        before, peak = library.ask("memory", LARGEST)
        library.close()
        found[name] = {"before": before, "peak": peak, "added": peak - before}
    return found


def ratios(sizes: list[dict[str, Any]], mode: str, other: str) -> list[float]:
    """Return how many times faster the fast tier is than another library, size by size."""
    return [
        entry[mode][other]["median"] / entry[mode]["fast"]["median"]
        for entry in sizes
        if other in entry[mode]
    ]


def summarise(sizes: list[dict[str, Any]], others: list[str]) -> dict[str, Any]:
    """Return ratios, their geometric means and the smallest, for each mode and library."""
    found: dict[str, Any] = {}
    for mode in MODES:
        for other in others:
            values = ratios(sizes, mode, other)
            found.setdefault(mode, {})[other] = {
                "ratios": values,
                "geometric_mean": statistics.geometric_mean(values),
                "smallest": min(values),
            }
    return found


def table(report: dict[str, Any]) -> str:
    """Set the report as text: milliseconds first, then how many times faster the fast tier is."""
    names, found = list(report["versions"]), report["machine"]
    lines = [
        f"{found['processor']}, {found['cores']} cores, {report['threads']} threads each, "
        f"Python {found['python']}",
        *(f"{name}: {version}" for name, version in report["versions"].items()),
        *(f"{name} is missing: {reason}" for name, reason in report["missing"].items()),
    ]
    if found["load_before"] > BUSY:
        lines.append("something else is running: repeat this on a quiet machine")

    def row(first: str, cells: Iterable[str]) -> str:
        return f"{first:<30}" + "".join(f"{cell:>14}" for cell in cells)

    for mode in MODES:
        lines += ["", row(f"{mode}, ms", names)]
        for entry in report["sizes"]:
            times = (f"{1e3 * entry[mode][name]['median']:.2f}" for name in names)
            lines.append(row(f"(T, B, D, H) = {tuple(entry['size'])}", times))
        lines += ["", row(f"{mode}, times fast", names)]
        summary = report["summary"][mode]
        for k, entry in enumerate(report["sizes"]):
            cells = (
                "" if name == "fast" else f"{summary[name]['ratios'][k]:.2f}" for name in names
            )
            lines.append(row(f"(T, B, D, H) = {tuple(entry['size'])}", cells))
        means = ("" if n == "fast" else f"{summary[n]['geometric_mean']:.2f}" for n in names)
        lines.append(row("geometric mean", means))
    if report["memory"]:
        added = (f"{report['memory'][name]['added'] / 2**20:.0f}" for name in names)
        lines += ["", row("memory added by training, MB", names), row(str(LARGEST), added)]
    return "\n".join(lines)


def verdict(report: dict[str, Any]) -> list[tuple[str, bool]]:
    """Hold the report against what the fast tier promises."""
    training, found = report["summary"]["train"], []
    if "torch" in training:
        mean, smallest = training["torch"]["geometric_mean"], training["torch"]["smallest"]
        found += [
            (f"training, geometric mean of torch / fast at least 1.0: {mean:.2f}", mean >= 1),
            (f"training, smallest torch / fast at least 0.7: {smallest:.2f}", smallest >= 0.7),
        ]
    for name in ("numpy-ml", "readable"):
        if name in training:
            mean = training[name]["geometric_mean"]
            found.append(
                (f"training, geometric mean of {name} / fast at least 5: {mean:.1f}", mean >= 5)
            )
    if {"torch", "fast"} <= set(report["memory"]):
        ratio = report["memory"]["fast"]["added"] / max(report["memory"]["torch"]["added"], 1)
        found.append((f"memory, fast / torch at most 1.5: {ratio:.2f}", ratio <= 1.5))
    return found


def run(rounds: int, threads: int, quick: bool) -> dict[str, Any]:
    """Measure everything; a quick run takes tiny sizes, to see that all of it works."""
    sizes = QUICK_SIZES if quick else [*SIZES, LARGEST]
    described = machine()
    libraries, versions, missing = start(threads)
    entries: list[dict[str, Any]] = []
    try:
        for size in sizes:
            print(f"measuring {size} …", file=sys.stderr, flush=True)
            entry = {"size": list(size), **measure(libraries, size, rounds)}
            entry["ladder"] = libraries["fast"].ask("rungs", size, AT_LEAST)
            entries.append(entry)
    finally:
        for library in libraries.values():
            library.close()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": described,
        "threads": threads,
        "versions": versions,
        "missing": missing,
        "sizes": entries,
        "summary": summarise(entries, list(versions)[1:]),
        "memory": {} if quick else memory(threads, list(versions)),
    }


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark, print the table, and write the results of a full run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=AT_LEAST, help="samples a median is taken of")
    parser.add_argument("--threads", type=int, default=2, help="threads each library may use")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; writes nothing")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go")
    options = parser.parse_args(arguments)
    if options.rounds < 2 or options.threads < 1:
        parser.error("expected at least 2 rounds and 1 thread")
    report = run(options.rounds, options.threads, options.quick)
    print(table(report))
    if options.quick:
        return
    print()
    for line, met in verdict(report):
        print(f"{'met   ' if met else 'MISSED'}  {line}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
