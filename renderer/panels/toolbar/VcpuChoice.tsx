import type { ReactElement } from 'react';
import { MenuButton } from '../../controls/MenuButton.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type AttachedVcpu, selectAttached, selectWithEdits } from '../../store/select/attached.ts';
import type { Session } from '../../store/state/target.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

const RUN_GLYPHS = { running: 'play', frozen: 'pause', ended: 'stop', file: 'file' } as const;
const RUN_WORDS = { running: 'running', frozen: 'stopped', ended: 'ended', file: '' } as const;

const editWords = ({ writes, staged }: AttachedVcpu): string =>
  [writes === 0 ? '' : count(writes, 'write'), staged === 0 ? '' : `${staged} staged`]
    .filter((text) => text !== '')
    .join(', ');

/** Which vCPU, thread or state of a file is on screen, and a menu of all of them. */
export function VcpuChoice({ session }: { session: Session }): ReactElement | null {
  const store = useDebuggerStore();
  const attached = useDebugger(selectAttached);
  const edited = useDebugger(selectWithEdits);
  const { vcpus, vcpu, file } = session;
  // One image and nothing else: there is nothing to tell apart.
  if (file !== undefined && file.kind === 'raw') return null;
  const labels = new Map(file?.states.map((row) => [row.vcpu, row.label]));
  const labelOf = (number: number): string => labels.get(number) ?? `vCPU ${number}`;
  const [, word = 'vCPU', number = ''] = /^(\w+) (\d+)$/.exec(labelOf(vcpu)) ?? [];
  const name = (
    <>
      <span className="text-2">{number === '' ? '' : `${word} `}</span>
      <span className="val strong">{number === '' ? labelOf(vcpu) : number}</span>
      {vcpus.length < 2 || file !== undefined ? null : <span className="text-2"> of {vcpus.length}</span>}
    </>
  );
  if (vcpus.length < 2) return file === undefined ? <span className="vcpu-only">{name}</span> : null;
  const others = edited.filter((row) => row.vcpu !== vcpu);
  return (
    <MenuButton
      look="vcpu-button"
      title={file === undefined ? 'Which vCPU is on screen' : `Which of ${vcpus.length} is on screen`}
      testId="vcpu"
      face={
        <>
          <span className="nowrap">{name}</span>
          <EditMark rows={others} />
          <Glyph name="chevron" className="g12 text-3" />
        </>
      }
      menuName={word}
      menuLook="vcpu-menu"
    >
      {(close) =>
        vcpus.map((one) => (
          <VcpuItem
            key={one}
            label={labelOf(one)}
            row={attached.find((row) => row.vcpu === one) ?? null}
            isLive={session.kind === 'live'}
            isOnScreen={one === vcpu}
            onChoose={() => {
              close();
              if (one !== vcpu) void store.getState().switchVcpu(one);
            }}
          />
        ))
      }
    </MenuButton>
  );
}

/** Edits in vCPUs that are attached and not on screen: staged ones first, for nobody has read them back. */
function EditMark({ rows }: { rows: readonly AttachedVcpu[] }): ReactElement | null {
  if (rows.length === 0) return null;
  const isStaged = rows.some(({ staged }) => staged > 0);
  return (
    <>
      <Glyph name={isStaged ? 'pen' : 'check2'} className={`g12 ${isStaged ? 'is-staged' : 'is-written'}`} />
      <span className="visually-hidden">, edits in another one</span>
    </>
  );
}

interface ItemProps {
  readonly label: string;
  /** Null: it is not attached. */
  readonly row: AttachedVcpu | null;
  readonly isLive: boolean;
  readonly isOnScreen: boolean;
  readonly onChoose: () => void;
}

function VcpuItem({ label, row, isLive, isOnScreen, onChoose }: ItemProps): ReactElement {
  const edits = row === null ? '' : editWords(row);
  const run = row === null ? (isLive ? 'not attached' : '') : RUN_WORDS[row.run];
  return (
    <button type="button" role="menuitemradio" aria-checked={isOnScreen} onClick={onChoose}>
      {row === null ? <span className="glyph" aria-hidden="true" /> : <Glyph name={RUN_GLYPHS[row.run]} />}
      <span>{label}</span>
      <span className="line tight small text-2">
        {run}
        {row === null || row.writes === 0 ? null : <Glyph name="check2" className="g12 is-written" />}
        {row === null || row.staged === 0 ? null : <Glyph name="pen" className="g12 is-staged" />}
        {edits}
      </span>
    </button>
  );
}
