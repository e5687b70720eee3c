import type { ReactElement } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import { type SupervisorRow, supervisorRows } from '../../../app/xsave/supervisor.ts';
import { Hex64 } from '../../controls/Hex64.tsx';
import { memoizeByIdentity } from '../../store/base/memoize.ts';

const rowsOf = memoizeByIdentity(supervisorRows);

/** LBR has a hundred registers: the first of them stand for all. */
const MOST_VALUES = 16;

/** State that KVM's buffer never carries: where it lives instead, and its registers from there. */
export function SupervisorBlock({ capture, bit }: { capture: Capture; bit: number }): ReactElement | null {
  const row: SupervisorRow | undefined = rowsOf(capture).find((one) => one.bit === bit);
  if (row === undefined) return null;
  const whys = new Set(row.values.flatMap((value) => (value.why === null ? [] : [value.why])));
  return (
    <section className="block" data-testid="supervisor">
      <h3>
        Supervisor state
        <span className="aside">{row.lives === 'image' ? 'in this compacted image' : 'never in KVM’s buffer'}</span>
      </h3>
      <p className="small text-2">{row.where}.</p>
      <dl className="facts">
        {row.values.slice(0, MOST_VALUES).map((value) => [
          <dt key={`${value.name}-name`} title={`MSR 0x${value.msr.toString(16)}`}>
            {value.name.replace('IA32_', '')}
          </dt>,
          <dd key={value.name} className="small right">
            {value.value === null ? <span className="text-3">not read</span> : <Hex64 value={value.value} />}
          </dd>,
        ])}
      </dl>
      {row.values.length > MOST_VALUES ? (
        <p className="small text-3">and {row.values.length - MOST_VALUES} more</p>
      ) : null}
      {[...whys].map((why) => (
        <p key={why} className="small text-3">
          {why}.
        </p>
      ))}
    </section>
  );
}
