import type { Theme } from '../store/state/view.ts';

/**
 * What is made of a theme's tokens, by their names ('c-sse'), once for each theme. They are read from a node that carries the theme
 * itself: the page's root takes a new theme only after the panels have drawn.
 */
export const fromTokens = <Made>(make: (read: (name: string) => string) => Made): ((theme: Theme) => Made) => {
  const known = new Map<Theme, Made>();
  return (theme) => {
    const found = known.get(theme);
    if (found !== undefined) return found;
    const probe = document.createElement('div');
    probe.dataset.theme = theme;
    document.body.append(probe);
    const style = getComputedStyle(probe);
    const made = make((name) => style.getPropertyValue(`--${name}`).trim());
    probe.remove();
    known.set(theme, made);
    return made;
  };
};
