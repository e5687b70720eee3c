/** A register of more digits than this is no number to be read at once; its digits are grouped all the same. */
const GROUP = /(?=(?:.{8})+$)(?!^)/g;

/** As it stands in a column: "0x" belongs in running text, and digits come in groups of eight. */
export const shownValue = (text: string): string => {
  const digits = /^0x([0-9a-f]+)$/.exec(text)?.[1];
  return digits === undefined ? text : digits.replace(GROUP, '_');
};

/** The name of a value as it is typed to jump there, but for what its section says already. */
export const shownName = (path: string): string => (path === 'mxcsr' ? 'MXCSR' : path.replace(/^tilecfg\./, ''));
