#!/usr/bin/env bash
# venv.sh: .venv with this package (editable) and everything its tests and demo use.
. "$(dirname "$0")/steps.sh"

extras=lab,test,e2e,lint
# The labextension is built when the package is installed, so its sources count too.
wanted=$({
  cat "$tree/pyproject.toml"
  echo "$extras"
  cd "$tree/labextension" 2>/dev/null &&
    find package.json yarn.lock tsconfig.json schema src style -type f -print0 2>/dev/null | sort -z | xargs -0 cat || true
} | sha256sum | cut -d' ' -f1)
# As pip does for a wheel: who runs this tree may not write into it, and each job starts a Python.
compile_all() { "$venv/bin/python" -m compileall -q "$tree/jupyter_hpccontainers"; }
[ "$(cat "$venv/.installed" 2>/dev/null)" != "$wanted" ] || { compile_all; exit 0; }

recent_enough() { "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Root's own Python (a pyenv below /root) cannot be run by the user the tests run as.
find_python() {
  local candidates=(python3 python3.13 python3.12 python3.11 /usr/bin/python3) candidate
  ! is_root || candidates=(/usr/bin/python3 /usr/local/bin/python3 "${candidates[@]}")
  for candidate in ${PYTHON:-} "${candidates[@]}"; do
    ! recent_enough "$candidate" || { command -v "$candidate"; return; }
  done
  # A minimal Debian has none at all; its own is recent enough from Debian 12 on.
  if ! command -v python3 >/dev/null && command -v apt-get >/dev/null && can_be_root; then
    "$tree/scripts/system_packages.sh" python3 python3-venv >&2
    ! recent_enough python3 || { command -v python3; return; }
  fi
  fail "no Python 3.11 or newer was found" "install one and name it: make PYTHON=/path/to/python3 …"
}

make_venv() {
  local python version
  python=$(find_python)
  say "making .venv with $("$python" --version) ($python)"
  ! "$python" -m venv "$venv" >"$cache/log/venv.log" 2>&1 || return 0
  version=$("$python" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  # Debian keeps ensurepip in a package of its own.
  if command -v apt-get >/dev/null && can_be_root; then
    "$tree/scripts/system_packages.sh" "python$version-venv"
    run_logged "$cache/log/venv.log" "$python" -m venv --clear "$venv"
  elif "$python" -m pip --version >/dev/null 2>&1; then
    run_logged "$cache/log/venv.log" "$python" -m venv --clear --without-pip "$venv"
    run_logged "$cache/log/venv.log" "$python" -m pip --python "$venv/bin/python" install pip
  else
    cat "$cache/log/venv.log" >&2
    fail "a virtual environment cannot be made" "ask root for: apt-get install python$version-venv"
  fi
}

mkdir -p "$cache/log"
[ -x "$venv/bin/pip" ] && recent_enough "$venv/bin/python" || make_venv
"$tree/scripts/node.sh"
say "pip install -e .[$extras] (a minute or two)"
run_logged "$cache/log/pip.log" env PATH="$venv/bin:$PATH" "$venv/bin/pip" install -e "$tree[$extras]"
compile_all
echo "$wanted" >"$venv/.installed"
