/** An input for an image: free text, with the machine's own images to choose from. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useId, useRef, useState } from 'react';
import type { Door } from '../engine/door';
import type { IImage } from '../engine/records';
import { formatBytes } from '../words/format';

const MOST_SHOWN = 50;

export function ImagePicker(props: {
  id: string;
  value: string;
  door: Door;
  trans: TranslationBundle;
  invalid: boolean;
  describedBy?: string;
  onChange: (image: string) => void;
}): JSX.Element {
  const { value, door, trans, onChange } = props;
  const [images, setImages] = useState<IImage[]>([]);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const listId = useId();
  const list = useRef<HTMLUListElement>(null);

  const load = () => {
    door.images().then(setImages, () => setImages([]));
  };
  useEffect(load, [door]);
  const shown = matching(images, value);
  const choose = (image: IImage) => {
    onChange(image.path || image.reference);
    setOpen(false);
    setActive(-1);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setOpen(true);
      const next = Math.min(shown.length - 1, Math.max(-1, active + step));
      setActive(next);
      list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter' && isOpen && shown[active]) {
      event.preventDefault();
      choose(shown[active]);
    } else if (event.key === 'Escape' && isOpen) {
      event.stopPropagation();
      setOpen(false);
    }
  };
  const listed = isOpen && shown.length > 0;
  return (
    <div className="hpcc-ImagePicker">
      <input
        id={props.id}
        className="jp-mod-styled"
        value={value}
        placeholder="python:3.12"
        role="combobox"
        aria-expanded={listed}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={
          listed && active >= 0 ? `${listId}-${active}` : undefined
        }
        aria-invalid={props.invalid}
        aria-describedby={props.describedBy}
        autoComplete="off"
        spellCheck={false}
        onChange={event => {
          onChange(event.target.value);
          setOpen(true);
          setActive(-1);
        }}
        onFocus={load}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {listed && (
        <ul
          id={listId}
          ref={list}
          className="hpcc-ImagePicker-list"
          role="listbox"
          aria-label={trans.__('Images on this machine')}
        >
          {shown.map((image, i) => (
            <li
              key={`${image.runtime} ${image.path || image.reference}`}
              id={`${listId}-${i}`}
              role="option"
              aria-selected={i === active}
              className={i === active ? 'hpcc-mod-active' : ''}
              onMouseDown={event => {
                event.preventDefault();
                choose(image);
              }}
            >
              <span className="hpcc-ImagePicker-name">
                {image.path || image.reference}
              </span>
              <span className="hpcc-ImagePicker-size">
                {image.runtime} · {formatBytes(image.size_bytes)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Images whose name holds every word typed; all of them once one is chosen. */
function matching(images: IImage[], typed: string): IImage[] {
  const words = typed.toLowerCase().split(/\s+/);
  const names = images.map(image => image.path || image.reference);
  if (names.includes(typed)) {
    return images.slice(0, MOST_SHOWN);
  }
  return images
    .filter((_, i) => words.every(word => names[i].toLowerCase().includes(word)))
    .slice(0, MOST_SHOWN);
}
