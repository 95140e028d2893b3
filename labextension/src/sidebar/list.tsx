/** The list of jobs: filter, states, reasons, and what can be done with each. */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  copyIcon,
  HTMLSelect,
  terminalIcon
} from '@jupyterlab/ui-components';
import React, { useCallback, useEffect, useRef, useState } from 'react';
import {
  Badge,
  Elapsed,
  IconButton,
  StopButtons,
  type IJobActions
} from '../card/header';
import { MOST_TASKS } from '../engine/jobs';
import {
  countsOf,
  isArray,
  isDone,
  waits,
  type IJob
} from '../engine/records';
import {
  formatResources,
  jobLabel,
  jobTitle,
  reasonText,
  stateWord
} from '../words/format';
import { Counts, Disclosure } from './arrays';
import { belongs, linesOf, type Choice, type ILine } from './lines';

export interface IListActions extends IJobActions {
  cancelTag(tag: string, count: number): void;
  openLog(id: number): void;
  learnTasks(array: IJob): void;
  copy(job: IJob): void;
  more(): void;
}

/** Rows drawn at first, and more of them at a time. */
const ROWS = 100;

interface IListProps {
  jobs: IJob[];
  hasMore: boolean;
  selected: number | null;
  trans: TranslationBundle;
  actions: IListActions;
  onSelect: (id: number) => void;
}

export function JobList(props: IListProps): JSX.Element {
  const { jobs, trans, actions } = props;
  const [choice, setChoice] = useState<Choice>('all');
  const [tag, setTag] = useState('');
  const [filter, setFilter] = useState('');
  const [rows, setRows] = useState(ROWS);
  const [opened, setOpened] = useState<ReadonlyMap<number, boolean>>(new Map());
  const toggle = useCallback(
    (array: IJob, open: boolean) => {
      setOpened(before => new Map(before).set(array.id, open));
      if (open) {
        actions.learnTasks(array);
      }
    },
    [actions]
  );
  const matches = (job: IJob) =>
    belongs(job, choice) &&
    (!tag || job.spec.tags.includes(tag)) &&
    searchText(job).includes(filter.trim().toLowerCase());
  const shown = linesOf(jobs, matches, opened);
  const stoppable = shown.filter(
    ({ job, isTask }) => !isTask && !isDone(job) && matches(job)
  ).length;
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
      <Rows
        {...props}
        lines={shown.slice(0, rows)}
        onTag={setTag}
        onToggle={toggle}
      />
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

interface IRowActions {
  onTag: (tag: string) => void;
  onToggle: (array: IJob, open: boolean) => void;
}

/**
 * The rows; arrow keys walk, Enter opens the log, Delete cancels. An array has no log of its own:
 * Enter shows its tasks or hides them, as do the arrows to the right and left.
 */
function Rows(
  props: Omit<IListProps, 'jobs'> & IRowActions & { lines: ILine[] }
): JSX.Element {
  const { lines, selected, trans, actions, onSelect, onToggle } = props;
  const jobs = lines.map(line => line.job);
  const list = useRef<HTMLUListElement>(null);
  const reachable = jobs.some(job => job.id === selected)
    ? selected
    : jobs[0]?.id;
  const open = ({ job, isOpen }: ILine) =>
    isArray(job) ? onToggle(job, !isOpen) : actions.openLog(job.id);
  const onKeyDown = (event: React.KeyboardEvent, at: number) => {
    if (event.target !== event.currentTarget) {
      return;
    }
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: jobs.length - 1 }[
      event.key
    ];
    const turn = { ArrowRight: true, ArrowLeft: false }[event.key];
    if (to !== undefined && jobs[to]) {
      event.preventDefault();
      onSelect(jobs[to].id);
      (list.current?.children[to] as HTMLElement | undefined)?.focus();
    } else if (event.key === 'Enter') {
      open(lines[at]);
    } else if (turn !== undefined && isArray(jobs[at])) {
      event.preventDefault();
      onToggle(jobs[at], turn);
    } else if (event.key === 'Delete' && !isDone(jobs[at])) {
      actions.cancel(jobs[at].id);
    }
  };
  return (
    <ul className="hpcc-Rows" ref={list} aria-label={trans.__('Jobs')}>
      {lines.map(({ job, isTask, isOpen }, at) => (
        <li
          key={job.id}
          className={[
            'hpcc-Row',
            job.id === selected ? 'hpcc-mod-selected' : '',
            isTask ? 'hpcc-mod-task' : ''
          ].join(' ')}
          aria-level={isTask ? 2 : 1}
          tabIndex={job.id === reachable ? 0 : -1}
          data-job={job.id}
          aria-current={job.id === selected}
          onKeyDown={event => onKeyDown(event, at)}
          onClick={() => onSelect(job.id)}
          onDoubleClick={() => open(lines[at])}
        >
          <Row
            job={job}
            selected={job.id === selected}
            isTask={isTask}
            isOpen={isOpen}
            trans={trans}
            actions={actions}
            onTag={props.onTag}
            onToggle={onToggle}
          />
        </li>
      ))}
    </ul>
  );
}

/** Drawn again only when its own job changed. What a task shares with its array is said there. */
const Row = React.memo(function Row(
  props: IRowActions & {
    job: IJob;
    selected: boolean;
    isTask: boolean;
    isOpen: boolean;
    trans: TranslationBundle;
    actions: IListActions;
  }
): JSX.Element {
  const { job, trans, actions } = props;
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (props.selected) {
      node.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [props.selected]);
  const label = jobLabel(job);
  const reason = waits(job) || isDone(job) ? reasonText(job, trans) : '';
  return (
    <div ref={node} className="hpcc-Row-inner">
      <div className="hpcc-Row-line">
        {isArray(job) && <Disclosure {...props} />}
        <Badge word={stateWord(job)} trans={trans} />
        <span className="hpcc-Row-title" title={jobTitle(job)}>
          {label} · {job.task?.item ?? jobTitle(job)}
        </span>
        <Elapsed job={job} />
      </div>
      <Counts job={job} trans={trans} />
      {props.isOpen && countsOf(job).begun > MOST_TASKS && (
        <div className="hpcc-Row-reason">
          {trans.__('Its newest %1 tasks are listed.', MOST_TASKS)}
        </div>
      )}
      <div className="hpcc-Row-line">
        <span className="hpcc-Row-details" title={job.spec.image}>
          {!props.isTask && (
            <>
              <span className="hpcc-Row-image">{job.spec.image}</span>
              <span>{formatResources(job.spec.resources, trans)}</span>
            </>
          )}
        </span>
        <span className="hpcc-Buttons">
          <StopButtons job={job} actions={actions} trans={trans} />
          {!isArray(job) && (
            <IconButton
              icon={terminalIcon}
              label={trans.__('Open the log of job %1', label)}
              onClick={() => actions.openLog(job.id)}
            />
          )}
          {!job.spec.array?.items.length && (
            <IconButton
              icon={copyIcon}
              label={trans.__('Copy the command line of job %1', label)}
              onClick={() => actions.copy(job)}
            />
          )}
        </span>
      </div>
      {[reason, ...(job.notes ?? [])].filter(Boolean).map(line => (
        <div key={line} className="hpcc-Row-reason">
          {line}
        </div>
      ))}
      {job.spec.tags.length > 0 && !props.isTask && (
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
  const word = stateWord(job);
  const item = job.task?.item ?? '';
  const words = [jobLabel(job), jobTitle(job), item, image, ...tags, word];
  return words.join(' ').toLowerCase();
}
