# Two commands are enough: `make demo` and `make test`. Everything they need they set up, once.
.PHONY: help demo lab test test-browser check bench-latency bench-cell bench-import bench-browser bench-scheduler stop clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

demo: ## set up, then run examples/quickstart.ipynb with real containers
	@scripts/demo.sh

lab: ## set up, then open JupyterLab on the examples
	@scripts/lab.sh

test: ## every test, with real Docker, Podman and Apptainer where they can be had
	@scripts/test.sh

test-browser: ## the tests in a real browser only (part of `make test`)
	@PYTEST_ARGS=tests/browser scripts/test.sh

check: ## lint, types, import contracts and unit tests: about two minutes
	@scripts/check.sh

bench-latency: ## submit → first line, against the bare runtime
	@scripts/benchmark.sh latency

bench-cell: ## a print in a job → the cell's display
	@scripts/benchmark.sh cell

bench-import: ## %load_ext in a fresh IPython, against a bare one
	@scripts/benchmark.sh import

bench-browser: ## panel, states, a flood of lines, bundle, server: against what is promised
	@scripts/benchmark.sh browser

bench-scheduler: ## passes, plans, memory, replay of HPCC_WORKLOADS: against a plain-list EASY
	@scripts/benchmark.sh scheduler

stop: ## end the private services this tree has started
	@scripts/docker_engine.sh stop; scripts/podman.sh stop

clean: stop ## remove what setting up has made (.venv, .cache)
	rm -rf .venv .cache
