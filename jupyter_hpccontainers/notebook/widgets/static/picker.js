/** An input for an image: free text, with this machine's own images to choose from. */
import { element } from './dom.js';
import { bytesText } from './words.js';

const MOST_LISTED = 50;

/** Makes an input into a combobox (ARIA 1.2) over images; `onOpen` may bring newer ones. */
export class ImagePicker {
  constructor(input, onOpen) {
    this._input = input;
    this._images = [];
    this._shown = [];
    this._active = -1;
    this._list = element('ul', {
      id: `${input.id}-list`,
      class: 'hpccw-images',
      role: 'listbox',
      'aria-label': 'Images on this machine',
      hidden: true
    });
    this.node = element('div', { class: 'hpccw-picker' }, input, this._list);
    for (const [name, value] of Object.entries({
      role: 'combobox',
      'aria-autocomplete': 'list',
      'aria-expanded': 'false',
      'aria-controls': this._list.id,
      autocomplete: 'off'
    })) {
      input.setAttribute(name, value);
    }
    input.addEventListener('focus', onOpen);
    input.addEventListener('click', () => this._open());
    input.addEventListener('input', () => this._open());
    input.addEventListener('blur', () => this._close());
    input.addEventListener('keydown', event => this._onKey(event));
  }

  setImages(images) {
    this._images = images;
    if (!this._list.hidden) {
      this._open();
    }
  }

  /** List images whose name holds every word typed; all of them once one is chosen. */
  _open() {
    const typed = this._input.value;
    const words = typed.toLowerCase().split(/\s+/);
    const chosen = this._images.some(image => image.name === typed);
    this._shown = this._images
      .filter(({ name }) => chosen || words.every(word => name.toLowerCase().includes(word)))
      .slice(0, MOST_LISTED);
    this._list.replaceChildren(...this._shown.map((image, i) => this._option(image, i)));
    this._list.hidden = this._shown.length === 0;
    this._input.setAttribute('aria-expanded', String(!this._list.hidden));
    this._activate(-1);
  }

  _option(image, i) {
    const about = `${image.runtime} · ${bytesText(image.size_bytes)}`;
    return element(
      'li',
      {
        id: `${this._list.id}-${i}`,
        role: 'option',
        'aria-selected': 'false',
        mousedown: event => {
          event.preventDefault();
          this._choose(image);
        }
      },
      element('span', {}, image.name),
      element('span', { class: 'hpccw-hint' }, about)
    );
  }

  _choose(image) {
    this._input.value = image.name;
    this._input.dispatchEvent(new Event('input', { bubbles: true }));
    this._input.dispatchEvent(new Event('change', { bubbles: true }));
    this._close();
  }

  _close() {
    this._list.hidden = true;
    this._input.setAttribute('aria-expanded', 'false');
    this._activate(-1);
  }

  _activate(at) {
    this._list.children[this._active]?.setAttribute('aria-selected', 'false');
    this._active = at;
    const option = this._list.children[at];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) {
      this._input.setAttribute('aria-activedescendant', option.id);
    } else {
      this._input.removeAttribute('aria-activedescendant');
    }
  }

  _onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (this._list.hidden) {
        this._open();
      }
      this._activate(Math.min(this._shown.length - 1, Math.max(-1, this._active + step)));
    } else if (event.key === 'Enter' && this._shown[this._active] && !this._list.hidden) {
      event.preventDefault();
      this._choose(this._shown[this._active]);
    } else if (event.key === 'Escape') {
      this._close();
    }
  }
}
