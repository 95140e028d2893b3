#!/usr/bin/env bash
# test.sh: set up what is missing, start the services, run every test, stop the services.
# As root the tests run twice: what needs root as root, the rest as an unprivileged user.
. "$(dirname "$0")/steps.sh"
. "$tree/scripts/prepare.sh"

trap stop_services EXIT
prepare test

failed=0
[ -n "${PYTEST_ARGS:-}" ] || scripts/static.sh || failed=$?

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

if [ -d labextension/tests ] && [ -z "${PYTEST_ARGS:-}" ]; then
  say "the browser side's unit tests"
  # The runner loads vitest's configuration without writing beside it (the tree may be root's).
  (cd labextension && as_user jlpm test --configLoader=runner) || failed=$?
fi
read -r -a arguments <<<"${PYTEST_ARGS:-}"
pytest=("$venv/bin/python" -m pytest -p no:cacheprovider "${arguments[@]}")
if is_root; then
  say "the tests that need root, as root"
  "${pytest[@]}" -m as_root || { code=$?; [ $code = 5 ] || failed=$code; } # 5: none collected
  say "all other tests, as $person"
  as_person "${pytest[@]}" -m 'not as_root' || failed=$?
else
  "${pytest[@]}" || failed=$?
fi
exit "$failed"
