import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import { assert, type Decoded, describeProblem } from '../../app/bits/decoded.ts';
import { textFromUtf8, utf8FromText } from '../../app/bits/text.ts';
import { BRIDGE_VERBS } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { checkTracedProducts } from '../../app/debug/traced-products.ts';
import { disassemble } from '../../app/disas/disassemble.ts';
import { sampleSession, sampleStop } from '../../app/fixtures/sample-session.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { tracedLoop } from '../../app/fixtures/traced-loop.ts';
import { openBytes } from '../../app/formats/detect.ts';
import { parseJson } from '../../app/formats/json.ts';
import { surveyJson } from '../../app/formats/json-survey.ts';
import { exerciseWith } from '../../app/formats/testdata/exercise.ts';
import { withChecksum } from '../../app/formats/testdata/firecracker-file.ts';
import { SAMPLES } from '../../app/formats/testdata/samples.ts';
import { decodeRefusal } from '../../app/refusals/helper-refusal.ts';
import { parsePath } from '../../app/register/path.ts';
import { decodeJournalEntry, encodeJournalEntry } from '../../app/session/journal-entry.ts';
import type { SavedSession } from '../../app/session/saved-session.ts';
import { decodeSession, sessionText } from '../../app/session/session-document.ts';
import { encodeFrame, FrameReader } from '../../app/wire/frames.ts';
import { MESSAGES } from '../../app/wire/messages.ts';
import { icedDecoder } from '../disas/iced.ts';
import { unpacked } from '../io/unpack.ts';
import { readLongMessage } from '../services/read-message.ts';
import { problemOfCall } from '../services/verbs.ts';
import { COMMAND_TARGETS } from './command-targets.ts';
import { GUEST_TARGETS } from './guest-targets.ts';
import { type FuzzTarget, wordOf } from './target.ts';

const openAndUse = (bytes: Uint8Array): string => {
  const opened = openBytes('fuzz', bytes);
  exerciseWith(opened, isDeepStrictEqual);
  return opened.ok ? `${opened.value.kind} of ${Math.min(opened.value.states.length, 9)}` : wordOf(opened);
};

const importers: readonly FuzzTarget[] = SAMPLES.map(([name, sample]) => ({
  name: `importer: ${name}`,
  seeds: () => [sample()],
  // The checksum stands in front of everything else of a Firecracker file: made good, the rest is reached.
  run: (bytes) => openAndUse(name.startsWith('Firecracker') ? withChecksum(bytes) : bytes),
}));

const MOST_UNPACKED_BYTES = 1 << 20;
const ZSTD_ZEROS = 'KLUv/QRYRQAAEAAAAQAiwAL1LGNw';

/** Whatever it says of itself, it unpacks to no more than the bound, or is refused. */
const packed: FuzzTarget = {
  name: 'packed files',
  seeds: () => [
    gzipSync(new Uint8Array(300)),
    new Uint8Array(Buffer.from(ZSTD_ZEROS, 'base64')),
    Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 0x69, 0x22, 0xde, 0x36, 0, 0, 0, 0),
  ],
  run: async (bytes) => {
    const whole = await unpacked('fuzz', bytes, MOST_UNPACKED_BYTES);
    if (!whole.ok) return whole.refusal.what.replaceAll(/[0-9]+/g, '#').slice(0, 80);
    assert(whole.value === bytes || whole.value.length <= MOST_UNPACKED_BYTES, 'more than the bound');
    return `unpacked, ${whole.value.length === 0 ? 'nothing' : 'something'}`;
  },
};

/** A long message of a page, as its thread reads it. */
const messages: FuzzTarget = {
  name: 'bridge: long messages',
  seeds: () => [
    utf8FromText('{"id":1,"verb":"openFile","args":["core","AAAA"]}'),
    utf8FromText(`{"id":2,"verb":"keep","args":["session","text"]}`),
  ],
  run: (bytes) => {
    const read = readLongMessage(bytes);
    return read === null ? 'no message' : (read.problem ?? 'a call').replaceAll(/[0-9]+/g, '#').slice(0, 80);
  },
};

const tryJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const json: FuzzTarget = {
  name: 'JSON, surveyed and parsed',
  seeds: () => [utf8FromText('{"a":[1,2.5,{"b":"c\\u0041"}],"format":null,"d":18446744073709551615}')],
  run: (bytes) => {
    const [survey, text] = [surveyJson('fuzz', bytes), textFromUtf8(bytes)];
    const read = parseJson('fuzz', text);
    const engine = tryJson(text);
    // What the engine reads this reader reads too, as far as it is not too much.
    if (engine !== undefined && survey.ok) assert(read.ok, 'the engine reads what this reader does not');
    if (survey.ok && engine !== null && typeof engine === 'object' && !Array.isArray(engine)) {
      const short = Object.keys(engine).filter((name) => /^[a-z_]{1,32}$/.test(name));
      for (const name of short) assert(survey.value.names.has(name), `${name} was not seen`);
    }
    return `${wordOf(survey)}, ${wordOf(read)}`;
  },
};

const capture = (): Capture => {
  const sample = sampleCapture();
  return {
    ...sample,
    facts: { ...sample.facts, target: { ...sample.facts.target, kind: 'live', pid: 4242, startTimeTicks: 918_273n } },
  };
};

const journal: FuzzTarget = {
  name: 'journal entry',
  seeds: () => [
    utf8FromText(
      JSON.stringify(
        encodeJournalEntry({
          ...{ product: 'Tilescope', session: 'ab'.repeat(16), bootId: null, general: ['rax'], capture: capture() },
          memory: [{ physical: 0x1000n, before: Uint8Array.of(1), after: Uint8Array.of(2) }],
          owner: { pid: 1, startTimeTicks: 1n },
        }),
      ),
    ),
  ],
  run: (bytes) => {
    const document = tryJson(textFromUtf8(bytes));
    if (document === undefined) return 'no JSON';
    const read = decodeJournalEntry(document);
    if (read.ok) assert(decodeJournalEntry(encodeJournalEntry(read.value)).ok, 'an entry that is written is not read');
    return wordOf(read);
  },
};

/** A trace: each stop with the code that is next. */
const tracedSession = (): SavedSession => ({
  ...sampleSession(),
  stops: tracedLoop('TDPBSSD', 2).map((stop) => sampleStop(stop.number, stop.capture, stop)),
});

const session: FuzzTarget = {
  name: 'session document',
  seeds: () => [sampleSession(), tracedSession()].map((one) => utf8FromText(sessionText(one))),
  run: (bytes) => {
    const document = tryJson(textFromUtf8(bytes));
    if (document === undefined) return 'no JSON';
    const read = decodeSession(document);
    if (read.ok) assert(decodeSession(JSON.parse(sessionText(read.value))).ok, 'a session that is saved is not read');
    if (!read.ok) return wordOf(read);
    const { checked, differing, unchecked, unknownSteps } = checkTracedProducts(read.value.stops);
    return `read, ${[checked, differing.length, unchecked.length, unknownSteps].map((one) => Math.min(one, 2)).join(' ')}`;
  },
};

/** The first byte chooses the message, what follows is its reply. */
const replies: FuzzTarget = {
  name: 'wire: replies of the helper',
  seeds: () => [
    new Uint8Array(64),
    new Uint8Array(512).fill(1),
    Uint8Array.from({ length: 300 }, (_, at) => at & 0xff),
  ],
  run: (bytes) => {
    const rows = Object.values(MESSAGES);
    const row = rows[(bytes[0] ?? 0) % rows.length];
    const refusal = decodeRefusal(bytes.subarray(1));
    const read = row?.decode(bytes.subarray(1));
    return `${row?.code}: ${read === undefined ? '' : wordOf(read as Decoded<unknown>)}, ${wordOf(refusal)}`;
  },
};

const frames: FuzzTarget = {
  name: 'protocol: a stream of frames, cut anywhere',
  seeds: () => {
    const frame = (code: number, size: number) =>
      encodeFrame({ requestId: 1, code, status: 0, payload: new Uint8Array(size) });
    return [frame(1, 0), Uint8Array.from([...frame(2, 7), ...frame(16, 300)])];
  },
  run: (bytes) => {
    const whole = new FrameReader().push(bytes);
    const reader = new FrameReader();
    const cut: unknown[] = [];
    let problem: unknown = null;
    for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 7) % 61 || 1) {
      const received = reader.push(bytes.subarray(at, at + step));
      cut.push(...received.frames);
      problem = received.problem;
    }
    assert(isDeepStrictEqual(cut, whole.frames), 'other frames come out where the stream is cut otherwise');
    assert((problem === null) === (whole.problem === null), 'a problem where the stream is cut otherwise');
    return `${Math.min(cut.length, 9)} frames, ${whole.problem === null}`;
  },
};

const calls: FuzzTarget = {
  name: 'bridge: calls of a page',
  seeds: () =>
    BRIDGE_VERBS.map((verb) =>
      utf8FromText(JSON.stringify({ verb, args: ['0'.repeat(32), 1, [{ path: 'k1', value: '1' }], null] })),
    ),
  run: (bytes) => {
    const message = tryJson(textFromUtf8(bytes)) as { verb?: unknown; args?: unknown } | undefined | null;
    const problem = problemOfCall(message?.verb, message?.args);
    return problem === null ? 'allowed' : problem.replaceAll(/[0-9]+/g, '#');
  },
};

const paths: FuzzTarget = {
  name: 'register paths',
  seeds: () => ['zmm3:f32[5]', '$xmm1.v4_float[2]', 'tmm2:bf16[3][7]', 'mxcsr.RC'].map(utf8FromText),
  run: (bytes) => {
    const read = parsePath(textFromUtf8(bytes));
    return read.ok
      ? `a path of ${Object.keys(read.value).join(' ')}`
      : describeProblem(read.problem)
          .replaceAll(/[^a-z ]/g, '')
          .slice(-24);
  },
};

/** What is decoded is read whole: its text, what it uses, the end of each. */
const code: FuzzTarget = {
  name: 'machine code',
  seeds: () => [
    Uint8Array.of(0xc4, 0xa2, 0x7b, 0x4b, 0xac, 0x06, 0, 8, 0, 0, 0xc4, 0xe5, 0x70, 0xfd, 0xda),
    Uint8Array.of(0x62, 0xe3, 0x7e, 0x48, 0x07, 0xcb, 7, 0xf0, 0x48, 0x0f, 0xb1, 0x0e, 0x0f, 0xae, 0x20),
  ],
  run: (bytes) => {
    const found = ([16, 32, 64] as const).map((bitness) => {
      const all = disassemble(icedDecoder, bytes, 0xffff_ffff_ffff_fff8n, 100, { bitness, syntax: 'intel' });
      const whole = all.reduce((sum, one) => sum + one.bytes.length, 0);
      assert(whole <= bytes.length, 'more bytes than there are');
      assert(
        all.every((one) => one.text !== '' && one.bytes.length > 0),
        'an instruction of nothing',
      );
      return all[0]?.mnemonic ?? 'none';
    });
    return found.join(' ');
  },
};

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...importers,
  ...[json, journal, session, replies, frames, calls, paths, code, packed, messages],
  ...GUEST_TARGETS,
  ...COMMAND_TARGETS,
];
