/** A job's log in the main area: a terminal that shows, and never types. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { FitAddon } from '@xterm/addon-fit';
import type { SearchAddon } from '@xterm/addon-search';
import type { Terminal } from '@xterm/xterm';
import { errorBody, type JobsModel } from '../engine/jobs';

/** What is shown of a log at once; other parts are a step away. */
export const RANGE_BYTES = 2 ** 19;
/** More than this waiting for the terminal is skipped but for its end. */
const MOST_WAITING_BYTES = 2 ** 20;
/** Rows of a part that consists of line ends: what memory allows. */
const MOST_ROWS = 100_000;
const OSC_LINK = 8;

/** The part of the log on show. */
export interface IRange {
  offset: number;
  end: number;
  size: number;
  follows: boolean;
}

export class LogView extends Widget {
  constructor(
    private _model: JobsModel,
    readonly job: number,
    private _scrollback: number,
    private _trans: TranslationBundle,
    private _onRange: (range: IRange) => void
  ) {
    super();
    this.addClass('hpcc-LogView');
    this._ready = this._start();
  }

  get range(): IRange {
    const { _offset: offset, _end: end } = this;
    const size = Math.max(end, this._size);
    return { offset, end, size, follows: this._following !== null };
  }

  /** Show the end, and whatever comes. */
  async follow(): Promise<void> {
    const turn = this._leave();
    try {
      await this._ready;
      const { log_bytes } = await this._model.door.job(this.job);
      if (turn !== this._turn) {
        return;
      }
      const offset = Math.max(0, log_bytes - RANGE_BYTES);
      this._reset(offset, log_bytes);
      this._following = this._model.stream.follow(this.job, offset, {
        onLog: bytes => this._take(bytes),
        onError: error => this._say(error.message)
      });
      this._tellRange();
    } catch (reason) {
      this._say(errorBody(reason).message);
    }
  }

  /** Show the part of the log that begins here. */
  async showFrom(offset: number): Promise<void> {
    const turn = this._leave();
    try {
      await this._ready;
      const from = Math.max(0, offset);
      const part = await this._model.door.log(this.job, from, RANGE_BYTES);
      if (turn !== this._turn) {
        return;
      }
      this._reset(part.offset, part.size, part.data);
      this._toTop = true;
      this._take(part.data);
    } catch (reason) {
      this._say(errorBody(reason).message);
    }
  }

  /** Find the next or the previous place; returns whether there is one. */
  find(text: string, backwards: boolean): boolean {
    const options = {
      decorations: undefined,
      incremental: false,
      caseSensitive: false
    };
    return (
      (backwards
        ? this._search?.findPrevious(text, options)
        : this._search?.findNext(text, options)) ?? false
    );
  }

  /** The whole log, fetched in parts that the browser may keep on disk. */
  async download(): Promise<Blob> {
    const parts: Blob[] = [];
    for (let at = 0; ; ) {
      const part = await this._model.door.log(this.job, at, 16 * RANGE_BYTES);
      parts.push(new Blob([part.data]));
      at = part.offset + part.data.length;
      if (!part.data.length || at >= part.size) {
        return new Blob(parts, { type: 'application/octet-stream' });
      }
    }
  }

  /** Take the colours of the page's theme. */
  applyTheme(): void {
    if (this._terminal) {
      this._terminal.options.theme = themeOf(this.node);
    }
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._leave();
      window.cancelAnimationFrame(this._fitFrame);
      this._terminal?.dispose();
      super.dispose();
    }
  }

  protected onResize(message: Widget.ResizeMessage): void {
    super.onResize(message);
    this._fitSoon();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._fitSoon();
  }

  protected onActivateRequest(): void {
    this._terminal?.focus();
  }

  private async _start(): Promise<void> {
    const [{ Terminal }, { FitAddon }, { SearchAddon }] = await Promise.all([
      import('@xterm/xterm'),
      import('@xterm/addon-fit'),
      import('@xterm/addon-search')
    ]);
    if (this.isDisposed) {
      return;
    }
    const terminal = new Terminal({
      convertEol: true,
      disableStdin: true,
      scrollback: this._scrollback,
      fontFamily: fontOf('--jp-code-font-family') || 'monospace',
      fontSize: parseInt(fontOf('--jp-code-font-size'), 10) || 13,
      minimumContrastRatio: 4.5,
      theme: themeOf(this.node),
      allowProposedApi: true
    });
    // A log may not put links into the page.
    terminal.parser.registerOscHandler(OSC_LINK, () => true);
    // What is not typed into a terminal belongs to Lab: its shortcuts work here too.
    terminal.attachCustomKeyEventHandler(event => scrolls(event));
    this._fit = new FitAddon();
    this._search = new SearchAddon();
    terminal.loadAddon(this._fit);
    terminal.loadAddon(this._search);
    terminal.open(this.node);
    terminal.textarea?.setAttribute(
      'aria-label',
      this._trans.__('Log of job %1', this.job)
    );
    this._terminal = terminal;
    this._fitSoon();
  }

  private _take(bytes: Uint8Array): void {
    this._end += bytes.length;
    this._waiting.push(bytes);
    this._waitingBytes += bytes.length;
    while (this._waitingBytes > MOST_WAITING_BYTES && this._waiting.length > 1) {
      const dropped = this._waiting.shift();
      this._waitingBytes -= dropped?.length ?? 0;
      this._skipped = true;
    }
    this._pump();
  }

  /** Hand one piece to the terminal at a time: it is drawn before the next. */
  private _pump(): void {
    const terminal = this._terminal;
    if (this._pumping || !terminal || !this._waiting.length) {
      return;
    }
    this._pumping = true;
    if (this._skipped) {
      this._skipped = false;
      this._say(this._trans.__('more than can be shown: a part is left out'));
    }
    const bytes = this._waiting.shift() as Uint8Array;
    this._waitingBytes -= bytes.length;
    terminal.write(bytes, () => {
      this._pumping = false;
      if (this._toTop && !this._waiting.length) {
        this._toTop = false;
        terminal.scrollToTop();
      }
      this._tellRange();
      this._pump();
    });
  }

  private _reset(offset: number, size: number, part?: Uint8Array): void {
    this._waiting = [];
    this._waitingBytes = 0;
    this._skipped = this._toTop = false;
    this._offset = this._end = offset;
    this._size = size;
    if (this._terminal) {
      this._terminal.options.scrollback = part
        ? rowsOf(part, this._terminal.cols)
        : this._scrollback;
      this._terminal.reset();
    }
  }

  /** End what is shown; an answer still under way for it comes too late, by its number. */
  private _leave(): number {
    this._following?.dispose();
    this._following = null;
    this._turn += 1;
    return this._turn;
  }

  private _tellRange(): void {
    if (!this.isDisposed) {
      this._onRange(this.range);
    }
  }

  /** A line of ours among the program's. */
  private _say(text: string): void {
    // eslint-disable-next-line no-control-regex
    const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
    this._terminal?.write(`\x1b[0;7m ${plain} \x1b[0m\r\n`);
  }

  private _fitSoon(): void {
    window.cancelAnimationFrame(this._fitFrame);
    this._fitFrame = window.requestAnimationFrame(() => {
      if (this.isVisible && !this.isDisposed) {
        this._fit?.fit();
      }
    });
  }

  private _ready: Promise<void>;
  private _terminal: Terminal | null = null;
  private _fit: FitAddon | null = null;
  private _search: SearchAddon | null = null;
  private _following: IDisposable | null = null;
  private _waiting: Uint8Array[] = [];
  private _waitingBytes = 0;
  private _pumping = false;
  private _skipped = false;
  private _toTop = false;
  private _turn = 0;
  private _offset = 0;
  private _end = 0;
  private _size = 0;
  private _fitFrame = 0;
}

/** Keys that move in a terminal; every other one goes on to Lab. */
function scrolls(event: KeyboardEvent): boolean {
  return event.shiftKey && /^(Page|Arrow|Home|End)/.test(event.key);
}

/** At most so many rows does a part take: one for each line end, and where lines are wrapped. */
function rowsOf(part: Uint8Array, columns: number): number {
  const ends = part.reduce((n, byte) => n + (byte === 10 ? 1 : 0), 1);
  return Math.min(MOST_ROWS, ends + Math.ceil(part.length / columns));
}

function fontOf(name: string): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim();
}

function themeOf(node: HTMLElement): Record<string, string> {
  const style = getComputedStyle(node.isConnected ? node : document.body);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    background: colour('--jp-layout-color0'),
    foreground: colour('--jp-content-font-color0') || colour('--jp-ui-font-color0'),
    cursor: colour('--jp-layout-color0'),
    selectionBackground: colour('--jp-layout-color3')
  };
}
