/** Shows a log: bytes with their offset in, text out, redrawn a few times a second. */
import { element, setText } from './dom.js';
import { Screen } from './screen.js';

const REDRAW_MS = 80;
const FOLLOW_SLACK_PX = 24;

export class LogText {
  /** `rewind` asks for the log again from an offset. */
  constructor(label, rewind) {
    this._rewind = rewind;
    this._screen = new Screen();
    this._pre = element('pre');
    this._note = element('div', { class: 'hpccw-note', hidden: true });
    this._box = element(
      'div',
      {
        class: 'hpccw-log',
        tabindex: 0,
        role: 'log',
        // A screen reader is told of changes of state, not of every line.
        'aria-live': 'off',
        'aria-label': label,
        hidden: true,
        scroll: () => this._onScroll()
      },
      this._pre
    );
    this.node = element('div', {}, this._note, this._box);
    this._follows = true;
    this._asked = -1;
    this._timer = 0;
    /** The byte that comes next. */
    this.next = 0;
  }

  /** Take bytes from `offset` on, of a log of which the kernel has those from `start` on. */
  feed(bytes, offset, start) {
    if (offset > this.next) {
      if (start <= this.next) {
        this._miss();
        return;
      }
      this._screen.clear();
      setText(this._note, `The first ${offset} bytes of the log are not shown here.`);
      this._note.hidden = false;
      this.next = offset;
    }
    const fresh = bytes.subarray(Math.min(bytes.length, this.next - offset));
    if (!fresh.length) {
      return;
    }
    this._screen.feed(fresh);
    this.next = offset + bytes.length;
    this._timer ||= setTimeout(() => this._draw(), REDRAW_MS);
  }

  /** Messages were lost, as while the page was away: the kernel still has them. */
  _miss() {
    if (this._asked !== this.next) {
      this._asked = this.next;
      this._rewind(this.next);
    }
  }

  close() {
    clearTimeout(this._timer);
  }

  _draw() {
    this._timer = 0;
    this._box.hidden = false;
    setText(this._pre, this._screen.text);
    if (this._follows) {
      this._box.scrollTop = this._box.scrollHeight;
    }
  }

  _onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this._box;
    this._follows = scrollHeight - scrollTop - clientHeight < FOLLOW_SLACK_PX;
  }
}
