/** A job as what a person would type to run it again. */
import type { IJob } from '../engine/records';

/** A shell line for a command, a notebook cell for a script. */
export function commandLine(job: IJob): string {
  const { spec } = job;
  const { cores, memory_bytes: memory, gpus } = spec.resources;
  const words = ['-c', String(cores)];
  if (memory) {
    words.push('-m', memoryWord(memory));
  }
  if (gpus) {
    words.push('-g', String(gpus));
  }
  if (spec.time_limit_s) {
    words.push('-t', timeWord(spec.time_limit_s));
  }
  if (spec.name) {
    words.push('-n', spec.name);
  }
  for (const tag of spec.tags) {
    words.push('--tag', tag);
  }
  if (spec.array && !job.task) {
    const most = spec.array.max_running;
    words.push('--array', spec.array.indexes + (most ? `%${most}` : ''));
  }
  words.push(spec.image);
  if (spec.script !== null) {
    return `%%container ${words.map(quote).join(' ')}\n${spec.script}`;
  }
  if (spec.command.length) {
    words.push('--', ...spec.command);
  }
  return `jupyter hpccontainers submit ${words.map(quote).join(' ')}`;
}

/** A word as a POSIX shell reads it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replace(/'/g, `'"'"'`)}'`;
}

function memoryWord(bytes: number): string {
  for (const [unit, size] of [
    ['g', 2 ** 30],
    ['m', 2 ** 20],
    ['k', 2 ** 10]
  ] as const) {
    if (bytes % size === 0) {
      return `${bytes / size}${unit}`;
    }
  }
  return `${bytes}b`;
}

function timeWord(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
