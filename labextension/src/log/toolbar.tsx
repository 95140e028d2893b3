/** Above the log: how the job stands, search, steps through a large log, download, cancel. */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretLeftIcon,
  caretRightIcon,
  caretUpIcon,
  downloadIcon,
  moveDownIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import React, { useState } from 'react';
import { Badge, Elapsed, IconButton } from '../card/header';
import { isDone, waits, type IJob } from '../engine/records';
import { formatBytes, jobTitle, reasonText, stateWord } from '../words/format';
import { RANGE_BYTES, type IRange } from './view';

export interface ILogActions {
  find(text: string, backwards: boolean): boolean;
  follow(): void;
  show(offset: number): void;
  download(): void;
  cancel(): void;
}

export function LogToolbar(props: {
  job: IJob | null;
  range: IRange;
  trans: TranslationBundle;
  actions: ILogActions;
}): JSX.Element {
  const { job, range, trans, actions } = props;
  return (
    <div className="hpcc-LogToolbar">
      {job && <Badge word={stateWord(job)} trans={trans} />}
      {job && <Elapsed job={job} />}
      <span className="hpcc-LogToolbar-title">
        {job && waits(job)
          ? reasonText(job, trans)
          : job && `${job.spec.image} · ${jobTitle(job)}`}
      </span>
      <Ranges range={range} trans={trans} actions={actions} />
      <Search trans={trans} find={actions.find} />
      <IconButton
        icon={downloadIcon}
        label={trans.__('Download the whole log')}
        onClick={actions.download}
      />
      {job && !isDone(job) && (
        <IconButton
          icon={stopIcon}
          label={trans.__('Cancel job %1', job.id)}
          disabled={job.state === 'STOPPING'}
          onClick={actions.cancel}
        />
      )}
    </div>
  );
}

function Ranges(props: {
  range: IRange;
  trans: TranslationBundle;
  actions: ILogActions;
}): JSX.Element {
  const { range, trans, actions } = props;
  const { offset, end, size, follows } = range;
  const isWhole = offset === 0 && end >= size;
  return (
    <>
      {!isWhole && (
        <span className="hpcc-Hint">
          {trans.__(
            '%1 – %2 of %3',
            formatBytes(offset),
            formatBytes(end),
            formatBytes(size)
          )}
        </span>
      )}
      {!isWhole && (
        <IconButton
          icon={caretLeftIcon}
          label={trans.__('Earlier part of the log')}
          disabled={offset === 0}
          onClick={() => actions.show(offset - RANGE_BYTES)}
        />
      )}
      {!isWhole && !follows && (
        <IconButton
          icon={caretRightIcon}
          label={trans.__('Later part of the log')}
          disabled={end >= size}
          onClick={() => actions.show(end)}
        />
      )}
      {!follows && (
        <IconButton
          icon={moveDownIcon}
          label={trans.__('Follow the end of the log')}
          onClick={actions.follow}
        />
      )}
    </>
  );
}

function Search(props: {
  trans: TranslationBundle;
  find: (text: string, backwards: boolean) => boolean;
}): JSX.Element {
  const { trans, find } = props;
  const [text, setText] = useState('');
  const [missed, setMissed] = useState(false);
  const look = (backwards: boolean) => {
    setMissed(text !== '' && !find(text, backwards));
  };
  return (
    <span className="hpcc-LogToolbar-search" role="search">
      <input
        className="jp-mod-styled"
        type="search"
        value={text}
        placeholder={trans.__('Search')}
        aria-label={trans.__('Search in this part of the log')}
        aria-invalid={missed}
        onChange={event => {
          setText(event.target.value);
          setMissed(false);
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            look(!event.shiftKey);
          }
        }}
      />
      <IconButton
        icon={caretUpIcon}
        label={trans.__('Previous place')}
        onClick={() => look(true)}
      />
      <IconButton
        icon={caretDownIcon}
        label={trans.__('Next place')}
        onClick={() => look(false)}
      />
      <span role="status" className="hpcc-Hint">
        {missed && trans.__('not found')}
      </span>
    </span>
  );
}
