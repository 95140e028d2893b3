/** Provides the page's view of the engine, and what the person set. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Door } from '../engine/door';
import { JobsModel } from '../engine/jobs';
import { JobStream } from '../engine/stream';
import { IContainers, type IPreferences } from '../tokens';

/** The domain under which language packs translate our words. */
const DOMAIN = 'jupyter_hpccontainers';

export const containersPlugin: JupyterFrontEndPlugin<IContainers> = {
  id: 'jupyter-hpccontainers:plugin',
  description: 'Jobs, machine and preferences as this page knows them.',
  autoStart: true,
  provides: IContainers,
  optional: [ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): IContainers => {
    const settings = app.serviceManager.serverSettings;
    const model = new JobsModel(new Door(settings), new JobStream(settings));
    const preferences: IPreferences = {
      openLogOnSubmit: true,
      notifications: 'all',
      notifyAfterSeconds: 5,
      logScrollback: 20000,
      defaultImage: ''
    };
    const containers = {
      model,
      trans: (translator ?? nullTranslator).load(DOMAIN),
      preferences,
      preferencesChanged: new Signal<unknown, void>({})
    };
    registry?.load('jupyter-hpccontainers:plugin').then(
      loaded => {
        const take = () => {
          Object.assign(preferences, loaded.composite);
          containers.preferencesChanged.emit();
        };
        take();
        loaded.changed.connect(take);
      },
      reason => console.warn('hpccontainers: settings not loaded', reason)
    );
    return containers;
  }
};
