/** The line under the form: when its job would start, asked as the values rest. */
import { element, setText } from './dom.js';

const RESTS_MS = 250;
/** However often the queue changes. */
const AGAIN_AFTER_MS = 1000;
/** A question that is not answered by then is lost. */
const OUTLOOK_WITHIN_MS = 10000;

export class Outlook {
  constructor(ask) {
    this.node = element('div', { class: 'hpccw-hint hpccw-outlook', role: 'status' });
    this._ask = ask;
    this._wanted = null;
    this._sentKey = '';
    this._sentAt = -Infinity;
    this._timer = 0;
  }

  close() {
    clearTimeout(this._timer);
  }

  /** Ask for this when it has rested: `{ form, key }`, another key for other values; or nothing. */
  want(wanted) {
    clearTimeout(this._timer);
    this._timer = 0;
    this._wanted = wanted;
    if (wanted) {
      this._askIn(RESTS_MS);
    } else {
      setText(this.node, '');
    }
  }

  /** The queue changed. */
  again() {
    if (this._wanted && !this._timer) {
      this._askIn(Math.max(0, this._sentAt + AGAIN_AFTER_MS - performance.now()));
    }
  }

  /** An answer, maybe to another view or to what is wanted no longer. */
  answered({ key, text }) {
    if (key !== this._sentKey) {
      return;
    }
    this._sentKey = '';
    if (key === this._wanted?.key) {
      setText(this.node, text);
    }
  }

  _askIn(pause) {
    this._timer = setTimeout(() => this._send(), pause);
  }

  _send() {
    const waits = this._sentAt + OUTLOOK_WITHIN_MS - performance.now();
    if (this._sentKey && waits > 0) {
      // One question at a time: the newest values come when that one is answered.
      this._askIn(Math.min(RESTS_MS, waits));
      return;
    }
    this._timer = 0;
    this._sentKey = this._wanted.key;
    this._sentAt = performance.now();
    this._ask({ ask: 'outlook', ...this._wanted });
  }
}
