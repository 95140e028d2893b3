/** The line above a job's output: how it stands, and what can be done with it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  listIcon,
  pauseIcon,
  runIcon,
  stopIcon,
  terminalIcon
} from '@jupyterlab/ui-components';
import React, { useEffect, useState } from 'react';
import { isArray, isDone, waits, type IJob } from '../engine/records';
import {
  elapsed,
  formatDuration,
  formatResources,
  jobLabel,
  jobTitle,
  reasonText,
  stateLabel,
  stateWord
} from '../words/format';
import type { IRecord } from './record';

/** What a card shows at a moment. */
export interface ICardState {
  record: IRecord | null;
  /** The job as the engine knows it; null while it is not known to be ours. */
  job: IJob | null;
  /** What a person should know about where this comes from. */
  note: string;
  /** An answer to Cancel, Suspend or Resume that was no. */
  error: string;
}

/** What can be asked of a job that has not ended. */
export interface IJobActions {
  cancel(id: number): void;
  suspend(id: number): void;
  resume(id: number): void;
}

export interface ICardActions extends IJobActions {
  openLog(id: number): void;
  reveal(id: number): void;
}

/** A state in a coloured frame; the colour says nothing that the word does not. */
export function Badge(props: {
  word: string;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <span className="hpcc-Badge" data-state={props.word.slice(0, 40)}>
      {stateLabel(props.word, props.trans)}
    </span>
  );
}

/** How long the job has run, counted here once a second while it does. */
export function Elapsed(props: { job: IJob }): JSX.Element | null {
  const { job } = props;
  const [, tick] = useState(0);
  const runs = job.started_at !== null && !isDone(job);
  const counts = runs && job.state !== 'SUSPENDED';
  useEffect(() => {
    if (!counts) {
      return;
    }
    const timer = window.setInterval(() => tick(n => n + 1), 1000);
    return () => window.clearInterval(timer);
  }, [counts]);
  const seconds = elapsed(job);
  const limit = job.spec.time_limit_s;
  return seconds === null ? null : (
    <span className="hpcc-Elapsed">
      {formatDuration(seconds)}
      {runs && limit ? ` / ${formatDuration(limit)}` : ''}
    </span>
  );
}

export function CardHeader(props: {
  state: ICardState;
  actions: ICardActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, trans } = props;
  const { record, job, note, error } = state;
  if (!record) {
    return (
      <p className="hpcc-Card-note">{trans.__('This output names no job.')}</p>
    );
  }
  const word = stateWord(job ?? record);
  const reason = job
    ? waits(job) || isDone(job)
      ? reasonText(job, trans)
      : ''
    : record.reason;
  const remarks = job ? [...(job.notes ?? []), ...job.warnings] : record.remarks;
  const resources = job ? job.spec.resources : record.resources;
  return (
    <>
      <div className="hpcc-Card-line">
        <Badge word={word} trans={trans} />
        <span className="hpcc-Card-title">
          {trans.__('Job %1', record.job)}
          {' · '}
          {job ? jobTitle(job) : record.name || record.image}
        </span>
        {job && <Elapsed job={job} />}
        {job && <Buttons job={job} actions={actions} trans={trans} />}
      </div>
      <div className="hpcc-Card-details">
        {job ? job.spec.image : record.image}
        {resources && ` · ${formatResources(resources, trans)}`}
        <ExitCode code={job ? job.exit_code : record.exitCode} trans={trans} />
      </div>
      {reason && (
        <div className="hpcc-Card-reason" role="status">
          {reason}
        </div>
      )}
      {remarks.map(line => (
        <div className="hpcc-Card-reason" key={line}>
          {line}
        </div>
      ))}
      {note && <div className="hpcc-Card-note">{note}</div>}
      {error && (
        <div className="hpcc-Error" role="alert">
          {error}
        </div>
      )}
    </>
  );
}

function ExitCode(props: {
  code: number | null;
  trans: TranslationBundle;
}): JSX.Element | null {
  return props.code ? (
    <span> · {props.trans.__('exit code %1', props.code)}</span>
  ) : null;
}

function Buttons(props: {
  job: IJob;
  actions: ICardActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { job, actions, trans } = props;
  return (
    <span className="hpcc-Buttons">
      <StopButtons job={job} actions={actions} trans={trans} />
      <IconButton
        icon={terminalIcon}
        label={trans.__('Open the log of job %1', job.id)}
        onClick={() => actions.openLog(job.id)}
      />
      <IconButton
        icon={listIcon}
        label={trans.__('Show job %1 in the sidebar', job.id)}
        onClick={() => actions.reveal(job.id)}
      />
    </span>
  );
}

/** Cancel, and of what runs or is suspended the other of the two. */
export function StopButtons(props: {
  job: IJob;
  actions: IJobActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { job, actions, trans } = props;
  const label = jobLabel(job);
  return (
    <>
      {job.state === 'RUNNING' && !isArray(job) && (
        <IconButton
          icon={pauseIcon}
          label={trans.__('Suspend job %1', label)}
          onClick={() => actions.suspend(job.id)}
        />
      )}
      {job.state === 'SUSPENDED' && (
        <IconButton
          icon={runIcon}
          label={trans.__('Resume job %1', label)}
          onClick={() => actions.resume(job.id)}
        />
      )}
      {!isDone(job) && (
        <IconButton
          icon={stopIcon}
          label={trans.__('Cancel job %1', label)}
          onClick={() => actions.cancel(job.id)}
          disabled={job.state === 'STOPPING'}
        />
      )}
    </>
  );
}

/** A button of Lab's minimal kind, with a name for who does not see its icon. */
export function IconButton(props: {
  icon: typeof stopIcon;
  label: string;
  onClick: () => void;
  disabled?: boolean;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Button jp-mod-minimal hpcc-IconButton"
      title={props.label}
      aria-label={props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" elementSize="normal" />
    </button>
  );
}
