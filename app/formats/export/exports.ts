import { hexDump } from '../../bits/bytes.ts';
import { type Decoded, decoded } from '../../bits/decoded.ts';
import { utf8FromText } from '../../bits/text.ts';
import type { Capture } from '../../capture/capture.ts';
import { captureText } from '../../session/document.ts';
import { writeCore } from '../elf-write.ts';
import { cArray, cImage } from './c-source.ts';
import { csvText } from './csv.ts';
import { gdbCommands } from './gdb.ts';
import { npyFile, numpySource } from './numpy.ts';
import { reportText } from './report.ts';
import { hexOfValues, type Values } from './values.ts';

interface ExportRow<T> {
  /** As typed after --to. */
  readonly id: string;
  readonly label: string;
  /** Without a dot. */
  readonly extension: string;
  /** Text can also go to the clipboard. */
  readonly isText: boolean;
  readonly make: (from: T) => Decoded<Uint8Array>;
}

const text =
  <T>(print: (from: T) => string) =>
  (from: T): Decoded<Uint8Array> =>
    decoded(utf8FromText(print(from)));

/** The raw bytes, as KVM_SET_XSAVE would take them. A copy: what is exported may be changed by whoever gets it. */
export const rawImage = (capture: Capture): Uint8Array => Uint8Array.from(capture.image.bytes);

/** What a whole capture can be written as. */
export const CAPTURE_EXPORTS: readonly ExportRow<Capture>[] = [
  { id: 'capture', label: 'Capture', extension: 'json', isText: true, make: text(captureText) },
  { id: 'raw', label: 'Raw image', extension: 'xsave', isText: false, make: (capture) => decoded(rawImage(capture)) },
  { id: 'core', label: 'ELF core', extension: 'core', isText: false, make: writeCore },
  { id: 'c', label: 'C initialiser', extension: 'c', isText: true, make: text(({ image }) => cImage(image)) },
  {
    id: 'hex',
    label: 'Hex dump',
    extension: 'txt',
    isText: true,
    make: text(({ image }) => `${hexDump(image.bytes)}\n`),
  },
  {
    id: 'gdb',
    label: 'gdb set commands',
    extension: 'gdb',
    isText: true,
    make: text((capture) => gdbCommands(capture)),
  },
  { id: 'report', label: 'Text for a bug report', extension: 'txt', isText: true, make: text(reportText) },
];

/** What the values of one register can be written as. */
export const VALUE_EXPORTS: readonly ExportRow<Values>[] = [
  { id: 'numpy', label: 'NumPy source', extension: 'py', isText: true, make: text(numpySource) },
  { id: 'npy', label: 'NumPy file', extension: 'npy', isText: false, make: (values) => decoded(npyFile(values)) },
  { id: 'c', label: 'C initialiser', extension: 'c', isText: true, make: text(cArray) },
  { id: 'csv', label: 'CSV', extension: 'csv', isText: true, make: text(csvText) },
  { id: 'hex', label: 'Hex dump', extension: 'txt', isText: true, make: text(hexOfValues) },
];
