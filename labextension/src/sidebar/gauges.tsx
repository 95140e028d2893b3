/** The machine at a glance: what our jobs hold, what others use, what is free. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { IMachineUse } from '../engine/records';
import { formatBytes } from '../words/format';

export function Gauges(props: {
  use: IMachineUse;
  trans: TranslationBundle;
}): JSX.Element {
  const { use, trans } = props;
  const { machine, used, others } = use;
  const othersCores = Math.round(others.cores * 10) / 10;
  return (
    <section className="hpcc-Gauges" aria-label={trans.__('Machine')}>
      <Gauge
        label={trans.__('Cores')}
        used={used.cores}
        others={others.cores}
        all={machine.cores.length}
        text={trans.__('%1 of %2', used.cores, machine.cores.length)}
        othersText={
          othersCores ? trans.__('others use %1', othersCores) : ''
        }
      />
      <Gauge
        label={trans.__('Memory')}
        used={used.memory_bytes}
        others={others.memory_bytes}
        all={machine.memory_bytes}
        text={trans.__(
          '%1 of %2',
          formatBytes(used.memory_bytes),
          formatBytes(machine.memory_bytes)
        )}
        othersText={
          others.memory_bytes
            ? trans.__('others use %1', formatBytes(others.memory_bytes))
            : ''
        }
      />
      {machine.gpus.map(gpu => (
        <GpuGauge key={gpu.number} gpu={gpu} use={use} trans={trans} />
      ))}
      {machine.limited_by.length > 0 && (
        <div className="hpcc-Gauge-note">
          {trans.__('limited by %1', machine.limited_by.join(', '))}
        </div>
      )}
    </section>
  );
}

function Gauge(props: {
  label: string;
  used: number;
  others: number;
  all: number;
  text: string;
  othersText: string;
}): JSX.Element {
  const { label, used, others, all, text, othersText } = props;
  const percent = (n: number) => (all ? Math.min(100, (100 * n) / all) : 0);
  const ours = percent(used);
  return (
    <div className="hpcc-Gauge">
      <span className="hpcc-Gauge-label">{label}</span>
      <span
        className="hpcc-Gauge-bar"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={used}
        aria-valuetext={othersText ? `${text}, ${othersText}` : text}
      >
        <span className="hpcc-Gauge-ours" style={{ width: `${ours}%` }} />
        <span
          className="hpcc-Gauge-others"
          style={{ width: `${Math.min(100 - ours, percent(others))}%` }}
        />
      </span>
      <span className="hpcc-Gauge-text">
        {text}
        {othersText && <span className="hpcc-Gauge-note"> · {othersText}</span>}
      </span>
    </div>
  );
}

function GpuGauge(props: {
  gpu: { number: number; name: string };
  use: IMachineUse;
  trans: TranslationBundle;
}): JSX.Element {
  const { gpu, use, trans } = props;
  const ours = use.used_gpus?.includes(gpu.number) ?? false;
  const theirs = use.others.busy_gpus.includes(gpu.number);
  const text = ours
    ? trans.__('in use')
    : theirs
      ? trans.__('used by others')
      : trans.__('free');
  return (
    <Gauge
      label={`GPU ${gpu.number}`}
      used={ours ? 1 : 0}
      others={theirs && !ours ? 1 : 0}
      all={1}
      text={`${text} · ${gpu.name}`}
      othersText=""
    />
  );
}
