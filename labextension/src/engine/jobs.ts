/** What the page knows of the engine: its health, machine, and jobs, kept up to date by the stream. */
import { DisposableSet, type IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Door} from './door';
import { EngineError } from './door';
import {
  countsOf,
  isDone,
  type IConfig,
  type IErrorBody,
  type IHealth,
  type IJob,
  type IMachineUse
} from './records';
import type { JobStream } from './stream';

/** Jobs listed at first and with every "show more". */
const PAGE = 100;
/** Tasks of an array that are listed below it. */
export const MOST_TASKS = 1000;
/** Ended jobs are forgotten here beyond this many; "show older" asks for them again. */
const MOST_KEPT = 5000;
/** Changes within this time are told together. */
const GATHER_MS = 60;
/** Other people's use of the machine changes without an event of ours. */
const MACHINE_EVERY_MS = 5000;

/** One for each page; every view shows it, none asks on its own. */
export class JobsModel implements IDisposable {
  constructor(
    readonly door: Door,
    readonly stream: JobStream
  ) {
    this._disposables.add(
      stream.watch({
        onState: job => this._learn(job),
        onOpen: () => void this.refresh(),
        onLost: error => this._lost(error)
      })
    );
    void this.refresh();
  }

  /** Something of what is shown changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A job that this page saw before its end ended. */
  get ended(): ISignal<this, IJob> {
    return this._ended;
  }

  health: IHealth | null = null;
  /** The folder the server shows, on its machine. */
  root = '';
  config: IConfig | null = null;
  use: IMachineUse | null = null;
  /** Why there is no engine; null while there is one or nothing is known yet. */
  trouble: IErrorBody | null = null;
  /** Another number whenever something changed that may let a new job start sooner or later. */
  news = 0;
  /** Whether older jobs than those listed may exist. */
  hasMore = false;

  /** Newest first. */
  get jobs(): IJob[] {
    this._sorted ??= [...this._jobs.values()].sort((a, b) => b.id - a.id);
    return this._sorted;
  }

  get isDisposed(): boolean {
    return this._disposables.isDisposed;
  }

  dispose(): void {
    window.clearTimeout(this._machineTimer);
    window.clearTimeout(this._changeTimer);
    this._disposables.dispose();
    Signal.clearData(this);
  }

  job(id: number): IJob | undefined {
    return this._jobs.get(id);
  }

  /** Ask for everything again. */
  async refresh(): Promise<void> {
    try {
      const { engine, error, root } = await this.door.health();
      this.root = root;
      if (!engine) {
        this._lost(error);
        return;
      }
      const [config, active, newest] = await Promise.all([
        this.door.config(),
        this.door.activeJobs(),
        this.door.jobs(PAGE)
      ]);
      this.health = engine;
      this.config = config;
      this.trouble = null;
      this.hasMore = newest.length === PAGE;
      this._listedTo = newest[newest.length - 1]?.id;
      [...active, ...newest].forEach(job => this._learn(job));
      this._tell();
      await this._learnEnded(active);
      await this.refreshMachine();
    } catch (reason) {
      this._lost(errorBody(reason));
    }
  }

  /** List older jobs too. */
  async more(): Promise<void> {
    const older = await this.door.jobs(PAGE, this._listedTo);
    this.hasMore = older.length === PAGE;
    this._listedTo = older[older.length - 1]?.id ?? this._listedTo;
    older.forEach(job => this._learn(job));
    this._tell();
  }

  /** Learn the newest tasks of an array that have begun: their numbers follow its own. */
  async learnTasks(array: IJob): Promise<void> {
    const after = array.id + countsOf(array).all + 1;
    const newest = await this.door.jobs(MOST_TASKS, after, true);
    newest
      .filter(job => job.task?.array === array.id)
      .forEach(job => this._learn(job));
    this._tell();
  }

  /** Look what is given and what others use; while somebody watches, again and again. */
  async refreshMachine(): Promise<void> {
    window.clearTimeout(this._machineTimer);
    this._machineTimer = 0;
    try {
      const use = await this.door.machine();
      this.news += looksAs(use) === looksAs(this.use) ? 0 : 1;
      this.use = use;
      this._tell();
    } catch (reason) {
      this._lost(errorBody(reason));
    }
    this._scheduleMachine(MACHINE_EVERY_MS);
  }

  /** While a view of the machine is open, its figures are kept fresh. */
  watchMachine(): IDisposable {
    this._machineWatchers += 1;
    void this.refreshMachine();
    let disposed = false;
    return {
      get isDisposed(): boolean {
        return disposed;
      },
      dispose: () => {
        this._machineWatchers -= disposed ? 0 : 1;
        disposed = true;
      }
    };
  }

  /** Take a record from an answer of the engine. */
  learn(job: IJob): void {
    this._learn(job);
  }

  private _learn(job: IJob): void {
    const before = this._jobs.get(job.id);
    if (before && isNewer(before, job)) {
      return;
    }
    this._jobs.set(job.id, job);
    this._sorted = null;
    this._forgetOld();
    if (before && !isDone(before) && isDone(job)) {
      this._ended.emit(job);
    }
    if (before?.state !== job.state) {
      this.news += 1;
      this._scheduleMachine(GATHER_MS);
    }
    this._tell();
  }

  /** Tasks are in no list of newest jobs: look how those ended that ran when last heard of. */
  private async _learnEnded(active: IJob[]): Promise<void> {
    const alive = new Set(active.map(job => job.id));
    const left = this.jobs.filter(job => !isDone(job) && !alive.has(job.id));
    const arrays = new Set(left.map(job => job.task?.array));
    for (const id of arrays) {
      const array = this._jobs.get(id ?? 0);
      if (array) {
        await this.learnTasks(array);
      }
    }
  }

  private _forgetOld(): void {
    if (this._jobs.size > MOST_KEPT) {
      const ended = this.jobs.filter(isDone).slice(MOST_KEPT / 2);
      ended.forEach(job => this._jobs.delete(job.id));
      this.hasMore = true;
      this._sorted = null;
    }
  }

  private _lost(error: IErrorBody | null): void {
    this.health = null;
    this.trouble = error ?? {
      code: 'NoServer',
      message: '',
      cure: ''
    };
    this._tell();
  }

  /** An earlier date stays: a steady stream of changes must not put it off for ever. */
  private _scheduleMachine(pause: number): void {
    const due = Date.now() + pause;
    const isSooner = !this._machineTimer || due < this._machineDue;
    if (this._machineWatchers > 0 && !this.isDisposed && isSooner) {
      window.clearTimeout(this._machineTimer);
      this._machineDue = due;
      this._machineTimer = window.setTimeout(
        () => void this.refreshMachine(),
        pause
      );
    }
  }

  /** At once after a quiet time; what follows closely is told together. */
  private _tell(): void {
    if (!this._changeTimer && !this.isDisposed) {
      const pause = Math.max(0, this._toldAt + GATHER_MS - Date.now());
      this._changeTimer = window.setTimeout(() => {
        this._changeTimer = 0;
        this._toldAt = Date.now();
        this._changed.emit();
      }, pause);
    }
  }

  private _changed = new Signal<this, void>(this);
  private _ended = new Signal<this, IJob>(this);
  private _jobs = new Map<number, IJob>();
  private _sorted: IJob[] | null = null;
  private _disposables = new DisposableSet();
  /** The oldest of the jobs that were listed without a gap. */
  private _listedTo: number | undefined;
  private _machineWatchers = 0;
  private _machineTimer = 0;
  private _machineDue = 0;
  private _changeTimer = 0;
  private _toldAt = 0;
}

/** An error of any kind in the form views show. */
export function errorBody(reason: unknown): IErrorBody {
  if (reason instanceof EngineError) {
    return reason.body;
  }
  return { code: 'Unexpected', message: String(reason), cure: '' };
}

/** A machine as far as it matters to a new job; what others use is never the same twice. */
function looksAs(use: IMachineUse | null): string {
  const others = use?.others && {
    cores: Math.round(use.others.cores),
    memory: Math.round(use.others.memory_bytes / 2 ** 28),
    gpus: use.others.busy_gpus
  };
  return JSON.stringify({ ...use, others });
}

/** An answer that was under way while the stream told more must not undo it. */
function isNewer(known: IJob, told: IJob): boolean {
  return isDone(known) && !isDone(told) && known.attempt >= told.attempt;
}
