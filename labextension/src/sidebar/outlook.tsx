/** The line under the form: when this job would start, asked as the values rest. */
import React, { useEffect, useState } from 'react';
import type { Door, JobRequest } from '../engine/door';
import { Question } from './question';

export function Outlook(props: {
  /** Null while there is nothing to ask. */
  request: JobRequest | null;
  /** Another number whenever the queue or the machine changed. */
  news: number;
  door: Door;
}): JSX.Element {
  const { request, news, door } = props;
  const [told, setTold] = useState('');
  const [question, setQuestion] = useState<Question | null>(null);
  const wanted = request ? JSON.stringify(request) : '';
  useEffect(() => {
    const made = new Question(async asked => {
      const answer = await door.dryRun(JSON.parse(asked) as JobRequest);
      return [...(answer.notes ?? []), answer.outlook].join('\n');
    }, setTold);
    setQuestion(made);
    return () => made.dispose();
  }, [door]);
  useEffect(() => question?.want(wanted), [question, wanted]);
  useEffect(() => question?.again(), [question, news]);
  return (
    <div className="hpcc-Hint hpcc-Outlook" role="status">
      {told}
    </div>
  );
}
