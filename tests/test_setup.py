"""What a newcomer meets when something is missing: one clear line, and a non-zero exit."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the Makefile needs a POSIX shell")


def run_setup(tmp_path, tools: dict[str, str], **environment: str):
    """Run the set-up script with nothing on PATH but a few tools and the given scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("rm", "touch", "grep", "cat", "mkdir", "dirname", "uname"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    for name, text in tools.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "tools/setup_env.sh"), str(tmp_path / "venv")],
        cwd=ROOT,
        env={"PATH": str(folder), "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def errors(done: subprocess.CompletedProcess) -> list[str]:
    assert done.returncode != 0
    return done.stderr.strip().splitlines()


def test_no_python_is_one_clear_line(tmp_path):
    (line,) = errors(run_setup(tmp_path, {}))
    assert line.startswith("error: Python 3.11 or newer is needed, found none")


def test_old_python_is_one_clear_line(tmp_path):
    old = '#!/bin/sh\ncase "$2" in *exit*) exit 1;; *) echo 3.8;; esac\n'
    (line,) = errors(run_setup(tmp_path, {"python3": old}))
    assert line.startswith("error: Python 3.11 or newer is needed, found 3.8")


def test_no_network_is_one_clear_line_and_leaves_no_half_made_environment(tmp_path):
    done = run_setup(
        tmp_path,
        {"python3": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'},
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="0",
    )
    (line,) = errors(done)
    assert line.startswith("error: the package index could not be reached")
    assert not (tmp_path / "venv").exists()
    assert (tmp_path / "venv.log").exists(), "the log is kept"


def test_continuous_integration_calls_the_readmes_test_command():
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert script[-1] == "make test"
    assert "make test" in (ROOT / "README.md").read_text()


WITHOUT_TORCH = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, *rest):
        return None if name.partition(".")[0] == "torch" else self.finder.find_spec(name, *rest)

sys.meta_path[:] = map(Without, sys.meta_path)
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "tests"]))
"""


def test_without_pytorch_every_test_can_still_be_collected():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
