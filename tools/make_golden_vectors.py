"""Write the golden vectors and the parity table anew, from the PyTorch that is installed.

``python tools/make_golden_vectors.py`` writes ``tests/golden/parity.npz``, ``legacy.npz`` and
``parity.json`` and prints the table; ``--show`` prints the stored table only, and needs no PyTorch.
"""

import importlib.util
import json
import pathlib
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import parity  # noqa: E402


def lines(table: dict[str, Any]) -> list[str]:
    """Lay the table out, one line a case: how many quantities, which is worst, by how much."""
    versions, sizes = table["versions"], table["sizes"]
    out = [
        f"PyTorch {versions['torch']}, NumPy {versions['numpy']}, Python {versions['python']}; "
        f"{table['dtype']}, {', '.join(f'{k} = {v}' for k, v in sizes.items())}"
    ]
    for title, rows, key in (
        ("PyTorch, largest absolute difference", table["rows"], "difference"),
        ("central differences, largest relative error", table["central_differences"], "error"),
    ):
        out += ["", title]
        for case in dict.fromkeys(row["case"] for row in rows):
            of_case = [row for row in rows if row["case"] == case]
            worst = max(of_case, key=lambda row: row[key])
            count, place = f"{len(of_case)} quantities", worst["quantity"]
            out.append(f"  {case:<34}  {count:>13}   {worst[key]:.1e} in {place}")
    return out


def main() -> None:
    """Write, unless asked to show only, and print."""
    if "--show" in sys.argv[1:]:
        table = json.loads((parity.GOLDEN / "parity.json").read_text())
    elif importlib.util.find_spec("torch") is None:
        sys.exit("error: PyTorch is not installed; run  make torch")
    else:
        from tests import legacy_torch

        table = parity.write_golden()
        legacy_torch.write_golden()
    print("\n".join(lines(table)))


if __name__ == "__main__":
    main()
