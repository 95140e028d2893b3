/** The line under the form asks no more than one question at a time, and keeps up with news. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AGAIN_AFTER_MS, Question, RESTS_MS } from '../src/sidebar/question';

describe('Question', () => {
  let asked: string[];
  let told: string[];
  let answer: ((text: string | Error) => void)[];
  let question: Question;

  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    told = [];
    answer = [];
    question = new Question(
      wanted =>
        new Promise((resolve, reject) => {
          asked.push(wanted);
          answer.push(text =>
            typeof text === 'string' ? resolve(text) : reject(text)
          );
        }),
      text => told.push(text)
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it('asks once, when the values rest', async () => {
    for (const wanted of ['p', 'py', 'pyt']) {
      question.want(wanted);
      await pass(RESTS_MS - 1);
    }
    expect(asked).toEqual([]);
    await pass(1);
    expect(asked).toEqual(['pyt']);
    answer[0]('starts now');
    await pass(10 * AGAIN_AFTER_MS);
    expect(told).toEqual(['starts now']);
    expect(asked).toHaveLength(1);
  });

  it('drops a late answer for old values, and asks for the new ones after it', async () => {
    question.want('old');
    await pass(RESTS_MS);
    question.want('new');
    await pass(3 * RESTS_MS);
    expect(asked).toEqual(['old']);
    answer[0]('of the old');
    await pass(RESTS_MS);
    expect(told).toEqual([]);
    expect(asked).toEqual(['old', 'new']);
    answer[1]('of the new');
    await pass(0);
    expect(told).toEqual(['of the new']);
  });

  it('asks again on news, at most once a second', async () => {
    question.want('a job');
    await pass(RESTS_MS);
    answer[0]('never');
    for (let n = 0; n < 100; n++) {
      question.again();
      await pass(AGAIN_AFTER_MS / 50);
      answer.slice(1).forEach(tell => tell('now'));
    }
    expect(asked).toHaveLength(3);
    expect(told[told.length - 1]).toBe('now');
  });

  it('is silent when nothing is wanted, refused or wanted by nobody', async () => {
    question.want('wrong');
    await pass(RESTS_MS);
    answer[0](new Error('cores: not a number'));
    await pass(0);
    expect(told).toEqual(['']);
    question.want('');
    question.again();
    await pass(10 * AGAIN_AFTER_MS);
    expect(asked).toHaveLength(1);
    question.want('right');
    await pass(RESTS_MS);
    question.dispose();
    told.length = 0;
    answer[1]('too late');
    await pass(AGAIN_AFTER_MS);
    expect(told).toEqual([]);
  });
});
