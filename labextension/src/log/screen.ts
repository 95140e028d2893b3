/** A job's output as lines: what a terminal of unlimited width would show, bounded in memory. */
import { applySgr, type Style } from './style';

/** A longer line is broken: nobody reads it, and layout must stay cheap. */
const LONGEST_LINE = 4096;
const ESC = '\x1b';
/** A control sequence (ECMA-48 5.4), whole. */
// eslint-disable-next-line no-control-regex
const CSI = /^\x1b\[([0-9;:<=>?]*)[ -/]*([@-~])/;
/** A string sequence: titles, links, images; ended by BEL or ST. */
// eslint-disable-next-line no-control-regex
const STRING = /^\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)/;
/** Plain text: everything but C0, DEL and C1 controls. */
// eslint-disable-next-line no-control-regex
const TEXT = /[^\x00-\x1f\x7f-\x9f]+/y;
/** Bidirectional overrides reorder what a person reads; they are dropped. */
const BIDI = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** A sequence that does not end within so many characters is no sequence. */
const LONGEST_SEQUENCE = 4096;

/** One line; `styles` has one entry a character, or is null when all are plain. */
export interface ILine {
  text: string;
  styles: Style[] | null;
  /** Whether the program ended it; false also for a piece of a line broken here. */
  ended: boolean;
}

/** Takes bytes, keeps the last lines. */
export class Screen {
  constructor(private _maxLines: number) {}

  /** The lines kept; the first is number `dropped`. */
  readonly lines: ILine[] = [newLine()];
  /** How many lines fell out at the top. */
  dropped = 0;
  /** The first line changed since the last `clean`, as a number that counts dropped ones. */
  firstDirty = 0;

  /** Take bytes; a character cut in two is completed by the next call. */
  feed(bytes: Uint8Array): void {
    this.write(this._decoder.decode(bytes, { stream: true }));
  }

  /** Take text. */
  write(text: string): void {
    let rest = this._held + text;
    this._held = '';
    let at = 0;
    while (at < rest.length) {
      TEXT.lastIndex = at;
      const plain = TEXT.exec(rest);
      if (plain) {
        this._put(plain[0]);
        at += plain[0].length;
      } else if (rest[at] === ESC) {
        const used = this._sequence(rest.slice(at, at + LONGEST_SEQUENCE));
        if (used === 0) {
          this._held = rest.slice(at);
          rest = '';
        }
        at += used;
      } else {
        this._control(rest[at]);
        at += 1;
      }
    }
    this._trim();
  }

  /** Forget everything, as after a part of the log that was skipped. */
  clear(): void {
    this.dropped = 0;
    this.firstDirty = 0;
    this.lines.splice(0, this.lines.length, newLine());
    this._decoder = new TextDecoder();
    this._held = '';
    this._row = this._column = this._style = 0;
  }

  /** Everything is shown. */
  clean(): void {
    this.firstDirty = this.dropped + this._row;
  }

  /** The last `characters` of what is shown, from the beginning of a line where possible. */
  tail(characters: number): string {
    let text = '';
    for (let i = this.lines.length - 1; i >= 0; i--) {
      const line = this.lines[i];
      const shown = line.text + (line.ended ? '\n' : '');
      if (text.length + shown.length > characters) {
        return text || shown.slice(-characters);
      }
      text = shown + text;
    }
    return text;
  }

  private _put(raw: string): void {
    let text = raw.replace(BIDI, '');
    while (this._column + text.length > LONGEST_LINE) {
      const room = LONGEST_LINE - this._column;
      this._putInLine(text.slice(0, room));
      text = text.slice(room);
      this._nextLine(false);
    }
    this._putInLine(text);
  }

  private _putInLine(text: string): void {
    const line = this._dirtyLine();
    const [from, to] = [this._column, this._column + text.length];
    if (line.text.length < from) {
      const gap = from - line.text.length;
      line.styles?.push(...new Array<Style>(gap).fill(0));
      line.text += ' '.repeat(gap);
    }
    if (this._style && !line.styles) {
      line.styles = new Array<Style>(line.text.length).fill(0);
    }
    const styles = new Array<Style>(text.length).fill(this._style);
    line.styles?.splice(from, text.length, ...styles);
    line.text =
      from === line.text.length
        ? line.text + text
        : line.text.slice(0, from) + text + line.text.slice(to);
    this._column = to;
  }

  private _control(character: string): void {
    switch (character) {
      case '\n':
        this._nextLine(true);
        break;
      case '\r':
        this._column = 0;
        break;
      case '\b':
        this._column = Math.max(0, this._column - 1);
        break;
      case '\t':
        this._put('\t');
        break;
    }
  }

  /** Obey a sequence at the beginning of `text`; returns its length, 0 when it is not whole. */
  private _sequence(text: string): number {
    const csi = CSI.exec(text);
    if (csi) {
      this._obey(csi[2], csi[1]);
      return csi[0].length;
    }
    const string = STRING.exec(text);
    if (string) {
      return string[0].length;
    }
    const unfinished = text.length < 2 || /[[\]P^_X]/.test(text[1]);
    if (unfinished && text.length < LONGEST_SEQUENCE && !hasStray(text)) {
      return 0;
    }
    return Math.min(unfinished ? 1 : 2, text.length);
  }

  private _obey(final: string, text: string): void {
    const parameters = text.split(/[;:]/).map(p => Number(p) || 0);
    const n = Math.max(1, parameters[0]);
    if (final === 'm' && !/[<=>?]/.test(text)) {
      this._style = applySgr(this._style, parameters);
    } else if (final === 'K') {
      this._erase(parameters[0]);
    } else if (final === 'A') {
      this._move(-n);
    } else if (final === 'B') {
      this._move(n);
    } else if (final === 'G') {
      this._column = Math.min(n, LONGEST_LINE) - 1;
    } else if (final === 'C') {
      this._column = Math.min(this._column + n, LONGEST_LINE - 1);
    } else if (final === 'D') {
      this._column = Math.max(0, this._column - n);
    }
  }

  private _erase(what: number): void {
    const line = this._dirtyLine();
    if (what === 0) {
      line.text = line.text.slice(0, this._column);
    } else if (what === 1) {
      line.text = ' '.repeat(this._column) + line.text.slice(this._column);
    } else {
      line.text = '';
    }
    line.styles = line.styles?.slice(0, line.text.length) ?? null;
  }

  /** Progress bars of several lines move up and down among the lines still kept. */
  private _move(rows: number): void {
    const row = this._row + rows;
    this._row = Math.min(this.lines.length - 1, Math.max(0, row));
  }

  private _nextLine(ended: boolean): void {
    const line = this._dirtyLine();
    line.ended = line.ended || ended;
    this._row += 1;
    this._column = 0;
    if (this._row === this.lines.length) {
      this.lines.push(newLine());
      if (this.lines.length > 2 * this._maxLines) {
        this._trim();
      }
    }
  }

  private _dirtyLine(): ILine {
    this.firstDirty = Math.min(this.firstDirty, this.dropped + this._row);
    return this.lines[this._row];
  }

  private _trim(): void {
    const excess = this.lines.length - this._maxLines;
    if (excess > 0) {
      this.lines.splice(0, excess);
      this.dropped += excess;
      this._row = Math.max(0, this._row - excess);
    }
  }

  private _decoder = new TextDecoder();
  private _held = '';
  private _row = 0;
  private _column = 0;
  private _style: Style = 0;
}

function newLine(): ILine {
  return { text: '', styles: null, ended: false };
}

/** Whether a sequence holds what no sequence may: it will never be whole. */
function hasStray(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return text[1] === '[' ? /[^\x1b[ -~]/.test(text) : text.includes('\n');
}
