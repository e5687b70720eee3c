import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import { selectNextUse } from '../../store/vcpu/next-use.ts';

/** The name of a register in its pane, underlined where the next instruction reads it (dotted) or writes it. */
export function RegisterName({ name }: { name: string }): ReactElement {
  const use = useDebugger(selectNextUse(name));
  if (use === null) return <>{name}</>;
  return (
    <span className={`next-use ${use === 'reads' ? 'only-read' : ''}`} title={`the next instruction ${use} it`}>
      {name}
    </span>
  );
}
