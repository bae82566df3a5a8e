#!/usr/bin/env bash
# Installs what the tests need into .venv and runs every check. Usage: bash scripts/test.sh [pytest arguments]
set -euo pipefail
source "$(dirname "$0")/setup.sh" dev

ruff format --check .
ruff check .
codespell
mypy
lint-imports
NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet --site-dir .venv/site
pytest -n 2 --dist loadgroup "$@"
