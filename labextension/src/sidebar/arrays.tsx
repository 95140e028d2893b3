/** An array in the list: how its tasks stand, and the button that shows them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import React from 'react';
import { countsOf, type IJob } from '../engine/records';

/** "12 of 40 done · 2 failed · 8 running", and the same as a bar. */
export function Counts(props: {
  job: IJob;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { job, trans } = props;
  const { all, done } = countsOf(job);
  if (!job.tasks || !all) {
    return null;
  }
  const { running, completed, failed, cancelled } = job.tasks;
  const text = [
    trans.__('%1 of %2 done', done, all),
    failed && trans.__('%1 failed', failed),
    cancelled && trans.__('%1 cancelled', cancelled),
    running && trans.__('%1 running', running)
  ]
    .filter(Boolean)
    .join(' · ');
  const parts = { completed, failed, cancelled, running };
  return (
    <div className="hpcc-Tasks">
      <span
        className="hpcc-Tasks-bar"
        role="progressbar"
        aria-label={trans.__('Tasks of array %1', job.id)}
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={done}
        aria-valuetext={text}
      >
        {Object.entries(parts).map(([name, number]) => (
          <span
            key={name}
            data-tasks={name}
            style={{ width: `${(100 * number) / all}%` }}
          />
        ))}
      </span>
      <span className="hpcc-Tasks-text">{text}</span>
    </div>
  );
}

/** Shows the tasks of an array that have begun, or hides them. */
export function Disclosure(props: {
  job: IJob;
  isOpen: boolean;
  trans: TranslationBundle;
  onToggle: (job: IJob, open: boolean) => void;
}): JSX.Element {
  const { job, isOpen, trans } = props;
  const Icon = isOpen ? caretDownIcon : caretRightIcon;
  return (
    <button
      type="button"
      className="jp-Button jp-mod-minimal hpcc-IconButton"
      aria-expanded={isOpen}
      aria-label={trans.__('Tasks of array %1 that have begun', job.id)}
      onClick={event => {
        // A second click soon after is no double click on the row.
        event.stopPropagation();
        props.onToggle(job, !isOpen);
      }}
      onDoubleClick={event => event.stopPropagation()}
    >
      <Icon.react tag="span" elementSize="normal" />
    </button>
  );
}
