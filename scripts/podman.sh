#!/usr/bin/env bash
# podman.sh find|start|stop: Podman's Docker-compatible API on a socket of its own.
#   find   prints the socket of a Podman service that answers this user; exit 1 when there is none
#   start  a private service installed from the distribution when root and missing; prints its socket
#   stop   ends it, its containers and its images
. "$(dirname "$0")/steps.sh"

home=${HPCC_PODMAN_HOME:-$cache/podman}
endpoint=$home/endpoint

find_service() {
  local socket
  for socket in "${HPCC_TEST_PODMAN:-}" "${XDG_RUNTIME_DIR:-/nonexistent}/podman/podman.sock" /run/podman/podman.sock; do
    socket=${socket#unix://}
    ! socket_answers "$socket" || { echo "$socket"; return 0; }
  done
  return 1
}

least() { if [ "$1" = unlimited ] || [ "$1" -gt "$2" ]; then echo "$2"; else echo "$1"; fi; }

start_service() {
  command -v podman >/dev/null || "$tree/scripts/system_packages.sh" podman runc catatonit uidmap
  local run options=() tries=150 files pids
  if [ -s "$endpoint" ] && socket_answers "$(cat "$endpoint")/podman.sock"; then
    echo "$(cat "$endpoint")/podman.sock"
    return
  fi
  run=$(mktemp -d /tmp/hpcc-podman.XXXXXX)
  chmod 0711 "$run"
  mkdir -p "$home"
  # As root the storage is thrown away with the service; a person's rootless storage stays theirs.
  ! is_root || options=(--root "$run/storage" --runroot "$run/run" --tmpdir "$run/tmp")
  # Without systemd there is neither its cgroup manager nor its journal; crun refuses hybrid cgroups.
  [ -d /run/systemd/system ] || options+=(--cgroup-manager cgroupfs --events-backend file)
  ! command -v runc >/dev/null || options+=(--runtime "$(command -v runc)")
  # Podman lowers its own process limit to pid_max and then asks for more open files and processes
  # than root without CAP_SYS_RESOURCE may give a container.
  files=$(least "$(ulimit -Hn)" 1048576) pids=$(least "$(ulimit -Hu)" "$(cat /proc/sys/kernel/pid_max)")
  printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n' \
    "$files" "$files" "$pids" "$pids" >"$run/containers.conf"
  say "starting a private Podman service (socket $run/podman.sock)"
  CONTAINERS_CONF="$run/containers.conf" setsid podman "${options[@]}" system service --time 0 "unix://$run/podman.sock" >"$home/podman.log" 2>&1 </dev/null &
  echo $! >"$run/pid"
  echo "$run" >"$endpoint"
  until socket_answers "$run/podman.sock"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { tail -n 20 "$home/podman.log" >&2; stop_service; fail "Podman's service did not start" "the lines above say why"; }
    sleep 0.1
  done
  ! is_root || [ -z "${HPCC_DOCKER_GROUP:-}" ] || { chgrp "$HPCC_DOCKER_GROUP" "$run/podman.sock"; chmod 0660 "$run/podman.sock"; }
  echo "$run/podman.sock"
}

stop_service() {
  [ -s "$endpoint" ] || return 0
  local run
  run=$(cat "$endpoint")
  say "stopping the private Podman service"
  ! is_root || timeout 30 podman --url "unix://$run/podman.sock" rm --all --force --time 0 >/dev/null 2>&1 || true
  [ ! -s "$run/pid" ] || end_process "$(cat "$run/pid")" 10
  # conmon starts one "podman container cleanup" per container that ended; they would make $run anew.
  end_helpers "$run"
  remove_folder "$run"
  rm -f "$endpoint"
}

case ${1:-} in
  find) find_service ;;
  start) start_service ;;
  stop) stop_service ;;
  *) fail "podman.sh find|start|stop" ;;
esac
