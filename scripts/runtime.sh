# Sourced: which container runtime the demo uses (what exists first), and its image.

# choose_runtime: sets DOCKER_HOST (Docker, Podman) or nothing (Apptainer), and HPCC_DEMO_IMAGE.
choose_runtime() {
  local apptainer
  if socket=$(scripts/docker_engine.sh find) && usable "$socket"; then
    say "using the Docker Engine at $socket"
    use_engine
  elif socket=$(scripts/podman.sh find) && usable "$socket"; then
    say "using the Podman service at $socket"
    use_engine
  elif apptainer=$(command -v apptainer || command -v singularity); then
    say "using $apptainer"
    use_apptainer "$apptainer"
  elif ! is_root && command -v podman >/dev/null && have_service podman.sh; then
    use_engine
  elif can_be_root && have_service docker_engine.sh; then
    use_engine
  elif can_be_root && apptainer=$(scripts/apptainer.sh); then
    use_apptainer "$apptainer"
  else
    fail "no container runtime here, and none could be set up" "install Docker, Podman or Apptainer, or run this as root"
  fi
}

use_engine() {
  allow "$socket"
  export DOCKER_HOST=unix://$socket
  HPCC_DEMO_IMAGE=$("$venv/bin/python" scripts/images.py load python "$socket")
  export HPCC_DEMO_IMAGE
  say "image $HPCC_DEMO_IMAGE, made from this machine's own Python"
}

use_apptainer() {
  HPCC_DEMO_IMAGE=$("$venv/bin/python" scripts/images.py sif python "$1")
  export HPCC_DEMO_IMAGE
  say "image $HPCC_DEMO_IMAGE, made from this machine's own Python"
}

# make_notebooks: $folder, the person's own, with the examples in it; what is there already stays.
# A SIF goes beside them, under a name people can read.
make_notebooks() {
  local example
  folder=$cache/notebooks
  ! is_root || folder=$person_home/notebooks
  as_user mkdir -p "$folder"
  for example in "$tree"/examples/*.ipynb; do
    [ -e "$folder/$(basename "$example")" ] || as_user cp "$example" "$folder/"
  done
  if [ -f "$HPCC_DEMO_IMAGE" ]; then
    as_user cp "$HPCC_DEMO_IMAGE" "$folder/python.sif"
    HPCC_DEMO_IMAGE=$folder/python.sif
  fi
}

# An engine of this user that already runs knows the runtimes of its own start: the next door starts
# one anew. Its running jobs go on.
restart_engine() { as_user "$venv/bin/jupyter" hpccontainers engine stop >/dev/null 2>&1 || true; }

# At the end: what only the demo's user needs, or what would look for a runtime that is gone.
stop_engine() { ! is_root && [ ${#started[@]} = 0 ] || restart_engine; }
