import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { startBuilt, tilescope, tilescopeJson } from '../models/tilescope.ts';

/**
 * Behind the guest's own code and counter, in its one page: it waits for a byte, and halts. Its interrupts are off, so that nothing ends that.
 * again: cmp byte [FLAG], 0; je again; halt: hlt; jmp halt
 */
const CODE = 0x18_0000;
const FLAG = 0x18_1000;
const HALTING = '803c250010180000' + '74f6' + 'f4ebfd';
const BEHIND_HLT = BigInt(CODE + 11);

test.describe('a step onto HLT in QEMU, whose interrupts are the kernel’s', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let folder: string;
  let memory: string;
  test.beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-halted-'));
    memory = join(folder, 'memory');
    const backend = `memory-backend-file,id=ram,size=64M,mem-path=${memory},share=on`;
    guest = await Guest.start({ name: 'halted', more: ['-object', backend, '-machine', 'pc,memory-backend=ram'] });
    await tilescope('--version');
  });
  test.afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = (place: number, bytes: Buffer): void => {
    const file = openSync(memory, 'r+');
    writeSync(file, bytes, 0, bytes.length, place);
    closeSync(file);
  };
  const isTraced = (): boolean => guest.footprint().signalMasks.some((line) => /TracerPid:\s*[1-9]/.test(line));
  const expectHalted = async (): Promise<void> => {
    const { rip } = await tilescopeJson<{ rip: string }>('show', '--pid', String(guest.pid), 'rip');
    expect(BigInt(rip)).toBe(BEHIND_HLT);
    expect(guest.ended).toBe(false);
  };
  const started = (...words: string[]) => {
    const run = startBuilt('cli', [words[0] ?? '', '--pid', String(guest.pid), ...words.slice(1), '--json'], {});
    let out = '';
    run.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    const ended = new Promise<{ code: number | null; why: unknown }>((resolve) =>
      run.once('close', (code) => resolve({ code, why: out === '' ? null : JSON.parse(out).why })),
    );
    return { run, ended };
  };

  test('[RC1] [RC7] it ends with a word, whatever waits there ends with Ctrl+C, and the guest halts as by itself', async () => {
    put(CODE, Buffer.from(HALTING, 'hex'));
    expect((await tilescope('set', '--pid', String(guest.pid), `rip=0x${CODE.toString(16)}`)).code).toBe(0);
    const footprint = guest.footprint();
    const onto = started('run', '--until', 'next is tile', '--steps', '100000000', '--wait', '3600');
    await expect.poll(isTraced).toBe(true);
    put(FLAG, Buffer.of(1));
    expect(await onto.ended).toEqual({ code: 1, why: expect.stringContaining('waits for an interrupt') });
    await expectHalted();
    const stepped = await started('step', '5').ended;
    expect(stepped).toEqual({ code: 1, why: expect.stringContaining('waits for an interrupt') });
    await expectHalted();
    // Pressed while it still attaches, Ctrl+C ends the program at once: then it is begun again.
    let code: number | null = null;
    while (code === null) {
      const waiting = started('break', '0x180000', '--wait', '3600');
      await expect.poll(isTraced).toBe(true);
      waiting.run.kill('SIGINT');
      code = (await waiting.ended).code;
    }
    expect(code).toBe(1);
    await expectHalted();
    await expect.poll(() => guest.footprint()).toEqual(footprint);
    await guest.monitor('system_reset');
    await guest.progress();
  });
});
