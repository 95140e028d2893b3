/** What the form asks for, as a request; and which field an error belongs to. */
import type { JobRequest } from '../engine/door';

export interface IForm {
  image: string;
  command: string;
  cores: string;
  memory: string;
  gpus: string;
  time_limit: string;
  name: string;
  tags: string;
  workdir: string;
  runtime: string;
  priority: string;
}

export const EMPTY_FORM: IForm = {
  image: '',
  command: '',
  cores: '1',
  memory: '',
  gpus: '0',
  time_limit: '',
  name: '',
  tags: '',
  workdir: '',
  runtime: 'auto',
  priority: 'normal'
};

/** Whether a command needs a shell: more than one line, or words only a shell understands. */
export function isScript(command: string): boolean {
  return /[\n|&;<>$`*?#~(){}]/.test(command.trim());
}

/** The request; the engine checks it and names the field at fault. */
export function requestOf(form: IForm): JobRequest {
  const request: JobRequest = {
    image: form.image.trim(),
    cores: wholeNumber(form.cores),
    gpus: wholeNumber(form.gpus || '0'),
    runtime: form.runtime,
    priority: form.priority
  };
  for (const key of ['memory', 'time_limit', 'name', 'workdir'] as const) {
    if (form[key].trim()) {
      request[key] = form[key].trim();
    }
  }
  const tags = form.tags.split(/[\s,]+/).filter(tag => tag);
  if (tags.length) {
    request.tags = tags;
  }
  if (isScript(form.command)) {
    const text = form.command.trim();
    const script = text.startsWith('#!') ? text : `#!/bin/sh\n${text}`;
    request.script = `${script}\n`;
  } else if (form.command.trim()) {
    request.command = form.command.trim();
  }
  return request;
}

/** The form's field for a field of the engine's; empty when it has none. */
export function fieldOf(engineField: string): keyof IForm | '' {
  const renamed: Record<string, keyof IForm> = {
    script: 'command',
    memory_bytes: 'memory',
    time_limit_s: 'time_limit'
  };
  const field = renamed[engineField] ?? engineField;
  return Object.keys(EMPTY_FORM).includes(field) ? (field) : '';
}

/** A number as a number; anything else as it is, for the engine to refuse by name. */
function wholeNumber(text: string): number | string {
  return /^-?\d+$/.test(text.trim()) ? Number(text) : text.trim();
}
