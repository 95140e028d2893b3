/** What can be asked of a job as it stands. */
import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { describe, expect, it, vi } from 'vitest';
import { StopButtons } from '../src/card/header';
import type { IJob, State } from '../src/engine/records';

const trans = nullTranslator.load('jupyter_hpccontainers');

function drawn(state: State, more: Partial<IJob> = {}) {
  const actions = { cancel: vi.fn(), suspend: vi.fn(), resume: vi.fn() };
  const job = { id: 7, state, ...more } as IJob;
  const node = document.createElement('div');
  const buttons = <StopButtons job={job} actions={actions} trans={trans} />;
  flushSync(() => createRoot(node).render(buttons));
  const found = [...node.querySelectorAll('button')];
  return { actions, found, names: found.map(one => one.title) };
}

describe('StopButtons', () => {
  it('suspends what runs and resumes what is suspended', () => {
    const runs = drawn('RUNNING');
    expect(runs.names).toEqual(['Suspend job 7', 'Cancel job 7']);
    runs.found[0].click();
    expect(runs.actions.suspend).toHaveBeenCalledWith(7);
    const still = drawn('SUSPENDED');
    expect(still.names).toEqual(['Resume job 7', 'Cancel job 7']);
    still.found[0].click();
    expect(still.actions.resume).toHaveBeenCalledWith(7);
    expect(still.actions.cancel).not.toHaveBeenCalled();
  });

  it('suspends neither what does not run nor an array, which has no such state', () => {
    for (const state of ['PENDING', 'HELD', 'STARTING', 'STOPPING'] as const) {
      expect(drawn(state).names).toEqual(['Cancel job 7']);
    }
    const tasks = {
      pending: 0,
      running: 3,
      completed: 0,
      failed: 0,
      cancelled: 0
    };
    expect(drawn('RUNNING', { tasks }).names).toEqual(['Cancel job 7']);
    expect(drawn('DONE').names).toEqual([]);
  });

  it('calls a task by its array and index', () => {
    const task = { array: 4, index: 2, item: null };
    expect(drawn('RUNNING', { task }).names).toEqual([
      'Suspend job 4_2',
      'Cancel job 4_2'
    ]);
  });
});
