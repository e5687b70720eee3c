import { describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import { openMemoryFile } from './memory-file.ts';
import type { PagingContext } from './paging.ts';

const USED = 0x63n;
const GIB = 1n << 30n;
const context: PagingContext = {
  control: { cr0: 1n << 31n, cr3: 0x1000n, cr4: 1n << 5n, efer: 0x500n },
  physicalBits: 40,
};

/** A file of 4 GiB of memory that is zero but for what is written: read without being there. */
const sparse = (...written: readonly (readonly [offset: number, value: bigint])[]) => {
  const pages = new Map<number, Uint8Array>();
  for (const [offset, value] of written) {
    const base = offset - (offset % 4096);
    const page = pages.get(base) ?? new Uint8Array(4096);
    writeU64(page, offset - base, value);
    pages.set(base, page);
  }
  return (offset: number, bytes: number): Uint8Array => {
    const base = offset - (offset % 4096);
    return (pages.get(base) ?? new Uint8Array(4096)).slice(offset - base, offset - base + bytes);
  };
};
/** Tables at 0x1000: linear 0 is the page of the code at 0x5000, linear 1 GiB is physical 4 GiB. */
const TABLES = [
  [0x1000, 0x2000n | USED],
  [0x2000, 0x3000n | USED],
  [0x2008, (4n * GIB) | USED | 0x80n],
  [0x3000, 0x4000n | USED],
  [0x4000, 0x5000n | USED],
] as const;

const opened = async (read: ReturnType<typeof sparse>, bytes: number, rip = 0n, paging = context) => {
  const file = await openMemoryFile(bytes, read, paging, rip);
  if (!file.ok) throw new Error(file.refusal.what);
  return file.value;
};

describe('[GM5] a file of memory beside a snapshot', () => {
  const low = sparse(...TABLES, [0x5010, 0x77n]);

  test('is read by physical and by linear address', async () => {
    const file = await opened(low, 64 << 20);
    expect(await file.readPhysical(0x5010n, 1)).toMatchObject({ ok: true, value: { bytes: Uint8Array.of(0x77) } });
    expect(await file.readLinear(0x10n, 1)).toMatchObject({ ok: true, value: { physical: 0x5010n } });
    expect(await file.readLinear(0x2000n, 1)).toMatchObject({ ok: false, refusal: { code: 'not-mapped' } });
    expect(await file.readPhysical(64n << 20n, 1)).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
  });

  test('where the layouts that fit differ it is not known', async () => {
    const file = await opened(low, Number(4n * GIB));
    expect(await file.readPhysical(4n * GIB, 1)).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
    expect(await file.readPhysical(1n * GIB, 1)).toMatchObject({ ok: true });
  });

  test.each([
    [3n * GIB, 'Cloud Hypervisor, newer Firecracker'],
    [3n * GIB + 256n * (1n << 20n), 'older Firecracker'],
  ])('a gap from %s on (%s), by code that lies above 4 GiB', async (lowEnd) => {
    // Code above 4 GiB by tables that lie there: found in one layout alone.
    const at = Number(lowEnd);
    const read = sparse(
      [0x1000, (4n * GIB + 0x2000n) | USED],
      [at + 0x2000, (4n * GIB + 0x3000n) | USED],
      [at + 0x3000, (4n * GIB + 0x20_0000n) | USED | 0x80n],
      [at + 0x20_0010, 0x99n],
    );
    const file = await opened(read, Number(5n * GIB));
    expect(await file.readLinear(0x10n, 1)).toMatchObject({
      ok: true,
      value: { physical: 4n * GIB + 0x20_0010n, bytes: Uint8Array.of(0x99) },
    });
  });

  test('[GM6] a vCPU of another snapshot is refused, and so is one without paging', async () => {
    expect(await openMemoryFile(64 << 20, sparse(), context, 0n)).toMatchObject({ ok: false });
    const real = { ...context, control: { ...context.control, cr0: 0n } };
    expect(await openMemoryFile(64 << 20, low, real, 0n)).toMatchObject({
      ok: false,
      refusal: { what: expect.stringContaining('the guest has no paging on'), remedy: expect.stringContaining('dump') },
    });
  });
});
