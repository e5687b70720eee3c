import { fromTokens } from '../../theme/from-tokens.ts';

/** Steps from one end of a scale to the other. Even, so that zero has a step of its own. */
const STEPS = 256;
/** Below this relative luminance text is white, above it black: 4.5:1 either way. */
const TEXT_LIMIT = 0.18;

type Rgb = readonly [number, number, number];

const rgbOf = (hex: string): Rgb => {
  const value = Number.parseInt(hex.trim().slice(1), 16);
  return [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
};

const linear = (channel: number): number => {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};

/** Relative luminance as WCAG 2 defines it. */
export const luminance = ([r, g, b]: Rgb): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);

export interface HeatScale {
  readonly fill: readonly string[];
  readonly text: readonly string[];
}

/** A scale between colours at equal distances, each with the text colour that can be read on it. */
export const heatScale = (stops: readonly string[]): HeatScale => {
  const colours = stops.map(rgbOf);
  const fill: string[] = [];
  const text: string[] = [];
  for (let step = 0; step <= STEPS; step += 1) {
    const at = (step / STEPS) * (colours.length - 1);
    const low = Math.min(Math.floor(at), colours.length - 2);
    const from = colours[low] ?? [0, 0, 0];
    const to = colours[low + 1] ?? from;
    const mix = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * (at - low));
    const colour: Rgb = [mix(0), mix(1), mix(2)];
    fill.push(`rgb(${colour.join(' ')})`);
    text.push(luminance(colour) < TEXT_LIMIT ? '#ffffff' : '#000000');
  }
  return { fill, text };
};

/** The step of a finite value: from −end to end, or from 0 to end. With an end of 0 everything is zero. */
export const heatStep = (value: number, end: number, scale: 'diverging' | 'sequential'): number => {
  const share = end === 0 ? 0 : Math.max(-1, Math.min(1, value / end));
  return Math.round(scale === 'diverging' ? ((share + 1) / 2) * STEPS : Math.max(0, share) * STEPS);
};

export interface TileColours {
  readonly diverging: HeatScale;
  readonly sequential: HeatScale;
  readonly token: (name: string) => string;
}

const DIVERGING = ['n5', 'n4', 'n3', 'n2', 'n1', '0', 'p1', 'p2', 'p3', 'p4', 'p5'].map((name) => `div-${name}`);
const SEQUENTIAL = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((step) => `seq-${step}`);
const TOKENS = [
  ...['bg-1', 'text-1', 'text-3', 'hatch', 'line-1', 'heat-nan', 'heat-inf', 'state-init', 'state-warn'],
  ...['state-refused', 'state-refused-bg', 'state-staged', 'state-staged-bg', 'state-verified', 'state-verified-bg'],
  ...['state-changed', 'state-changed-bg', 'bg-0'],
];

/** The colours of tiles in a theme. */
export const tileColours = fromTokens((read): TileColours => {
  const tokens = new Map(TOKENS.map((name) => [name, read(name)]));
  return {
    diverging: heatScale(DIVERGING.map(read)),
    sequential: heatScale(SEQUENTIAL.map(read)),
    token: (name) => tokens.get(name) ?? '#808080',
  };
});
