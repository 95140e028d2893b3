# Sourced: what demo, lab and test begin with: the user to run as, the environment, the services.

# prepare TARGET: as root make the unprivileged user and go on where it can read; have .venv.
prepare() {
  cd "$tree"
  if is_root; then
    # shellcheck source=person.sh
    . scripts/person.sh
    command -v setpriv >/dev/null && command -v useradd >/dev/null || scripts/system_packages.sh util-linux passwd
    make_person
    continue_where_readable "$1"
    HPCC_DOCKER_GROUP=$(id -g "$person")
    export HPCC_DOCKER_GROUP
    HPCC_SOCKET_GROUPS=
  fi
  scripts/venv.sh
  as_user "$venv/bin/python" -c '' 2>/dev/null ||
    fail "the user $person cannot run $venv/bin/python" "remove $venv: it is made again with a Python everybody can run"
}

# as_user COMMAND…: as the unprivileged user when root started us, else as who we are.
as_user() { if is_root; then as_person "$@"; else env PATH="$venv/bin:$PATH" "$@"; fi; }

# Services this command started, ended when it ends, last first.
started=()
stop_services() {
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do "$tree/scripts/${started[i]}" stop || true; done
  started=()
}

# have_service SCRIPT: put the socket of one that answers (else of one started now) into $socket.
have_service() {
  if ! socket=$("$tree/scripts/$1" find) || ! usable "$socket"; then
    started+=("$1")
    socket=$("$tree/scripts/$1" start) || return 1
  fi
  allow "$socket"
}

# A socket's group may use it; group 0 is not handed to anybody.
allow() { ! is_root || HPCC_SOCKET_GROUPS=${HPCC_SOCKET_GROUPS:+$HPCC_SOCKET_GROUPS,}$(stat -c %g "$1"); }
usable() { ! is_root || [ "$(stat -c %g "$1")" != 0 ] || as_person test -w "$1"; }
