import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture, GeneralRegisters } from '../../app/capture/capture.ts';
import { isStopped } from '../../app/debug/run-state.ts';
import type { Session } from '../../app/debug/session.ts';
import { type FakeTarget, fakeTarget, withRegisters } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { createKeptSession } from './kept-session.ts';

const ID = 'ab'.repeat(16);
const RAX = [{ path: 'rax', value: '5' }];
const first = sampleCapture().facts.general as GeneralRegisters;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-general-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const attach = (capture: Capture = sampleCapture()): { target: FakeTarget; session: Session } => {
  const target = fakeTarget(capture);
  return { target, session: createKeptSession(ID, target, capture, folder) };
};
const general = (target: FakeTarget): GeneralRegisters => target.state.facts.general as GeneralRegisters;
const guestSets = (target: FakeTarget, values: Partial<GeneralRegisters>): void => {
  const { facts } = target.state;
  target.state = { ...target.state, facts: { ...facts, general: { ...general(target), ...values } } };
};
/** What the journal on disk names. */
const kept = (): unknown => {
  const [name] = readdirSync(folder);
  return name === undefined ? null : JSON.parse(readFileSync(join(folder, name), 'utf8')).general;
};

describe('[C43] general registers are part of one write', () => {
  test('after image, XCR0 and the other MSRs, before IA32_XFD is armed', async () => {
    const { target, session } = attach(withRegisters(sampleCapture(), { xfd: 0n }));
    await session.assign([
      { path: 'zmm5:u32[0]', value: '7' },
      { path: 'xfd', value: '0x40000' },
      { path: 'rax', value: '5' },
      { path: 'xcr0', value: '0x7' },
    ]);
    expect(target.log.filter((step) => /image|xcr0|msr|general/.test(step))).toEqual([
      'image',
      'xcr0=7',
      'general',
      'msr 1c4=40000',
    ]);
    expect(general(target)).toEqual({ ...first, rax: 5n });
  });

  test('written alone, the image is left alone', async () => {
    const { target, session } = attach();
    expect(await session.assign(RAX)).toMatchObject({ ok: true, value: { writtenBytes: 1 } });
    expect(target.log).toEqual(['capture', 'freeze', 'capture', 'general', 'capture', 'resume']);
  });

  test('the set is drawn up in the stop: what the guest did meanwhile stays', async () => {
    const { target, session } = attach();
    const { freeze } = target;
    target.freeze = () => {
      guestSets(target, { rbx: 99n, rip: 0x401200n });
      return freeze();
    };
    await session.assign(RAX);
    expect(general(target)).toEqual({ ...first, rax: 5n, rbx: 99n, rip: 0x401200n });
  });

  test('refused: what was written before them is rolled back, and the refusal names them', async () => {
    const { target, session } = attach();
    const { bytes } = target.state.image;
    target.refuses.add('general');
    const refused = await session.assign([{ path: 'k1', value: '0x9' }, ...RAX, { path: 'r9', value: '1' }]);
    expect(refused).toMatchObject({ refusal: { code: 'call-failed', where: 'rax, r9' } });
    expect(target.state.image.bytes).toEqual(bytes);
    // KVM has refused them once: the way back does not ask again.
    expect(target.log.filter((step) => step === 'general')).toHaveLength(1);
  });

  test('read back differently: rolled back, and the refusal says which and how', async () => {
    const { target, session } = attach();
    target.keeps = (values) => {
      target.keeps = (back) => back;
      return { ...values, rax: 6n };
    };
    const refused = await session.assign([...RAX, { path: 'k1', value: '0x9' }]);
    expect(refused).toMatchObject({
      refusal: { code: 'read-back', what: 'rax differs: written 0x5, read back 0x6' },
    });
    expect(general(target)).toEqual(first);
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
  });

  test('a component that did not arrive is named beside a register that did not', async () => {
    const { target, session } = attach();
    target.spoil = (image) => image.fill(0, 0x340, 0x380);
    target.keeps = (values) => {
      target.keeps = (back) => back;
      return { ...values, rax: 6n };
    };
    const refused = await session.assign([...RAX, { path: 'k1', value: '0x9' }]);
    expect(refused.ok ? '' : refused.refusal.where).toContain('opmask, rax');
  });

  test('a helper that dies over the write: what was written alone goes back, and no RIP of a state that is gone', async () => {
    const { target, session } = attach();
    const { writeImage } = target;
    let died = false;
    target.writeImage = async (image) => {
      const done = await writeImage(image);
      if (!died) {
        died = true;
        // The thread is let go with its tracer, and the guest runs on.
        await target.resume();
        guestSets(target, { rip: 0x401300n, rbx: 3n });
        const bytes = target.state.image.bytes.slice();
        bytes[170] = 0x5a;
        target.state = { ...target.state, image: { ...target.state.image, bytes } };
      }
      return done;
    };
    const refused = await session.assign([{ path: 'k1', value: '0x9' }, ...RAX]);
    expect(refused).toMatchObject({ refusal: { code: 'let-go' } });
    expect(general(target)).toEqual({ ...first, rip: 0x401300n, rbx: 3n });
    // opmask, which was written, is as it was; XMM, which was not, is as the guest has made it.
    const bytes = sampleCapture().image.bytes.slice();
    bytes[170] = 0x5a;
    expect(target.state.image.bytes).toEqual(bytes);
    expect(isStopped(target)).toBe(false);
  });
});

describe('[C44] what goes back', () => {
  test('undo and redo write them alone, over what the guest has done since', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    guestSets(target, { rbx: 1n, rip: 0x401400n });
    expect((await session.undo()).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rbx: 1n, rip: 0x401400n });
    guestSets(target, { rip: 0x401500n });
    expect((await session.redo()).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rax: 5n, rbx: 1n, rip: 0x401500n });
  });

  test('everything: those that this session wrote, and a restore of theirs can be undone', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    await session.assign([{ path: 'rbx', value: '2' }]);
    guestSets(target, { rcx: 4n, rip: 0x401400n });
    expect((await session.restore({ kind: 'all' })).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rcx: 4n, rip: 0x401400n });
    expect((await session.undo()).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rax: 5n, rbx: 2n, rcx: 4n, rip: 0x401400n });
    expect((await session.redo()).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rcx: 4n, rip: 0x401400n });
  });

  test('everything, where none was written: all of them are left to the guest', async () => {
    const { target, session } = attach();
    await session.assign([{ path: 'k1', value: '0x9' }]);
    guestSets(target, { rax: 4n, rip: 0x401400n });
    expect((await session.restore({ kind: 'all' })).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rax: 4n, rip: 0x401400n });
    expect(target.log).not.toContain('general');
  });

  test('a stop: those that were written ever, for at that stop they held what was written', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    const stop = await session.capture();
    if (!stop.ok) throw new Error(stop.refusal.what);
    await session.restore({ kind: 'all' });
    guestSets(target, { rbx: 9n });
    expect((await session.restore({ kind: 'all' }, stop.value)).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rax: 5n, rbx: 9n });
  });

  test('a write that was undone leaves nothing to go back: what the guest computes since is its own', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    await session.assign([{ path: 'k1', value: '0x9' }, ...RAX.map(({ path }) => ({ path, value: '6' }))]);
    await session.undo();
    expect(kept()).toEqual(['rax']);
    await session.undo();
    expect(kept()).toEqual([]);
    guestSets(target, { rax: 1234n });
    await session.assign([{ path: 'k1', value: '0x9' }]);
    expect((await session.detach(true)).ok).toBe(true);
    expect(general(target)).toEqual({ ...first, rax: 1234n });
  });

  test('everything, then an undo of that: they are to go back again', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    await session.restore({ kind: 'all' });
    await session.undo();
    expect(kept()).toEqual(['rax']);
    expect((await session.detach(true)).ok).toBe(true);
    expect(general(target)).toEqual(first);
  });

  test('everything, while the guest had put it back itself: a redo after that is to go back again', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    await session.assign([{ path: 'rax', value: '6' }]);
    guestSets(target, { rax: first.rax });
    expect(await session.restore({ kind: 'all' })).toMatchObject({ ok: true, value: { writtenBytes: 0 } });
    expect(kept()).toBe(null);
    // Until then it is the guest's own.
    await session.assign([{ path: 'k1', value: '0x9' }]);
    expect(kept()).toEqual([]);
    await session.undo();
    for (const [act, value] of [
      ['undo', 5n],
      ['redo', 6n],
    ] as const) {
      expect((await session[act]()).ok).toBe(true);
      expect([general(target).rax, kept()]).toEqual([value, ['rax']]);
    }
    expect((await session.restore({ kind: 'all' })).ok).toBe(true);
    expect(general(target)).toEqual(first);
  });

  test('detach with restore puts them back', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    expect((await session.detach(true)).ok).toBe(true);
    expect(general(target)).toEqual(first);
  });
});

describe('[J6] the journal names them before the first write of each', () => {
  test('it is on disk when the write comes, and grows', async () => {
    const { target, session } = attach();
    const seen: unknown[] = [];
    target.keeps = (values) => {
      seen.push(kept());
      return values;
    };
    await session.assign(RAX);
    await session.assign([{ path: 'rax', value: '6' }]);
    await session.assign([{ path: 'r8', value: '6' }]);
    expect(seen).toEqual([['rax'], ['rax'], ['rax', 'r8']]);
    await session.restore({ kind: 'all' });
    expect(kept()).toBeNull();
    await session.undo();
    expect(kept()).toEqual(['rax', 'r8']);
  });

  test('where it cannot be told another name, that register is not written', async () => {
    const { target, session } = attach();
    await session.assign(RAX);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file where the folder should be');
    expect(await session.assign([{ path: 'r8', value: '6' }])).toMatchObject({ refusal: { code: 'journal' } });
    expect(general(target)).toEqual({ ...first, rax: 5n });
    expect((await session.assign([{ path: 'rax', value: '6' }])).ok).toBe(true);
  });

  test('a write that was rolled back leaves none to be restored', async () => {
    const { target, session } = attach();
    target.refuses.add('general');
    expect((await session.assign(RAX)).ok).toBe(false);
    expect(kept()).toEqual([]);
    guestSets(target, { rax: 9n });
    expect((await session.restore({ kind: 'all' })).ok).toBe(true);
    expect(general(target).rax).toBe(9n);
  });

  test('a roll back that failed leaves them to be restored', async () => {
    const { target, session } = attach();
    target.keeps = (values) => {
      target.refuses.add('general');
      return { ...values, rax: 6n };
    };
    expect(await session.assign(RAX)).toMatchObject({ refusal: { code: 'roll-back' } });
    expect(kept()).toEqual(['rax']);
    target.keeps = (values) => values;
    expect((await session.restore({ kind: 'all' })).ok).toBe(true);
    expect(general(target)).toEqual(first);
  });
});
