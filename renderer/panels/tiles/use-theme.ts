import { useEffect, useState } from 'react';
import { useDebugger } from '../../store/context.ts';
import type { Theme } from '../../store/state/view.ts';

const shown = (): Theme => (document.documentElement.dataset.theme === 'light' ? 'light' : 'dark');

/** The theme that the page is painted in: what is drawn must not stay behind when the root's attribute changes. */
export const useShownTheme = (): Theme => {
  const chosen = useDebugger((state) => state.theme);
  const [onPage, setOnPage] = useState<Theme>(chosen);
  useEffect(() => {
    const observer = new MutationObserver(() => setOnPage(shown()));
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    setOnPage(shown());
    return () => observer.disconnect();
  }, []);
  return onPage;
};
