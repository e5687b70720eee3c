import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../app/capture/capture.ts';
import { fileTarget } from '../../app/debug/file-target.ts';
import { isStopped } from '../../app/debug/run-state.ts';
import type { Session } from '../../app/debug/session.ts';
import { type FakeTarget, fakeTarget, withRegisters } from '../../app/debug/testing/fake-target.ts';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import { refusal } from '../../app/refusals/refusal.ts';
import { parsePath } from '../../app/register/path.ts';
import { showText } from '../../app/register/read.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { createKeptSession } from './kept-session.ts';

const ID = 'ab'.repeat(16);
const ZMM5 = [{ path: 'zmm5:u32[0]', value: '7' }];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-session-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const journal = (): string[] => {
  try {
    return readdirSync(join(folder, 'journal'));
  } catch {
    return [];
  }
};

const attach = (capture: Capture): { target: FakeTarget; session: Session } => {
  const target = fakeTarget(capture);
  return { target, session: createKeptSession(ID, target, capture, join(folder, 'journal')) };
};

const shown = (capture: Capture, text: string): string => {
  const path = parsePath(text);
  return path.ok ? showText(capture, path.value) : 'no path';
};

describe('[C5] one write', () => {
  test('is one stop: read, write, read back, go on', async () => {
    const { target, session } = attach(sampleCapture());
    const outcome = await session.assign(ZMM5);
    expect(outcome).toMatchObject({ ok: true, value: { pauseNs: 5_000n } });
    expect(target.log).toEqual(['capture', 'freeze', 'capture', 'image', 'capture', 'resume']);
    expect(shown(target.state, 'zmm5:u32[0]')).toBe('7');
  });

  test('keeps a frozen vCPU frozen', async () => {
    const { target, session } = attach(sampleCapture());
    await session.freeze();
    target.log.length = 0;
    expect(await session.assign(ZMM5)).toMatchObject({ ok: true, value: { pauseNs: null } });
    expect(target.log).toEqual(['capture', 'capture', 'image', 'capture']);
    expect(isStopped(target)).toBe(true);
  });

  test('that changes nothing does not stop the vCPU', async () => {
    const { target, session } = attach(sampleCapture());
    const value = shown(target.state, 'mxcsr');
    expect(await session.assign([{ path: 'mxcsr', value }])).toMatchObject({ ok: true, value: { writtenBytes: 0 } });
    expect(target.log).toEqual(['capture']);
    expect(journal()).toEqual([]);
  });

  test.each(['xcr0', 'xfd', 'rax', 'k1'])('that gives %s the value it has does not stop the vCPU', async (path) => {
    const capture = withRegisters(sampleCapture(), { xfd: 0n });
    const { target, session } = attach(capture);
    const same = { ok: true, value: { writtenBytes: 0 } };
    expect(await session.assign([{ path, value: shown(capture, path) }])).toMatchObject(same);
    expect(await session.restore({ kind: 'paths', paths: [path] }, capture)).toMatchObject(same);
    expect(target.log).toEqual(['capture', 'capture']);
    expect(journal()).toEqual([]);
  });

  test('that cannot be staged does not stop the vCPU', async () => {
    const { target, session } = attach(sampleCapture());
    expect(await session.assign([{ path: 'zmm5', value: 'x' }])).toMatchObject({ ok: false });
    expect(target.log).toEqual(['capture']);
  });

  test('is refused by the pre-flight before anything is written', async () => {
    const { target, session } = attach(sampleCapture());
    const refused = await session.assign([{ path: 'mxcsr', value: '0xffff1f80' }]);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'pre-flight', call: 'KVM_SET_XSAVE' } });
    expect(target.log).toEqual(['capture']);
  });

  test('waits for the vCPU to be inside KVM_RUN', async () => {
    const { target, session } = attach(sampleCapture());
    target.outside = 3;
    expect((await session.assign(ZMM5)).ok).toBe(true);
    expect(target.log.filter((step) => step === 'freeze')).toHaveLength(4);
    target.outside = 10_000;
    expect(await session.assign([{ path: 'k1', value: '0x9' }])).toMatchObject({
      refusal: { code: 'outside-kvm-run' },
    });
    expect(target.log.filter((step) => step === 'image')).toHaveLength(1);
    expect(isStopped(target)).toBe(false);
  });

  test('a capture asked for meanwhile waits for its end', async () => {
    const { target, session } = attach(sampleCapture());
    await Promise.all([session.assign(ZMM5), session.capture()]);
    expect(target.log.slice(-2)).toEqual(['resume', 'capture']);
  });
});

describe('[C6] a write that did not arrive is rolled back', () => {
  test('read back differently: the state before is restored, and the refusal says so', async () => {
    const { target, session } = attach(sampleCapture());
    const before = target.state.image.bytes;
    target.spoil = (image) => {
      image[160 + 5 * 16] = 8;
    };
    const refused = await session.assign(ZMM5);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'read-back' } });
    expect(refused.ok ? '' : refused.refusal.remedy).toContain('The state before the write was restored');
    expect(target.state.image.bytes).toEqual(before);
    expect(isStopped(target)).toBe(false);
  });

  test('refused half way: what was written already is restored', async () => {
    const { target, session } = attach(sampleCapture());
    const before = target.state;
    target.refuses.add('xcr0=7');
    const refused = await session.assign([...ZMM5, { path: 'xcr0', value: '0x7' }]);
    expect(refused).toMatchObject({ ok: false });
    expect(target.state.image.bytes).toEqual(before.image.bytes);
    expect(target.state.facts.xcr0).toBe(before.facts.xcr0);
  });

  test('refused before it changed anything: nothing has to go back, which the kernel would refuse as well', async () => {
    const { target, session } = attach(withRegisters(sampleCapture(), { xfd: 0n }));
    const xss = target.state.facts.msrs.find((msr) => msr.index === 0xda0);
    expect(xss).toMatchObject({ value: 0n });
    target.refuses.add('msr da0=1000').add('msr da0=0');
    expect(await session.assign([{ path: 'xss', value: '0x1000' }])).toMatchObject({
      ok: false,
      refusal: { code: 'call-failed', remedy: 'Nothing was changed' },
    });
    expect(target.log.filter((step) => step.startsWith('msr'))).toEqual(['msr da0=1000']);
  });

  test('where the target has ended amid the write, that is said, and nothing is kept for it', async () => {
    const { target, session } = attach(sampleCapture());
    const gone = { ok: false, refusal: refusal('target-gone', 'the target has ended') } as const;
    target.writeImage = async () => {
      Object.assign(target, { capture: async () => gone, freeze: async () => gone });
      target.end(gone.refusal);
      return gone;
    };
    expect(await session.assign(ZMM5)).toMatchObject({ ok: false, refusal: gone.refusal });
    await session.capture();
    expect(journal()).toEqual([]);
  });

  test('a roll back that fails is said louder, and the journal stays', async () => {
    const { target, session } = attach(sampleCapture());
    target.spoil = (image) => {
      image[160 + 5 * 16] = 8;
      target.refuses.add('image');
    };
    expect(await session.assign(ZMM5)).toMatchObject({ ok: false, refusal: { code: 'roll-back' } });
    expect(journal()).toHaveLength(1);
  });

  test('a roll back is read back as well: one that did not arrive is no roll back', async () => {
    const { target, session } = attach(sampleCapture());
    const spoil = (image: Uint8Array): void => {
      image[160 + 5 * 16] = (image[160 + 5 * 16] ?? 0) ^ 0xff;
      // A write is spoilt once; the next one, which is that of the roll back, is to be as well.
      queueMicrotask(() => {
        target.spoil = spoil;
      });
    };
    target.spoil = spoil;
    const refused = await session.assign(ZMM5);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'roll-back' } });
    expect(!refused.ok && refused.refusal.what).toMatch(/could not be restored: .*SSE/);
    expect(journal()).toHaveLength(1);
  });
});

describe('[C7] the order of a write', () => {
  test('XFD is disarmed before the image, and armed after everything', async () => {
    const { target, session } = attach(withRegisters(sampleAmxCapture(), { xfd: 0n }));
    await session.assign([
      { path: 'xstate_bv', value: '0x2e7' },
      { path: 'xfd', value: '0x40000' },
    ]);
    expect(target.log.filter((step) => /image|msr/.test(step))).toEqual(['image', 'msr 1c4=40000']);
    target.log.length = 0;
    await session.restore({ kind: 'all' });
    expect(target.log.filter((step) => /image|msr/.test(step))).toEqual(['msr 1c4=0', 'image']);
  });
});

describe('[C8] the state found at attach is on disk before the first write', () => {
  test('whole, for its owner alone, and the first write finds it there', async () => {
    const capture = sampleCapture();
    const { target, session } = attach(capture);
    let atWrite: string[] = [];
    target.spoil = () => {
      atWrite = journal();
    };
    await session.assign(ZMM5);
    const { pid, startTimeTicks, vcpu } = capture.facts.target;
    expect(atWrite).toEqual([`${pid}-${startTimeTicks}-vcpu${vcpu}-${ID}.json`]);
    const path = join(folder, 'journal', atWrite[0] ?? '');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const entry = JSON.parse(readFileSync(path, 'utf8'));
    expect(entry).toMatchObject({ format: 'tilescope-journal', version: 4, session: ID, general: [] });
    const kept = decodeCapture(entry.capture);
    expect(kept.ok && kept.value.image.bytes).toEqual(capture.image.bytes);
  });

  test('is kept over further writes, and gone after a clean detach', async () => {
    const { session } = attach(sampleCapture());
    await session.assign(ZMM5);
    await session.assign([{ path: 'k1', value: '0x3' }]);
    expect(journal()).toHaveLength(1);
    expect(await session.detach(false)).toEqual({ ok: true, value: null });
    expect(journal()).toEqual([]);
  });

  test('stays when nobody said what to do with the edits', async () => {
    const { session } = attach(sampleCapture());
    await session.assign(ZMM5);
    await session.abandon();
    expect(journal()).toHaveLength(1);
  });

  test('without it nothing is written', async () => {
    writeFileSync(join(folder, 'journal'), 'a file where the folder should be');
    const { target, session } = attach(sampleCapture());
    expect(await session.assign(ZMM5)).toMatchObject({ ok: false, refusal: { code: 'journal' } });
    expect(target.log).toEqual(['capture']);
  });

  test('a target that ended needs none', async () => {
    const { target, session } = attach(sampleCapture());
    await session.assign(ZMM5);
    target.end(refusal('target-gone', 'the target has ended'));
    await expect.poll(journal).toEqual([]);
  });
});

describe('[C9] restore and detach', () => {
  test('everything goes back to the state found at attach', async () => {
    const { target, session } = attach(sampleCapture());
    await session.assign([...ZMM5, { path: 'mxcsr', value: '0x9fc0' }, { path: 'k3', value: '0xbeef' }]);
    expect((await session.detach(true)).ok).toBe(true);
    for (const path of ['zmm5', 'mxcsr', 'k3', 'xstate_bv']) {
      expect(shown(target.state, path), path).toBe(shown(session.attached, path));
    }
    expect(target.log.at(-1)).toBe('detach');
  });

  test('a restore that is refused keeps the session and the journal', async () => {
    const { target, session } = attach(sampleCapture());
    await session.assign(ZMM5);
    target.refuses.add('image');
    expect((await session.detach(true)).ok).toBe(false);
    expect(target.log).not.toContain('detach');
    expect(journal()).toHaveLength(1);
  });

  test('[U21] a file is edited in a copy, is taken back, and leaves nothing in the journal', async () => {
    const saved = sampleCapture();
    const before = saved.image.bytes.slice();
    // What its facts say of a thread outside KVM_RUN, and what a kernel would refuse, are nothing to a file.
    const outside = { ...saved, facts: { ...saved.facts, inKvmRun: false } };
    const session = createKeptSession(ID, fileTarget('a.json', outside), outside, folder);
    const written = await session.assign([
      ...ZMM5,
      { path: 'rax', value: '0x1234' },
      { path: 'xstate_bv', value: '0x602e7' },
    ]);
    expect(written).toMatchObject({ ok: true, value: { capture: { facts: { general: { rax: 0x1234n } } } } });
    expect(saved.image.bytes).toEqual(before);
    expect(journal()).toEqual([]);
    const undone = await session.undo();
    expect(undone.ok && undone.value.capture.image.bytes).toEqual(before);
    expect(await session.resume()).toMatchObject({ ok: false, refusal: { code: 'read-only' } });
    expect((await session.detach(false)).ok).toBe(true);
    expect(saved.image.bytes).toEqual(before);
  });
});

describe('[C42] undo and redo are verified writes', () => {
  const K3 = [{ path: 'k3', value: '0xbeef' }];

  test('each write is taken back and written again, in order', async () => {
    const { target, session } = attach(sampleCapture());
    const first = target.state.image.bytes;
    await session.assign(ZMM5);
    const one = target.state.image.bytes;
    await session.assign(K3);
    const two = target.state.image.bytes;
    for (const [word, state] of [
      ['undo', one],
      ['undo', first],
      ['redo', one],
      ['redo', two],
      ['undo', one],
    ] as const) {
      target.log.length = 0;
      expect(await session[word]()).toMatchObject({ ok: true });
      expect(target.state.image.bytes, word).toEqual(state);
      expect(target.log).toEqual(['capture', 'freeze', 'capture', 'image', 'capture', 'resume']);
    }
  });

  test('at either end there is nothing to do, and a new write leaves nothing to redo', async () => {
    const { session } = attach(sampleCapture());
    expect(await session.undo()).toMatchObject({ refusal: { code: 'nothing-to-undo' } });
    await session.assign(ZMM5);
    await session.undo();
    await session.assign(K3);
    expect(await session.redo()).toMatchObject({ refusal: { code: 'nothing-to-redo' } });
  });

  test('what the guest changed beside the edit stays', async () => {
    const { target, session } = attach(sampleCapture());
    await session.assign(ZMM5);
    const other = fakeTarget(target.state);
    await createKeptSession(ID, other, target.state, join(folder, 'other')).assign(K3);
    target.state = other.state;
    expect((await session.undo()).ok).toBe(true);
    expect(shown(target.state, 'k3')).toBe('0x000000000000beef');
    expect(shown(target.state, 'zmm5')).toBe(shown(session.attached, 'zmm5'));
  });

  test('an undo that is refused moves nothing, and a restore can be undone', async () => {
    const { target, session } = attach(sampleCapture());
    await session.assign(ZMM5);
    const written = target.state.image.bytes;
    target.refuses.add('image');
    expect((await session.undo()).ok).toBe(false);
    expect(target.state.image.bytes).toEqual(written);
    expect((await session.restore({ kind: 'all' })).ok).toBe(true);
    expect(journal()).toEqual([]);
    expect((await session.undo()).ok).toBe(true);
    expect(target.state.image.bytes).toEqual(written);
    expect(journal()).toHaveLength(1);
  });

  test('spaces around a path are no part of it', async () => {
    const { target, session } = attach(sampleCapture());
    const first = target.state.image.bytes;
    expect(await session.assign([{ path: ' k3 ', value: '0xbeef' }])).toMatchObject({ ok: true });
    expect(await session.undo()).toMatchObject({ ok: true });
    expect(target.state.image.bytes).toEqual(first);
    expect(await session.redo()).toMatchObject({ ok: true });
    expect(shown(target.state, 'k3')).toBe('0x000000000000beef');
  });

  test('what the write did to other registers of a component is undone as well', async () => {
    const { target, session } = attach(sampleCapture());
    await session.assign([...ZMM5, { path: 'xstate_bv', value: '0x3' }]);
    expect(shown(target.state, 'k1')).toBe('init');
    expect(await session.undo()).toMatchObject({ ok: true });
    expect(target.state.image.bytes).toEqual(session.attached.image.bytes);
    expect(await session.redo()).toMatchObject({ ok: true });
    expect(shown(target.state, 'xstate_bv')).toBe('0x0000000000000003');
  });

  test('a write that changed nothing is no step', async () => {
    const { session } = attach(sampleCapture());
    await session.assign([{ path: 'k1', value: '0x000000000000ffff' }]);
    expect(await session.undo()).toMatchObject({ refusal: { code: 'nothing-to-undo' } });
  });
});
