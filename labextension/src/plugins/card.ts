/** Draws job cards in outputs. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { JobCard } from '../card/card';
import { MIME_TYPE } from '../card/record';
import { CommandIds, IContainers } from '../tokens';

/**
 * Before text/plain, which every bundle has too, and before the widget that `JobView` has (-10):
 * a card needs no kernel. Where it cannot follow the job it shows that widget itself.
 */
const RANK = -20;

export const cardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-hpccontainers:card',
  description: 'Draws the card of a job in an output, and follows the job.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IContainers],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    { model, trans }: IContainers
  ) => {
    const open = (command: string) => (id: number) =>
      void app.commands.execute(command, { job: id });
    const actions = {
      openLog: open(CommandIds.openLog),
      reveal: open(CommandIds.reveal)
    };
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [MIME_TYPE],
        defaultRank: RANK,
        createRenderer: () => new JobCard({ model, trans, actions })
      },
      RANK
    );
  }
};
