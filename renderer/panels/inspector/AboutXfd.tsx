import type { ReactElement, ReactNode } from 'react';
import { componentLabel } from '../../../app/xsave/components.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { selectCapture, selectEditRefusal } from '../../store/select/selectors.ts';
import { type Arming, armingAssignments, selectArming } from '../../store/view/xfd-arming.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { InspectorHead } from './InspectorHead.tsx';
import { RegisterChanged } from './LastChanged.tsx';

const TILEDATA = 18;

/** The arming switch, and what it would do, said before it is done. */
export function AboutXfd({ children }: { children: ReactNode }): ReactElement | null {
  const arming = useDebugger(selectArming);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  if (arming === null) return null;
  return (
    <>
      <InspectorHead
        hue={hueOf(TILEDATA)}
        swatch={arming.inUse ? '' : 'init'}
        title="Arming"
        sub={`IA32_XFD bit ${TILEDATA} of vCPU ${vcpu}, ${componentLabel(TILEDATA)}`}
        tag={null}
      />
      <div className="scroll">
        <Switch arming={arming} />
        <Guard arming={arming} />
        <RegisterChanged register="xfd" field={null} />
        {children}
      </div>
    </>
  );
}

const stateWord = (armed: boolean | null): string => (armed === null ? 'Not read' : armed ? 'Armed' : 'Disarmed');

function Switch({ arming }: { arming: Arming }): ReactElement {
  const store = useDebuggerStore();
  const refused = useDebugger(selectEditRefusal);
  const isStaged = arming.staged !== arming.now;
  const why = refused ?? (arming.now === null ? 'IA32_XFD was not read' : null);
  const flip = (): void => {
    const state = store.getState();
    const capture = selectCapture(state);
    if (why !== null || capture === null) return;
    if (isStaged) {
      state.unstage('xfd');
      if (store.getState().staged.some((row) => row.path === 'xstate_bv')) store.getState().unstage('xstate_bv');
    } else state.stageAll(armingAssignments(capture, arming.now === false, false));
  };
  return (
    <section className="block arming" aria-label="Arming switch">
      <button
        type="button"
        role="switch"
        className={`arm-switch ${isStaged ? 'staged' : ''}`}
        aria-checked={arming.staged === true}
        aria-disabled={why === null ? undefined : true}
        aria-label="XFD arms TILEDATA"
        title={why ?? undefined}
        onClick={flip}
      >
        <span className="knob">
          <Glyph name={arming.staged === true ? 'lock' : 'unlock'} className="g12" />
        </span>
      </button>
      <div>
        <div className={isStaged ? 'strong is-staged' : 'strong'}>
          {stateWord(arming.staged)}
          {isStaged ? ', staged' : ''}
        </div>
        <div className="text-3 small">{why ?? 'Space stages the change'}</div>
      </div>
      {isStaged ? (
        <div className="arm-sent val small">
          IA32_XFD <span className="struck">{arming.before}</span> <Glyph name="arrow" className="g12 text-3" />{' '}
          <span className="is-staged">{arming.after}</span>
        </div>
      ) : null}
    </section>
  );
}

/** What arming does to tiles in use: refused as it stands, and safe with TILEDATA put to init in the same write. */
function Guard({ arming }: { arming: Arming }): ReactElement {
  const store = useDebuggerStore();
  const editRefusal = useDebugger(selectEditRefusal);
  const arms = arming.staged === true && arming.now === false;
  const dangerous = arms && arming.inUseAfter;
  const putToInit = (): void => {
    const state = store.getState();
    const capture = selectCapture(state);
    if (capture !== null) state.stageAll(armingAssignments(capture, true, true));
  };
  return (
    <section className="block" aria-label="What it does" data-testid="arming-guard">
      <h3>What it does</h3>
      {dangerous ? (
        <>
          <div className="note refused">
            <Glyph name="stop" />
            <div className="note-body">
              <div className="strong">Arming over tiles in use is refused</div>
              <div>
                The stored image would claim what XFD forbids: the next entry into the guest stops the host kernel. The
                helper refuses it too.
              </div>
            </div>
          </div>
          <div className="arm-acts">
            <Button label="Put to init first" glyph="lock" glyphClass="g12" refused={editRefusal} onPress={putToInit}>
              Put to init first
            </Button>
            <span className="text-3 small">one write: TILEDATA given up, then armed</span>
          </div>
        </>
      ) : (
        <p className="text-2 small">{sentenceOf(arming, arms)}</p>
      )}
    </section>
  );
}

const sentenceOf = (arming: Arming, arms: boolean): string => {
  if (arms) {
    return arming.inUse
      ? 'Apply writes the image with XSTATE_BV[18] clear, then arms. The tiles of this vCPU are given up; Restore brings them back.'
      : 'Apply writes this MSR and leaves the image alone. The next use of a tile raises #NM.';
  }
  if (arming.staged === false && arming.now === true) {
    return 'Apply writes this MSR and leaves the image alone. TILEDATA stays in init until the guest uses it.';
  }
  if (arming.now === true) return 'Armed: the guest takes #NM at its next use of a tile, and saves skip TILEDATA.';
  if (arming.now === null) return 'Not known whether TILEDATA is armed.';
  return arming.inUse
    ? 'Disarmed, with tiles in use. Arming gives them up: TILEDATA has to be put to init in the same write.'
    : 'Disarmed: the next use of a tile brings TILEDATA into use without #NM.';
};
