import { createRequire } from 'node:module';
import type { Page } from 'playwright/test';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Every success criterion of WCAG 2.0 to 2.2 at levels A and AA that can be checked by a program. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

interface AxeNode {
  readonly target: readonly unknown[];
  readonly failureSummary?: string;
}
interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly AxeNode[] }[];
}

/**
 * What axe-core holds against the page as it stands, or against a part of it: one line a node, empty where nothing.
 * @param within a selector; left out: the whole page
 * @param rules those that are asked alone; left out: all
 */
export const axeViolations = async (
  page: Page,
  within?: string,
  rules?: readonly string[],
): Promise<readonly string[]> => {
  if (!(await page.evaluate(() => 'axe' in globalThis)))
    await page.addScriptTag({ path: AXE }).catch(() => inject(page));
  const results = await page.evaluate(
    async ([tags, part, only]) => {
      const { axe } = globalThis as unknown as {
        axe: { run(root: Document | string, options: unknown): Promise<AxeResults> };
      };
      return axe.run(part ?? document, {
        runOnly: only === undefined ? { type: 'tag', values: tags } : { type: 'rule', values: only },
        // Experimental, and so off by default.
        ...(only === undefined ? { rules: { 'label-content-name-mismatch': { enabled: true } } } : {}),
        resultTypes: ['violations'],
      });
    },
    [TAGS, within, rules] as const,
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary?.split('\n')[1]?.trim() ?? ''}`,
    ),
  );
};

/** Past the page's policy, which lets no script in but its own. */
const inject = async (page: Page): Promise<void> => {
  const { readFileSync } = await import('node:fs');
  await page.evaluate(readFileSync(AXE, 'utf8'));
};
