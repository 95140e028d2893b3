#!/usr/bin/env bash
# demo.sh: set up, then run examples/quickstart.ipynb through a real kernel with real containers.
. "$(dirname "$0")/steps.sh"
. "$tree/scripts/prepare.sh"
. "$tree/scripts/runtime.sh"

trap 'stop_engine; stop_services' EXIT
prepare demo
choose_runtime
restart_engine
make_notebooks
as_user cp "$tree/examples/quickstart.ipynb" "$folder/demo.ipynb"
say "running the quickstart in $folder"
cd "$folder"
as_user "$venv/bin/python" "$tree/scripts/run_notebook.py" "$folder/demo.ipynb"
say "done; the notebook with its outputs: $folder/demo.ipynb"
echo
echo "Next:  make lab    opens JupyterLab on these notebooks"
