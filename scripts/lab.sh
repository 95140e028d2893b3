#!/usr/bin/env bash
# lab.sh: set up, then open JupyterLab on the examples; Ctrl-C ends it.
. "$(dirname "$0")/steps.sh"
. "$tree/scripts/prepare.sh"
. "$tree/scripts/runtime.sh"

# Jobs outlive JupyterLab; a private Docker Engine is left to them.
finish() {
  local active
  active=$(as_user "$venv/bin/jupyter" hpccontainers list --state active --parsable 2>/dev/null | wc -l)
  if [ ${#started[@]} -gt 0 ] && [ "$active" -gt 0 ]; then
    say "jobs are still running: Docker Engine stays up for them (make stop ends it)"
  else
    stop_engine
    stop_services
  fi
}

trap finish EXIT
prepare lab
choose_runtime
restart_engine
make_notebooks
options=(--ServerApp.root_dir="$folder" --LabApp.default_url=/lab/tree/quickstart.ipynb --ip=127.0.0.1)
! is_root && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || options+=(--no-browser)
say "JupyterLab on $folder (its address, with the token, follows; Ctrl-C ends it)"
cd "$folder"
as_user "$venv/bin/jupyter" lab "${options[@]}" "$@"
