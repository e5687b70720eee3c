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

/** What axe-core holds against the page as it stands: one line a node, empty where nothing. */
export const axeViolations = async (page: Page): Promise<readonly string[]> => {
  if (!(await page.evaluate(() => 'axe' in globalThis)))
    await page.addScriptTag({ path: AXE }).catch(() => inject(page));
  const results = await page.evaluate(async (tags) => {
    const { axe } = globalThis as unknown as { axe: { run(root: Document, options: unknown): Promise<AxeResults> } };
    return axe.run(document, {
      runOnly: { type: 'tag', values: tags },
      // An experimental rule that wants every word seen inside a control in its name, one after the other: the names here
      // put the path first and say state and unit, which are drawn.
      rules: { 'label-content-name-mismatch': { enabled: false } },
      resultTypes: ['violations'],
    });
  }, TAGS);
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
