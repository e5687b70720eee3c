/**
 * The size of text: what the user chose here, over the size that the browser's settings give to text. Everything grows with it, as
 * cells and rows are as large as what they hold; a page of 1440 px at 150 % is laid out as one of 960. It is CSS zoom on the root: what
 * is measured inside (clientWidth, ResizeObserver, container queries) is in the page's own px, what the window says (innerWidth,
 * clientX, getBoundingClientRect) is not, and is turned by this.
 */
/** The size of text that browsers begin with, px. */
const USUAL_TEXT_PX = 16;

/** Px of the window in one px of the page. */
const pageZoom = (): number => document.documentElement.currentCSSZoom ?? 1;

/** The window's size in the page's px. */
export const pageSize = (): { readonly widthPx: number; readonly heightPx: number } => ({
  widthPx: window.innerWidth / pageZoom(),
  heightPx: window.innerHeight / pageZoom(),
});

/** Where an element stands in the window, in the page's px. */
export const pageBox = (element: Element): DOMRect => {
  const { x, y, width, height } = element.getBoundingClientRect();
  const zoom = pageZoom();
  return new DOMRect(x / zoom, y / zoom, width / zoom, height / zoom);
};

/** Where a pointer is, in the page's px. */
export const pagePoint = ({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }) => ({
  x: clientX / pageZoom(),
  y: clientY / pageZoom(),
});

/** Device px in one px of the page: what is drawn into a canvas is as sharp as text. */
export const deviceRatio = (): number => window.devicePixelRatio * pageZoom();

export const setTextSize = (percent: number): void => {
  const root = document.documentElement;
  // No rule gives the root a size of text: this is the browser's.
  const usual = Number.parseFloat(getComputedStyle(root).fontSize) / USUAL_TEXT_PX || 1;
  const before = pageZoom();
  root.style.setProperty('--text-zoom', String((percent / 100) * usual));
  // The page has another size, as from the window's edge.
  if (pageZoom() !== before) window.dispatchEvent(new Event('resize'));
};
