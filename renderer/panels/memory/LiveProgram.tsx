import { type ReactElement, useEffect, useRef } from 'react';
import type { CodeLine, CodeView, Refusal } from '../../../app/bridge.ts';
import { describeTileMove } from '../../../app/debug/tile-operand.ts';
import { pickFile, readPageFile } from '../../actions/open-file.ts';
import { Button } from '../../controls/Button.tsx';
import { useInstructionList } from '../../controls/instruction-list.ts';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { isFrozen } from '../../store/select/run.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { current, newestStop } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** The code at RIP of a live vCPU. It is read while the vCPU is frozen, at each stop; of one that runs by hand. */
export function LiveProgram(): ReactElement {
  const store = useDebuggerStore();
  const frozen = useDebugger(isFrozen);
  const stop = useDebugger(newestStop);
  const isNewest = useDebugger((state) => state.at === state.stops.length - 1);
  const code = useDebugger((state) => current(state, state.code));
  const refusal = useDebugger((state) => current(state, state.codeRefusal));
  const isRead = code !== null || refusal !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop is read anew.
  useEffect(() => {
    if (frozen && !isRead) void store.getState().readCode();
  }, [store, frozen, stop, isRead]);
  if (!isNewest) return <Empty words="Code is read at the newest stop alone: memory has gone on since the others." />;
  if (code !== null) return <Listing code={code} />;
  if (refusal !== null) return <Refused refusal={refusal} />;
  return frozen ? <Empty words="Reading the code at RIP…" /> : <Running />;
}

const askedAgain = (store: ReturnType<typeof useDebuggerStore>) => () => void store.getState().readCode();

function Empty({ words }: { words: string }): ReactElement {
  return (
    <div className="pane-empty">
      <Glyph name="cpu" className="text-3" />
      <p className="text-2">{words}</p>
    </div>
  );
}

function Running(): ReactElement {
  const store = useDebuggerStore();
  return (
    <div className="pane-empty">
      <Glyph name="cpu" className="text-3" />
      <p className="text-2">
        The vCPU runs. Its code is read at each stop; reading it now holds it still for a moment.
      </p>
      <Button label="Read code" onPress={askedAgain(store)}>
        Read code
      </Button>
    </div>
  );
}

function Refused({ refusal }: { refusal: Refusal }): ReactElement {
  const store = useDebuggerStore();
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  return (
    <div className="pane-empty">
      <Glyph name="unknown" className="text-3" />
      {rip === null ? null : (
        <p>
          RIP <span className="val">{rip.toString(16)}</span>
        </p>
      )}
      <p className="text-2" data-testid="code-refused">
        {refusal.what}
        {refusal.where === null ? '' : ` (${refusal.where})`}
      </p>
      <Button label="Read again" onPress={askedAgain(store)}>
        Read again
      </Button>
    </div>
  );
}

const SYNTAXES = [
  { value: 'intel', label: 'Intel' },
  { value: 'att', label: 'AT&T' },
] as const;

function Listing({ code }: { code: CodeView }): ReactElement {
  const store = useDebuggerStore();
  const syntax = useDebugger((state) => state.syntax);
  const isElsewhere = useDebugger((state) => current(state, state.codeFrom) !== null);
  const list = useRef<HTMLOListElement>(null);
  const keyboard = useInstructionList();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each reading begins at the next instruction.
  useEffect(() => {
    if (list.current !== null) list.current.scrollTop = 0;
  }, [code.rip]);
  const chooseSymbols = (): void =>
    pickFile(async (file) => {
      const read = await readPageFile(file);
      if (read.ok) await store.getState().takeSymbols(read.value.name, read.value.base64);
      else store.getState().refuse(read.refusal);
    });
  return (
    <>
      <div className="program-head small" data-testid="live-program">
        <span className="ellipsis text-2" data-testid="who" title={code.who}>
          {code.who}
        </span>
        <span className="push" />
        {isElsewhere ? (
          <Button label="Back to RIP" look="tiny" onPress={() => store.getState().showCode(null)}>
            Back to RIP
          </Button>
        ) : null}
        <Segment name="Syntax" look="tiny" choices={SYNTAXES} value={syntax} onChoose={store.getState().setSyntax} />
        <Button label="Symbols…" look="tiny" onPress={chooseSymbols}>
          Symbols…
        </Button>
      </div>
      <ol
        ref={list}
        className="program val"
        aria-label="Instructions"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it.
        tabIndex={0}
        {...keyboard}
      >
        {code.lines.map((line, index) => (
          <Line key={line.address} line={line} code={code} previous={code.lines[index - 1] ?? null} />
        ))}
      </ol>
      <p className="program-foot small text-3">
        memory proven by <span className="val">{code.translations}</span> translations
      </p>
    </>
  );
}

const symbolName = (line: CodeLine | null): string | null => line?.symbol?.replace(/\+0x[0-9a-f]+$/, '') ?? null;
const offsetText = (line: CodeLine): string => {
  const [, offset] = /\+0x([0-9a-f]+)$/.exec(line.symbol ?? '') ?? [];
  return line.symbol === null ? line.address.slice(-6) : (offset ?? '0');
};

function Line({ line, code, previous }: { line: CodeLine; code: CodeView; previous: CodeLine | null }): ReactElement {
  const [, mnemonic = line.text, rest = ''] = /^(\S+)\s*(.*)$/.exec(line.text) ?? [];
  const name = symbolName(line);
  return (
    <li
      aria-current={line.next ? 'step' : undefined}
      data-address={line.address}
      tabIndex={-1}
      title={`${line.address}  ${line.bytes}`}
    >
      {name !== null && name !== symbolName(previous) ? (
        <div className="program-symbol text-2 ellipsis">{name}</div>
      ) : null}
      <div className={`program-line ${line.next ? 'current' : ''}`}>
        <span className="program-mark">{line.next ? <Glyph name="arrow" className="g12" /> : null}</span>
        <span className="text-3">{offsetText(line)}</span>
        <span className="program-text ellipsis">
          <span className="program-mnemonic">{mnemonic}</span> <span className="text-2">{rest}</span>
        </span>
        {line.target === null ? null : <span className="text-3 program-value ellipsis">{line.target}</span>}
      </div>
      {line.next ? <Uses line={line} code={code} /> : null}
    </li>
  );
}

/** What the next instruction reads and writes, with what stands there now. */
function Uses({ line, code }: { line: CodeLine; code: CodeView }): ReactElement {
  const store = useDebuggerStore();
  const general = useDebugger((state) => selectCapture(state)?.facts.general ?? null);
  const shownValue = (name: string): string | null => {
    const value = (general as Readonly<Record<string, bigint>> | null)?.[name];
    return value === undefined ? null : value.toString(16);
  };
  const broken = code.tileConfig?.broken ?? [];
  return (
    <div className="program-uses small">
      <dl>
        {line.reads.map((name) => (
          <Use key={`r ${name}`} what={name} value={shownValue(name) ?? 'read'} />
        ))}
        {line.writes.map((name) => (
          <Use key={`w ${name}`} what={name} value="written" />
        ))}
        {code.uses.map(({ address, bytes, reads, writes }) => (
          <Use
            key={`m ${address}`}
            what={reads && writes ? 'reads, writes' : writes ? 'writes' : 'reads'}
            value={`${bytes === null ? '' : `${bytes} at `}${address}`}
          />
        ))}
      </dl>
      {code.tile === null ? null : (
        <div className="program-tile" data-testid="tile-move">
          <span className={code.tile.faultRow === null && code.tile.why === null ? 'text-2' : 'is-armed'}>
            {describeTileMove(code.tile)}
          </span>
          {code.tile.rows === 0 ? null : (
            <button type="button" className="link" onClick={() => store.getState().followTile()}>
              memory beside tmm{code.tile.tile}
            </button>
          )}
        </div>
      )}
      {broken.map((why) => (
        <div key={why} className="is-refused">
          raises #GP: {why}
        </div>
      ))}
    </div>
  );
}

function Use({ what, value }: { what: string; value: string }): ReactElement {
  return (
    <div>
      <dt className="text-3">{what}</dt>
      <dd>{value}</dd>
    </div>
  );
}
