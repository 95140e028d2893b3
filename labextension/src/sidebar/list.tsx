/** The list of jobs: filter, states, reasons, and what can be done with each. */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  copyIcon,
  HTMLSelect,
  terminalIcon
} from '@jupyterlab/ui-components';
import React, { useEffect, useRef, useState } from 'react';
import {
  Badge,
  Elapsed,
  IconButton,
  StopButtons,
  type IJobActions
} from '../card/header';
import { isDone, waits, type IJob } from '../engine/records';
import {
  formatResources,
  jobTitle,
  reasonText,
  stateWord
} from '../words/format';

export interface IListActions extends IJobActions {
  cancelTag(tag: string, count: number): void;
  openLog(id: number): void;
  copy(job: IJob): void;
  more(): void;
}

/** Rows drawn at first, and more of them at a time. */
const ROWS = 100;

export type Choice = 'all' | 'active' | 'waiting' | 'running' | 'ended';

interface IListProps {
  jobs: IJob[];
  hasMore: boolean;
  selected: number | null;
  trans: TranslationBundle;
  actions: IListActions;
  onSelect: (id: number) => void;
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

export function JobList(props: IListProps): JSX.Element {
  const { jobs, trans, actions } = props;
  const [choice, setChoice] = useState<Choice>('all');
  const [tag, setTag] = useState('');
  const [filter, setFilter] = useState('');
  const [rows, setRows] = useState(ROWS);
  const shown = jobs.filter(
    job =>
      belongs(job, choice) &&
      (!tag || job.spec.tags.includes(tag)) &&
      searchText(job).includes(filter.trim().toLowerCase())
  );
  const stoppable = shown.filter(job => !isDone(job)).length;
  const labels: [Choice, string][] = [
    ['all', trans.__('All')],
    ['active', trans.__('Active')],
    ['waiting', trans.__('Waiting')],
    ['running', trans.__('Running')],
    ['ended', trans.__('Ended')]
  ];
  return (
    <section className="hpcc-Jobs" aria-label={trans.__('Jobs')}>
      <div className="hpcc-Jobs-filter">
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Filter')}
          aria-label={trans.__('Filter jobs')}
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
        <HTMLSelect
          aria-label={trans.__('Which jobs')}
          value={choice}
          onChange={event => setChoice(event.target.value as Choice)}
        >
          {labels.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </HTMLSelect>
      </div>
      {tag && (
        <div className="hpcc-Jobs-tag">
          <span className="hpcc-Tag">{tag}</span>
          <IconButton
            icon={closeIcon}
            label={trans.__('Show jobs of every tag')}
            onClick={() => setTag('')}
          />
          {stoppable > 0 && (
            <button
              type="button"
              className="jp-mod-styled jp-mod-warn"
              onClick={() => actions.cancelTag(tag, stoppable)}
            >
              {trans._n('Cancel %1 job', 'Cancel %1 jobs', stoppable)}
            </button>
          )}
        </div>
      )}
      <Rows {...props} jobs={shown.slice(0, rows)} onTag={setTag} />
      {shown.length === 0 && (
        <p className="hpcc-Empty">
          {jobs.length
            ? trans.__('No job matches.')
            : trans.__(
                'No jobs yet. Submit one above, or in a cell: %1',
                '%%container'
              )}
        </p>
      )}
      {(props.hasMore || shown.length > rows) && (
        <button
          type="button"
          className="jp-mod-styled"
          onClick={() => {
            setRows(rows + ROWS);
            if (shown.length <= rows) {
              actions.more();
            }
          }}
        >
          {trans.__('Show older jobs')}
        </button>
      )}
    </section>
  );
}

/** The rows; arrow keys walk, Enter opens the log, Delete cancels. */
function Rows(
  props: IListProps & { onTag: (tag: string) => void }
): JSX.Element {
  const { jobs, selected, trans, actions, onSelect } = props;
  const list = useRef<HTMLUListElement>(null);
  const reachable = jobs.some(job => job.id === selected)
    ? selected
    : jobs[0]?.id;
  const onKeyDown = (event: React.KeyboardEvent, at: number) => {
    if (event.target !== event.currentTarget) {
      return;
    }
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: jobs.length - 1 }[
      event.key
    ];
    if (to !== undefined && jobs[to]) {
      event.preventDefault();
      onSelect(jobs[to].id);
      (list.current?.children[to] as HTMLElement | undefined)?.focus();
    } else if (event.key === 'Enter') {
      actions.openLog(jobs[at].id);
    } else if (event.key === 'Delete' && !isDone(jobs[at])) {
      actions.cancel(jobs[at].id);
    }
  };
  return (
    <ul className="hpcc-Rows" ref={list} aria-label={trans.__('Jobs')}>
      {jobs.map((job, at) => (
        <li
          key={job.id}
          className={job.id === selected ? 'hpcc-Row hpcc-mod-selected' : 'hpcc-Row'}
          tabIndex={job.id === reachable ? 0 : -1}
          data-job={job.id}
          aria-current={job.id === selected}
          onKeyDown={event => onKeyDown(event, at)}
          onClick={() => onSelect(job.id)}
          onDoubleClick={() => actions.openLog(job.id)}
        >
          <Row
            job={job}
            selected={job.id === selected}
            trans={trans}
            actions={actions}
            onTag={props.onTag}
          />
        </li>
      ))}
    </ul>
  );
}

/** Drawn again only when its own job changed. */
const Row = React.memo(function Row(props: {
  job: IJob;
  selected: boolean;
  trans: TranslationBundle;
  actions: IListActions;
  onTag: (tag: string) => void;
}): JSX.Element {
  const { job, trans, actions } = props;
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (props.selected) {
      node.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [props.selected]);
  const reason = waits(job) || isDone(job) ? reasonText(job, trans) : '';
  return (
    <div ref={node} className="hpcc-Row-inner">
      <div className="hpcc-Row-line">
        <Badge word={stateWord(job)} trans={trans} />
        <span className="hpcc-Row-title" title={jobTitle(job)}>
          {job.id} · {jobTitle(job)}
        </span>
        <Elapsed job={job} />
      </div>
      <div className="hpcc-Row-line">
        <span className="hpcc-Row-details" title={job.spec.image}>
          <span className="hpcc-Row-image">{job.spec.image}</span>
          <span>{formatResources(job.spec.resources, trans)}</span>
        </span>
        <span className="hpcc-Buttons">
          <StopButtons job={job} actions={actions} trans={trans} />
          <IconButton
            icon={terminalIcon}
            label={trans.__('Open the log of job %1', job.id)}
            onClick={() => actions.openLog(job.id)}
          />
          <IconButton
            icon={copyIcon}
            label={trans.__('Copy the command line of job %1', job.id)}
            onClick={() => actions.copy(job)}
          />
        </span>
      </div>
      {[reason, ...(job.notes ?? [])].filter(Boolean).map(line => (
        <div key={line} className="hpcc-Row-reason">
          {line}
        </div>
      ))}
      {job.spec.tags.length > 0 && (
        <div className="hpcc-Row-tags">
          {job.spec.tags.map(tag => (
            <button
              key={tag}
              type="button"
              className="hpcc-Tag"
              aria-label={trans.__('Show jobs of tag %1 only', tag)}
              onClick={() => props.onTag(tag)}
            >
              {tag}
            </button>
          ))}
        </div>
      )}
    </div>
  );
});

function searchText(job: IJob): string {
  const { image, tags } = job.spec;
  const words = [job.id, jobTitle(job), image, ...tags, stateWord(job)];
  return words.join(' ').toLowerCase();
}
