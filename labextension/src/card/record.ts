/** The record of a job in a saved notebook: written by anybody, so believed in nothing. */

import type { JSONObject } from '@lumino/coreutils';
import type { IJob, IResources } from '../engine/records';

/** The MIME type of a job card. */
export const MIME_TYPE = 'application/vnd.hpccontainers.job+json';
/** Most of a log that is kept in the notebook. */
export const TAIL_CHARACTERS = 4000;
const LONGEST_TEXT = 300;
const MOST_REMARKS = 10;

/** What a card can show without asking anybody; every text is of bounded length. */
export interface IRecord {
  engine: string;
  job: number;
  state: string;
  result: string | null;
  exitCode: number | null;
  name: string;
  image: string;
  reason: string;
  resources: IResources | null;
  /** What else there is to know: what rules of the site changed, warnings. */
  remarks: string[];
  tail: string;
}

/** Read a bundle's data; null when it names no job. */
export function readRecord(data: unknown): IRecord | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return null;
  }
  const given = data as Record<string, unknown>;
  const job = given.job;
  if (typeof job !== 'number' || !Number.isSafeInteger(job) || job < 1) {
    return null;
  }
  const text = (key: string, longest = LONGEST_TEXT) =>
    typeof given[key] === 'string' ? given[key].slice(0, longest) : '';
  const exitCode = given.exit_code;
  return {
    engine: text('engine'),
    job,
    state: text('state'),
    result: text('result') || null,
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    name: text('name'),
    image: text('image'),
    reason: text('reason'),
    resources: readResources(given),
    remarks: [...texts(given.notes), ...texts(given.warnings)],
    tail:
      typeof given.tail === 'string' ? given.tail.slice(-TAIL_CHARACTERS) : ''
  };
}

/** What a bundle says of a job after its end, over what it said before. */
export function lastWords(job: IJob, tail: string): JSONObject {
  return {
    state: job.state,
    result: job.result,
    reason: job.reason?.sentence ?? '',
    position: null,
    started_at: job.started_at,
    ended_at: job.ended_at,
    exit_code: job.exit_code,
    signal: job.signal ?? null,
    notes: job.notes ?? [],
    warnings: job.warnings,
    log_bytes: job.log_bytes,
    tail
  };
}

function texts(given: unknown): string[] {
  return (Array.isArray(given) ? given : [])
    .filter(one => typeof one === 'string')
    .slice(0, MOST_REMARKS)
    .map(one => one.slice(0, LONGEST_TEXT));
}

function readResources(given: Record<string, unknown>): IResources | null {
  const [cores, memory, gpus] = [given.cores, given.memory_bytes, given.gpus];
  return typeof cores === 'number' &&
    typeof memory === 'number' &&
    typeof gpus === 'number'
    ? { cores, memory_bytes: memory, gpus }
    : null;
}
