import { printElement } from '../../value/print.ts';
import { rowsOf, type Values } from './values.ts';

/** One line a row, RFC 4180 line ends. Elements as printed: none of them holds a comma or a quote. */
export const csvText = (values: Values): string =>
  rowsOf(values, printElement)
    .map((row) => `${row.join(',')}\r\n`)
    .join('');
