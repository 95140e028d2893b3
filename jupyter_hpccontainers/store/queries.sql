-- Every statement the store runs, each under "-- name: sentence"; the tables are in schema.sql.

-- begin: Take the write lock at once, so that no transaction can fail half-way for want of it.
BEGIN IMMEDIATE;
-- commit: Make the transaction durable.
COMMIT;
-- rollback: Forget the transaction.
ROLLBACK;

-- busy: Wait (ms) for an engine that is just ending to let go of the file.
PRAGMA busy_timeout = 2000;
-- alone: Hold the file's lock as long as it is open; the journal then needs no shared memory.
PRAGMA locking_mode = EXCLUSIVE;
-- wal: A commit is one append to the journal.
PRAGMA journal_mode = WAL;
-- durable: An answer 2xx is given only for what is on the disk.
PRAGMA synchronous = FULL;
-- references: Deleting a job deletes its spec, tags, key and history.
PRAGMA foreign_keys = ON;
-- journal_size: Let no burst leave a large journal file behind (bytes).
PRAGMA journal_size_limit = 8388608;
-- quick_check: Whether pages and indexes hang together; payload damage is found by crc32.
PRAGMA quick_check(1);

-- engine_id: The engine's uuid.
SELECT uuid FROM engine WHERE row = 1;
-- set_engine_id: Give the engine its uuid, once.
INSERT INTO engine (row, uuid) VALUES (1, :uuid);

-- highest_id: The highest number ever given to a job.
SELECT seq FROM sqlite_sequence WHERE name = 'jobs';
-- add_sequence: Begin the numbers of jobs above one.
INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', :seq);
-- raise_sequence: Give the numbers up to this one away.
UPDATE sqlite_sequence SET seq = max(seq, :seq) WHERE name = 'jobs';
-- clear_sequence: Forget which numbers jobs had.
DELETE FROM sqlite_sequence WHERE name = 'jobs';

-- insert_job: A new job under its number.
INSERT INTO jobs (id, state, result, name, uid, ended_at, disk_bytes, files_removed,
                  record, owner, restart, crc32)
VALUES (:id, :state, :result, :name, :uid, :ended_at, :disk_bytes, :files_removed,
        :record, :owner, :restart, :crc32);
-- update_job: A job's record after a change.
UPDATE jobs
SET state = :state, result = :result, ended_at = :ended_at, disk_bytes = :disk_bytes,
    files_removed = :files_removed, record = :record, restart = :restart, crc32 = :crc32
WHERE id = :id;
-- put_spec: A job's spec, new or changed.
INSERT OR REPLACE INTO specs (job_id, body, crc32) VALUES (:job_id, :body, :crc32);
-- insert_tag: One tag of a job.
INSERT OR IGNORE INTO tags (tag, job_id) VALUES (:tag, :job_id);
-- insert_key: The idempotency key under which a job was accepted.
INSERT INTO keys (uid, key, job_id) VALUES (:uid, :key, :job_id);
-- job_of_key: The job that was accepted under a key.
SELECT job_id FROM keys WHERE uid = :uid AND key = :key;
-- insert_event: One line of history; a null seq takes the next number.
INSERT INTO events (seq, job_id, at, kind, data, crc32)
VALUES (:seq, :job_id, :at, :kind, :data, :crc32);
-- forget_job: A DONE job with everything that hangs on it.
DELETE FROM jobs WHERE id = :id AND state = 'DONE';

-- job: One job.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM jobs JOIN specs ON job_id = jobs.id WHERE jobs.id = :id;
-- job_before: The job with the next lower number.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM jobs JOIN specs ON job_id = jobs.id WHERE jobs.id < :id ORDER BY jobs.id DESC LIMIT 1;
-- standing: How far a job has come, and how it ended.
SELECT state, result FROM jobs WHERE id = :id;
-- tasks: How far the tasks of an array have come that have begun, or never will.
SELECT id, state, result FROM jobs WHERE id BETWEEN :first AND :last ORDER BY id;
-- every_job: All jobs; one without a spec is damaged.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM jobs LEFT JOIN specs ON job_id = jobs.id;
-- active_jobs: All jobs that are not DONE, in the order of submission.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM jobs JOIN specs ON job_id = jobs.id WHERE state <> 'DONE' ORDER BY jobs.id;

-- list_jobs: The newest jobs that pass a filter.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM jobs JOIN specs ON job_id = jobs.id
WHERE jobs.id < :before
  AND (:states = '' OR instr(:states, ',' || state || ','))
  AND (:result IS NULL OR result = :result)
  AND (:name = '' OR instr(lower(name), lower(:name)))
  AND (:uid IS NULL OR uid = :uid)
  AND (:tasks OR NOT instr(record, '"task":{'))
ORDER BY jobs.id DESC LIMIT :limit;
-- list_active: The same among jobs that are not DONE, however many are.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM jobs INDEXED BY jobs_active JOIN specs ON job_id = jobs.id
WHERE jobs.id < :before AND state <> 'DONE'
  AND (:states = '' OR instr(:states, ',' || state || ','))
  AND (:result IS NULL OR result = :result)
  AND (:name = '' OR instr(lower(name), lower(:name)))
  AND (:uid IS NULL OR uid = :uid)
  AND (:tasks OR NOT instr(record, '"task":{'))
ORDER BY jobs.id DESC LIMIT :limit;
-- list_tagged: The same among the jobs of one tag.
SELECT jobs.id, state, record, owner, restart, jobs.crc32, body, specs.crc32
FROM tags JOIN jobs ON jobs.id = tags.job_id JOIN specs ON specs.job_id = jobs.id
WHERE tag = :tag AND tags.job_id < :before
  AND (:states = '' OR instr(:states, ',' || state || ','))
  AND (:result IS NULL OR result = :result)
  AND (:name = '' OR instr(lower(name), lower(:name)))
  AND (:uid IS NULL OR uid = :uid)
  AND (:tasks OR NOT instr(record, '"task":{'))
ORDER BY tags.job_id DESC LIMIT :limit;

-- counts: How many jobs are in each state.
SELECT state, count(*) FROM jobs GROUP BY state;
-- finished: DONE jobs whose folder is still there, the oldest first.
SELECT id, ended_at, disk_bytes FROM jobs INDEXED BY jobs_with_files
WHERE state = 'DONE' AND files_removed = 0 ORDER BY ended_at;
-- events_since: The history after a sequence number.
SELECT seq, job_id, at, kind, data, crc32 FROM events WHERE seq > :seq ORDER BY seq LIMIT :limit;
-- every_key: All idempotency keys.
SELECT uid, key, job_id FROM keys;

-- salvage_jobs: Records from a number on, without their specs.
SELECT id, state, record, owner, restart, crc32 FROM jobs WHERE id >= :start ORDER BY id;
-- salvage_specs: Specs from a number on.
SELECT job_id, body, crc32 FROM specs WHERE job_id >= :start ORDER BY job_id;
-- salvage_events: The history from a sequence number on.
SELECT seq, job_id, at, kind, data, crc32 FROM events WHERE seq >= :start ORDER BY seq;
