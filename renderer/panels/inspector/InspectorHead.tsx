import type { ReactElement } from 'react';

interface InspectorHeadProps {
  readonly hue: string;
  readonly swatch: string;
  readonly title: string;
  readonly sub: string;
  readonly tag: string | null;
}

export function InspectorHead({ hue, swatch, title, sub, tag }: InspectorHeadProps): ReactElement {
  return (
    <div className="inspector-head">
      <div className="line">
        <span className={`swatch ${swatch}`} style={{ '--hue': hue }} />
        <h2 className="ellipsis">{title}</h2>
        <span className="push" />
        {tag === null ? null : <span className="tag">{tag}</span>}
      </div>
      <div className="sub">{sub}</div>
    </div>
  );
}
