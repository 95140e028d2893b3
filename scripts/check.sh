#!/usr/bin/env bash
# check.sh: formatting, lint, types, import contracts, and the tests that need no container.
. "$(dirname "$0")/steps.sh"
cd "$tree"

scripts/venv.sh
scripts/static.sh
rooms=()
for room in model scheduler simulation runtimes store images; do [ ! -d "tests/$room" ] || rooms+=("tests/$room"); done
say "unit tests"
"$venv/bin/python" -m pytest -q -p no:cacheprovider --without-services "${rooms[@]}"
say "all clean"
