/** A log as lines: what a terminal would show of it, as text, bounded in memory. */

const MOST_LINES = 1000;
const LONGEST_LINE = 2000;
/** Escape sequences (ECMA-48): CSI, strings up to their terminator, two characters. */
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /^\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-OQ-WYZ\\`-~])/;
// eslint-disable-next-line no-control-regex
const TEXT = /[^\x00-\x08\x0a-\x1f\x7f-\x9f]+/y;
/** What reorders text on the screen is left out. */
const REORDERING = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const LONGEST_SEQUENCE = 1000;

export class Screen {
  constructor() {
    this.clear();
  }

  clear() {
    this._lines = [''];
    this._column = 0;
    this._held = '';
    this._decoder = new TextDecoder();
  }

  get text() {
    return this._lines.join('\n');
  }

  /** Take bytes; a character or a sequence cut in two is completed by the next call. */
  feed(bytes) {
    const text = this._held + this._decoder.decode(bytes, { stream: true });
    this._held = '';
    let at = 0;
    while (at < text.length) {
      TEXT.lastIndex = at;
      const plain = TEXT.exec(text);
      if (plain) {
        this._put(plain[0].replace(REORDERING, ''));
        at += plain[0].length;
      } else if (text[at] === '\x1b') {
        at += this._sequence(text.slice(at, at + LONGEST_SEQUENCE));
      } else {
        this._control(text[at]);
        at += 1;
      }
    }
    this._lines.splice(0, this._lines.length - MOST_LINES);
  }

  _put(text) {
    const line = this._lines[this._lines.length - 1].padEnd(this._column);
    const end = this._column + text.length;
    const whole = line.slice(0, this._column) + text + line.slice(end);
    this._lines[this._lines.length - 1] = whole.slice(0, LONGEST_LINE);
    this._column = end;
    for (let rest = whole; rest.length > LONGEST_LINE; ) {
      rest = rest.slice(LONGEST_LINE);
      this._lines.push(rest.slice(0, LONGEST_LINE));
      this._column = this._lines[this._lines.length - 1].length;
    }
  }

  _control(character) {
    if (character === '\n') {
      this._lines.push('');
      this._column = 0;
      if (this._lines.length > 2 * MOST_LINES) {
        this._lines.splice(0, MOST_LINES);
      }
    } else if (character === '\r') {
      this._column = 0;
    } else if (character === '\b') {
      this._column = Math.max(0, this._column - 1);
    }
  }

  /** Obey or pass over the sequence at the beginning; returns how many characters that took. */
  _sequence(text) {
    const found = SEQUENCE.exec(text);
    if (!found) {
      const unfinished = text.length < LONGEST_SEQUENCE && !text.includes('\n');
      this._held = unfinished ? text : '';
      return unfinished ? text.length : 1;
    }
    if (found[2] === 'K') {
      const line = this._lines[this._lines.length - 1];
      const from = found[1] === '2' ? 0 : this._column;
      this._lines[this._lines.length - 1] = line.slice(0, found[1] === '1' ? undefined : from);
    }
    return found[0].length;
  }
}
