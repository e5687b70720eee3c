import type { ReactElement } from 'react';

/** Every glyph of the product, drawn on a 16 px grid. `solid` paths are filled: page CSS does not reach into <use>. */
const GLYPHS = {
  play: { solid: 'M4.5 3v10l8.5-5z' },
  pause: { solid: 'M4 3h3v10H4zM9 3h3v10H9z' },
  delta: { solid: 'M8 3 14 13H2z' },
  lock: {
    lines: 'M5 7V5a3 3 0 0 1 6 0v2',
    solid: 'M4.5 7h7A1.5 1.5 0 0 1 13 8.5v4a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 12.5v-4A1.5 1.5 0 0 1 4.5 7z',
  },
  unlock: {
    lines:
      'M4.5 7.5h7A1.5 1.5 0 0 1 13 9v3.5a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 12.5V9a1.5 1.5 0 0 1 1.5-1.5zM5 7.3V4.8a3 3 0 0 1 5.7-1.3',
  },
  capture: {
    lines: 'M2.5 5.5v-3h3M10.5 2.5h3v3M13.5 10.5v3h-3M5.5 13.5h-3v-3',
    solid: 'M10.2 8a2.2 2.2 0 1 1-4.4 0 2.2 2.2 0 0 1 4.4 0z',
  },
  list: { lines: 'M6 4h7.5M6 8h7.5M6 12h7.5M2.5 4h.5M2.5 8h.5M2.5 12h.5' },
  code: { lines: 'm5.5 4.5-3.5 3.5 3.5 3.5M10.5 4.5l3.5 3.5-3.5 3.5' },
  check: { lines: 'm3 8.5 3.3 3.3L13 4.8' },
  check2: { lines: 'm1 8.5 3.2 3.2 6.3-6.5M7.6 11.3l.5.5L15 5' },
  cross: { lines: 'm4 4 8 8M12 4l-8 8' },
  stop: { lines: 'M5.3 1.8h5.4l3.5 3.5v5.4l-3.5 3.5H5.3l-3.5-3.5V5.3zM5.5 5.5l5 5M10.5 5.5l-5 5' },
  pen: { lines: 'm3 13 .8-3.2 6.7-6.7 2.4 2.4-6.7 6.7zM9 4.6l2.4 2.4' },
  warn: { lines: 'M8 2.2 14.5 13.5h-13zM8 6.5v3.2', solid: 'M8.9 11.6a.9.9 0 1 1-1.8 0 .9.9 0 0 1 1.8 0z' },
  info: { lines: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 7.5v3.5', solid: 'M8.9 5a.9.9 0 1 1-1.8 0 .9.9 0 0 1 1.8 0z' },
  arrow: { lines: 'M2.5 8h11M9.5 4l4 4-4 4' },
  chevron: { lines: 'm4.5 6.5 3.5 3.5 3.5-3.5' },
  chevronRight: { lines: 'm6.5 4.5 3.5 3.5-3.5 3.5' },
  search: { lines: 'M11.2 7a4.2 4.2 0 1 1-8.4 0 4.2 4.2 0 0 1 8.4 0zM10.2 10.2l3.3 3.3' },
  cpu: {
    lines:
      'M5 4h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM6.5 1.8V4M9.5 1.8V4M6.5 12v2.2M9.5 12v2.2M1.8 6.5H4M1.8 9.5H4M12 6.5h2.2M12 9.5h2.2',
  },
  file: { lines: 'M4 1.8h5l3.5 3.5v9H4zM9 1.8v3.5h3.5' },
  copy: { lines: 'M6.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1zM10.5 3V2.5h-8v8H3' },
  undo: { lines: 'M5.5 3 2.5 6l3 3M2.5 6h7a3.7 3.7 0 0 1 0 7.4H6' },
  redo: { lines: 'm10.5 3 3 3-3 3M13.5 6h-7a3.7 3.7 0 0 0 0 7.4H10' },
  flag: { lines: 'M4 14V2.5M4 3h8.5L10.5 6l2 3H4' },
  refresh: { lines: 'M13.2 6.5A5.5 5.5 0 0 0 3 6M2.8 9.5A5.5 5.5 0 0 0 13 10M13.5 3v3.5H10M2.5 13V9.5H6' },
  unknown: {
    lines:
      'M6.4 6.4A1.7 1.7 0 1 1 8 8.3v.7M2.3 6.3A6 6 0 0 1 4 3.5M6 2.3a6 6 0 0 1 4 0M12 3.5a6 6 0 0 1 1.7 2.8M13.7 9.7A6 6 0 0 1 12 12.5M10 13.7a6 6 0 0 1-4 0M4 12.5a6 6 0 0 1-1.7-2.8',
    solid: 'M8.8 11.2a.8.8 0 1 1-1.6 0 .8.8 0 0 1 1.6 0z',
  },
  swap: { lines: 'M2.5 5.5h10M10 3l2.5 2.5L10 8M13.5 10.5h-10M6 8l-2.5 2.5L6 13' },
  restore: { lines: 'M2.5 8a5.5 5.5 0 1 0 1.8-4.1M2.5 2.5V6H6M8 5v3.3l2.2 1.4' },
  sun: {
    lines:
      'M10.8 8a2.8 2.8 0 1 1-5.6 0 2.8 2.8 0 0 1 5.6 0zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  },
  moon: { lines: 'M13 9.3A5.5 5.5 0 0 1 6.7 3 5.5 5.5 0 1 0 13 9.3z' },
  eject: { lines: 'M6.5 2.5h-3a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h3M10 5l3 3-3 3M13 8H6.5' },
  help: {
    lines: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM6.3 6.3A1.7 1.7 0 1 1 8 8.3v.7',
    solid: 'M8.8 11.2a.8.8 0 1 1-1.6 0 .8.8 0 0 1 1.6 0z',
  },
  differs: { lines: 'M3 6h10M3 10h10M10.5 3l-5 10' },
  flask: { lines: 'M6 2h4M6.8 2v4.2L3.2 12.6A1 1 0 0 0 4 14h8a1 1 0 0 0 .8-1.4L9.2 6.2V2M5 10.2h6' },
  step: { lines: 'M3 3.5h4a3 3 0 0 1 3 3V11M7 8l3 3 3-3', solid: 'M11.2 14a1.2 1.2 0 1 1-2.4 0 1.2 1.2 0 0 1 2.4 0z' },
  stepOver: {
    lines: 'M2.5 8.5a5 5 0 0 1 9.6-1.5M12.5 3v4.2H8.3',
    solid: 'M8.2 13a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0z',
  },
  stepOut: { lines: 'M8 10V2.5M4.8 5.5 8 2.3l3.2 3.2', solid: 'M9.7 13a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0z' },
  trace: { lines: 'M1.5 8.5H4l2-5.5 3.5 10 2-4.5h3' },
  toEnd: { lines: 'M13 3v10', solid: 'M3 3v10l8-5z' },
  eye: {
    lines: 'M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8z',
    solid: 'M10 8a2 2 0 1 1-4 0 2 2 0 0 1 4 0z',
  },
  ring: { lines: 'M11.5 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0z' },
  more: {
    solid:
      'M4.2 8a1.2 1.2 0 1 1-2.4 0 1.2 1.2 0 0 1 2.4 0zM9.2 8a1.2 1.2 0 1 1-2.4 0 1.2 1.2 0 0 1 2.4 0zM14.2 8a1.2 1.2 0 1 1-2.4 0 1.2 1.2 0 0 1 2.4 0z',
  },
  dot: { solid: 'M11.5 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0z' },
} as const satisfies Record<string, { lines?: string; solid?: string }>;

export type GlyphName = keyof typeof GLYPHS;

/** The symbol set, put into the page once. */
export function GlyphSymbols(): ReactElement {
  return (
    <svg width="0" height="0" className="visually-hidden" aria-hidden="true" focusable="false">
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" y1="0" x2="0" y2="6" stroke="var(--hatch)" strokeWidth="2" />
        </pattern>
        {Object.entries(GLYPHS).map(([name, glyph]: [string, { lines?: string; solid?: string }]) => (
          <symbol key={name} id={`glyph-${name}`} viewBox="0 0 16 16">
            {glyph.lines === undefined ? null : <path d={glyph.lines} />}
            {glyph.solid === undefined ? null : <path d={glyph.solid} fill="currentColor" stroke="none" />}
          </symbol>
        ))}
      </defs>
    </svg>
  );
}

export function Glyph({ name, className = '' }: { name: GlyphName; className?: string }): ReactElement {
  return (
    <svg className={`glyph ${className}`} aria-hidden="true" focusable="false">
      <use href={`#glyph-${name}`} />
    </svg>
  );
}

/** The product's mark: four tiles, the last one empty. */
export function Mark(): ReactElement {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <rect x="1" y="1" width="8" height="8" rx="1.5" fill="var(--c-tiledata)" />
      <rect x="11" y="1" width="8" height="8" rx="1.5" fill="var(--c-tilecfg)" />
      <rect x="1" y="11" width="8" height="8" rx="1.5" fill="var(--c-avx)" />
      <rect x="11.75" y="11.75" width="6.5" height="6.5" rx="1" fill="none" stroke="var(--text-2)" strokeWidth="1.5" />
    </svg>
  );
}
