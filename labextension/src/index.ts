/** The plugins of this extension. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { cardPlugin } from './plugins/card';
import { containersPlugin } from './plugins/containers';
import { logsPlugin } from './plugins/logs';
import { endsPlugin, runningPlugin, statusPlugin } from './plugins/notices';
import { sidebarPlugin } from './plugins/sidebar';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
const plugins: JupyterFrontEndPlugin<any>[] = [
  containersPlugin,
  cardPlugin,
  sidebarPlugin,
  logsPlugin,
  statusPlugin,
  endsPlugin,
  runningPlugin
];

export default plugins;
