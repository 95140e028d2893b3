/** The sidebar and the commands that lead to it. */
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { SidebarPanel } from '../sidebar/panel';
import { CommandIds, IContainers } from '../tokens';
import { containersIcon } from '../words/icons';

const RANK = 550;

export const sidebarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-hpccontainers:sidebar',
  description: 'Machine, form and list of jobs in the left area.',
  autoStart: true,
  requires: [IContainers],
  optional: [
    ICommandPalette,
    ILauncher,
    ILayoutRestorer,
    IDefaultFileBrowser
  ],
  activate: (
    app: JupyterFrontEnd,
    containers: IContainers,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null
  ) => {
    const { trans, model } = containers;
    const panel = new SidebarPanel({
      containers,
      openLog: id => void app.commands.execute(CommandIds.openLog, { job: id }),
      workdir: () => workdir(model.root, browser)
    });
    panel.id = 'hpcc-sidebar';
    panel.title.icon = containersIcon;
    panel.title.caption = trans.__('Containers');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Containers'));
    app.shell.add(panel, 'left', { rank: RANK, type: 'Containers' });
    restorer?.add(panel, panel.id);

    const activate = () => app.shell.activateById(panel.id);
    app.commands.addCommand(CommandIds.showSidebar, {
      label: trans.__('Show Container Jobs'),
      icon: containersIcon,
      execute: activate
    });
    app.commands.addCommand(CommandIds.newJob, {
      label: args =>
        args.isLauncher ? trans.__('Container Job') : trans.__('New Container Job'),
      caption: trans.__('Run a command in a container'),
      icon: containersIcon,
      execute: () => {
        activate();
        panel.newJob();
      }
    });
    app.commands.addCommand(CommandIds.reveal, {
      label: trans.__('Show the Job in the Sidebar'),
      execute: args => {
        activate();
        panel.reveal(Number(args.job));
      }
    });
    const category = trans.__('HPC Containers');
    palette?.addItem({ command: CommandIds.newJob, category });
    palette?.addItem({ command: CommandIds.showSidebar, category });
    launcher?.add({
      command: CommandIds.newJob,
      args: { isLauncher: true },
      category: trans.__('Other'),
      rank: 10
    });
  }
};

/** The folder the file browser shows, as a path of the server's machine. */
function workdir(root: string, browser: IDefaultFileBrowser | null): string {
  const path = browser?.model.path ?? '';
  const isLocal = root !== '' && path !== '' && !path.includes(':');
  return isLocal ? `${root}/${path}` : root;
}
