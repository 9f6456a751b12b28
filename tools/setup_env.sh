#!/bin/sh
# Make the project's own environment: setup_env.sh DIRECTORY
# One clear line and a non-zero exit for each thing that can be missing; the full pip log is kept.
set -u
venv=$1
log=$venv.log
fail() { printf 'error: %s\n' "$1" >&2; exit 1; }

# 1. A Python new enough. $PYTHON wins; otherwise the first on PATH that will do.
python=
found=
for candidate in ${PYTHON:-python3 python python3.14 python3.13 python3.12 python3.11}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    found=$version
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    [ -n "$found" ] && fail "Python 3.11 or newer is needed, found $found; install a newer one or set PYTHON=/path/to/python"
    fail "Python 3.11 or newer is needed, found none; install it or set PYTHON=/path/to/python"
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "this Python has no venv module; on Debian and Ubuntu: apt-get install python3-venv"

# 2. A fresh environment, built aside: a cut-off installation is never mistaken for a whole one.
rm -rf "$venv"
"$python" -m venv "$venv" >"$log" 2>&1 || fail "could not make an environment in $venv (is the disk full?); see $log"
echo "Installing the locked dependencies with Python $version (about a minute; log: $log) ..."
# The lock pins every version, so outside caps on versions have nothing to say here. What is
# imported is compiled then: compiling everything here would take longer than all imports ever.
PIP_CONSTRAINT= "$venv/bin/python" -m pip install --disable-pip-version-check --no-compile --require-hashes \
    -r requirements.lock >>"$log" 2>&1 || {
    rm -rf "$venv"
    if grep -qiE 'NewConnectionError|Name or service not known|name resolution|ConnectTimeout|ProxyError|No matching distribution found|Network is unreachable|Connection refused' "$log"; then
        fail "the package index could not be reached; check the network and run the command again (log: $log)"
    fi
    fail "installing the locked dependencies failed; see the end of $log"
}
"$venv/bin/python" -m pip install --disable-pip-version-check --no-compile --no-deps --no-build-isolation -e . \
    >>"$log" 2>&1 || { rm -rf "$venv"; fail "installing this project failed; see the end of $log"; }

# 3. PyTorch, only to check parity against it. Continuous integration has it; elsewhere `make torch`
#    adds it. Without it the same tests run against the committed golden vectors.
if [ -n "${CI:-}" ]; then
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-compile torch==2.13.0 >>"$log" 2>&1 ||
        echo "note: PyTorch could not be installed; parity is checked against the golden vectors"
fi
touch "$venv/.complete"
