/** Amounts, times and states as people read them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

const STATES = {
  PENDING: 'Waiting',
  HELD: 'Held',
  STARTING: 'Starting',
  RUNNING: 'Running',
  SUSPENDED: 'Suspended',
  STOPPING: 'Stopping',
  DONE: 'Done',
  COMPLETED: 'Completed',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
  TIMEOUT: 'Time limit',
  OUT_OF_MEMORY: 'Out of memory',
  PREEMPTED: 'Preempted',
  SKIPPED: 'Skipped',
  LOST: 'Lost'
};

/** 4294967296 → "4 GiB". */
export function bytesText(bytes) {
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit += 1;
  }
  return `${Number(n.toFixed(n < 10 ? 1 : 0))} ${UNITS[unit]}`;
}

/** 3725 seconds → "1:02:05"; from a day on "1-01:02:05" as in Slurm. */
export function durationText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = n => String(n).padStart(2, '0');
  const hours = Math.floor(s / 3600);
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  if (hours >= 24) {
    return `${Math.floor(hours / 24)}-${two(hours % 24)}:${rest}`;
  }
  return hours ? `${hours}:${rest}` : rest.replace(/^0/, '');
}

/** "2 cores · 4 GiB · 1 GPU". */
export function resourcesText(job) {
  const parts = [`${job.cores} ${job.cores === 1 ? 'core' : 'cores'}`];
  if (job.memory_bytes) {
    parts.push(bytesText(job.memory_bytes));
  }
  if (job.gpus) {
    parts.push(`${job.gpus} ${job.gpus === 1 ? 'GPU' : 'GPUs'}`);
  }
  return parts.join(' · ');
}

/** The word of Slurm's: the state, or how the job ended. */
export function stateWord(job) {
  return job.state === 'DONE' && job.result ? job.result : job.state;
}

export function stateText(word) {
  return STATES[word] ?? String(word).slice(0, 40);
}

export function isDone(job) {
  return job.state === 'DONE';
}

/** Why the job waits, or why it ended as it did. */
export function reasonText(job) {
  return job.waiting || (isDone(job) ? job.reason : '') || '';
}

/** How long the job runs or ran, pauses left out; nothing while it waits or when it never ran. */
export function elapsedText(job, now) {
  const until = job.ended_at ?? job.suspended_at ?? now;
  return job.started_at === null
    ? ''
    : durationText(until - job.started_at - (job.paused_s ?? 0));
}
