import { parseArgs } from 'node:util';
import type { Answer } from '../../app/bridge.ts';
import { answer, messageOf, refuse } from '../../app/refusals/refusal.ts';

/** What follows `npm start --`, for window and browser alike. */
export interface HostArguments {
  /** A capture file to open first. */
  readonly file: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly open: boolean;
  readonly deterministic: boolean;
}

const MAX_PORT = 65_535;

/** The options of window and web host. Refused with 'usage' where they do not parse. */
export const hostArguments = (args: readonly string[]): Answer<HostArguments> => {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        port: { type: 'string', default: '0' },
        web: { type: 'boolean', default: false },
        'no-open': { type: 'boolean', default: false },
        'no-sandbox': { type: 'boolean', default: false },
        deterministic: { type: 'boolean', default: false },
      },
    });
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > MAX_PORT) {
      return refuse('usage', `--port is a number from 0 to ${MAX_PORT}, not ${values.port}`);
    }
    if (positionals.length > 1) return refuse('usage', `one file can be opened, got ${positionals.join(' ')}`);
    return answer({
      file: positionals[0] ?? null,
      port: Number(values.port),
      open: !values['no-open'],
      deterministic: values.deterministic,
    });
  } catch (error) {
    return refuse('usage', messageOf(error));
  }
};
