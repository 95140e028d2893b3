"""The door inside a kernel: magics, Python, job card."""
