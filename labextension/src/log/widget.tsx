/** The log's widget in the main area: toolbar and terminal. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { BoxLayout, Widget } from '@lumino/widgets';
import React from 'react';
import { errorBody, type JobsModel } from '../engine/jobs';
import type { IJob } from '../engine/records';
import { logIcon } from '../words/icons';
import { LogToolbar, type ILogActions } from './toolbar';
import { LogView, type IRange } from './view';

export class LogWidget extends Widget {
  constructor(
    private _model: JobsModel,
    readonly job: number,
    scrollback: number,
    private _trans: TranslationBundle
  ) {
    super();
    this.id = `hpcc-log-${job}`;
    this.addClass('hpcc-Log');
    this.title.label = _trans.__('Job %1', job);
    this.title.icon = logIcon;
    this.title.closable = true;
    this._toolbar = new Toolbar(() => this._drawToolbar());
    this.view = new LogView(_model, job, scrollback, _trans, range => {
      this._range = range;
      this._toolbar.update();
    });
    this._range = this.view.range;
    const layout = new BoxLayout({ direction: 'top-to-bottom', spacing: 0 });
    BoxLayout.setStretch(this._toolbar, 0);
    BoxLayout.setStretch(this.view, 1);
    layout.addWidget(this._toolbar);
    layout.addWidget(this.view);
    this.layout = layout;
    _model.changed.connect(this._onChanged, this);
    void this.view.follow();
    void this._askForJob();
  }

  readonly view: LogView;

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._model.changed.disconnect(this._onChanged, this);
    super.dispose();
  }

  protected onActivateRequest(): void {
    this.view.activate();
  }

  private get _job(): IJob | null {
    return this._model.job(this.job) ?? null;
  }

  private _onChanged(): void {
    this._toolbar.update();
  }

  /** A job older than those listed is asked for by its number. */
  private async _askForJob(): Promise<void> {
    if (!this._job) {
      try {
        this._model.learn(await this._model.door.job(this.job));
      } catch (reason) {
        this.title.caption = errorBody(reason).message;
      }
    }
  }

  private _drawToolbar(): JSX.Element {
    return (
      <LogToolbar
        job={this._job}
        range={this._range}
        trans={this._trans}
        actions={this._actions}
      />
    );
  }

  private get _actions(): ILogActions {
    return {
      find: (text, backwards) => this.view.find(text, backwards),
      follow: () => void this.view.follow(),
      show: offset => void this.view.showFrom(offset),
      download: () => void this._download(),
      cancel: () => {
        this._model.door.cancel(this.job).then(
          job => this._model.learn(job),
          reason => (this.title.caption = errorBody(reason).message)
        );
      }
    };
  }

  private async _download(): Promise<void> {
    const url = URL.createObjectURL(await this.view.download());
    const link = document.createElement('a');
    link.href = url;
    link.download = `job-${this.job}.log`;
    link.click();
    URL.revokeObjectURL(url);
  }

  private _toolbar: Toolbar;
  private _range: IRange;
}

class Toolbar extends ReactWidget {
  constructor(private _draw: () => JSX.Element) {
    super();
    this.addClass('hpcc-LogToolbar-host');
  }

  protected render(): JSX.Element {
    return this._draw();
  }
}
