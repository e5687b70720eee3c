import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readU64, writeU16, writeU32, writeU64 } from '../../../app/bits/bytes.ts';
import { maskOf } from '../../../app/bits/mask.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { type FakeTarget, fakeTarget, withRegisters } from '../../../app/debug/testing/fake-target.ts';
import { stageAssignments } from '../../../app/edit/assign.ts';
import { draftOf, withXstateBit } from '../../../app/edit/patch.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { writeCore } from '../../../app/formats/elf-write.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { parsePath } from '../../../app/register/path.ts';
import { showText } from '../../../app/register/read.ts';
import { captureText } from '../../../app/session/document.ts';
import { encodeSession } from '../../../app/session/session-document.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { restrictLayout } from '../../../app/xsave/convert.ts';
import type { Host } from '../../services/host.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';
import { joinedCore, sure } from '../../testing/cores.ts';

let folder: string;
let target: FakeTarget;
let host: Host;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cli-writes-'));
  target = fakeTarget(sampleCapture());
  host = fakeHost(folder, {
    openLive: async () => answer(target),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(host, args);

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const saved = (name: string, capture: Capture): string => file(name, captureText(capture));
const shown = (text: string, capture = target.state): string => {
  const path = parsePath(text);
  return path.ok ? showText(capture, path.value) : 'no path';
};
const edited = (capture: Capture, path: string, value: string): Capture => {
  const staged = stageAssignments(capture, [{ path, value }]);
  if (!staged.ok) throw new Error(JSON.stringify(staged.problem));
  return { ...capture, image: staged.value.image };
};
/** The capture as a VMM saves it that does not know these components. */
const withoutRoom = ({ image, facts }: Capture, bits: readonly number[]): Capture => {
  const cleared = bits.reduce((draft, bit) => withXstateBit(draft, bit, false), draftOf(image)).image;
  const kept = image.layout.components.map(({ bit }) => bit).filter((bit) => !bits.includes(bit));
  return { image: { ...cleared, layout: restrictLayout(image.layout, maskOf(kept)) }, facts };
};
const PID = ['--pid', '4242'] as const;

describe('[C6] a roll back that fails on the command line', () => {
  const journal = (): string[] => readdirSync(host.journalFolder);

  test('keeps the state found at attach for tilescope journal', async () => {
    target.spoil = (image) => {
      image[160 + 5 * 16] = 8;
      target.refuses.add('image');
    };
    const refused = await run('set', ...PID, 'zmm5:u32[0]=7');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('could not be restored');
    expect(journal()).toHaveLength(1);
    expect(target.log.at(-1)).toBe('detach');
  });

  test('where the roll back arrives nothing is left behind', async () => {
    target.refuses.add('image');
    expect((await run('set', ...PID, 'zmm5:u32[0]=7')).code).toBe(1);
    expect(journal()).toEqual([]);
  });
});

describe('[C6] a write that is refused before it changed anything', () => {
  const journal = (): string[] => (existsSync(host.journalFolder) ? readdirSync(host.journalFolder) : []);

  test('is no failed roll back: nothing is restored, and nothing is kept', async () => {
    Object.assign(target, { writeImage: async () => refuse('seccomp', 'the filter would refuse KVM_SET_XSAVE') });
    const refused = await run('set', ...PID, 'zmm5:u32[0]=7');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('Nothing was changed');
    expect(refused.err).not.toContain('could not be restored');
    expect(journal()).toEqual([]);
  });

  test.each(['refused', 'kills'] as const)(
    'a filter that is known beforehand (%s) stops it before the vCPU',
    async (verdict) => {
      const action = verdict === 'kills' ? 0x80000000 : 0x00030000;
      Object.assign(target, { verdicts: [{ call: 'KVM_SET_XSAVE', number: '0x5000aea5', action, verdict }] });
      const refused = await run('set', ...PID, 'zmm5:u32[0]=7');
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain('seccomp filter would refuse KVM_SET_XSAVE');
      expect(target.log).not.toContain('freeze');
      expect(journal()).toEqual([]);
      expect(await run('set', ...PID, 'rax=5')).toMatchObject({ code: 0 });
      Object.assign(target, { filterSuspended: true });
      expect(await run('set', ...PID, 'zmm5:u32[0]=7')).toMatchObject({ code: 0 });
    },
  );
});

describe('[C47] general registers on the command line', () => {
  test('are set, and restored by name alone', async () => {
    const before = saved('a.json', sampleCapture());
    expect(await run('set', ...PID, 'rax=5', 'rflags.ZF=0')).toMatchObject({ code: 0, err: '' });
    expect([shown('rax'), shown('rflags.ZF')]).toEqual(['0x0000000000000005', shown('rflags.ZF')]);
    expect((await run('restore', ...PID, before)).code).toBe(0);
    expect(shown('rax')).toBe('0x0000000000000005');
    const back = JSON.parse((await run('restore', ...PID, '--only', 'rax', '--json', before)).out);
    expect(back).toEqual({
      changes: [{ path: 'rax', before: '0x0000000000000005', after: '0x000000000000002a' }],
      writtenBytes: 1,
      pauseNs: 5000,
      overwritten: [],
    });
  });
});

describe('[C48] a file goes through the verdict before it is restored', () => {
  const amx = (): Capture => {
    const capture = sampleAmxCapture();
    return { ...capture, facts: { ...capture.facts, target: sampleCapture().facts.target } };
  };

  test('what is lost is named, and nothing is written without --force', async () => {
    const path = saved('amx.json', amx());
    const refused = await run('restore', ...PID, path);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/TILECFG.*TILEDATA/);
    expect(refused.err).toMatch(/--force leaves .*TILEDATA.* as it is here/);
    expect(target.log).not.toContain('image');
  });

  test('--force writes the rest, in the layout of the vCPU, and says what it left', async () => {
    const then = edited(edited(amx(), 'k3', '0x77'), 'zmm31', '0x1234');
    const path = saved('amx.json', then);
    const forced = await run('restore', ...PID, '--force', path);
    expect(forced.code).toBe(0);
    expect(forced.err).toContain('left as it is here');
    for (const name of ['k3', 'zmm31', 'zmm0', 'mxcsr']) expect(shown(name), name).toBe(shown(name, then));
    expect(target.state.facts.xcr0).toBe(0xe7n);
  });

  test('a part that loses nothing needs no force', async () => {
    const then = edited(amx(), 'k3', '0x77');
    const path = saved('amx.json', then);
    expect((await run('restore', ...PID, '--only', 'opmask', path)).code).toBe(0);
    expect(shown('k3')).toBe('0x0000000000000077');
    expect((await run('restore', ...PID, '--only', 'tiledata', path)).code).toBe(1);
    expect((await run('restore', ...PID, '--only', 'tmm0', path)).code).toBe(1);
  });

  test('--force leaves those of the registers named that are lost, and restores the others', async () => {
    const path = saved('amx.json', edited(amx(), 'k3', '0x77'));
    const refused = await run('restore', ...PID, '--only', 'tmm0,k3', path);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--force leaves TILEDATA as it is here') });
    const forced = await run('restore', ...PID, '--only', 'tmm0,k3', '--force', path);
    expect(forced).toMatchObject({ code: 0, err: expect.stringContaining('left as it is here: TILEDATA') });
    expect(shown('k3')).toBe('0x0000000000000077');
  });

  test('what the file has no room for stays as it is, PKRU too, and is named', async () => {
    target = fakeTarget(amx());
    const path = saved('small.json', withoutRoom(edited(amx(), 'zmm3:f32[0]', '8'), [BIT.Hi16_ZMM, BIT.PKRU]));
    await run('set', ...PID, 'pkru=0x55', 'zmm20:f32[0]=3');
    const ran = await run('restore', ...PID, path);
    expect(ran).toMatchObject({ code: 0, err: `${path}: left as it is here: no room in the file: Hi16_ZMM, PKRU\n` });
    expect([shown('pkru'), shown('zmm20:f32[0]'), shown('zmm3:f32[0]')]).toEqual(['0x00000055', '3', '8']);
  });

  test('what cannot be restored at all is refused with the step, --force or not', async () => {
    const capture = sampleCapture();
    const bytes = capture.image.bytes.slice();
    bytes[540] = 1;
    const path = saved('reserved.json', { ...capture, image: { ...capture.image, bytes } });
    const refused = await run('restore', ...PID, '--force', path);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('reserved header byte 540');
    expect(refused.err).toContain('tilescope check');
    expect(target.log).not.toContain('image');
  });

  test('[F16] exceptions that would become unmasked are said, and those that stay masked are not', async () => {
    const warned = async (change: (bytes: Uint8Array) => void): Promise<string> => {
      const capture = sampleCapture();
      const bytes = capture.image.bytes.slice();
      writeU64(bytes, 512, readU64(bytes, 512) | 7n);
      writeU16(bytes, 0, 0x37f);
      writeU32(bytes, 24, 0x1f80);
      change(bytes);
      const path = saved('masks.json', { ...capture, image: { ...capture.image, bytes } });
      const ran = await run('restore', ...PID, '--force', path);
      expect(ran.code, ran.err).toBe(0);
      return ran.err;
    };
    expect(await warned(() => undefined)).not.toContain('masks no exception');
    const mxcsr = await warned((bytes) => writeU32(bytes, 24, 0));
    expect(mxcsr).toContain('warning: MXCSR masks no exception: with this state the first inexact result raises #XM');
    expect(mxcsr).not.toContain('FCW');
    const fcw = await warned((bytes) => writeU16(bytes, 0, 0));
    expect(fcw).toContain('warning: FCW masks no exception: with this state the first inexact result raises #MF');
    expect(fcw).not.toContain('MXCSR');
    const unused = await warned((bytes) => {
      writeU16(bytes, 0, 0);
      writeU64(bytes, 512, readU64(bytes, 512) & ~1n);
    });
    expect(unused).not.toContain('masks no exception');
  });

  test('[C49] nor by an assignment, or a conversion, without a word', async () => {
    const set = await run('set', ...PID, 'mxcsr=0', 'fcw=0');
    expect(set.code, set.err).toBe(0);
    expect(set.err).toContain('what was set: warning: MXCSR masks no exception');
    expect(set.err).toContain('what was set: warning: FCW masks no exception');
    expect((await run('set', ...PID, 'k1=5')).err).toBe('');
    const path = saved('unmasked.json', target.state);
    const out = join(folder, 'out.bin');
    const converted = await run('convert', path, '--to', 'raw', '--preset', 'granite-rapids', '--out', out);
    expect(converted.err).toContain(`${path}: warning: MXCSR masks no exception`);
  });

  test('a capture of the vCPU itself goes back bit for bit', async () => {
    const path = saved('a.json', sampleCapture());
    await run('set', ...PID, 'k1=0x9', 'zmm5:u32[3]=8', 'mxcsr=0x3f80');
    expect(await run('restore', ...PID, path)).toMatchObject({ code: 0, err: '' });
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
  });
});

describe('[C31] FILE@N is one state of a file', () => {
  const session = (): string =>
    file(
      'session.json',
      JSON.stringify(
        encodeSession({
          product: 'Tilescope',
          savedAtMs: 0,
          pinned: null,
          stops: [1, 2, 7].map((number) => ({
            number,
            cause: number === 1 ? 'attach' : 'capture',
            label: null,
            write: null,
            capture: edited(sampleCapture(), 'k1', `0x${number}`),
          })),
        }),
      ),
    );
  const k1 = async (...args: string[]): Promise<unknown> => JSON.parse((await run('show', ...args, '--json')).out).k1;

  test('show: the last stop of a session, and any that is named', async () => {
    const path = session();
    expect(await k1(path, 'k1')).toBe('0x0000000000000007');
    expect((await run('show', path, 'k1')).err).toContain('FILE@N names another of 3');
    expect(await k1(`${path}@2`, 'k1')).toBe('0x0000000000000002');
    expect(await k1(path, '--thread', '1', 'k1')).toBe('0x0000000000000001');
    expect((await run('show', `${path}@3`, 'k1')).code).toBe(3);
  });

  test('diff of two stops', async () => {
    const path = session();
    const { out } = await run('diff', `${path}@1`, `${path}@7`, '--json');
    expect(JSON.parse(out)).toMatchObject({ components: [{ name: 'opmask' }], registers: [{ path: 'k1' }] });
  });

  test('restore of a stop, to the vCPU that it is of', async () => {
    const path = session();
    expect((await run('restore', ...PID, `${path}@2`)).code).toBe(0);
    expect(shown('k1')).toBe('0x0000000000000002');
  });

  test('restore of a thread of a core', async () => {
    const cores = [7, 9].map((tid) => {
      const capture = edited(sampleCapture(), 'k1', `0x${tid}`);
      return sure(writeCore({ ...capture, facts: { ...capture.facts, target: { ...capture.facts.target, tid } } }));
    });
    const path = file('core', joinedCore(cores));
    expect((await run('restore', ...PID, '--force', path)).code).toBe(2);
    expect((await run('restore', ...PID, '--force', `${path}@9`)).code).toBe(0);
    expect(shown('k1')).toBe('0x0000000000000009');
  });

  test('a file whose name ends so is that file', async () => {
    const path = saved('vm@2', edited(sampleCapture(), 'k1', '0x5'));
    expect(await k1(path, 'k1')).toBe('0x0000000000000005');
  });
});

describe('[O3] a write that is gone once the vCPU has run on', () => {
  test('is told on standard error with what to do, and the exit code is 1', async () => {
    const { resume } = target;
    target.resume = () => {
      target.state = sampleCapture();
      return resume();
    };
    const ran = await run('set', ...PID, 'k1=0x9', 'rax=5', '--json');
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.out)).toMatchObject({
      changes: [{ path: 'k1' }, { path: 'rax' }],
      overwritten: ['opmask', 'rax'],
    });
    expect(ran.err).toMatch(/^tilescope: no longer there: opmask, rax do not hold what was written\n/);
    expect(ran.err).toContain('QEMU puts its own copy back');
  });

  test('so with a restore', async () => {
    const path = saved('a.json', edited(sampleCapture(), 'k1', '0x5'));
    const { resume } = target;
    target.resume = () => {
      target.state = sampleCapture();
      return resume();
    };
    expect(await run('restore', ...PID, path)).toMatchObject({ code: 1, err: expect.stringContaining('opmask') });
  });
});

test('[C5] outside KVM_RUN the refusal names how QEMU lets a guest go on', async () => {
  target.outside = 10_000;
  const refused = await run('set', ...PID, 'k1=0x9');
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('the vCPU is outside KVM_RUN');
  expect(refused.err).toMatch(/cont in its monitor, or virsh resume/);
});

test('[C48] show and capture say where the VMM holds the vCPU', async () => {
  const { capture } = target;
  target.capture = async () => {
    const now = await capture();
    return now.ok ? answer({ ...now.value, facts: { ...now.value.facts, inKvmRun: false } }) : now;
  };
  expect(await run('show', ...PID, 'k1')).toMatchObject({ code: 0, err: expect.stringContaining('outside KVM_RUN') });
  const out = join(folder, 'out.json');
  expect((await run('capture', ...PID, '--out', out)).err).toContain('outside KVM_RUN');
});

test('[C48] an XCR0 that the vCPU cannot have is named too', async () => {
  const path = saved('a.json', withRegisters(sampleCapture(), { xcr0: 0x602e7n }));
  expect((await run('restore', ...PID, path)).err).toContain('XCR0');
  expect((await run('restore', ...PID, '--force', path)).code).toBe(0);
  expect(target.state.facts.xcr0).toBe(0xe7n);
});
