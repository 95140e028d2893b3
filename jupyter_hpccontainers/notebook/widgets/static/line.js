/** The line between one view and the kernel. */
import { uniqueName } from './dom.js';

/** The kernel sends a megabyte at most until it hears of the page. */
const ANSWER_AFTER_BYTES = 2 ** 18;

export class KernelLine {
  /** `offsets` tells how much of each log the view has; `takers` take messages by kind. */
  constructor(model, offsets, takers) {
    this._model = model;
    this._offsets = offsets;
    this._takers = takers;
    this._view = uniqueName();
    this._unanswered = 0;
    this._onMessage = (content, buffers) => this._take(content, buffers ?? []);
    this._onVisible = () => document.hidden || this.hello();
    model.on('msg:custom', this._onMessage);
    document.addEventListener('visibilitychange', this._onVisible);
    window.addEventListener('online', this._onVisible);
  }

  ask(question) {
    this._model.send(question);
  }

  /** Ask for all that this view has not been told; also after the page was away. */
  hello() {
    this.ask({ ask: 'hello', view: this._view, offsets: this._offsets() });
  }

  close() {
    this._model.off('msg:custom', this._onMessage);
    document.removeEventListener('visibilitychange', this._onVisible);
    window.removeEventListener('online', this._onVisible);
    this.ask({ ask: 'bye', view: this._view });
  }

  _take(content, buffers) {
    this._takers[content.kind]?.(content, buffers);
    this._unanswered += JSON.stringify(content).length;
    for (const buffer of buffers) {
      this._unanswered += buffer.byteLength;
    }
    if (this._unanswered > ANSWER_AFTER_BYTES) {
      this._unanswered = 0;
      this.ask({ ask: 'more' });
    }
  }
}
