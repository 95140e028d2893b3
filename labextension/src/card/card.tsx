/** The job card: draws a bundle, and follows the job from the server where it is ours. */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { JSONObject } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Panel, type Widget } from '@lumino/widgets';
import React from 'react';
import { EngineError } from '../engine/door';
import { errorBody, type JobsModel } from '../engine/jobs';
import { isDone, type IJob } from '../engine/records';
import { LogText } from '../log/text';
import { stateWord } from '../words/format';
import {
  CardHeader,
  type ICardActions,
  type ICardState,
  type IJobActions
} from './header';
import { hasKernelView, kernelView } from './kernelview';
import {
  lastWords,
  MIME_TYPE,
  readRecord,
  TAIL_CHARACTERS,
  type IRecord
} from './record';

/** Most of a long log that a card fetches; the log view has the rest. */
const MOST_FETCHED_BYTES = 2 ** 19;
/** The kernel writes the last state too; who comes second finds it written. */
const WRITE_BACK_AFTER_MS = 1500;

export interface ICardServices {
  model: JobsModel;
  actions: Pick<ICardActions, 'openLog' | 'reveal'>;
  trans: TranslationBundle;
}

/** One output of MIME type `application/vnd.hpccontainers.job+json`. */
export class JobCard extends Panel implements IRenderMime.IRenderer {
  constructor(private _services: ICardServices) {
    super();
    this.addClass('hpcc-Card');
    this.node.setAttribute('role', 'group');
    this._header = new Drawn(() => this._drawHeader());
    this._log = new LogText(_services.trans.__('Output of the job'));
    this._log.hide();
    this._header.addClass('hpcc-Card-header');
    this.addWidget(this._header);
    this.addWidget(this._log);
    this._services.model.changed.connect(this._onModelChanged, this);
    this._watchVisibility();
  }

  /** Take the bundle; an update of the same job changes nothing that is shown. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._output = model;
    if (!hasKernelView(model)) {
      this._dropKernelView();
    }
    const record = readRecord(model.data[MIME_TYPE]);
    const known = this._state.record;
    const same =
      record !== null &&
      known?.job === record.job &&
      known.engine === record.engine;
    if (same && (this._followed || this._state.job)) {
      return;
    }
    if (!same) {
      this._unfollow();
    }
    this._showRecord(record);
    await this._attach();
  }

  dispose(): void {
    if (!this.isDisposed) {
      window.clearTimeout(this._writeTimer);
      this._observer?.disconnect();
      this._unfollow();
      this._services.model.changed.disconnect(this._onModelChanged, this);
      super.dispose();
    }
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this._stranger) {
      this._showKernelView();
    }
  }

  private _showRecord(record: IRecord | null): void {
    const title = record
      ? this._services.trans.__('Job %1', record.job)
      : this._services.trans.__('No job');
    this.node.setAttribute('aria-label', title);
    this._update({ record, job: null, note: '', error: '' });
    if (record?.tail) {
      this._log.show();
      this._log.setText(record.tail);
    }
  }

  /**
   * Follow the job if it is of this engine; otherwise say why not. Whose it is the engine
   * decides: another person's job is one it does not know.
   */
  private async _attach(): Promise<void> {
    const { record } = this._state;
    const { model, trans } = this._services;
    if (!record || this._followed || this._asking || this.isDisposed) {
      return;
    }
    if (!model.health) {
      const note = trans.__('Saved record: no engine answers here.');
      this._standBack(note, model.trouble !== null);
      return;
    }
    if (model.health.engine !== record.engine) {
      this._standBack(trans.__('From another machine: a saved record.'));
      return;
    }
    if (isDone(record) && !this._seen) {
      return;
    }
    this._asking = true;
    try {
      const job = await model.door.job(record.job);
      this._begin(record, job);
    } catch (reason) {
      this._refused(reason);
    } finally {
      this._asking = false;
    }
  }

  private _begin(record: IRecord, job: IJob): void {
    const { model, trans } = this._services;
    if (this.isDisposed || this._state.record?.job !== record.job) {
      return;
    }
    if (job.engine !== record.engine) {
      this._standBack(trans.__('From another machine: a saved record.'));
      return;
    }
    this._dropKernelView();
    const offset = Math.max(0, job.log_bytes - MOST_FETCHED_BYTES);
    const earlier = offset
      ? trans.__('The end of a long log; open the log to see all of it.')
      : '';
    this._log.clear();
    this._update({ job, note: earlier });
    this._followed = model.stream.follow(job.id, offset, {
      onLog: bytes => {
        this._log.show();
        this._log.feed(bytes);
      },
      onState: changed => this._update({ job: changed }),
      onEnd: () => this._onEnd(),
      onError: error => this._update({ error: error.message })
    });
  }

  /** Say why the job is not followed; its kernel may know more than the record. */
  private _standBack(note: string, stranger = true): void {
    this._update({ note });
    this._stranger = stranger;
    if (stranger) {
      this._showKernelView();
    }
  }

  private _showKernelView(): void {
    const output = this._output;
    if (this._kernelView || !this.parent || !output || !hasKernelView(output)) {
      return;
    }
    this._kernelView = kernelView(this, output, () => this._giveWay(true));
    if (this._kernelView) {
      this.addWidget(this._kernelView);
    }
    this._giveWay(false);
  }

  private _dropKernelView(): void {
    this._stranger = false;
    this._giveWay(false);
    this._kernelView?.dispose();
    this._kernelView = null;
  }

  /** Show the kernel's view in place of the record, or the record in place of that. */
  private _giveWay(toKernel: boolean): void {
    this._kernelView?.setHidden(!toKernel);
    this._header.setHidden(toKernel);
    this._log.setHidden(toKernel || !this._log.node.textContent);
  }

  private _refused(reason: unknown): void {
    const { trans } = this._services;
    const gone = reason instanceof EngineError && reason.status === 404;
    this._update({
      note: gone
        ? trans.__('Saved record: the engine keeps this job no longer.')
        : '',
      error: gone ? '' : errorBody(reason).message
    });
    this._forgotten = gone;
  }

  private _onEnd(): void {
    this._log.flush();
    this._writeTimer = window.setTimeout(
      () => this._writeBack(),
      WRITE_BACK_AFTER_MS
    );
  }

  /** Put the last state and the tail into the output, once, for when nobody can be asked. */
  private _writeBack(): void {
    const { job } = this._state;
    const output = this._output;
    if (!job || !output || !isDone(job)) {
      return;
    }
    const written = readRecord(output.data[MIME_TYPE]);
    if (written && isDone(written) && (written.tail || !job.log_bytes)) {
      return;
    }
    const tail = this._log.screen.tail(TAIL_CHARACTERS);
    const record = {
      ...(output.data[MIME_TYPE] as JSONObject),
      ...lastWords(job, tail)
    };
    const headline = `job ${job.id} · ${stateWord(job)}\n`;
    const data = {
      ...output.data,
      [MIME_TYPE]: record,
      'text/plain': headline + tail
    };
    output.setData({ data });
  }

  private _update(change: Partial<ICardState>): void {
    this._state = { ...this._state, ...change };
    this._header.update();
  }

  private _drawHeader(): JSX.Element {
    const { model, actions, trans } = this._services;
    const { door } = model;
    const own: IJobActions = {
      cancel: id => void this._ask(door.cancel(id)),
      suspend: id => void this._ask(door.suspend(id)),
      resume: id => void this._ask(door.resume(id))
    };
    return (
      <CardHeader
        state={this._state}
        trans={trans}
        actions={{ ...actions, ...own }}
      />
    );
  }

  private async _ask(answer: Promise<IJob>): Promise<void> {
    try {
      const job = await answer;
      this._update({ job, error: '' });
    } catch (reason) {
      this._update({ error: errorBody(reason).message });
    }
  }

  /** The engine came (back): what was only a record may be ours. */
  private _onModelChanged(): void {
    const { health, trouble } = this._services.model;
    const engine = health?.engine ?? trouble?.code ?? '';
    if (engine !== this._engineSeen) {
      this._engineSeen = engine;
      if (!this._followed && !this._forgotten) {
        void this._attach();
      }
    }
  }

  private _unfollow(): void {
    this._followed?.dispose();
    this._followed = null;
    this._forgotten = false;
  }

  /** A notebook full of ended jobs asks for the logs that are looked at only. */
  private _watchVisibility(): void {
    if (typeof IntersectionObserver === 'undefined') {
      this._seen = true;
      return;
    }
    this._observer = new IntersectionObserver(entries => {
      if (entries.some(entry => entry.isIntersecting)) {
        this._seen = true;
        this._observer?.disconnect();
        void this._attach();
      }
    });
    this._observer.observe(this.node);
  }

  private _header: Drawn;
  private _log: LogText;
  private _output: IRenderMime.IMimeModel | null = null;
  private _followed: IDisposable | null = null;
  private _observer: IntersectionObserver | null = null;
  private _engineSeen = '';
  private _seen = false;
  private _asking = false;
  private _forgotten = false;
  private _stranger = false;
  private _kernelView: Widget | null = null;
  private _writeTimer = 0;
  private _state: ICardState = { record: null, job: null, note: '', error: '' };
}

/** A React drawing that keeps its state from one drawing to the next. */
class Drawn extends ReactWidget {
  constructor(private _draw: () => JSX.Element) {
    super();
  }

  protected render(): JSX.Element {
    return this._draw();
  }
}
