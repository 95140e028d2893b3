"""The names of the files in an attempt's folder: the contract between engine and supervisor."""

from __future__ import annotations

#: What to run (JSON, 0600), written by the engine before the supervisor starts.
ORDER = "supervisor.json"
#: Held with flock(2) as long as the supervisor lives; content: who holds it.
LOCK = "lock"
#: Raw bytes of both streams in order of arrival.
OUTPUT = "output"
#: One record at each switch of stream, written before the bytes it is about.
INDEX = "output.idx"
#: Appears by rename when the program, or its runtime, has started.
STARTED = "started"
#: Appears by rename and fsync when all is over.
EXIT = "exit"
#: There as long as the engine wants the job to stand still.
SUSPENDED = "suspended"
#: The session in which Apptainer runs; written before it is executed.
SESSION = "session"
#: What the supervisor itself had to say; empty unless something is wrong with it.
SUPERVISOR_LOG = "supervisor.log"
#: The job's own part, the only one a container sees (HPCC_JOB_DIR).
JOB_DIR = "dir"

#: ``<QB``: offset of the first byte that belongs to the stream, stream (1 out, 2 err).
INDEX_RECORD = "<QB"
