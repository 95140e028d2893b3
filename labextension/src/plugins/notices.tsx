/** The status bar item, notifications of ends, and our jobs in Lab's "Running" panel. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { isArray, isDone, waits, type IJob } from '../engine/records';
import { CommandIds, IContainers } from '../tokens';
import {
  elapsed,
  jobLabel,
  jobTitle,
  stateLabel,
  stateWord
} from '../words/format';
import { containersIcon } from '../words/icons';

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-hpccontainers:status',
  description: 'How many jobs run and wait, in the status bar.',
  autoStart: true,
  requires: [IContainers],
  // Notebook 7 has none.
  optional: [IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    { model, trans }: IContainers,
    bar: IStatusBar | null
  ) => {
    if (!bar) {
      return;
    }
    const text = () => {
      const active = model.jobs.filter(job => !isDone(job));
      const queued = active.filter(waits).length;
      // Those tasks of an array that run are counted, and not the array too.
      const running = active.filter(job => !waits(job) && !isArray(job)).length;
      const parts = [];
      if (running) {
        parts.push(trans.__('%1 running', running));
      }
      if (queued) {
        parts.push(trans.__('%1 waiting', queued));
      }
      const gpus = model.use?.machine.gpus.length ?? 0;
      if (parts.length && gpus) {
        parts.push(`GPU ${model.use?.used.gpus ?? 0}/${gpus}`);
      }
      return parts.join(' · ');
    };
    const item = ReactWidget.create(
      <UseSignal signal={model.changed}>
        {() => (
          <button
            type="button"
            className="jp-Button jp-mod-minimal hpcc-Status"
            title={trans.__('Show container jobs')}
            onClick={() => void app.commands.execute(CommandIds.showSidebar)}
          >
            <containersIcon.react tag="span" elementSize="normal" />
            {text()}
          </button>
        )}
      </UseSignal>
    );
    bar.registerStatusItem('jupyter-hpccontainers:status', {
      item,
      align: 'left',
      rank: 6,
      isActive: () => text() !== '',
      activeStateChanged: model.changed
    });
  }
};

export const endsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-hpccontainers:notifications',
  description: 'Tells the end of a job.',
  autoStart: true,
  requires: [IContainers],
  activate: (
    app: JupyterFrontEnd,
    { model, trans, preferences }: IContainers
  ) => {
    const worthTelling = (job: IJob) => {
      const failed = job.result !== 'COMPLETED' && job.result !== 'CANCELLED';
      const long = (elapsed(job) ?? 0) >= preferences.notifyAfterSeconds;
      return {
        all: failed || long,
        failed,
        none: false
      }[preferences.notifications];
    };
    model.ended.connect((_, job) => {
      if (!worthTelling(job)) {
        return;
      }
      const title = jobTitle(job).slice(0, 60);
      Notification.emit(
        `${trans.__('Job %1', jobLabel(job))} (${title}): ${stateLabel(stateWord(job), trans)}`,
        job.result === 'COMPLETED' ? 'success' : 'warning',
        {
          autoClose: 8000,
          actions: [
            {
              label: trans.__('Open log'),
              callback: () =>
                void app.commands.execute(CommandIds.openLog, { job: job.id })
            }
          ]
        }
      );
    });
  }
};

export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-hpccontainers:running',
  description: 'Active jobs among the running sessions.',
  autoStart: true,
  requires: [IContainers],
  optional: [IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    { model, trans }: IContainers,
    managers: IRunningSessionManagers | null
  ) => {
    const cancel = (id: number) =>
      void model.door.cancel(id).then(job => model.learn(job));
    const active = () => model.jobs.filter(job => !isDone(job));
    managers?.add({
      name: trans.__('Container Jobs'),
      running: () =>
        active().map(job => ({
          open: () =>
            void app.commands.execute(CommandIds.openLog, { job: job.id }),
          shutdown: () => cancel(job.id),
          icon: () => containersIcon,
          label: () => `${jobLabel(job)} · ${jobTitle(job)}`,
          labelTitle: () => job.spec.image,
          detail: () => stateLabel(stateWord(job), trans)
        })),
      shutdownAll: () => active().forEach(job => cancel(job.id)),
      refreshRunning: () => void model.refresh(),
      runningChanged: model.changed,
      shutdownLabel: trans.__('Cancel'),
      shutdownAllLabel: trans.__('Cancel All'),
      shutdownAllConfirmationText: trans.__(
        'Cancel every container job that runs or waits?'
      )
    });
  }
};
