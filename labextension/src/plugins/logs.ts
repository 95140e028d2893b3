/** Log views in the main area, and what is done with the job they show. */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  InputDialog,
  IThemeManager,
  WidgetTracker
} from '@jupyterlab/apputils';
import { LogWidget } from '../log/widget';
import { CommandIds, IContainers } from '../tokens';

export const logsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-hpccontainers:logs',
  description: 'The log of a job in the main area.',
  autoStart: true,
  requires: [IContainers],
  optional: [ICommandPalette, ILayoutRestorer, ILabShell, IThemeManager],
  activate: (
    app: JupyterFrontEnd,
    { model, trans, preferences }: IContainers,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null,
    themes: IThemeManager | null
  ) => {
    const tracker = new WidgetTracker<LogWidget>({ namespace: 'hpcc-logs' });
    const open = (job: number) => {
      let widget = tracker.find(log => log.job === job);
      if (!widget) {
        const beside = tracker.find(log => log.isVisible);
        widget = new LogWidget(model, job, preferences.logScrollback, trans);
        void tracker.add(widget);
        // Notebook 7 shows one document; what belongs to it opens below.
        app.shell.add(widget, labShell ? 'main' : 'down', {
          mode: beside ? 'tab-after' : 'split-bottom',
          ref: beside?.id,
          type: 'Job log'
        });
      }
      app.shell.activateById(widget.id);
    };
    app.commands.addCommand(CommandIds.openLog, {
      label: trans.__('Open the Log of a Job…'),
      execute: async args => {
        const job = Number(args.job) || (await askForJob());
        if (job > 0) {
          open(job);
        }
      }
    });
    app.commands.addCommand(CommandIds.cancel, {
      label: trans.__('Cancel the Job of This Log'),
      isEnabled: () => tracker.currentWidget !== null,
      execute: async () => {
        const log = tracker.currentWidget;
        if (log) {
          model.learn(await model.door.cancel(log.job));
        }
      }
    });
    const category = trans.__('HPC Containers');
    palette?.addItem({ command: CommandIds.openLog, category });
    palette?.addItem({ command: CommandIds.cancel, category });
    void restorer?.restore(tracker, {
      command: CommandIds.openLog,
      args: log => ({ job: log.job }),
      name: log => String(log.job)
    });
    themes?.themeChanged.connect(() => {
      tracker.forEach(log => log.view.applyTheme());
    });

    async function askForJob(): Promise<number> {
      const answer = await InputDialog.getNumber({
        title: trans.__('The number of the job'),
        value: model.jobs[0]?.id ?? 1
      });
      return answer.button.accept ? Number(answer.value) : 0;
    }
  }
};
