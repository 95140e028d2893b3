/** What the engine answers, as it comes over the wire (engine/openapi.yaml). */

export type State =
  | 'PENDING'
  | 'HELD'
  | 'STARTING'
  | 'RUNNING'
  | 'SUSPENDED'
  | 'STOPPING'
  | 'DONE';

export interface IResources {
  cores: number;
  memory_bytes: number;
  gpus: number;
}

export interface IReason {
  code: string;
  details: Record<string, unknown>;
  sentence?: string;
}

export interface ISpec {
  image: string;
  command: string[];
  script: string | null;
  resources: IResources;
  time_limit_s: number | null;
  name: string;
  tags: string[];
  runtime: string;
  array?: { indexes: string; max_running: number | null; items: string[] } | null;
}

/** When a job starts and what would start it now, in words. */
export interface IExplanation {
  outlook: string;
  /** What rules of the site would change of what is asked, and why. */
  notes?: string[];
  sentence: string;
}

export interface ITaskCounts {
  pending: number;
  running: number;
  completed: number;
  failed: number;
  cancelled: number;
}

export interface IJob {
  id: number;
  engine: string;
  spec: ISpec;
  state: State;
  result: string | null;
  reason: IReason | null;
  position: number | null;
  /** While it waits; an engine before this door does not tell. */
  predicted_start?: number | null;
  submitted_at: number;
  started_at: number | null;
  ended_at: number | null;
  /** Seconds since its start that its limit does not count; an older engine does not tell. */
  paused_s?: number;
  suspended_at?: number | null;
  user: string;
  attempt: number;
  runtime: string;
  allocation: { cores: number[]; memory_bytes: number; gpus: number[] } | null;
  exit_code: number | null;
  signal?: number | null;
  /** What rules of the site changed of what was asked, and why. */
  notes?: string[];
  warnings: string[];
  log_bytes: number;
  progress?: Record<string, unknown>;
  /** Which task of which array it is. */
  task?: { array: number; index: number; item: string | null } | null;
  /** Of an array: how its tasks stand. */
  tasks?: ITaskCounts | null;
}

export interface IHealth {
  engine: string;
  user: string;
  version: string;
  running: number;
  pending: number;
  accepting: boolean;
  survives?: string;
}

export interface IDoorHealth {
  /** The version of the server extension. */
  server: string;
  /** The folder the server shows, as a path of its machine. */
  root: string;
  engine: IHealth | null;
  error: IErrorBody | null;
}

export interface IErrorBody {
  code: string;
  message: string;
  cure: string;
  field?: string;
}

export interface IMachineUse {
  machine: {
    hostname: string;
    cores: { number: number }[];
    memory_bytes: number;
    gpus: { number: number; name: string }[];
    limited_by: string[];
  };
  used: IResources;
  used_cores?: number[];
  used_gpus?: number[];
  others: { cores: number; memory_bytes: number; busy_gpus: number[] };
}

export interface IConfig {
  runtimes: { name?: string }[];
  max: IResources;
  networks: string[];
  priorities: string[];
  default_memory_per_core_bytes?: number;
}

export interface IImage {
  reference: string;
  runtime: string;
  digest: string;
  size_bytes: number;
  path?: string;
}

/** Whether the job will not run any more. */
export function isDone(job: { state: string }): boolean {
  return job.state === 'DONE';
}

/** Whether the job has not been started yet. */
export function waits(job: { state: string }): boolean {
  return job.state === 'PENDING' || job.state === 'HELD';
}

/** Whether a job stands for many. */
export function isArray(job: IJob): boolean {
  return Boolean(job.tasks);
}

/** How many tasks an array has, have ended, and have begun and so have a record. */
export function countsOf(job: IJob): { all: number; done: number; begun: number } {
  const { pending, running, completed, failed, cancelled } = job.tasks ?? {
    pending: 0,
    running: 0,
    completed: 0,
    failed: 0,
    cancelled: 0
  };
  const done = completed + failed + cancelled;
  return { all: pending + running + done, done, begun: running + done };
}
