import { describe, expect, test } from 'vitest';
import { concat, writeU32 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { utf8FromText } from '../bits/text.ts';
import { openBytes } from './detect.ts';

const word = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(4 * values.length);
  for (const [at, value] of values.entries()) writeU32(bytes, 4 * at, value);
  return bytes;
};
const text = utf8FromText;

/** How each begins, from its own public header; behind that anything may stand. */
const BEGINNINGS: readonly (readonly [string, Uint8Array, string, string])[] = [
  ['QEMU migration', text('QEVM\0\0\0\x03'), 'a QEMU migration stream (QEVM)', 'tilescope capture --pid'],
  ['virsh save', text('LibvirtQemudSave\x02\0\0\0'), 'a state file of virsh save', 'tilescope capture --pid'],
  ['virsh save, not finished', text('LibvirtQemudPart\x02\0\0\0'), 'a state file of virsh save', 'capture the guest'],
  ['VirtualBox', text('\x7fVirtualBox SavedState V2.0\n'), 'a saved state of VirtualBox', 'debugvm dumpvmcore'],
  ['Xen, of old', text('Xen saved domain, xl format\n'), 'a saved domain of Xen', 'xl dump-core'],
  [
    'Xen, libxc v2',
    concat([new Uint8Array(8).fill(0xff), text('XENF'), word(2)]),
    'a saved domain of Xen',
    'xl dump-core',
  ],
  ['Xen, libxl', text('LibxlFmt\0\0\0\x02'), 'a saved domain of Xen', 'xl dump-core'],
  ['VMware, older', word(0xbed0bed0), 'a suspended state of VMware', 'vmss2core'],
  ['VMware', word(0xbed2bed2), 'a suspended state of VMware', 'vmss2core'],
  ['VMware 64', word(0xbed3bed3), 'a suspended state of VMware', 'vmss2core'],
  ['VMware, of old', word(0xbad1bad1), 'a suspended state of VMware', 'vmss2core'],
  ['VMware, not to be restored', word(0xbad2bad2), 'a suspended state of VMware', 'vmss2core'],
  ['bhyve', text('{\n "basic metadata": {'), 'a snapshot of bhyve', '--from CPU'],
  ['bhyve, structs first', text('{"structs":['), 'a snapshot of bhyve', '--from CPU'],
  ['Windows kernel', text('PAGEDU64'), 'a memory dump of a Windows kernel', '.dump'],
  ['Windows kernel, 32 bits', text('PAGEDUMP'), 'a memory dump of a Windows kernel', '.dump'],
  ['kdump', text('KDUMP   \x06\0\0\0'), 'a compressed kdump (makedumpfile)', 'crash'],
];

describe('[F1] what is not read is named, with what to do instead', () => {
  test.each(BEGINNINGS)('%s', (_name, begin, what, instead) => {
    for (const rest of [new Uint8Array(8192), new Uint8Array(8192).fill(0xa5)]) {
      const file = openBytes('state', concat([begin, rest]));
      const said = file.ok ? 'opened' : describeProblem(file.problem);
      expect(said).toContain(what.replace(/^an? /, ''));
      expect(said).toContain('not read here');
      expect(said).toContain(instead);
    }
  });

  test.each(BEGINNINGS)('%s, cut to its beginning or before it', (_name, begin) => {
    for (let length = 0; length <= begin.length; length += 1) {
      expect(openBytes('state', begin.slice(0, length)).ok).toBe(false);
    }
  });
});
