/** A job: how it stands, what it writes, and a button that stops it. */
import { element, setBadge, setText } from './dom.js';
import { LogText } from './log.js';
import {
  elapsedText,
  isDone,
  reasonText,
  resourcesText,
  stateText,
  stateWord
} from './words.js';

export class JobBlock {
  constructor(id, ask) {
    this.id = id;
    this._job = null;
    this._badge = element('span', { class: 'hpccw-badge' });
    this._title = element('span', { class: 'hpccw-title' });
    this._elapsed = element('span', { class: 'hpccw-elapsed' });
    this._cancel = element(
      'button',
      {
        type: 'button',
        class: 'hpccw-button',
        'aria-label': `Cancel job ${id}`,
        click: () => ask({ ask: 'cancel', job: id })
      },
      'Cancel'
    );
    this._details = element('div', { class: 'hpccw-details' });
    this._reason = element('div', { class: 'hpccw-details', role: 'status' });
    this._error = element('div', { class: 'hpccw-error', role: 'alert' });
    this.log = new LogText(`Output of job ${id}`, offset =>
      ask({ ask: 'rewind', job: id, offset })
    );
    const line = element(
      'div',
      { class: 'hpccw-line' },
      this._badge,
      this._title,
      this._elapsed,
      this._cancel
    );
    const head = element(
      'div',
      { class: 'hpccw-head' },
      line,
      this._details,
      this._reason,
      this._error
    );
    this.node = element(
      'div',
      { class: 'hpccw-job', role: 'group', 'aria-label': `Job ${id}`, 'data-job': id },
      head,
      this.log.node
    );
  }

  setJob(job, now) {
    this._job = job;
    const word = stateWord(job);
    setBadge(this._badge, word, stateText(word));
    setText(this._title, `Job ${job.job} · ${job.title}`);
    this._title.title = job.title;
    const exit = job.exit_code ? ` · exit code ${job.exit_code}` : '';
    setText(this._details, `${job.image} · ${resourcesText(job)}${exit}`);
    setText(this._reason, [reasonText(job), ...job.notes, ...job.warnings].filter(Boolean).join('\n'));
    setText(this._error, '');
    this._cancel.hidden = isDone(job);
    this._cancel.disabled = job.state === 'STOPPING';
    this.tick(now);
  }

  setError(text) {
    setText(this._error, text);
  }

  tick(now) {
    if (this._job) {
      setText(this._elapsed, elapsedText(this._job, now));
    }
  }
}
