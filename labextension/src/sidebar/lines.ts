/** Which lines the list has: jobs, and below an array that is opened its tasks. */
import { isArray, isDone, waits, type IJob } from '../engine/records';

export type Choice = 'all' | 'active' | 'waiting' | 'running' | 'ended';

export interface ILine {
  job: IJob;
  /** Whether it stands below its array. */
  isTask: boolean;
  /** Of an array: whether its tasks stand below it. */
  isOpen: boolean;
}

/**
 * Lines of `jobs`, newest first. An array stands for its tasks: it is listed when it or one of
 * them matches. `chosen` says which were opened and closed by hand; by itself an array opens
 * where only tasks of it match.
 */
export function linesOf(
  jobs: readonly IJob[],
  matches: (job: IJob) => boolean,
  chosen: ReadonlyMap<number, boolean>
): ILine[] {
  const arrays = new Set(jobs.filter(isArray).map(job => job.id));
  const tasks = new Map<number, IJob[]>();
  for (const job of jobs) {
    if (job.task && arrays.has(job.task.array) && matches(job)) {
      const known = tasks.get(job.task.array);
      if (known) {
        known.push(job);
      } else {
        tasks.set(job.task.array, [job]);
      }
    }
  }
  return jobs.flatMap(job => {
    if (job.task && arrays.has(job.task.array)) {
      return [];
    }
    const matching = tasks.get(job.id) ?? [];
    const itself = matches(job);
    if (!itself && !matching.length) {
      return [];
    }
    const isOpen = isArray(job) && (chosen.get(job.id) ?? !itself);
    const below = isOpen ? matching : [];
    return [
      { job, isTask: false, isOpen },
      ...below.map(task => ({ job: task, isTask: true, isOpen: false }))
    ];
  });
}

/** Whether a job belongs to what was chosen. */
export function belongs(job: IJob, choice: Choice): boolean {
  switch (choice) {
    case 'all':
      return true;
    case 'active':
      return !isDone(job);
    case 'waiting':
      return waits(job);
    case 'running':
      return !isDone(job) && !waits(job);
    case 'ended':
      return isDone(job);
  }
}
