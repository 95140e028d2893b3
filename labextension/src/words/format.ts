/** Amounts and times as people read them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IJob, IResources } from '../engine/records';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 4294967296 → "4 GiB". */
export function formatBytes(bytes: number): string {
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit += 1;
  }
  return `${Number(n.toFixed(n < 10 ? 1 : 0))} ${UNITS[unit]}`;
}

/** 3725 seconds → "1:02:05"; below an hour "2:05"; from a day on "1-01:02:05" as in Slurm. */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(s / 3600);
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  if (hours >= 24) {
    return `${Math.floor(hours / 24)}-${two(hours % 24)}:${rest}`;
  }
  return hours ? `${hours}:${rest}` : rest.replace(/^0/, '');
}

/** A moment of today as "14:05", of another day with its date, as the browser writes them. */
export function formatMoment(seconds: number, nowMs = Date.now()): string {
  const at = new Date(seconds * 1000);
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const today = at.toDateString() === new Date(nowMs).toDateString();
  return today ? time : `${at.toLocaleDateString()} ${time}`;
}

/**
 * How long the job runs or ran, in seconds, as its limit counts; null while it
 * waits or when it never ran.
 */
export function elapsed(job: IJob, nowMs = Date.now()): number | null {
  if (job.started_at === null) {
    return null;
  }
  const until = job.ended_at ?? job.suspended_at ?? nowMs / 1000;
  return until - job.started_at - (job.paused_s ?? 0);
}

/** "2 cores · 4 GiB · 1 GPU". */
export function formatResources(
  asked: IResources,
  trans: TranslationBundle
): string {
  const parts = [trans._n('%1 core', '%1 cores', asked.cores)];
  if (asked.memory_bytes) {
    parts.push(formatBytes(asked.memory_bytes));
  }
  if (asked.gpus) {
    parts.push(trans._n('%1 GPU', '%1 GPUs', asked.gpus));
  }
  return parts.join(' · ');
}

/** Its number, or "12_7" for the task of array 12 with index 7. */
export function jobLabel(job: IJob): string {
  return job.task ? `${job.task.array}_${job.task.index}` : String(job.id);
}

/** What to call a job: its name, else what it runs. */
export function jobTitle(job: IJob): string {
  const { name, command, script, image } = job.spec;
  const lines = (script ?? '').split('\n').map(line => line.trim());
  const firstLine = lines.find(line => line && !line.startsWith('#'));
  return name || command.join(' ') || firstLine || image;
}

/** The word a person looks for: the state, or how it ended. */
export function stateWord(job: {
  state: string;
  result?: string | null;
}): string {
  return job.state === 'DONE' && job.result ? job.result : job.state;
}

/** The words for states and results, translated where a language pack has them. */
export function stateLabel(word: string, trans: TranslationBundle): string {
  const labels: Record<string, string> = {
    PENDING: trans.__('Waiting'),
    HELD: trans.__('Held'),
    STARTING: trans.__('Starting'),
    RUNNING: trans.__('Running'),
    SUSPENDED: trans.__('Suspended'),
    STOPPING: trans.__('Stopping'),
    DONE: trans.__('Done'),
    COMPLETED: trans.__('Completed'),
    FAILED: trans.__('Failed'),
    CANCELLED: trans.__('Cancelled'),
    TIMEOUT: trans.__('Time limit'),
    OUT_OF_MEMORY: trans.__('Out of memory'),
    PREEMPTED: trans.__('Preempted'),
    SKIPPED: trans.__('Skipped'),
    LOST: trans.__('Lost')
  };
  return labels[word] ?? word.slice(0, 40);
}

/** How far the fetch of its image is; empty when nothing is fetched. */
export function progressText(job: IJob): string {
  const { phase, text, percent, total_bytes, done_bytes } = job.progress ?? {};
  const words = [phase, text].filter(word => typeof word === 'string' && word);
  if (typeof total_bytes === 'number' && typeof done_bytes === 'number') {
    words.push(`${formatBytes(done_bytes)} / ${formatBytes(total_bytes)}`);
  } else if (typeof percent === 'number') {
    words.push(`${percent} %`);
  }
  return words.join(' ');
}

/** The reason in words, with the place in the queue and when it is expected to start. */
export function reasonText(job: IJob, trans: TranslationBundle): string {
  const parts = [];
  if (job.reason) {
    parts.push(job.reason.sentence || job.reason.code);
  }
  parts.push(progressText(job));
  if (job.position) {
    parts.push(trans.__('number %1 in the queue', job.position));
  }
  if (job.position && job.predicted_start) {
    const at = formatMoment(job.predicted_start);
    parts.push(trans.__('starts at about %1', at));
  }
  return parts.filter(part => part).join(' · ');
}
