/** Words, records and requests. */
import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';
import { readRecord } from '../src/card/record';
import type { IJob } from '../src/engine/records';
import { EMPTY_FORM, fieldOf, isScript, requestOf } from '../src/sidebar/request';
import { commandLine } from '../src/words/commandline';
import {
  elapsed,
  formatBytes,
  formatDuration,
  formatMoment,
  formatResources,
  reasonText
} from '../src/words/format';

const trans = nullTranslator.load('jupyter_hpccontainers');

function job(spec: Partial<IJob['spec']>): IJob {
  return {
    spec: {
      image: 'python:3.12',
      command: [],
      script: null,
      resources: { cores: 2, memory_bytes: 4 * 2 ** 30, gpus: 1 },
      time_limit_s: 5400,
      name: '',
      tags: [],
      runtime: 'auto',
      ...spec
    }
  } as IJob;
}

describe('format', () => {
  it('says amounts', () => {
    expect(formatBytes(4 * 2 ** 30)).toBe('4 GiB');
    expect(formatBytes(1536)).toBe('1.5 KiB');
    expect(formatBytes(0)).toBe('0 B');
  });

  it('says durations as Slurm does', () => {
    expect(formatDuration(65)).toBe('1:05');
    expect(formatDuration(3725)).toBe('1:02:05');
    expect(formatDuration(90061)).toBe('1-01:01:01');
  });

  it('says resources in the singular and the plural', () => {
    const asked = { cores: 1, memory_bytes: 2 ** 29, gpus: 2 };
    expect(formatResources(asked, trans)).toBe('1 core · 512 MiB · 2 GPUs');
  });
});

describe('elapsed', () => {
  const runs = { ...job({}), started_at: 1000, ended_at: null } as IJob;

  it('counts while the job runs, and stops at its end', () => {
    expect(elapsed(runs, 1_060_000)).toBe(60);
    expect(elapsed({ ...runs, ended_at: 1030 }, 1_060_000)).toBe(30);
    expect(elapsed({ ...runs, started_at: null })).toBeNull();
  });

  it('leaves out what the time limit leaves out', () => {
    const still = { ...runs, paused_s: 5, suspended_at: 1020 };
    expect(elapsed(still, 1_060_000)).toBe(15);
    expect(elapsed({ ...still, paused_s: 25, suspended_at: null }, 1_060_000)).toBe(
      35
    );
  });
});

describe('reasonText', () => {
  const noon = new Date(2026, 10, 25, 12, 0).getTime();

  it('tells why, where and when', () => {
    const waiting = {
      ...job({}),
      reason: { code: 'Resources', sentence: 'waits for 2 cores' },
      position: 3,
      predicted_start: noon / 1000
    } as IJob;
    expect(reasonText(waiting, trans)).toBe(
      `waits for 2 cores · number 3 in the queue · starts at about ${formatMoment(noon / 1000)}`
    );
    const unknown = reasonText({ ...waiting, predicted_start: null }, trans);
    expect(unknown).not.toContain('starts');
  });

  it('names the day of what is not today', () => {
    const time = formatMoment(noon / 1000, noon);
    const later = formatMoment(noon / 1000, noon + 86_400_000);
    expect(later).not.toBe(time);
    expect(later.endsWith(time)).toBe(true);
  });
});

describe('commandLine', () => {
  it('is a shell line for a command', () => {
    expect(commandLine(job({ command: ['echo', "it's", 'a b'] }))).toBe(
      `jupyter hpccontainers submit -c 2 -m 4g -g 1 -t 1:30:00 python:3.12 -- echo 'it'"'"'s' 'a b'`
    );
  });

  it('is a cell for a script', () => {
    expect(commandLine(job({ script: 'print(1)\n', time_limit_s: null }))).toBe(
      '%%container -c 2 -m 4g -g 1 python:3.12\nprint(1)\n'
    );
  });

  it('is that of a whole array, or of a single task', () => {
    const array = { indexes: '1-9:2', max_running: 3, items: [] };
    const whole = job({ command: ['true'], time_limit_s: null, array });
    const line = commandLine(whole);
    expect(line).toContain(' --array 1-9:2%3 python:3.12 -- true');
    const task = { ...whole, task: { array: 1, index: 3, item: null } };
    expect(commandLine(task)).toBe(line.replace(' --array 1-9:2%3', ''));
  });
});

describe('requestOf', () => {
  const form = { ...EMPTY_FORM, image: ' busybox ' };

  it('sends a plain command as words for the image', () => {
    expect(requestOf({ ...form, command: 'echo "a b"' })).toMatchObject({
      image: 'busybox',
      command: 'echo "a b"',
      cores: 1
    });
  });

  it('sends what needs a shell as a script', () => {
    expect(isScript('sleep 1; echo done')).toBe(true);
    expect(requestOf({ ...form, command: 'echo $HOME' }).script).toBe(
      '#!/bin/sh\necho $HOME\n'
    );
    expect(
      requestOf({ ...form, command: '#!/usr/bin/python3\nprint(1)' }).script
    ).toBe('#!/usr/bin/python3\nprint(1)\n');
  });

  it('leaves what is no number to the engine, which names the field', () => {
    expect(requestOf({ ...form, cores: 'two' }).cores).toBe('two');
    expect(fieldOf('memory_bytes')).toBe('memory');
    expect(fieldOf('script')).toBe('command');
    expect(fieldOf('toString')).toBe('');
  });
});

describe('readRecord', () => {
  it('takes no bundle for more than it is', () => {
    for (const forged of [
      null,
      'x',
      [],
      {},
      { job: '1' },
      { job: -1 },
      { job: 1.5 },
      { job: 2 ** 60 },
      { job: '../../api/contents' }
    ]) {
      expect(readRecord(forged)).toBeNull();
    }
  });

  it('bounds every text', () => {
    const long = 'x'.repeat(100_000);
    const record = readRecord({
      job: 1,
      engine: long,
      name: long,
      tail: long,
      notes: Array.from({ length: 1000 }, () => long),
      warnings: [7, { text: long }]
    });
    expect(record?.engine.length).toBe(300);
    expect(record?.tail.length).toBe(4000);
    expect(record?.remarks.length).toBeLessThan(20);
    expect(record?.remarks.every(line => line.length === 300)).toBe(true);
  });
});
