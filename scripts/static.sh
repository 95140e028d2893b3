#!/usr/bin/env bash
# static.sh: what needs no test to run: formatting, lint, types, import contracts, shell syntax.
. "$(dirname "$0")/steps.sh"
cd "$tree"

failed=()
part() { local name=$1; shift; say "$name"; "$@" || failed+=("$name"); }
part format "$venv/bin/ruff" format --check .
part lint "$venv/bin/ruff" check .
part types "$venv/bin/mypy"
part contracts "$venv/bin/lint-imports"
for script in scripts/*.sh .ci/run; do bash -n "$script" || failed+=("syntax of $script"); done
[ ${#failed[@]} = 0 ] || fail "not clean: ${failed[*]}"
