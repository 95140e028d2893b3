/** The sidebar: machine, form and jobs in one column. */
import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import {
  addIcon,
  caretDownIcon,
  ReactWidget,
  refreshIcon,
  UseSignal
} from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import React from 'react';
import { IconButton } from '../card/header';
import { errorBody } from '../engine/jobs';
import type { IErrorBody, IJob } from '../engine/records';
import type { IContainers } from '../tokens';
import { commandLine } from '../words/commandline';
import { SubmitForm } from './form';
import { Gauges } from './gauges';
import { JobList, type IListActions } from './list';
import { EMPTY_FORM, type IForm } from './request';

export interface IPanelOptions {
  containers: IContainers;
  openLog: (id: number) => void;
  /** The folder a new job works in, as an absolute path; empty where nobody knows. */
  workdir: () => string;
}

/** The widget in Lab's left area. */
export class SidebarPanel extends ReactWidget {
  constructor(private _options: IPanelOptions) {
    super();
    this.addClass('hpcc-Sidebar');
    this.node.tabIndex = -1;
    this._form = EMPTY_FORM;
    this._actions = this._listActions();
    _options.containers.preferencesChanged.connect(this._takeDefaults, this);
    this._takeDefaults();
  }

  /** Show a job in the list. */
  reveal(id: number): void {
    this._selected = id;
    this._changed.emit();
  }

  /** Open the form and put the cursor into it. */
  newJob(): void {
    this._formOpen = true;
    this._changed.emit();
    this._focusSoon(100);
  }

  dispose(): void {
    window.clearTimeout(this._focusTimer);
    this._watching?.dispose();
    this._watching = null;
    this._options.containers.preferencesChanged.disconnect(
      this._takeDefaults,
      this
    );
    super.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._watching ??= this._options.containers.model.watchMachine();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._watching?.dispose();
    this._watching = null;
  }

  protected onActivateRequest(): void {
    if (!this.node.contains(document.activeElement)) {
      const first = this.node.querySelector<HTMLElement>('.hpcc-Form input');
      (first ?? this.node).focus();
    }
  }

  protected render(): JSX.Element {
    const { model } = this._options.containers;
    return (
      <UseSignal signal={model.changed}>
        {() => (
          <UseSignal signal={this._changed}>{() => this._draw()}</UseSignal>
        )}
      </UseSignal>
    );
  }

  private _draw(): JSX.Element {
    const { model, trans } = this._options.containers;
    const isOpen = this._formOpen ?? (model.jobs.length < 4);
    return (
      <>
        <div className="hpcc-Sidebar-head">
          <h2 className="hpcc-Sidebar-title">{trans.__('Containers')}</h2>
          <IconButton
            icon={refreshIcon}
            label={trans.__('Refresh')}
            onClick={() => void model.refresh()}
          />
        </div>
        {!model.health && !model.trouble && (
          <p className="hpcc-Hint" role="status">
            {trans.__('Looking for the engine…')}
          </p>
        )}
        {model.trouble && <Trouble error={model.trouble} trans={trans} />}
        {this._problem && (
          <div className="hpcc-Error" role="alert">
            {this._problem}
          </div>
        )}
        {model.use && <Gauges use={model.use} trans={trans} />}
        <button
          type="button"
          className="hpcc-Section jp-Button jp-mod-minimal"
          aria-expanded={isOpen}
          onClick={() => {
            this._formOpen = !isOpen;
            this._changed.emit();
            this._focusSoon(0);
          }}
        >
          {isOpen ? (
            <caretDownIcon.react tag="span" elementSize="normal" />
          ) : (
            <addIcon.react tag="span" elementSize="normal" />
          )}
          {trans.__('New job')}
        </button>
        {isOpen && (
          <SubmitForm
            form={this._form}
            workdir={this._options.workdir()}
            config={model.config}
            news={model.news}
            door={model.door}
            trans={trans}
            onChange={form => {
              this._form = form;
              this._changed.emit();
            }}
            onSubmitted={job => this._onSubmitted(job)}
          />
        )}
        <JobList
          jobs={model.jobs}
          hasMore={model.hasMore}
          selected={this._selected}
          trans={trans}
          actions={this._actions}
          onSelect={id => this.reveal(id)}
        />
      </>
    );
  }

  private _focusSoon(pause: number): void {
    window.clearTimeout(this._focusTimer);
    this._focusTimer = window.setTimeout(() => {
      this.node.querySelector<HTMLElement>('.hpcc-Form input')?.focus();
    }, pause);
  }

  /** Settings come after the page, and change: what a person typed stays. */
  private _takeDefaults(): void {
    const image = this._options.containers.preferences.defaultImage;
    if (this._form.image === this._defaultImage) {
      this._form = { ...this._form, image };
      this._changed.emit();
    }
    this._defaultImage = image;
  }

  private _onSubmitted(job: IJob): void {
    const { model, preferences } = this._options.containers;
    this._formOpen = true;
    model.learn(job);
    this.reveal(job.id);
    if (preferences.openLogOnSubmit) {
      this._options.openLog(job.id);
    }
  }

  /** The same object at every drawing, so that only rows that changed are drawn again. */
  private _listActions(): IListActions {
    const { model } = this._options.containers;
    return {
      cancel: id => this._try(model.door.cancel(id).then(j => model.learn(j))),
      suspend: id => this._try(model.door.suspend(id).then(j => model.learn(j))),
      resume: id => this._try(model.door.resume(id).then(j => model.learn(j))),
      cancelTag: (tag, count) => this._try(this._cancelTag(tag, count)),
      openLog: id => this._options.openLog(id),
      learnTasks: array => this._try(model.learnTasks(array)),
      copy: job => Clipboard.copyToSystem(commandLine(job)),
      more: () => this._try(model.more())
    };
  }

  private async _cancelTag(tag: string, count: number): Promise<void> {
    const { model, trans } = this._options.containers;
    const answer = await showDialog({
      title: trans.__('Cancel the jobs of a tag?'),
      body: trans._n(
        '%1 job with the tag “%2” is stopped.',
        '%1 jobs with the tag “%2” are stopped.',
        count,
        tag
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Keep them') }),
        Dialog.warnButton({ label: trans.__('Cancel the jobs') })
      ]
    });
    if (answer.button.accept) {
      (await model.door.cancelTag(tag)).forEach(job => model.learn(job));
    }
  }

  private _try(action: Promise<unknown>): void {
    action
      .then(() => (this._problem = ''))
      .catch((reason: unknown) => {
        const { message, cure } = errorBody(reason);
        this._problem = cure ? `${message} – ${cure}` : message;
      })
      .finally(() => this._changed.emit());
  }

  private _actions: IListActions;
  private _changed = new Signal<this, void>(this);
  private _form: IForm;
  private _defaultImage = EMPTY_FORM.image;
  private _focusTimer = 0;
  private _formOpen: boolean | null = null;
  private _selected: number | null = null;
  private _problem = '';
  private _watching: IDisposable | null = null;
}

/** Why there is no engine, and what to do about it. */
function Trouble(props: {
  error: IErrorBody;
  trans: TranslationBundle;
}): JSX.Element {
  const { error, trans } = props;
  const noDoor = error.code === 'NoDoor';
  const message = noDoor
    ? trans.__('The server extension is not loaded.')
    : error.message || trans.__('Waiting for the server…');
  const cure = noDoor
    ? trans.__(
        'Run “jupyter server extension enable jupyter_hpccontainers” and restart Jupyter.'
      )
    : error.cure;
  return (
    <div className="hpcc-Trouble" role="alert">
      <strong>{message}</strong>
      {cure && <div>{cure}</div>}
    </div>
  );
}
