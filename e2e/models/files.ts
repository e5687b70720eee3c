import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Decoded } from '../../app/bits/decoded.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import { writeCore } from '../../app/formats/elf-write.ts';
import { captureText } from '../../app/session/document.ts';

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

const sure = <T>(result: Decoded<T>): T => {
  if (!result.ok) throw new Error('a sample can be written');
  return result.value;
};

/** One core of several threads: the note segments of cores of one thread each, under one header. */
function joined(cores: readonly Uint8Array[]): Uint8Array {
  const headBytes = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const core = Buffer.concat([...cores.slice(0, 1), ...cores.slice(1).map((one) => one.subarray(headBytes))]);
  core.writeBigUInt64LE(BigInt(core.length - headBytes), ELF_HEADER_BYTES + 32);
  return core;
}

const ofThread = (capture: Capture, tid: number): Capture => ({
  ...capture,
  facts: {
    ...capture.facts,
    target: { ...capture.facts.target, name: 'gemm', executable: 'gemm', pid: 4711, tid },
  },
});

/** A C program that loads known values, says so, and waits. */
const PROGRAM = `
#include <stdio.h>
#include <unistd.h>
int main(void) {
  static const float known[4] = {1.5f, -2.25f, 0.1f, 1e30f};
  puts("loaded"); fflush(stdout);
  __asm__ volatile("movups %0, %%xmm5\\n1: mov $34, %%eax\\n syscall\\n jmp 1b" : : "m"(known) : "rax", "rcx", "r11");
  return 0;
}
`;

/** Files that a user might drop on Tilescope, made afresh; gone with close(). */
export class Files {
  readonly folder = mkdtempSync(join(tmpdir(), 'tilescope-files-'));

  /** The same bytes under a fixed name, whatever the folder is called. */
  write(name: string, content: string | Uint8Array): string {
    mkdirSync(this.folder, { recursive: true });
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  capture(): string {
    return this.write('sapphire.json', captureText(sampleAmxCapture()));
  }

  /** What a snapshot tool keeps that knows KVM_GET_XSAVE alone. */
  truncated(): string {
    return this.write('truncated.xsave', sampleAmxCapture().image.bytes.subarray(0, 4096));
  }

  /** Two threads with AVX-512 in use. */
  core(): string {
    const threads = [4711, 4712].map((tid) => ofThread(sampleCapture(), tid));
    return this.write('core.4711', joined(threads.map((thread) => sure(writeCore(thread)))));
  }

  /** A core that gdb's gcore took of a real process which holds 1.5, −2.25, 0.1, 1e30 in xmm5. */
  async gcore(): Promise<string> {
    const source = this.write('known.c', PROGRAM);
    const program = join(this.folder, 'known');
    execFileSync('cc', ['-O1', source, '-o', program]);
    const child = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    try {
      execFileSync('gcore', ['-o', join(this.folder, 'core'), String(child.pid)], { stdio: 'ignore' });
    } finally {
      child.kill('SIGKILL');
    }
    return join(this.folder, `core.${child.pid}`);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const has = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Why no core of a real process can be taken here, or null. */
export const GCORE_ABSENT = !has('cc') ? 'cc is not installed' : !has('gdb') ? 'gdb is not installed' : null;
