/** What a terminal would show of a log. */
import { describe, expect, it } from 'vitest';
import { Screen } from '../src/log/screen';
import { styleParts } from '../src/log/style';

const bytes = (text: string) => new TextEncoder().encode(text);

function shown(...pieces: string[]): string {
  const screen = new Screen(100);
  pieces.forEach(piece => screen.write(piece));
  return screen.tail(1e6);
}

describe('Screen', () => {
  it('keeps plain lines byte for byte', () => {
    const log = 'one\n\n  two\tcolumns\nthree without an end';
    expect(shown(log)).toBe(log);
  });

  it('overwrites after a carriage return, as progress bars do', () => {
    expect(shown('  0 %\r 50 %\r100 %\ndone\n')).toBe('100 %\ndone\n');
    expect(shown('long text\rshort')).toBe('shorttext');
    expect(shown('long text\r\x1b[Kshort')).toBe('short');
  });

  it('takes CR LF as the end of a line', () => {
    expect(shown('a\r\nb\r\n')).toBe('a\nb\n');
  });

  it('goes up for bars of several lines', () => {
    expect(shown('a 0%\nb 0%\n\x1b[2Aa 9%\n\x1b[1Bend')).toBe(
      'a 9%\nb 0%\nend'
    );
  });

  it('joins what was cut in the middle of a character or a sequence', () => {
    const screen = new Screen(10);
    const whole = bytes('é\x1b[31mred\x1b[0m');
    for (const byte of whole) {
      screen.feed(new Uint8Array([byte]));
    }
    expect(screen.tail(99)).toBe('éred');
    expect(styleParts(screen.lines[0].styles?.[1] ?? 0).fg).toBe(1);
  });

  it('drops links, titles and controls, and keeps what they surround', () => {
    const link = '\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07';
    expect(shown(link)).toBe('click');
    expect(shown('\x1b]0;title\x1b\\text')).toBe('text');
    expect(shown('a\x00b\x07c\x7fd\u009be')).toBe('abcde');
    expect(shown('\u202eevil\u2066')).toBe('evil');
  });

  it('shows markup as text', () => {
    const markup = '<img src=x onerror=alert(1)> & <script>';
    expect(shown(markup)).toBe(markup);
  });

  it('does not wait for ever for a sequence that never ends', () => {
    expect(shown('\x1b[12\nnext')).toContain('next');
    expect(shown('\x1b]0;title\nnext')).toContain('next');
  });

  it('is bounded: the last lines stay', () => {
    const screen = new Screen(100);
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`);
    screen.write(lines.join(''));
    expect(screen.lines.length).toBe(100);
    expect(screen.tail(1e6)).toBe(lines.slice(-99).join(''));
    expect(screen.dropped + screen.lines.length).toBe(50_001);
  });

  it('breaks a line of ten million characters', () => {
    const screen = new Screen(100);
    screen.write('x'.repeat(10_000_000));
    const longest = Math.max(...screen.lines.map(line => line.text.length));
    expect(longest).toBe(4096);
    expect(screen.lines.length).toBe(100);
  });

  it('takes a million changes of colour', () => {
    const screen = new Screen(100);
    screen.write('\x1b[31m\x1b[0m'.repeat(500_000) + 'end');
    expect(screen.tail(10)).toBe('end');
  });

  it('knows bold, 16, 256 and true colours', () => {
    const screen = new Screen(10);
    screen.write('\x1b[1;91mA\x1b[0;38;5;208mB\x1b[38;2;255;0;0mC\x1b[39;7mD');
    const styles = screen.lines[0].styles?.map(styleParts) ?? [];
    expect(styles.map(s => s.fg)).toEqual([9, 208, 196, 0]);
    expect(styles.map(s => s.bold)).toEqual([true, false, false, false]);
    expect(styles[3].bg).toBe(7);
  });

  it('gives a tail of whole lines', () => {
    expect(shownTail('first\nsecond\nthird\n', 14)).toBe('second\nthird\n');
    expect(shownTail('0123456789', 4)).toBe('6789');
  });
});

function shownTail(log: string, characters: number): string {
  const screen = new Screen(10);
  screen.write(log);
  return screen.tail(characters);
}
