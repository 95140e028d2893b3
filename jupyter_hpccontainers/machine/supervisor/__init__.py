"""One small program per job: it starts it, keeps its output and writes how it ended."""
