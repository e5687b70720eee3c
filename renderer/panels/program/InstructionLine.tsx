import type { ReactElement, ReactNode } from 'react';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectBreakpoints } from '../../store/vcpu/drive-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';

interface InstructionLineProps {
  /** Linear, hex. */
  readonly address: string;
  /** "c4 e2 78 49 00" */
  readonly bytes: string;
  readonly text: string;
  /** From the start of what it belongs to, hex without 0x. */
  readonly offset: string;
  readonly isNext: boolean;
  readonly isExecuted: boolean;
  /** The name that begins with it, on a line of its own above. */
  readonly name?: string | null;
  /** At the right: what was changed, what stands in its register, where it leads. */
  readonly value: ReactNode;
  /** What the next instruction will do, beneath it. */
  readonly children?: ReactNode;
}

/** One instruction: its breakpoint, whether RIP stands there, offset, text, and what it has to do with the state. */
export function InstructionLine(props: InstructionLineProps): ReactElement {
  const { address, bytes, text, offset, isNext, isExecuted, name = null, value, children } = props;
  const store = useDebuggerStore();
  const breakpoint = useDebugger(
    (state) =>
      selectBreakpoints(state).find((row) => row.on === 'execute' && BigInt(row.address) === BigInt(address)) ?? null,
  );
  const [, mnemonic = text, rest = ''] = /^(\S+)\s*(.*)$/.exec(text.trim()) ?? [];
  const look = breakpoint === null ? '' : breakpoint.enabled ? 'set' : 'set off';
  return (
    <li aria-current={isNext ? 'step' : undefined} data-address={address} tabIndex={-1} title={`${address}  ${bytes}`}>
      {name === null ? null : <div className="program-symbol text-2 ellipsis">{name}</div>}
      <div className={`program-line ${isNext ? 'current' : ''} ${isExecuted ? 'executed' : ''}`}>
        {/* The mouse's way; the keyboard has F9 on the line. */}
        <span
          className={`program-gutter ${look}`}
          aria-hidden="true"
          title={breakpoint === null ? 'Break here (F9)' : 'Take the breakpoint away (F9)'}
          onClick={() => store.getState().toggleBreakpoint(address)}
        >
          <Glyph name="dot" />
        </span>
        <span className="program-mark">{isNext ? <Glyph name="arrow" className="g12" /> : null}</span>
        <span className="text-3">{offset}</span>
        <span className="program-text ellipsis">
          <span className="program-mnemonic">{mnemonic}</span> <span className="text-2">{rest}</span>
        </span>
        {value}
        {breakpoint === null ? null : (
          <span className="visually-hidden">{breakpoint.enabled ? 'breakpoint' : 'breakpoint, off'}</span>
        )}
      </div>
      {children}
    </li>
  );
}
