# Sourced by every script: where the tree is, how a step is said, and who may do what.
set -euo pipefail
umask 022
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$tree/.cache
venv=$tree/.venv
mkdir -p "$cache" 2>/dev/null || : # a tree of root's is read-only to the person
begun=${HPCC_BEGUN:=$(date +%s)}
export HPCC_BEGUN PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
export DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1 NODE_DISABLE_COMPILE_CACHE=1

# say TEXT: one line of progress with the seconds since the command began. On stderr, because
# stdout carries a script's answer (a socket, a path).
say() { printf '[%4ds] %s\n' $(($(date +%s) - begun)) "$*" >&2; }

# fail TEXT [CURE]
fail() {
  printf '\nERROR: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '  cure: %s\n' "$2" >&2
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# Whether root's rights are at hand: we are root, or sudo works (asking only at a terminal).
can_be_root() { is_root || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }; }

as_root() { if is_root; then "$@"; else sudo -- "$@"; fi; }

# run_logged LOG COMMAND…: quiet when it works, the whole story when it does not; a line of its log
# every 15 s, so that nobody wonders.
run_logged() {
  local log=$1 ticker status=0; shift
  mkdir -p "$(dirname "$log")"
  tell_from_time_to_time "$log" &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  [ "$status" = 0 ] || { cat "$log" >&2; fail "this failed: $*" "read the lines above"; }
}

tell_from_time_to_time() {
  local never
  # read waits without a process of its own that would outlive us.
  exec {never}<> <(:)
  while true; do
    read -r -t 15 -u "$never" || true
    say "  … $(tail -n 1 "$1" 2>/dev/null | cut -c1-100)"
  done
}

# Whether something that speaks Docker's API listens on this unix socket (moby: GET /_ping).
socket_answers() {
  [ -S "$1" ] && python3 -I -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
s.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
sys.exit(b" 200 " not in s.recv(64))' "$1" 2>/dev/null
}

# end_process PID SECONDS: TERM, wait, KILL; a zombie counts as ended (nobody may be there to reap it).
end_process() {
  local left=$(($2 * 10))
  as_root kill "$1" 2>/dev/null || return 0
  while [ "$left" -gt 0 ] && [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; do
    sleep 0.1; left=$((left - 1))
  done
  [ "$left" -gt 0 ] || as_root kill -9 "$1" 2>/dev/null || true
}

# end_helpers FOLDER: end every process that has this folder, made by us for one service, in its
# command line: that service's helpers and nobody else's. They get 2 s to end by themselves.
end_helpers() {
  local tries=20 left
  while left=$(naming "$1") && [ -n "$left" ]; do
    sleep 0.1; tries=$((tries - 1))
    # shellcheck disable=SC2086
    [ $tries -gt 0 ] || { as_root kill -9 $left 2>/dev/null || true; break; }
  done
}

naming() {
  local pid
  for pid in $(grep -slF "$1/" /proc/[0-9]*/cmdline | cut -d/ -f3); do
    [ ! -d "/proc/$pid" ] || echo "$pid"
  done
}

# remove_folder FOLDER: with everything that is still mounted below it.
remove_folder() {
  unmount_below "$1"
  as_root rm -rf "$1"
}

unmount_below() {
  awk -v below="$1" '$2 == below || index($2, below "/") == 1 { print $2 }' /proc/self/mounts | sort -r |
    while IFS= read -r point; do as_root umount "$point" </dev/null || true; done
}
