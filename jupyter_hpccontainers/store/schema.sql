-- The tables, as steps from one version of the file to the next.
-- A step begins with "-- version N: sentence", each of its statements ends its line, and once
-- released it is never changed. The version a file has reached stands in PRAGMA user_version.

-- version 1: jobs, their specs, tags, idempotency keys and history, and the engine's identity
CREATE TABLE engine (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    uuid TEXT NOT NULL
);
-- record, owner and restart are JSON; the columns before them repeat what is searched for.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL,
    result TEXT,
    name TEXT NOT NULL,
    uid INTEGER NOT NULL,
    ended_at REAL,
    disk_bytes INTEGER NOT NULL,
    files_removed INTEGER NOT NULL,
    record TEXT NOT NULL,
    owner TEXT NOT NULL,
    restart TEXT NOT NULL,
    crc32 INTEGER NOT NULL
);
-- A spec may hold a script of a megabyte and hardly ever changes: not rewritten with each state.
CREATE TABLE specs (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    body TEXT NOT NULL,
    crc32 INTEGER NOT NULL
);
CREATE TABLE tags (
    tag TEXT NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, job_id)
) WITHOUT ROWID;
CREATE TABLE keys (
    uid INTEGER NOT NULL,
    key TEXT NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (uid, key)
) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    crc32 INTEGER NOT NULL
);
CREATE INDEX jobs_active ON jobs (id) WHERE state <> 'DONE';
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_with_files ON jobs (ended_at) WHERE state = 'DONE' AND files_removed = 0;
CREATE INDEX tags_of_job ON tags (job_id);
CREATE INDEX keys_of_job ON keys (job_id);
CREATE INDEX events_of_job ON events (job_id, seq);
