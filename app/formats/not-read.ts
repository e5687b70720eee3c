import { readU32 } from '../bits/bytes.ts';
import { textFromUtf8 } from '../bits/text.ts';

/** Files that hold extended state in a form that is not read here, known by how they begin; and what to do instead. */
interface NotRead {
  readonly what: string;
  readonly begins: (bytes: Uint8Array) => boolean;
  readonly instead: string;
}

const text =
  (prefix: string) =>
  (bytes: Uint8Array): boolean =>
    textFromUtf8(bytes.subarray(0, prefix.length)) === prefix;

const word =
  (value: number) =>
  (bytes: Uint8Array): boolean =>
    bytes.length >= 4 && readU32(bytes, 0) === value;

export const CAPTURE_LIVE = 'restore it, and capture the guest while it runs: tilescope capture --pid PID --out FILE';
const BY_HAND = 'or take the XSAVE area out of it and open those bytes, with --from CPU';

/** Sources: QEMU migration/savevm.c; libvirt qemu_saveimage.h; qcow2 header; VirtualBox SSM.cpp; Xen's stream formats; crash's vmware_vmss.h; bhyve's snapshot.c. */
const NOT_READ: readonly NotRead[] = [
  {
    what: 'a saved state of VirtualBox',
    begins: (bytes) => text('\x7fVirtualBox SavedState')(bytes),
    instead: `debugvm dumpvmcore gives an ELF core; ${BY_HAND}`,
  },
  {
    what: 'a saved domain of Xen',
    begins: (bytes) =>
      text('Xen saved domain')(bytes) ||
      text('LibxlFmt')(bytes) ||
      (bytes.subarray(0, 8).every((byte) => byte === 0xff) && text('XENF')(bytes.subarray(8))),
    instead: `xl dump-core gives an ELF core; ${BY_HAND}`,
  },
  {
    what: 'a suspended state of VMware',
    begins: (bytes) =>
      word(0xbed0bed0)(bytes) ||
      word(0xbed2bed2)(bytes) ||
      word(0xbed3bed3)(bytes) ||
      word(0xbad1bad1)(bytes) ||
      word(0xbad2bad2)(bytes),
    instead: `vmss2core gives a core; ${BY_HAND}`,
  },
  {
    what: 'a memory dump of a Windows kernel',
    begins: (bytes) => text('PAGEDU64')(bytes) || text('PAGEDUMP')(bytes),
    instead: `.dump in WinDbg gives a minidump of a process, and .writemem the XSAVE area; ${BY_HAND}`,
  },
  {
    what: 'the description of a snapshot of bhyve, whose state lies in the .kern file beside it',
    begins: (bytes) =>
      bytes[0] === 0x7b && /^\{\s*"(basic metadata|structs)"\s*:/.test(textFromUtf8(bytes.subarray(0, 64))),
    instead: BY_HAND,
  },
  {
    what: 'a compressed kdump (makedumpfile)',
    begins: text('KDUMP   '),
    instead: 'crash reads it: its registers come from NT_PRSTATUS, which holds no extended state',
  },
];

/** What a file is that is not read here, and what to do; null: nothing that is known. */
export const notRead = (bytes: Uint8Array): string | null => {
  const found = NOT_READ.find(({ begins }) => begins(bytes));
  return found === undefined ? null : `${found.what}, not read here: ${found.instead}`;
};
