#!/usr/bin/env bash
# docker_engine.sh find|start|stop: Docker Engine for the demo and the tests.
#   find   prints the socket of an engine that answers this user; exit 1 when there is none
#   start  a private engine (own data, own socket, nothing on the network), installed from the
#          distribution if missing; needs root or sudo; prints its socket
#   stop   ends the private engine and removes its sockets; its images stay in .cache
. "$(dirname "$0")/steps.sh"

home=${HPCC_DOCKER_HOME:-$cache/docker}
endpoint=$home/endpoint   # holds the run-time folder of the engine we started

find_engine() {
  local socket
  for socket in "${HPCC_TEST_DOCKER:-}" "${DOCKER_HOST:-}" "$(own_socket)" /var/run/docker.sock \
    "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock"; do
    socket=${socket#unix://}
    ! socket_answers "$socket" || { echo "$socket"; return 0; }
  done
  return 1
}

own_socket() { [ ! -s "$endpoint" ] || echo "$(cat "$endpoint")/docker.sock"; }

install_engine() {
  PATH=$PATH:/usr/sbin:/sbin command -v dockerd >/dev/null && return 0
  say "no container runtime here: setting up Docker Engine from the distribution"
  local packages=(docker.io)
  ! apt-cache show docker-cli >/dev/null 2>&1 || packages+=(docker-cli)
  "$tree/scripts/system_packages.sh" "${packages[@]}"
}

start_engine() {
  can_be_root || fail "starting Docker Engine needs root or sudo" "install Docker, Podman or Apptainer, or run as root"
  install_engine
  local socket run
  socket=$(own_socket)
  if [ -n "$socket" ] && socket_answers "$socket"; then echo "$socket"; return; fi
  # A unix socket's path has at most 107 bytes: the run-time folder is a short one.
  run=$(mktemp -d /tmp/hpcc-docker.XXXXXX)
  chmod 0711 "$run"
  mkdir -p "$home"
  say "starting a private Docker Engine (data $home/data, socket $run/docker.sock)"
  local command=(env PATH="$PATH:/usr/sbin:/sbin" setsid dockerd
    --data-root "$home/data" --exec-root "$run/exec" -p "$run/docker.pid"
    -H "unix://$run/docker.sock" -G "${HPCC_DOCKER_GROUP:-$(id -g)}")
  is_root || command=(sudo -- "${command[@]}")
  "${command[@]}" >"$home/dockerd.log" 2>&1 </dev/null &
  echo "$run" >"$endpoint"
  await_engine "$run"
  echo "$run/docker.sock"
}

await_engine() {
  local tries=300
  until as_root test -S "$1/docker.sock" && as_root docker -H "unix://$1/docker.sock" version >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ $tries -le 0 ] || { [ $tries -lt 280 ] && [ ! -d "/proc/$(cat "$1/docker.pid" 2>/dev/null || echo none)" ]; }; then
      tail -n 25 "$home/dockerd.log" >&2
      stop_engine
      fail "Docker Engine did not start" "the lines above say why; in a container it needs --privileged and mounted cgroups"
    fi
    sleep 0.1
  done
}

stop_engine() {
  [ -s "$endpoint" ] || return 0
  local run pid
  run=$(cat "$endpoint")
  pid=$(cat "$run/docker.pid" 2>/dev/null || true)
  [ -z "$pid" ] || { say "stopping the private Docker Engine (pid $pid)"; end_process "$pid" 30; }
  end_helpers "$run"
  # dockerd bind-mounts its data folder on itself, and its own network namespace, and may leave both.
  unmount_below "$home/data"
  remove_folder "$run"
  rm -f "$endpoint"
}

case ${1:-} in
  find) find_engine ;;
  start) start_engine ;;
  stop) stop_engine ;;
  *) fail "docker_engine.sh find|start|stop" ;;
esac
