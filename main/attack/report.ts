/** What one attacker did, and what it reached: nothing, where it held. */
export interface Attacked {
  readonly name: string;
  readonly figures: readonly string[];
  readonly broken: readonly string[];
}

export const textOf = ({ name, figures, broken }: Attacked): string =>
  [
    `== ${name}`,
    ...figures.map((line) => `   ${line}`),
    ...(broken.length === 0 ? ['   held'] : broken.map((line) => `   BROKEN: ${line}`)),
    '',
  ].join('\n');
