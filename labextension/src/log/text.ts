/** Shows a Screen in the page: text nodes only, redrawn a few times a second. */
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { Screen, type ILine } from './screen';
import { paletteColour, styleParts } from './style';

const REDRAW_MS = 80;
/** More than this waiting to be shown is skipped but for its end: nobody can read it. */
const MOST_WAITING_BYTES = 2 ** 20;
const KEPT_WHEN_SKIPPING_BYTES = 2 ** 18;
const FOLLOW_SLACK_PX = 24;

/** The tail of a log; follows the end while the reader is there. */
export class LogText extends Widget {
  constructor(label: string, maxLines = 2000) {
    super();
    this.addClass('hpcc-LogText');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'log');
    // A screen reader is told of changes of state, not of every line.
    this.node.setAttribute('aria-live', 'off');
    this.node.setAttribute('aria-label', label);
    this._pre = document.createElement('pre');
    this.node.appendChild(this._pre);
    this.screen = new Screen(maxLines);
    this.node.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.node;
      this._follows =
        scrollHeight - scrollTop - clientHeight < FOLLOW_SLACK_PX;
    });
  }

  readonly screen: Screen;

  /** Bytes that were not shown because more came than can be read. */
  skipped = 0;

  /** Take bytes; they are shown with the next redraw. */
  feed(bytes: Uint8Array): void {
    this._waiting.push(bytes);
    this._waitingBytes += bytes.length;
    if (this._waitingBytes > MOST_WAITING_BYTES) {
      this._skip();
    }
    this._schedule();
  }

  /** Show this text in place of everything else. */
  setText(text: string): void {
    this.clear();
    this.screen.write(text);
    this._draw();
  }

  /** Show nothing. */
  clear(): void {
    this._waiting = [];
    this._waitingBytes = 0;
    this.screen.clear();
    this._pre.replaceChildren();
    this._firstNode = 0;
  }

  /** Show at once what waits. */
  flush(): void {
    for (const bytes of this._waiting) {
      this.screen.feed(bytes);
    }
    this._waiting = [];
    this._waitingBytes = 0;
    this._draw();
  }

  dispose(): void {
    window.clearTimeout(this._timer);
    super.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._schedule();
  }

  private _skip(): void {
    let kept = 0;
    let i = this._waiting.length;
    while (i > 0 && kept < KEPT_WHEN_SKIPPING_BYTES) {
      i -= 1;
      kept += this._waiting[i].length;
    }
    const [first, ...rest] = this._waiting.slice(i);
    const begin = first.indexOf(10) + 1;
    this.skipped += this._waitingBytes - kept + begin;
    this._waiting = [first.subarray(begin), ...rest];
    this._waitingBytes = kept - begin;
    this.screen.clear();
    this._pre.replaceChildren();
    this._firstNode = 0;
  }

  private _schedule(): void {
    if (!this._timer && !this.isDisposed) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        this.flush();
      }, REDRAW_MS);
    }
  }

  private _draw(): void {
    const { lines, dropped, firstDirty } = this.screen;
    while (this._firstNode < dropped && this._pre.firstChild) {
      this._pre.firstChild.remove();
      this._firstNode += 1;
    }
    this._firstNode = dropped;
    const from = Math.max(0, firstDirty - dropped);
    while (this._pre.childNodes.length > from) {
      this._pre.lastChild?.remove();
    }
    const fresh = document.createDocumentFragment();
    for (let i = this._pre.childNodes.length; i < lines.length; i++) {
      fresh.appendChild(lineNode(lines[i]));
    }
    this._pre.appendChild(fresh);
    this.screen.clean();
    if (this._follows) {
      this.node.scrollTop = this.node.scrollHeight;
    }
  }

  private _pre: HTMLPreElement;
  private _waiting: Uint8Array[] = [];
  private _waitingBytes = 0;
  private _timer = 0;
  private _firstNode = 0;
  private _follows = true;
}

function lineNode(line: ILine): HTMLElement {
  const node = document.createElement('span');
  const end = line.ended ? '\n' : '';
  if (!line.styles) {
    node.textContent = line.text + end;
    return node;
  }
  let from = 0;
  for (let i = 1; i <= line.text.length; i++) {
    if (i === line.text.length || line.styles[i] !== line.styles[from]) {
      node.appendChild(run(line.text.slice(from, i), line.styles[from]));
      from = i;
    }
  }
  node.appendChild(document.createTextNode(end));
  return node;
}

function run(text: string, style: number): Node {
  if (!style) {
    return document.createTextNode(text);
  }
  const parts = styleParts(style);
  const node = document.createElement('span');
  node.textContent = text;
  for (const name of ['bold', 'dim', 'italic', 'underline'] as const) {
    node.classList.toggle(`hpcc-mod-${name}`, parts[name]);
  }
  if (parts.fg >= 16) {
    node.style.color = paletteColour(parts.fg);
  } else if (parts.fg >= 0) {
    node.classList.add(`hpcc-fg-${parts.fg}`);
  }
  if (parts.bg >= 16) {
    node.style.backgroundColor = paletteColour(parts.bg);
  } else if (parts.bg >= 0) {
    node.classList.add(`hpcc-bg-${parts.bg}`);
  }
  return node;
}
