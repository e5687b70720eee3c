import { expect, test } from 'playwright/test';
import { sampleAmxCapture, sampleCapture } from '../../app/fixtures/samples.ts';
import { captureText } from '../../app/session/document.ts';
import { viewComponent } from '../../app/xsave/view.ts';
import { describedHost, HOSTS } from '../models/described-host.ts';
import { Files } from '../models/files.ts';
import { builtFresh, builtTilescope } from '../models/tilescope.ts';

/** Each host that a run can take place on, above the helper: what is said of it needs no guest, and so no KVM of this machine. */

interface Said {
  /** Components that it has not, and some that it has, by their bits. */
  readonly lacks: readonly number[];
  readonly has?: readonly number[];
  /** Where opmask lies in an image there. */
  readonly opmaskBytes?: number;
  readonly preset?: string;
  /** Checks of doctor that are not ok there. */
  readonly doctor?: Readonly<Record<string, string | null>>;
}

const SUPERVISOR = [8, 10, 11, 12, 13, 14, 15, 16];
const TILES = [17, 18];
const VECTORS = [0, 1, 2, 5, 6, 7];

const SAID: Readonly<Record<string, Said>> = {
  'no-pku': { lacks: [9] },
  'no-avx512': { lacks: [5, 6, 7], has: [0, 1] },
  'no-xsaves': { lacks: SUPERVISOR, has: [0, 1] },
  intel: { lacks: TILES, has: [...VECTORS, 9], opmaskBytes: 1088, preset: 'skylake-sp', doctor: { amx: 'absent' } },
  amx: {
    lacks: [3, 4],
    has: [...VECTORS, 9, ...TILES],
    opmaskBytes: 1088,
    preset: 'sapphire-rapids',
    doctor: { amx: 'ok' },
  },
  'no-kvm': {
    lacks: [],
    doctor: { kvm: 'missing', 'kvm-components': 'not-known', 'kvm-cap-xsave2': null, 'kvm-cap-sys-attributes': null },
  },
  'old-kvm': {
    lacks: [],
    doctor: {
      kernel: 'limited',
      'kvm-components': 'not-known',
      'kvm-cap-xsave2': 'limited',
      'kvm-cap-sys-attributes': 'limited',
    },
  },
  guests: { lacks: [5, 6, 7, 9, ...TILES], has: [0, 1, 2], preset: 'broadwell', doctor: { amx: 'absent' } },
  stories: { lacks: TILES, has: VECTORS, opmaskBytes: 832, preset: 'zen5', doctor: { amx: 'absent' } },
};

/** What is asked of every host, where its row does not say otherwise. */
const DOCTOR = {
  kvm: 'ok',
  kernel: 'ok',
  'kvm-components': 'ok',
  'kvm-cap-xsave2': 'ok',
  'kvm-cap-sys-attributes': 'ok',
};

interface Layout {
  readonly components: readonly {
    readonly bit: number;
    readonly offsetBytes: number | null;
    readonly supervisor: boolean;
  }[];
  readonly presets: readonly string[];
  /** Hexadecimal; null: not known. */
  readonly kvmSupports: string | null;
}
interface Verdict {
  readonly destination: string;
  readonly lost: readonly { readonly bit: number }[];
}
interface Checks {
  readonly checks: readonly { readonly id: string; readonly state: string }[];
}

test.describe('a described host, above the helper', () => {
  test.skip(
    process.env.TILESCOPE_TEST_HOST !== undefined,
    'each described host is asked once, in a run on this machine',
  );

  let files: Files;
  test.beforeAll(async () => {
    files = new Files();
    await builtFresh();
  });
  test.afterAll(() => files?.close());

  test('every one has its row here', () => {
    expect(Object.keys(SAID).sort()).toEqual(Object.keys(HOSTS).sort());
  });

  for (const [name, said] of Object.entries(SAID)) {
    test(`${name}: its layout, its KVM, and what of two guests it would take`, async () => {
      const json = async <T>(codes: readonly number[], ...words: string[]): Promise<T> => {
        const { code, out, err } = await builtTilescope(describedHost(name), ...words, '--json');
        expect(codes, err).toContain(code);
        return JSON.parse(out) as T;
      };
      const { components, presets, kvmSupports } = await json<Layout>([0], 'layout');
      const bits = components.map(({ bit }) => bit);
      expect(bits.filter((bit) => said.lacks.includes(bit))).toEqual([]);
      expect(bits).toEqual(expect.arrayContaining([...(said.has ?? VECTORS.slice(0, 2))]));
      if (said.preset !== undefined) expect(presets).toContain(said.preset);
      const opmask = components.find(({ bit }) => bit === 5);
      if (said.opmaskBytes !== undefined) expect(opmask?.offsetBytes).toBe(said.opmaskBytes);

      const { checks } = await json<Checks>([0, 1], 'doctor');
      const expected: Readonly<Record<string, string | null>> = { ...DOCTOR, ...said.doctor };
      const states = Object.keys(expected).map((id) => [id, checks.find((one) => one.id === id)?.state ?? null]);
      expect(Object.fromEntries(states)).toEqual(expected);

      // Whatever a guest has in use goes there, but for components that its CPU has not, or KVM gives no guest.
      const given = kvmSupports === null ? null : BigInt(kvmSupports);
      const users = components
        .filter(({ bit, supervisor }) => !supervisor && (given === null || ((given >> BigInt(bit)) & 1n) === 1n))
        .map(({ bit }) => bit);
      for (const sample of [sampleCapture(), sampleAmxCapture()]) {
        const used = sample.image.layout.components
          .map(({ bit }) => bit)
          .filter((bit) => viewComponent(sample.image, bit).state === 'inUse');
        expect(used.length).toBeGreaterThan(2);
        const verdict = await json<Verdict>([0, 1, 7], 'check', files.write('state.json', captureText(sample)));
        expect(verdict.destination).toContain('this host');
        expect(verdict.lost.map(({ bit }) => bit)).toEqual(used.filter((bit) => !users.includes(bit)));
      }
    });
  }
});
