/** What counts when a name is compared with what is seen: letters and digits. A sign between two words parts them. */
const wordsOf = (text: string): string => {
  const words = text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return words === '' ? '' : ` ${words} `;
};

/**
 * The accessible name of a control in which text is seen that its name may say otherwise, shortened or in groups: the name, and
 * what is seen word for word where the name does not hold it. Who speaks to a computer says what he sees (WCAG 2.5.3).
 */
export const nameWithSeen = (name: string, seen: string): string =>
  wordsOf(name).includes(wordsOf(seen)) ? name : `${name}, shown as ${seen}`;
