import { describe, expect, test } from 'vitest';
import { answer } from '../../app/refusals/refusal.ts';
import { listAll } from './listing.ts';

const helperOf = (pages: readonly { readonly pids: readonly number[]; readonly moreAfterPid: number }[]) => {
  const asked: unknown[] = [];
  return {
    asked,
    ask: async (_name: string, request: unknown) => {
      const { pids, moreAfterPid } = pages[asked.length] ?? { pids: [], moreAfterPid: 0 };
      asked.push(request);
      return answer({ targets: pids.map((pid) => ({ pid })), skippedCount: 1, moreAfterPid }) as never;
    },
  };
};

describe('[C63] a list longer than a frame', () => {
  test('is read page by page, to its end', async () => {
    const helper = helperOf([
      { pids: [5, 7], moreAfterPid: 7 },
      { pids: [], moreAfterPid: 9 },
      { pids: [12], moreAfterPid: 0 },
    ]);
    const listed = await listAll(helper);
    expect(listed).toEqual({ ok: true, value: { targets: [{ pid: 5 }, { pid: 7 }, { pid: 12 }], skippedCount: 3 } });
    expect(helper.asked).toEqual([{ afterPid: 0 }, { afterPid: 7 }, { afterPid: 9 }]);
  });

  test('that goes in circles is refused', async () => {
    const helper = helperOf([
      { pids: [5], moreAfterPid: 7 },
      { pids: [5], moreAfterPid: 7 },
    ]);
    expect(await listAll(helper)).toMatchObject({ ok: false, refusal: { code: 'helper-protocol' } });
  });
});
