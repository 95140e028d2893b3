/** Requests to the server extension, which forwards them to the engine. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  IConfig,
  IDoorHealth,
  IErrorBody,
  IExplanation,
  IImage,
  IJob,
  IMachineUse
} from './records';

/** What the engine or the server refused, with what the person can do about it. */
export class EngineError extends Error {
  constructor(
    readonly status: number,
    readonly body: IErrorBody
  ) {
    super(body.message);
  }

  /** The form field at fault, or an empty text. */
  get field(): string {
    return this.body.field ?? '';
  }

  get cure(): string {
    return this.body.cure;
  }

  /** Whether this server knows no such route: the server extension is not loaded. */
  get noDoor(): boolean {
    return this.status === 404 && this.body.code === 'NoDoor';
  }
}

/** What a form sends; the engine checks it. */
export type JobRequest = Record<string, string | number | string[] | null>;

/** Bytes of a log, where they begin, and how many there are in all. */
export interface ILogPart {
  data: Uint8Array;
  offset: number;
  size: number;
}

/** The engine as the page sees it: one method for each thing it asks. */
export class Door {
  constructor(readonly settings = ServerConnection.makeSettings()) {}

  health(): Promise<IDoorHealth> {
    return this._ask('health');
  }

  machine(): Promise<IMachineUse> {
    return this._ask('machine');
  }

  config(): Promise<IConfig> {
    return this._ask('config');
  }

  async images(search = ''): Promise<IImage[]> {
    const query = URLExt.objectToQueryString({ search });
    return (await this._ask<{ images: IImage[] }>(`images${query}`)).images;
  }

  /** Newest first; an array is one job, with `tasks` they are listed too. */
  async jobs(limit: number, before?: number, tasks = false): Promise<IJob[]> {
    const query = URLExt.objectToQueryString({
      limit,
      tasks: tasks ? 1 : 0,
      ...(before === undefined ? {} : { before })
    });
    return (await this._ask<{ jobs: IJob[] }>(`jobs${query}`)).jobs;
  }

  async activeJobs(): Promise<IJob[]> {
    const query = 'state=active&limit=1000';
    return (await this._ask<{ jobs: IJob[] }>(`jobs?${query}`)).jobs;
  }

  job(id: number): Promise<IJob> {
    return this._ask(`jobs/${id}`);
  }

  /** Submit a job; the same key twice is one job. */
  submit(request: JobRequest, key: string): Promise<IJob> {
    return this._ask('jobs', {
      method: 'POST',
      body: JSON.stringify(request),
      headers: { 'Idempotency-Key': key }
    });
  }

  /** When such a job would start; submits nothing. */
  dryRun(request: JobRequest): Promise<IExplanation> {
    return this._ask('jobs/dry-run', {
      method: 'POST',
      body: JSON.stringify(request)
    });
  }

  cancel(id: number): Promise<IJob> {
    return this._ask(`jobs/${id}/cancel`, { method: 'POST', body: '{}' });
  }

  /** Let a running job stand still; it keeps what it holds. */
  suspend(id: number): Promise<IJob> {
    return this._ask(`jobs/${id}/suspend`, { method: 'POST', body: '{}' });
  }

  /** Let a suspended job run on. */
  resume(id: number): Promise<IJob> {
    return this._ask(`jobs/${id}/resume`, { method: 'POST', body: '{}' });
  }

  /** Stop every job that carries a tag. */
  async cancelTag(tag: string): Promise<IJob[]> {
    const body = JSON.stringify({ tag });
    const init = { method: 'POST', body };
    return (await this._ask<{ jobs: IJob[] }>('jobs/cancel', init)).jobs;
  }

  async log(id: number, offset: number, length: number): Promise<ILogPart> {
    const query = URLExt.objectToQueryString({ offset, length });
    const response = await this._fetch(`jobs/${id}/log${query}`);
    return {
      data: new Uint8Array(await response.arrayBuffer()),
      offset: Number(response.headers.get('X-Log-Offset') ?? 0),
      size: Number(response.headers.get('X-Log-Size') ?? 0)
    };
  }

  private async _ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this._fetch(path, init)).json()) as T;
  }

  private async _fetch(
    path: string,
    init: RequestInit = {}
  ): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, 'hpccontainers', path);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (reason) {
      throw new EngineError(0, {
        code: 'NoServer',
        message: String((reason as Error).message ?? reason),
        cure: 'Look whether the Jupyter server still runs.'
      });
    }
    if (!response.ok) {
      throw new EngineError(response.status, await errorOf(response));
    }
    return response;
  }
}

async function errorOf(response: Response): Promise<IErrorBody> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as {
      error?: IErrorBody;
      message?: string;
    };
    if (body.error) {
      return body.error;
    }
    if (response.status !== 404) {
      return {
        code: 'Refused',
        message: body.message ?? response.statusText,
        cure: ''
      };
    }
  } catch {
    // A page of HTML: whoever answered is not our server extension.
  }
  return {
    code: response.status === 404 ? 'NoDoor' : 'Refused',
    message: `${response.status} ${response.statusText}`,
    cure: ''
  };
}
