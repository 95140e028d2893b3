/** Asks the engine as values rest, and again on news: one question at a time. */

/** How long values rest before the engine is asked, in milliseconds. */
export const RESTS_MS = 250;
/** However often there is news. */
export const AGAIN_AFTER_MS = 1000;

/** `ask` gets what is wanted, `tell` the answer as long as nothing else is wanted. */
export class Question {
  constructor(
    private _ask: (wanted: string) => Promise<string>,
    private _tell: (answer: string) => void
  ) {}

  dispose(): void {
    this._tell = () => undefined;
    this.want('');
  }

  /** Ask for this when it has rested; empty: for nothing. */
  want(wanted: string): void {
    this._stop();
    this._wanted = wanted;
    if (wanted) {
      this._askIn(RESTS_MS);
    } else {
      this._tell('');
    }
  }

  /** The answer may be another one by now. */
  again(): void {
    if (this._wanted && !this._timer) {
      const due = this._askedAt + AGAIN_AFTER_MS - Date.now();
      this._askIn(Math.max(0, due));
    }
  }

  private _stop(): void {
    window.clearTimeout(this._timer);
    this._timer = 0;
  }

  private _askIn(pause: number): void {
    this._timer = window.setTimeout(() => void this._send(), pause);
  }

  private async _send(): Promise<void> {
    if (this._isAsking) {
      this._askIn(RESTS_MS);
      return;
    }
    this._timer = 0;
    this._isAsking = true;
    this._askedAt = Date.now();
    const asked = this._wanted;
    // What is wrong with a field is said when it is submitted.
    const answer = await this._ask(asked).catch(() => '');
    this._isAsking = false;
    if (asked === this._wanted) {
      this._tell(answer);
    }
  }

  private _wanted = '';
  private _isAsking = false;
  private _askedAt = 0;
  private _timer = 0;
}
