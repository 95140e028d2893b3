/** Lines in the page. */
import { afterEach, describe, expect, it } from 'vitest';
import { LogText } from '../src/log/text';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('LogText', () => {
  const views: LogText[] = [];
  const newView = (maxLines?: number) => {
    const view = new LogText('log', maxLines);
    views.push(view);
    return view;
  };
  afterEach(() => {
    views.splice(0).forEach(view => view.dispose());
  });

  it('has the log as its text, whatever the log holds', () => {
    const log = '<b onclick="x">no</b>\n&amp; <script>1</script>\nlast';
    const view = newView();
    view.feed(bytes(log));
    view.flush();
    expect(view.node.querySelector('pre')?.textContent).toBe(log);
    expect(view.node.querySelectorAll('b, script').length).toBe(0);
  });

  it('redraws what changed only', () => {
    const view = newView();
    view.feed(bytes('one\ntwo\n'));
    view.flush();
    const first = view.node.querySelector('pre > span');
    view.feed(bytes('three\r3\n'));
    view.flush();
    expect(view.node.querySelector('pre > span')).toBe(first);
    expect(view.node.textContent).toBe('one\ntwo\n3hree\n');
  });

  it('drops lines at the top and stays equal to its screen', () => {
    const view = newView(50);
    for (let i = 0; i < 40; i++) {
      view.feed(bytes(`line ${i}\n`.repeat(7)));
      view.flush();
      expect(view.node.textContent).toBe(view.screen.tail(1e6));
    }
    expect(view.node.querySelectorAll('pre > span').length).toBe(50);
  });

  it('skips what nobody can read, and shows the end', () => {
    const view = newView();
    const line = 'x'.repeat(99) + '\n';
    for (let i = 0; i < 30; i++) {
      view.feed(bytes(line.repeat(1000)));
    }
    view.feed(bytes('the end'));
    view.flush();
    expect(view.skipped).toBeGreaterThan(1_000_000);
    expect(view.node.textContent?.endsWith('the end')).toBe(true);
  });

  it('marks colours with classes', () => {
    const view = newView();
    view.feed(bytes('\x1b[31mred\x1b[0m plain \x1b[38;5;208mown'));
    view.flush();
    expect(view.node.querySelector('.hpcc-fg-1')?.textContent).toBe('red');
    expect(view.node.textContent).toBe('red plain own');
  });
});
