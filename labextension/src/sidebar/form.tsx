/** The form that submits a job. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import { UUID } from '@lumino/coreutils';
import React, { useId, useRef, useState } from 'react';
import { EngineError, type Door } from '../engine/door';
import { errorBody } from '../engine/jobs';
import type { IConfig, IErrorBody, IJob } from '../engine/records';
import { formatBytes } from '../words/format';
import { ImagePicker } from './images';
import { Outlook } from './outlook';
import { fieldOf, isScript, requestOf, type IForm } from './request';

interface IFormProps {
  form: IForm;
  /** Where the job works when the form names no folder. */
  workdir: string;
  /** Null until the engine has told. */
  config: IConfig | null;
  /** Another number whenever the queue or the machine changed. */
  news: number;
  door: Door;
  trans: TranslationBundle;
  onChange: (form: IForm) => void;
  onSubmitted: (job: IJob) => void;
}

export function SubmitForm(props: IFormProps): JSX.Element {
  const { form, config, door, trans } = props;
  const [error, setError] = useState<IErrorBody | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(UUID.uuid4());
  const wrong = error ? fieldOf(error.field ?? '') : '';
  const set = (change: Partial<IForm>) => {
    // Another request needs another key; the same one sent twice must be one job.
    key.current = UUID.uuid4();
    props.onChange({ ...form, ...change });
  };
  const workdir = form.workdir.trim() || props.workdir;
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      const request = requestOf({ ...form, workdir });
      const job = await door.submit(request, key.current);
      key.current = UUID.uuid4();
      props.onSubmitted(job);
    } catch (reason) {
      const refused = reason instanceof EngineError ? reason.body : null;
      setError(refused ?? errorBody(reason));
    } finally {
      setBusy(false);
    }
  };
  const shared = { form, set, error, wrong };
  return (
    <form
      className="hpcc-Form"
      aria-label={trans.__('New job')}
      onSubmit={event => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field name="image" label={trans.__('Image')} {...shared}>
        {field => (
          <ImagePicker
            {...field}
            value={form.image}
            door={door}
            trans={trans}
            onChange={image => set({ image })}
          />
        )}
      </Field>
      <Field
        name="command"
        label={trans.__('Command')}
        hint={
          isScript(form.command)
            ? trans.__('Runs as a shell script.')
            : trans.__("Empty: the image's own command. Ctrl+Enter submits.")
        }
        {...shared}
      >
        {field => (
          <textarea
            id={field.id}
            className="jp-mod-styled"
            rows={3}
            spellCheck={false}
            value={form.command}
            aria-invalid={field.invalid}
            aria-describedby={field.describedBy}
            onChange={event => set({ command: event.target.value })}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                void submit();
              }
            }}
          />
        )}
      </Field>
      <div className="hpcc-Form-row">
        <TextField
          name="cores"
          label={trans.__('Cores')}
          hint={config ? trans.__('of %1', config.max.cores) : ''}
          numeric
          {...shared}
        />
        <TextField
          name="memory"
          label={trans.__('Memory')}
          hint={
            config
              ? trans.__('of %1', formatBytes(config.max.memory_bytes))
              : ''
          }
          placeholder="4g"
          {...shared}
        />
        {config !== null && config.max.gpus > 0 && (
          <TextField
            name="gpus"
            label={trans.__('GPUs')}
            hint={trans.__('of %1', config.max.gpus)}
            numeric
            {...shared}
          />
        )}
        <TextField
          name="time_limit"
          label={trans.__('Time')}
          placeholder="1h30m"
          {...shared}
        />
      </div>
      <MoreFields
        config={config}
        workdir={props.workdir}
        trans={trans}
        {...shared}
      />
      {error && !wrong && (
        <div className="hpcc-Error" role="alert">
          {error.message}
          {error.cure && <div className="hpcc-Hint">{error.cure}</div>}
        </div>
      )}
      <Outlook
        request={form.image.trim() ? requestOf({ ...form, workdir }) : null}
        news={props.news}
        door={door}
      />
      <button
        type="submit"
        className="jp-mod-styled jp-mod-accept"
        disabled={busy || !form.image.trim()}
      >
        {busy ? trans.__('Submitting…') : trans.__('Submit')}
      </button>
    </form>
  );
}

interface IShared {
  form: IForm;
  set: (change: Partial<IForm>) => void;
  error: IErrorBody | null;
  wrong: keyof IForm | '';
}

interface IFieldIds {
  id: string;
  invalid: boolean;
  describedBy: string | undefined;
}

/** A label, an input, and below it the hint or what the engine says is wrong. */
function Field(
  props: IShared & {
    name: keyof IForm;
    label: string;
    hint?: string;
    children: (ids: IFieldIds) => JSX.Element;
  }
): JSX.Element {
  const id = useId();
  const invalid = props.wrong === props.name;
  const described = invalid || props.hint ? `${id}-said` : undefined;
  return (
    <div className="hpcc-Field" data-field={props.name}>
      <label htmlFor={id}>{props.label}</label>
      {props.children({ id, invalid, describedBy: described })}
      {invalid ? (
        <div id={described} className="hpcc-Error" role="alert">
          {props.error?.message}
          {props.error?.cure && ` – ${props.error.cure}`}
        </div>
      ) : (
        props.hint && (
          <div id={described} className="hpcc-Hint">
            {props.hint}
          </div>
        )
      )}
    </div>
  );
}

function TextField(
  props: IShared & {
    name: keyof IForm;
    label: string;
    hint?: string;
    placeholder?: string;
    numeric?: boolean;
  }
): JSX.Element {
  return (
    <Field {...props}>
      {field => (
        <input
          id={field.id}
          className="jp-mod-styled"
          value={props.form[props.name]}
          placeholder={props.placeholder}
          inputMode={props.numeric ? 'numeric' : 'text'}
          spellCheck={false}
          aria-invalid={field.invalid}
          aria-describedby={field.describedBy}
          onChange={event => props.set({ [props.name]: event.target.value })}
        />
      )}
    </Field>
  );
}

function MoreFields(
  props: IShared & {
    config: IConfig | null;
    workdir: string;
    trans: TranslationBundle;
  }
): JSX.Element {
  const { config, workdir, trans, ...shared } = props;
  const names = (config?.runtimes ?? []).map(runtime => runtime.name ?? '');
  const hidden: (keyof IForm)[] = [
    'name',
    'tags',
    'workdir',
    'runtime',
    'priority'
  ];
  const mustShow = props.wrong !== '' && hidden.includes(props.wrong);
  return (
    <details className="hpcc-Form-more" open={mustShow || undefined}>
      <summary>{trans.__('More')}</summary>
      <TextField name="name" label={trans.__('Name')} {...shared} />
      <TextField name="tags" label={trans.__('Tags')} {...shared} />
      <TextField
        name="workdir"
        label={trans.__('Working folder')}
        hint={trans.__('Mounted read-write at its own path.')}
        placeholder={workdir}
        {...shared}
      />
      <div className="hpcc-Form-row">
        <Choice
          name="runtime"
          label={trans.__('Runtime')}
          choices={['auto', ...names.filter(name => name)]}
          {...shared}
        />
        <Choice
          name="priority"
          label={trans.__('Priority')}
          choices={config?.priorities ?? [props.form.priority]}
          {...shared}
        />
      </div>
    </details>
  );
}

function Choice(
  props: IShared & {
    name: keyof IForm;
    label: string;
    choices: string[];
  }
): JSX.Element {
  return (
    <Field {...props}>
      {field => (
        <HTMLSelect
          id={field.id}
          value={props.form[props.name]}
          aria-invalid={field.invalid}
          aria-describedby={field.describedBy}
          onChange={event => props.set({ [props.name]: event.target.value })}
        >
          {props.choices.map(choice => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </HTMLSelect>
      )}
    </Field>
  );
}
