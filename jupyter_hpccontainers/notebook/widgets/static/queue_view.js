/** QueueView's page side: a table of jobs, newest first. */
import { element, setBadge, setText } from './dom.js';
import { KernelLine } from './line.js';
import {
  elapsedText,
  isDone,
  reasonText,
  resourcesText,
  stateText,
  stateWord
} from './words.js';

const MOST_ROWS = 200;
const HEADS = ['Job', 'State', 'Name', 'Image', 'Resources', 'Time', 'Reason', ''];

class JobRow {
  constructor(id, ask) {
    this._cells = HEADS.map(() => element('td'));
    this._badge = element('span', { class: 'hpccw-badge' });
    this._cells[1].append(this._badge);
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
    this._cells[7].append(this._cancel);
    this.node = element('tr', { 'data-job': id }, ...this._cells);
    setText(this._cells[0], String(id));
  }

  setJob(job, now) {
    this.job = job;
    const word = stateWord(job);
    setBadge(this._badge, word, stateText(word));
    setText(this._cells[2], job.title);
    setText(this._cells[3], job.image);
    setText(this._cells[4], resourcesText(job));
    setText(this._cells[6], reasonText(job));
    this._cancel.hidden = isDone(job);
    this._cancel.disabled = job.state === 'STOPPING';
    this.tick(now);
  }

  tick(now) {
    setText(this._cells[5], elapsedText(this.job, now));
  }
}

class JobTable {
  constructor(model) {
    this._rows = new Map();
    this._ahead = 0;
    this._all = element('input', { type: 'checkbox', change: () => this._filter() });
    this._error = element('div', { class: 'hpccw-error', role: 'alert' });
    this._empty = element('div', { class: 'hpccw-note' });
    this._body = element('tbody');
    const heads = HEADS.map(head => element('th', { scope: 'col' }, head));
    const table = element(
      'table',
      { class: 'hpccw-table', 'aria-label': 'Jobs' },
      element('thead', {}, element('tr', {}, ...heads)),
      this._body
    );
    this.node = element(
      'div',
      {},
      element('label', { class: 'hpccw-check' }, this._all, ' Ended jobs too'),
      this._error,
      element('div', { class: 'hpccw-scroll', tabindex: 0 }, table),
      this._empty
    );
    this.line = new KernelLine(model, () => ({}), {
      update: content => this._update(content),
      refused: content => setText(this._error, `${content.message} – ${content.cure}`)
    });
    this._timer = setInterval(() => this._tick(), 1000);
    this._filter();
  }

  close() {
    clearInterval(this._timer);
    this.line.close();
  }

  _update(content) {
    this._ahead = content.at - Date.now() / 1000;
    setText(this._error, content.trouble ?? '');
    for (const job of content.jobs) {
      let row = this._rows.get(job.job);
      if (!row) {
        row = new JobRow(job.job, question => this.line.ask(question));
        this._rows.set(job.job, row);
        const later = [...this._rows.keys()].filter(id => id > job.job).length;
        this._body.insertBefore(row.node, this._body.children[later] ?? null);
      }
      row.setJob(job, content.at);
    }
    const ids = [...this._rows.keys()].sort((a, b) => b - a);
    for (const old of ids.slice(MOST_ROWS)) {
      this._rows.get(old).node.remove();
      this._rows.delete(old);
    }
    this._filter();
  }

  _filter() {
    let shown = 0;
    for (const row of this._rows.values()) {
      row.node.hidden = isDone(row.job) && !this._all.checked;
      shown += row.node.hidden ? 0 : 1;
    }
    setText(this._empty, shown ? '' : this._all.checked ? 'No jobs yet.' : 'No job waits or runs.');
  }

  _tick() {
    for (const row of this._rows.values()) {
      row.tick(Date.now() / 1000 + this._ahead);
    }
  }
}

function render({ model, el }) {
  const jobs = new JobTable(model);
  el.classList.add('hpccw');
  el.append(jobs.node);
  jobs.line.hello();
  return () => jobs.close();
}

export default { render };
