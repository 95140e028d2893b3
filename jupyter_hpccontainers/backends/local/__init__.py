"""This machine as a backend: binds scheduler, runtimes, machine, images and store."""
