/** What one plugin of this extension offers the others. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { JobsModel } from './engine/jobs';

/** What a person may set (schema/plugin.json). */
export interface IPreferences {
  openLogOnSubmit: boolean;
  notifications: 'all' | 'failed' | 'none';
  notifyAfterSeconds: number;
  logScrollback: number;
  defaultImage: string;
}

export interface IContainers {
  readonly model: JobsModel;
  readonly trans: TranslationBundle;
  readonly preferences: IPreferences;
  readonly preferencesChanged: ISignal<unknown, void>;
}

/** The page's view of the engine, shared by card, sidebar, log view and the rest. */
export const IContainers = new Token<IContainers>(
  'jupyter-hpccontainers:IContainers',
  'Jobs, machine and preferences as this page knows them.'
);

/** Commands, as named in the palette and in shortcuts. */
export const CommandIds = {
  openLog: 'hpccontainers:open-log',
  reveal: 'hpccontainers:reveal-job',
  newJob: 'hpccontainers:new-job',
  showSidebar: 'hpccontainers:show-sidebar',
  cancel: 'hpccontainers:cancel-job'
} as const;
