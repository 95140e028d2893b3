/** The form that submits a job; what is wrong with a field is said below it. */
import { element, setText, uniqueName } from './dom.js';
import { Outlook } from './outlook.js';
import { ImagePicker } from './picker.js';
import { bytesText } from './words.js';

const ANSWER_WITHIN_MS = 10000;

export class LaunchForm {
  constructor(model, ask) {
    this._model = model;
    this._ask = ask;
    this._fields = new Map();
    this._key = uniqueName();
    this._timer = 0;
    const image = this._input({ placeholder: 'python:3.12', required: true });
    this._picker = new ImagePicker(image, () => ask({ ask: 'images' }));
    this._submit = element('button', { type: 'submit', class: 'hpccw-button hpccw-accept' }, 'Submit');
    this.outlook = new Outlook(ask);
    this._error = element('div', { class: 'hpccw-error', role: 'alert' });
    const command = this._textarea();
    this.node = element(
      'form',
      {
        class: 'hpccw-form',
        'aria-label': 'New job',
        submit: event => this._onSubmit(event),
        input: () => this._onInput(),
        change: () => this._store()
      },
      this._field('image', 'Image', image, this._picker.node),
      this._field('command', 'Command or script', command),
      element(
        'div',
        { class: 'hpccw-row' },
        this._field('cores', 'Cores', this._input({ inputmode: 'numeric' })),
        this._field('memory', 'Memory', this._input({ placeholder: '4g' })),
        this._field('gpus', 'GPUs', this._input({ inputmode: 'numeric' })),
        this._field('time_limit', 'Time', this._input({ placeholder: '1h30m' }))
      ),
      element(
        'div',
        { class: 'hpccw-row' },
        this._field('name', 'Name', this._input()),
        this._field('runtime', 'Runtime', this._select(['auto']))
      ),
      this._error,
      this.outlook.node,
      element('div', {}, this._submit)
    );
    this._onStored = () => this._show(model.get('form'));
    model.on('change:form', this._onStored);
    this._show(model.get('form'));
    this._hint('command', "Empty: the image's own command. Ctrl+Enter submits.");
    ask({ ask: 'config' });
    ask({ ask: 'images' });
  }

  close() {
    clearTimeout(this._timer);
    this.outlook.close();
    this._model.off('change:form', this._onStored);
  }

  setImages(images) {
    this._picker.setImages(images);
  }

  setConfig(config) {
    this._hint('cores', `of ${config.cores}`);
    this._hint('memory', `of ${bytesText(config.memory_bytes)}`);
    this._hint('gpus', `of ${config.gpus}`);
    const gpus = this._fields.get('gpus');
    gpus.node.hidden = config.gpus === 0 && ['', '0'].includes(gpus.control.value);
    const { control } = this._fields.get('runtime');
    const chosen = control.value;
    const names = [...new Set([...config.runtimes, chosen])];
    control.replaceChildren(...names.map(name => element('option', { value: name }, name)));
    control.value = chosen;
  }

  /** The engine took the job: the same form again is another job. */
  submitted() {
    this._renew();
    this._settle('');
  }

  /** The engine named what is wrong. */
  invalid(content) {
    const text = [content.message, content.cure].filter(Boolean).join(' – ');
    const field = this._fields.get(content.field);
    this._settle(field ? '' : text);
    if (field) {
      field.node.hidden = false;
      field.control.setAttribute('aria-invalid', 'true');
      setText(field.error, text);
      field.control.focus();
    }
  }

  _onSubmit(event) {
    event.preventDefault();
    this._store();
    this._settle('');
    this._submit.disabled = true;
    setText(this._submit, 'Submitting…');
    this._ask({ ask: 'submit', form: this._values(), key: this._key });
    // Asking again is harmless: with its key it is the same job.
    this._timer = setTimeout(
      () => this._settle('The kernel has not answered yet; is it busy?'),
      ANSWER_WITHIN_MS
    );
  }

  _onInput() {
    this._renew();
    this._clearErrors();
  }

  /** Another job is asked for. */
  _renew() {
    this._key = uniqueName();
    const form = this._values();
    this.outlook.want(form.image.trim() ? { form, key: this._key } : null);
  }

  _settle(error) {
    clearTimeout(this._timer);
    this._submit.disabled = false;
    setText(this._submit, 'Submit');
    this._clearErrors();
    setText(this._error, error);
  }

  _clearErrors() {
    setText(this._error, '');
    for (const { control, error } of this._fields.values()) {
      control.removeAttribute('aria-invalid');
      setText(error, '');
    }
  }

  _values() {
    return Object.fromEntries([...this._fields].map(([name, f]) => [name, f.control.value]));
  }

  _store() {
    this._model.set('form', this._values());
    this._model.save_changes();
  }

  _show(form) {
    let isOther = false;
    for (const [name, { control }] of this._fields) {
      const value = form[name] ?? '';
      if (control.tagName === 'SELECT' && ![...control.options].some(o => o.value === value)) {
        control.append(element('option', { value }, value));
      }
      if (control.value !== value) {
        control.value = value;
        isOther = true;
      }
    }
    if (isOther) {
      this._renew();
    }
  }

  _hint(name, text) {
    setText(this._fields.get(name).hint, text);
  }

  _field(name, label, control, node = control) {
    const id = control.id;
    const hint = element('div', { id: `${id}-hint`, class: 'hpccw-hint' });
    const error = element('div', { id: `${id}-error`, class: 'hpccw-error', role: 'alert' });
    control.setAttribute('aria-describedby', `${error.id} ${hint.id}`);
    const field = element(
      'div',
      { class: 'hpccw-field', 'data-field': name },
      element('label', { for: id }, label),
      node,
      error,
      hint
    );
    this._fields.set(name, { node: field, control, error, hint });
    return field;
  }

  _input(options = {}) {
    return element('input', { id: uniqueName(), type: 'text', spellcheck: 'false', ...options });
  }

  _select(names) {
    const options = names.map(name => element('option', { value: name }, name));
    return element('select', { id: uniqueName() }, ...options);
  }

  _textarea() {
    return element('textarea', {
      id: uniqueName(),
      rows: 3,
      spellcheck: 'false',
      // Lab's own Ctrl+Enter runs the cell.
      'data-lm-suppress-shortcuts': 'true',
      keydown: event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          this.node.requestSubmit();
        }
      }
    });
  }
}
