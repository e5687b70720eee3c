import type { Page } from 'playwright/test';

/**
 * The window in another size, in px, once the page has taken it: another class of window puts the panes up anew, and what is
 * pressed before that goes to those that are about to be gone.
 */
export const resizeTo = async (page: Page, width: number, height: number): Promise<void> => {
  await page.setViewportSize({ width, height });
  await page.evaluate(
    (size) =>
      new Promise<void>((done) => {
        const look = (): void => {
          const hasTaken = innerWidth === size.width && innerHeight === size.height;
          // A frame tells the page of its size before it calls back: a whole one more, and all who heard have answered.
          requestAnimationFrame(hasTaken ? () => requestAnimationFrame(() => done()) : look);
        };
        look();
      }),
    { width, height },
  );
};
