/** The line under the form: when this job would start, asked as the values rest. */
import React, { useEffect, useState } from 'react';
import type { Door, JobRequest } from '../engine/door';

/** How long values rest before the engine is asked, in milliseconds. */
const RESTS_MS = 250;

export function Outlook(props: {
  /** Null while there is nothing to ask. */
  request: JobRequest | null;
  door: Door;
}): JSX.Element {
  const { request, door } = props;
  const [told, setTold] = useState('');
  const asked = request ? JSON.stringify(request) : '';
  useEffect(() => {
    if (!asked) {
      setTold('');
      return;
    }
    let late = false;
    const timer = window.setTimeout(() => {
      door.dryRun(JSON.parse(asked) as JobRequest).then(
        answer => late || setTold(answer.outlook),
        // What is wrong with a field is said when it is submitted.
        () => late || setTold('')
      );
    }, RESTS_MS);
    return () => {
      late = true;
      window.clearTimeout(timer);
    };
  }, [asked, door]);
  return (
    <div className="hpcc-Hint hpcc-Outlook" role="status">
      {told}
    </div>
  );
}
