"""This machine: what it has, what a process may use, the per-job supervisor and its files."""
