/** The page's one WebSocket: states of jobs as text, bytes of their logs as binary frames. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import type { IErrorBody, IJob } from './records';

/** Job (uint32) and offset (uint64), big-endian, before the bytes. */
const HEADER_BYTES = 12;
const PAUSES_MS = [300, 1000, 3000, 10000];

/** Who follows one job. */
export interface IFollower {
  /** Bytes of the log; they arrive in order and without gaps. */
  onLog?(bytes: Uint8Array, offset: number): void;
  onState?(job: IJob): void;
  /** The job is done and every byte was delivered. */
  onEnd?(): void;
  onError?(error: IErrorBody): void;
}

/** Who follows the states of all jobs. */
export interface IWatcher {
  onState(job: IJob): void;
  /** The stream is there (again): what happened before it must be asked for. */
  onOpen(): void;
  /** The server or the engine is gone; the stream comes back by itself. */
  onLost(error: IErrorBody | null): void;
}

interface IPlace {
  follower: IFollower;
  position: number;
}

interface IMessage {
  type: string;
  job?: number | IJob | 'all';
  error?: IErrorBody;
}

/** Opened with the first subscription, closed with the last, resumed by offset in between. */
export class JobStream {
  constructor(private _settings = ServerConnection.makeSettings()) {}

  /** Follow a job's states and, from `offset` on, its log. */
  follow(job: number, offset: number, follower: IFollower): IDisposable {
    const place: IPlace = { follower, position: offset };
    const places = this._places.get(job) ?? new Set<IPlace>();
    this._places.set(job, places.add(place));
    this._subscribe(job);
    return new DisposableDelegate(() => {
      places.delete(place);
      if (places.size === 0 && this._places.get(job) === places) {
        this._places.delete(job);
        this._send({ unsubscribe: job });
        this._closeIfUnused();
      }
    });
  }

  /** Follow the states of all jobs. */
  watch(watcher: IWatcher): IDisposable {
    this._watchers.add(watcher);
    this._send({ subscribe: 'all' });
    this._open();
    return new DisposableDelegate(() => {
      this._watchers.delete(watcher);
      if (this._watchers.size === 0) {
        this._send({ unsubscribe: 'all' });
        this._closeIfUnused();
      }
    });
  }

  private get _isOpen(): boolean {
    return this._socket?.readyState === 1;
  }

  private get _used(): boolean {
    return this._watchers.size > 0 || this._places.size > 0;
  }

  private _open(): void {
    if (this._socket || !this._used) {
      return;
    }
    const s = this._settings;
    let url = URLExt.join(s.wsUrl, 'hpccontainers', 'stream');
    if (s.appendToken && s.token) {
      url += `?token=${encodeURIComponent(s.token)}`;
    }
    const socket = new s.WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this._onOpen();
    socket.onclose = () => this._onClose(socket);
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) =>
      this._onMessage(event.data);
    this._socket = socket;
  }

  private _closeIfUnused(): void {
    if (!this._used) {
      const socket = this._socket;
      this._socket = null;
      socket?.close();
      window.clearTimeout(this._retryTimer);
    }
  }

  private _onOpen(): void {
    this._failures = 0;
    for (const job of this._places.keys()) {
      this._subscribe(job);
    }
    if (this._watchers.size) {
      this._send({ subscribe: 'all' });
    }
  }

  private _onClose(socket: WebSocket): void {
    if (this._socket !== socket) {
      return;
    }
    this._socket = null;
    this._watchers.forEach(watcher => watcher.onLost(null));
    const pause = PAUSES_MS[Math.min(this._failures, PAUSES_MS.length - 1)];
    this._failures += 1;
    this._retryTimer = window.setTimeout(() => this._open(), pause);
  }

  /** Ask from the first byte that somebody lacks; whoever has it already skips it. */
  private _subscribe(job: number): void {
    const places = this._places.get(job);
    if (this._isOpen && places?.size) {
      const offset = Math.min(...[...places].map(place => place.position));
      this._send({ subscribe: job, offset });
    }
    this._open();
  }

  private _send(message: Record<string, string | number>): void {
    if (this._isOpen) {
      this._socket?.send(JSON.stringify(message));
    }
  }

  private _onMessage(data: ArrayBuffer | string): void {
    if (typeof data !== 'string') {
      this._onLog(data);
      return;
    }
    const message = JSON.parse(data) as IMessage;
    if (message.type === 'state') {
      this._onState(message.job as IJob);
    } else if (message.type === 'open' && message.job === 'all') {
      this._watchers.forEach(watcher => watcher.onOpen());
    } else if (message.type === 'end') {
      this._each(message.job as number, follower => follower.onEnd?.());
    } else if (message.error && message.job === 'all') {
      const error = message.error;
      this._watchers.forEach(watcher => watcher.onLost(error));
    } else if (message.type === 'error' && message.error) {
      const error = message.error;
      this._each(message.job as number, follower => follower.onError?.(error));
    }
  }

  private _onState(job: IJob): void {
    this._watchers.forEach(watcher => watcher.onState(job));
    this._each(job.id, follower => follower.onState?.(job));
  }

  private _onLog(data: ArrayBuffer): void {
    const view = new DataView(data);
    const job = view.getUint32(0);
    const offset = Number(view.getBigUint64(4));
    const bytes = new Uint8Array(data, HEADER_BYTES);
    for (const place of [...(this._places.get(job) ?? [])]) {
      // Bytes further on than a newcomer's position are of the subscription before its own.
      const known = place.position - offset;
      if (known >= 0 && known < bytes.length) {
        const fresh = known > 0 ? bytes.subarray(known) : bytes;
        place.position = offset + bytes.length;
        place.follower.onLog?.(fresh, place.position - fresh.length);
      }
    }
  }

  private _each(job: number, tell: (follower: IFollower) => void): void {
    [...(this._places.get(job) ?? [])].forEach(place => tell(place.follower));
  }

  private _socket: WebSocket | null = null;
  private _failures = 0;
  private _retryTimer = 0;
  private _places = new Map<number, Set<IPlace>>();
  private _watchers = new Set<IWatcher>();
}
