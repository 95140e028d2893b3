/** Lines of the list: an array stands for its tasks, and the filter finds them. */
import { describe, expect, it } from 'vitest';
import { countsOf, type IJob, type ITaskCounts } from '../src/engine/records';
import { belongs, linesOf } from '../src/sidebar/lines';

const COUNTS = { pending: 4, running: 1, completed: 3, failed: 1, cancelled: 1 };

function job(id: number, state = 'RUNNING', array?: number): IJob {
  const task = array ? { array, index: id - array - 1, item: null } : null;
  return { id, state, task, tasks: null } as unknown as IJob;
}

function array(id: number, tasks: ITaskCounts = COUNTS): IJob {
  return { ...job(id), tasks };
}

const any = () => true;
/** Newest first: a job, two tasks of array 2, that array, a task whose array is not known. */
const JOBS = [
  job(14),
  job(4, 'RUNNING', 2),
  job(3, 'DONE', 2),
  array(2),
  job(1, 'DONE', 900)
];
const ids = (...given: Parameters<typeof linesOf>) =>
  linesOf(...given).map(line => (line.isTask ? -line.job.id : line.job.id));

describe('linesOf', () => {
  it('hides tasks below their array until it is opened', () => {
    expect(ids(JOBS, any, new Map())).toEqual([14, 2, 1]);
    expect(ids(JOBS, any, new Map([[2, true]]))).toEqual([14, 2, -4, -3, 1]);
    expect(ids(JOBS, any, new Map([[14, true]]))).toEqual([14, 2, 1]);
  });

  it('shows where only a task matches, unless it was closed by hand', () => {
    const ended = (one: IJob) => belongs(one, 'ended');
    expect(ids(JOBS, ended, new Map())).toEqual([2, -3, 1]);
    expect(ids(JOBS, ended, new Map([[2, false]]))).toEqual([2, 1]);
    expect(ids(JOBS, one => one.id === 14, new Map([[2, true]]))).toEqual([14]);
  });

  it('lists each job once, and none that does not match', () => {
    for (const state of ['RUNNING', 'DONE']) {
      const matches = (one: IJob) => one.state === state;
      const lines = linesOf(JOBS, matches, new Map([[2, true]]));
      const shown = lines.map(line => line.job.id);
      expect(new Set(shown).size).toBe(shown.length);
      const wrong = lines.filter(line => !matches(line.job) && !line.isOpen);
      expect(wrong).toEqual([]);
    }
  });
});

describe('countsOf', () => {
  it('counts each task once', () => {
    expect(countsOf(array(2))).toEqual({ all: 10, done: 5, begun: 6 });
    expect(countsOf(job(1))).toEqual({ all: 0, done: 0, begun: 0 });
  });
});
