#!/usr/bin/env bash
# benchmark.sh latency|cell|import|browser|scheduler: set up, measure; the last line is one JSON object.
. "$(dirname "$0")/steps.sh"
. "$tree/scripts/prepare.sh"
. "$tree/scripts/runtime.sh"

name=${1:?latency, cell, import, browser or scheduler}
trap 'stop_engine; stop_services' EXIT
prepare "bench-$name"
if [ "$name" = latency ] || [ "$name" = cell ]; then
  if have_service docker_engine.sh; then
    use_engine
    export HPCC_BENCH_DOCKER=$HPCC_DEMO_IMAGE
  fi
  if apptainer=$(scripts/apptainer.sh); then
    HPCC_BENCH_SIF=$("$venv/bin/python" scripts/images.py sif python "$apptainer")
    export HPCC_BENCH_SIF
  fi
fi
if [ "$name" = browser ]; then
  scripts/browser.sh >/dev/null
  have_service docker_engine.sh || fail "no Docker Engine here, and none could be started"
  use_engine
  export HPCC_BENCH_DOCKER=$HPCC_DEMO_IMAGE
fi
[ "$name" = scheduler ] || restart_engine
say "measuring"
result=$(cd / && as_user "$venv/bin/python" "$tree/benchmarks/bench_$name.py")
stop_engine
stop_services
echo "$result"
