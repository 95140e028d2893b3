#!/usr/bin/env bash
# test.sh: set up what is missing, start the services, run every test, stop the services.
# As root the tests run twice: what needs root as root, the rest as an unprivileged user.
. "$(dirname "$0")/steps.sh"
. "$tree/scripts/prepare.sh"

prepare test

failed=0
pytest=("$venv/bin/python" -m pytest -p no:cacheprovider)
# What needs no container keeps a core busy for minutes where all else mostly waits for containers,
# so it runs beside that. What it says is shown at the end.
apart=(tests/model tests/scheduler tests/simulation)
apart_log=$cache/log/apart.log apart_pid=
test_apart() {
  local failed=0
  renice -n 10 -p "$BASHPID" >/dev/null
  scripts/static.sh || failed=$?
  say "the browser side's unit tests"
  # The runner loads vitest's configuration without writing beside it (the tree may be root's).
  (cd labextension && as_user jlpm test --configLoader=runner) || failed=$?
  say "the tests that need no container: ${apart[*]}"
  as_user "${pytest[@]}" "${apart[@]}" || failed=$?
  return $failed
}
end_all() {
  [ -z "$apart_pid" ] || kill -- "-$apart_pid" 2>/dev/null || true
  stop_services
}
trap end_all EXIT
if [ -z "${PYTEST_ARGS:-}" ]; then
  say "lint, types and the tests that need no container run beside the rest ($apart_log)"
  set -m # a process group of its own, to end it as a whole
  test_apart >"$apart_log" 2>&1 </dev/null &
  apart_pid=$!
  set +m
fi

# What cannot be had is skipped by the tests with the reason; under CI=true a skip is a failure.
if is_root; then
  scripts/system_packages.sh busybox-static docker-registry || true
  ! have_service docker_engine.sh || export HPCC_TEST_DOCKER="$socket"
  ! have_service podman.sh || export HPCC_TEST_PODMAN="$socket"
  apptainer=$(scripts/apptainer.sh) || apptainer=
  [ ! -d tests/browser ] || scripts/browser.sh >/dev/null || true
  say "making the test images from this machine's own files"
  for name in python tiny bare entrypoint; do
    "$venv/bin/python" scripts/images.py archive "$name" >/dev/null
    [ -z "$apptainer" ] || "$venv/bin/python" scripts/images.py sif "$name" "$apptainer" >/dev/null
  done
fi

read -r -a arguments <<<"${PYTEST_ARGS:-}"
[ -z "$apart_pid" ] || pytest+=("${apart[@]/#/--ignore=}")
pytest+=("${arguments[@]}")
if is_root; then
  say "the tests that need root, as root"
  "${pytest[@]}" -m as_root || { code=$?; [ $code = 5 ] || failed=$code; } # 5: none collected
  say "all other tests, as $person"
  as_person "${pytest[@]}" -m 'not as_root' || failed=$?
else
  "${pytest[@]}" || failed=$?
fi
if [ -n "$apart_pid" ]; then
  say "what ran beside the rest:"
  wait "$apart_pid" || failed=$?
  apart_pid=
  cat "$apart_log"
fi
exit "$failed"
