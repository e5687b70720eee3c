import type { Decoded } from '../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../app/bits/text.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { CAPTURE_EXPORTS, VALUE_EXPORTS } from '../../app/formats/export/exports.ts';
import { identifierOf, valuesOf } from '../../app/formats/export/values.ts';
import { parsePath } from '../../app/register/path.ts';

/** One way to take something along: the whole capture, or the values of one register. */
export interface ExportChoice {
  readonly id: string;
  readonly label: string;
  readonly isText: boolean;
  readonly fileName: string;
  make(): Decoded<Uint8Array>;
}

/** A name that every file system takes. */
const stemOf = (capture: Capture): string => {
  const { name, vcpu } = capture.facts.target;
  const stem = name.replace(/^.*\//, '').replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  return `${stem === '' ? 'capture' : stem}-vcpu${vcpu}`;
};

export const captureChoices = (capture: Capture): readonly ExportChoice[] =>
  CAPTURE_EXPORTS.map((row) => ({
    id: `capture-${row.id}`,
    label: row.label,
    isText: row.isText,
    fileName: `${stemOf(capture)}.${row.extension}`,
    make: () => row.make(capture),
  }));

/** Nothing where the path selects no values: a field, a register that was not read. */
export const valueChoices = (capture: Capture, text: string): readonly ExportChoice[] => {
  const path = parsePath(text);
  if (!path.ok) return [];
  const values = valuesOf(capture, path.value);
  if (!values.ok) return [];
  return VALUE_EXPORTS.map((row) => ({
    id: `value-${row.id}`,
    label: row.label,
    isText: row.isText,
    fileName: `${stemOf(capture)}-${identifierOf(values.value.path)}.${row.extension}`,
    make: () => row.make(values.value),
  }));
};

export const textOf = (bytes: Uint8Array): string => textFromUtf8(bytes);

/** Hands a file to the browser's own download, which asks or not as the user has set it. */
export const download = (fileName: string, bytes: Uint8Array): void => {
  const url = URL.createObjectURL(new Blob([Uint8Array.from(bytes)], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  // The download has begun when the click returns; the address is let go once the page is idle again.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
