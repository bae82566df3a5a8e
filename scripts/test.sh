#!/usr/bin/env bash
# Installs what the tests need into .venv and runs every check. Usage: bash scripts/test.sh [pytest arguments]
set -euo pipefail
source "$(dirname "$0")/setup.sh" dev

export MASS13K_ARTEFACTS="${MASS13K_ARTEFACTS:-$PWD/.venv/screenshots}"  # what the browser showed
# The viewer is tested in a real browser where one can be had
command -v chromium chromium-browser google-chrome >/dev/null || {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y -qq chromium || { apt-get update -qq && apt-get install -y -qq chromium; }; } >/dev/null 2>&1 || true
  fi
}

ruff format --check .
ruff check .
codespell
mypy
lint-imports
NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet --site-dir .venv/site
pytest -n 2 --dist loadgroup "$@"
