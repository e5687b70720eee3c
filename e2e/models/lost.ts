import type { Page } from 'playwright/test';

/**
 * What of the page can neither be seen nor scrolled to: controls and texts that something cuts off which does not scroll. What is
 * cut with an ellipsis says that there is more, and what is for screen readers alone is not looked at.
 * @returns a line each: the text, and what cuts it
 */
export const lostContent = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    /** A pixel of rounding, and the part of a line's height that no letter uses. */
    const SLACK_PX = 3;
    const nameOf = (node: Element): string =>
      `${node.tagName.toLowerCase()}${[...node.classList].map((word) => `.${word}`).join('')}`;
    const isSaid = (node: Element): boolean =>
      node.closest('.visually-hidden, [aria-hidden="true"], svg, option') !== null;
    const hasOwnText = (node: Element): boolean =>
      [...node.childNodes].some(
        (child) => child.nodeType === Node.TEXT_NODE && (child.textContent ?? '').trim() !== '',
      );
    const ends = (node: Element): DOMRect => {
      if (!hasOwnText(node)) return node.getBoundingClientRect();
      const range = document.createRange();
      range.selectNodeContents(node);
      return range.getBoundingClientRect();
    };
    const cutBy = (node: Element): string | null => {
      const box = ends(node);
      let [left, right, top, bottom] = [box.left, box.right, box.top, box.bottom];
      for (let above: Element | null = node; above !== null; above = above.parentElement) {
        const style = getComputedStyle(above);
        const rect =
          above === document.documentElement
            ? new DOMRect(0, 0, innerWidth, innerHeight)
            : above.getBoundingClientRect();
        const scrolls = { x: /auto|scroll/.test(style.overflowX), y: /auto|scroll/.test(style.overflowY) };
        const clips =
          above === document.documentElement || style.overflowX !== 'visible' || style.overflowY !== 'visible';
        if (clips) {
          const outside = {
            x: left < rect.left - SLACK_PX || right > rect.right + SLACK_PX,
            y: top < rect.top - SLACK_PX || bottom > rect.bottom + SLACK_PX,
          };
          const isEllipsis = style.textOverflow === 'ellipsis' && style.whiteSpace.startsWith('nowrap');
          if (outside.x && !scrolls.x && !isEllipsis) return `${nameOf(above)} across`;
          if (outside.y && !scrolls.y) return `${nameOf(above)} down`;
          // What scrolls shows it; from there on it is as wide and high as what shows it.
          [left, right] = [Math.max(left, rect.left), Math.min(right, rect.right)];
          [top, bottom] = [Math.max(top, rect.top), Math.min(bottom, rect.bottom)];
          if (scrolls.x && left > right) [left, right] = [rect.left, rect.left];
          if (scrolls.y && top > bottom) [top, bottom] = [rect.top, rect.top];
        }
        if (style.position === 'fixed') break;
      }
      return null;
    };
    return [...document.querySelectorAll('body *')]
      .filter(
        (node) =>
          (hasOwnText(node) || node.matches('button, input, select')) && !isSaid(node) && node.checkVisibility(),
      )
      .filter((node) => node.getClientRects().length > 0)
      .flatMap((node) => {
        const by = cutBy(node);
        return by === null ? [] : [`${nameOf(node)} "${(node.textContent ?? '').trim().slice(0, 40)}" cut by ${by}`];
      });
  });
