/** What waits for a moment comes in that moment, and not after the end of what asked for it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Door } from '../src/engine/door';
import { JobsModel } from '../src/engine/jobs';
import type { IJob } from '../src/engine/records';
import type { IWatcher, JobStream } from '../src/engine/stream';
import { LogText } from '../src/log/text';

/** An engine that answers at once, and a stream in the test's hands. */
function model(others = () => ({ cores: 0, memory_bytes: 0 })): { model: JobsModel; asked: () => number; tell: IWatcher } {
  let asked = 0;
  let watcher: IWatcher | null = null;
  const door = {
    health: () => Promise.resolve({ engine: { engine: 'e' }, root: '' }),
    config: () => Promise.resolve({}),
    activeJobs: () => Promise.resolve([]),
    jobs: () => Promise.resolve([]),
    machine: () => {
      asked += 1;
      return Promise.resolve({ others: others() });
    }
  };
  const stream = {
    watch: (given: IWatcher) => {
      watcher = given;
      return { dispose: () => undefined, isDisposed: false };
    }
  };
  const made = new JobsModel(
    door as unknown as Door,
    stream as unknown as JobStream
  );
  return {
    model: made,
    asked: () => asked,
    tell: watcher as unknown as IWatcher
  };
}

function job(id: number, state: string): IJob {
  return { id, state, attempt: 1 } as IJob;
}

describe('JobsModel', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('looks at the machine also while jobs change without a pause', async () => {
    const { model: jobs, asked, tell } = model();
    jobs.watchMachine();
    await vi.advanceTimersByTimeAsync(1);
    const before = asked();
    for (let id = 1; id <= 40; id++) {
      tell.onState(job(id, 'RUNNING'));
      await vi.advanceTimersByTimeAsync(25);
    }
    expect(asked() - before).toBeGreaterThan(5);
    jobs.dispose();
  });

  it('tells of changes also while they come without a pause', async () => {
    const { model: jobs, tell } = model();
    let told = 0;
    jobs.changed.connect(() => (told += 1));
    for (let id = 1; id <= 40; id++) {
      tell.onState(job(id, 'RUNNING'));
      await vi.advanceTimersByTimeAsync(25);
    }
    expect(told).toBeGreaterThan(5);
    jobs.dispose();
  });

  it('has news when a job or the machine changes, and not of a wavering load', async () => {
    let cores = 0;
    const { model: jobs, tell } = model(() => ({ cores, memory_bytes: 1000 }));
    await vi.advanceTimersByTimeAsync(1);
    const seen: number[] = [];
    const look = async () => {
      await jobs.refreshMachine();
      seen.push(jobs.news - seen.reduce((sum, n) => sum + n, 0));
    };
    await look();
    cores = 0.2;
    await look();
    cores = 1.9;
    await look();
    tell.onState(job(1, 'PENDING'));
    await look();
    tell.onState(job(1, 'PENDING'));
    await look();
    expect(seen.slice(1)).toEqual([0, 1, 1, 0]);
    jobs.dispose();
  });

  it('leaves no timer behind', async () => {
    const { model: jobs, tell } = model();
    jobs.watchMachine();
    await vi.advanceTimersByTimeAsync(1);
    tell.onState(job(1, 'RUNNING'));
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    jobs.dispose();
    tell.onState(job(2, 'RUNNING'));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('LogText', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('shows lines also while they come without a pause', () => {
    const view = new LogText('log');
    for (let n = 0; n < 10; n++) {
      view.feed(new TextEncoder().encode(`line ${n}\n`));
      vi.advanceTimersByTime(20);
    }
    expect(view.node.textContent).toContain('line 5\n');
    view.dispose();
  });

  it('leaves no timer behind', () => {
    const view = new LogText('log');
    view.feed(new TextEncoder().encode('line\n'));
    expect(vi.getTimerCount()).toBe(1);
    view.dispose();
    view.feed(new TextEncoder().encode('another\n'));
    expect(vi.getTimerCount()).toBe(0);
  });
});
