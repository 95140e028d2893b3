/** The page's WebSocket: one for all, resumed by offset, shared by views of the same job. */
import { ServerConnection } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobStream } from '../src/engine/stream';

/** The far end of a WebSocket, in the test's hands. */
class Socket {
  static all: Socket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: () => void = () => undefined;
  onclose: () => void = () => undefined;
  onmessage: (event: { data: unknown }) => void = () => undefined;

  constructor(readonly url: string) {
    Socket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
    this.onclose();
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  log(job: number, offset: number, text: string): void {
    const bytes = new TextEncoder().encode(text);
    const frame = new Uint8Array(12 + bytes.length);
    const view = new DataView(frame.buffer);
    view.setUint32(0, job);
    view.setBigUint64(4, BigInt(offset));
    frame.set(bytes, 12);
    this.onmessage({ data: frame.buffer });
  }

  tell(message: unknown): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

function newStream(): JobStream {
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://here/user/x/',
    wsUrl: 'ws://here/user/x/',
    WebSocket: Socket as unknown as typeof WebSocket
  });
  return new JobStream(settings);
}

function reader(): { text: string; onLog: (bytes: Uint8Array) => void } {
  const one = {
    text: '',
    onLog: (bytes: Uint8Array) => {
      one.text += new TextDecoder().decode(bytes);
    }
  };
  return one;
}

describe('JobStream', () => {
  beforeEach(() => {
    Socket.all = [];
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('opens one socket, under the base URL', () => {
    const stream = newStream();
    stream.follow(1, 0, {});
    stream.follow(2, 0, {});
    expect(Socket.all.map(socket => socket.url)).toEqual([
      'ws://here/user/x/hpccontainers/stream'
    ]);
  });

  it('asks again from the first byte it lacks when the connection is cut', () => {
    const stream = newStream();
    const one = reader();
    stream.follow(7, 0, one);
    Socket.all[0].open();
    Socket.all[0].log(7, 0, 'hello ');
    Socket.all[0].close();
    vi.advanceTimersByTime(1000);
    Socket.all[1].open();
    expect(Socket.all[1].sent).toEqual([{ subscribe: 7, offset: 6 }]);
    Socket.all[1].log(7, 6, 'world');
    expect(one.text).toBe('hello world');
  });

  it('gives two views of one job each its bytes once', () => {
    const stream = newStream();
    const [old, young] = [reader(), reader()];
    stream.follow(7, 0, old);
    const [socket] = Socket.all;
    socket.open();
    socket.log(7, 0, 'abc');
    stream.follow(7, 0, young);
    expect(socket.sent[1]).toEqual({ subscribe: 7, offset: 0 });
    // Still under way from the subscription before: not for the newcomer.
    socket.log(7, 3, 'de');
    socket.log(7, 0, 'abcde');
    socket.log(7, 5, 'f');
    expect(old.text).toBe('abcdef');
    expect(young.text).toBe('abcdef');
  });

  it('ends the subscription with its last view, and the socket with the last of all', () => {
    const stream = newStream();
    const [first, second] = [stream.follow(7, 0, {}), stream.follow(7, 0, {})];
    const [socket] = Socket.all;
    socket.open();
    first.dispose();
    expect(socket.sent.some(message => 'unsubscribe' in message)).toBe(false);
    second.dispose();
    expect(socket.sent.some(message => message.unsubscribe === 7)).toBe(true);
    expect(socket.readyState).toBe(3);
    vi.advanceTimersByTime(60_000);
    expect(Socket.all.length).toBe(1);
  });

  it('tells states to who follows the job and to who watches all', () => {
    const stream = newStream();
    const states: string[] = [];
    stream.follow(7, 0, { onState: job => states.push(`one ${job.id}`) });
    stream.watch({
      onState: job => states.push(`all ${job.id}`),
      onOpen: () => states.push('open'),
      onLost: () => states.push('lost')
    });
    const [socket] = Socket.all;
    socket.open();
    socket.tell({ type: 'open', job: 'all' });
    socket.tell({ type: 'state', job: { id: 7 } });
    socket.tell({ type: 'state', job: { id: 8 } });
    socket.close();
    expect(states).toEqual(['open', 'all 7', 'one 7', 'all 8', 'lost']);
  });
});
