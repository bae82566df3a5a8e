# Sourced by the other scripts: makes .venv once and installs the project into it, with tested versions.
# Usage: source scripts/setup.sh [EXTRAS], such as dev

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then  # none yet, or one left half made
  for python in python3.11 python3.12 python3.13 python3; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi
  done
  "$python" -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
  "$python" -m venv --clear .venv
fi
echo "Installing into .venv (PyTorch is large; later runs take seconds)" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
  --constraint scripts/constraints.txt --editable ".${1:+[$1]}"
export PATH="$PWD/.venv/bin:$PATH"
