"""Run the JavaScript of an interactive figure, without its drawing."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from lstm_ref.widgets import HERE


def run_js(script: str, expression: str) -> Any:
    """Evaluate an expression in a figure's JavaScript; the drawing itself needs a browser."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    code = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("kit.js", script))
    code += f"\nconsole.log(JSON.stringify({expression}));"
    done = subprocess.run(
        [node, "--input-type=module", "-"], input=code, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
