import type { ReactElement } from 'react';
import type { Refusal } from '../../app/bridge.ts';
import { Glyph } from '../theme/Glyph.tsx';
import { maskedPids } from '../wording.ts';
import { CopyButton } from './CopyButton.tsx';
import { CrossButton } from './CrossButton.tsx';

/** What was refused, where and by which call, and the remedy. */
export function RefusalNote({ refusal, onClose }: { refusal: Refusal; onClose?: () => void }): ReactElement {
  const call = [refusal.call, refusal.errno].filter((part) => part !== null).join(': ');
  return (
    <div className="note refused" role="alert" data-testid="refusal">
      <Glyph name="stop" />
      <div className="note-body">
        <div className="strong">{refusal.what}</div>
        {refusal.where === null ? null : <div>{maskedPids(refusal.where)}</div>}
        {call === '' ? null : <div className="val small text-2">{call}</div>}
        {refusal.remedy === null ? null : (
          <div className="line tight">
            <span>Remedy: {refusal.remedy}</span>
            <CopyButton what="the remedy" text={refusal.remedy} />
          </div>
        )}
      </div>
      {onClose === undefined ? null : <CrossButton onPress={onClose} />}
    </div>
  );
}
