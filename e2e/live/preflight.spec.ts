import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { expect, test } from 'playwright/test';
import { readU64 } from '../../app/bits/bytes.ts';
import { hasBit, hexShort } from '../../app/bits/mask.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { compareWritten } from '../../app/diff/compare.ts';
import { errnoName } from '../../app/wire/errno.ts';
import { xfdValue } from '../../app/xsave/facts.ts';
import { XSTATE_BV_OFFSET_BYTES } from '../../app/xsave/header.ts';
import { firstRefusal, kernelPreflight } from '../../app/xsave/preflight.ts';
import { KVM_ABSENT } from '../models/guest.ts';
import { DemoVm, HelperClient, NativeTools } from '../models/helper.ts';
import { ByteQueue, type GeneratedImage, generateImages } from '../models/images.ts';
import { meaningOf } from '../models/meaning.ts';

/** What became of an image: "accepted", "EINVAL", or why the helper did not hand it over. */
type Outcome = string;

const ACCEPTED = 'accepted';

/** KVM_SET_XSAVE as pre-flight predicts it. */
const predictKernel = (image: GeneratedImage, { image: { layout }, facts }: Capture): Outcome =>
  firstRefusal(kernelPreflight({ bytes: image.bytes, layout }, facts))?.errno ?? ACCEPTED;

type Guard = (bytes: Uint8Array, now: Capture) => boolean;

/** The helper's own checks in its order, native/vcpu/guard.c: it looks at them before the kernel sees anything. */
const HELPER_GUARDS: readonly { readonly reason: string; readonly refuses: Guard }[] = [
  { reason: 'BAD_SIZE', refuses: (bytes) => bytes.length < 576 },
  { reason: 'BAD_SIZE', refuses: (bytes, now) => bytes.length > now.image.bytes.length },
  {
    reason: 'BAD_SIZE',
    refuses: (bytes, { image: { layout } }) => {
      const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
      const whole = layout.components.filter((place) => place.offsetBytes + place.sizeBytes <= bytes.length);
      return Array.from({ length: 62 }, (_, at) => at + 2).some(
        (bit) => hasBit(bv, bit) && !whole.some((place) => place.bit === bit),
      );
    },
  },
  {
    reason: 'GUARD_XFD_COVERS_IMAGE',
    refuses: (bytes, { facts }) => (readU64(bytes, XSTATE_BV_OFFSET_BYTES) & (xfdValue(facts) ?? 0n)) !== 0n,
  },
];

/** Through the helper: its guards, then the kernel, which gets a buffer that is zero behind the image. */
const predictHelper = (image: GeneratedImage, now: Capture): Outcome => {
  const guard = HELPER_GUARDS.find(({ refuses }) => refuses(image.bytes, now));
  if (guard !== undefined) return guard.reason;
  const bytes = new Uint8Array(now.image.bytes.length);
  bytes.set(image.bytes);
  const kernel = predictKernel({ ...image, bytes }, now);
  return kernel === ACCEPTED ? kernel : `CALL_FAILED KVM_SET_XSAVE ${kernel}`;
};

/** KVM_SET_XSAVE alone, on a vCPU that never runs: e2e/guest/set_xsave.c. */
class BareKvm {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #heard: ByteQueue;
  imageBytes = 0;

  constructor(program: string) {
    this.#child = spawn(program, [], { stdio: 'pipe' });
    this.#child.stderr.pipe(process.stderr);
    this.#heard = new ByteQueue(this.#child.stdout);
  }

  async open(): Promise<void> {
    this.imageBytes = (await this.#heard.take(4)).readUInt32LE();
  }

  async set(image: Uint8Array): Promise<{ outcome: Outcome; before: Buffer; after: Buffer }> {
    const count = Buffer.alloc(4);
    count.writeUInt32LE(image.length);
    this.#child.stdin.write(Buffer.concat([count, image]));
    const errno = (await this.#heard.take(4)).readInt32LE();
    const before = await this.#heard.take(this.imageBytes);
    const after = await this.#heard.take(this.imageBytes);
    return { outcome: errno === 0 ? ACCEPTED : errnoName(errno), before, after };
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    await gone;
  }
}

const tally = (outcomes: readonly Outcome[]): string => {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
};

const describeImage = (image: GeneratedImage): string =>
  `image ${image.number} (${image.faults.join(', ') || 'good'}; ${image.bytes.length} bytes, XSTATE_BV ${hexShort(
    image.bytes.length < 520 ? 0n : readU64(image.bytes, XSTATE_BV_OFFSET_BYTES),
  )})`;

const IMAGES = 400;
const seed = Number(process.env.TILESCOPE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test.describe('pre-flight against the kernel', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let tools: NativeTools;
  let vm: DemoVm;
  let helper: HelperClient;
  let start: Capture;

  test.beforeAll(async () => {
    console.log(`pre-flight: TILESCOPE_SEED=${seed}, ${IMAGES} images`);
    tools = new NativeTools();
    vm = await DemoVm.start(tools);
    helper = new HelperClient(tools);
    await helper.attach(vm.pid);
    // Held, so that nothing but our writes changes the state between two looks at it.
    await helper.must('freeze', { pid: vm.pid, vcpuIndex: 0 });
    start = await helper.capture();
  });
  test.afterAll(async () => {
    await helper?.stop();
    await vm?.stop();
    tools?.remove();
  });

  test('KVM_SET_XSAVE by itself answers as predicted, errno included, and a refusal changes nothing', async () => {
    const kvm = new BareKvm(tools.build('set_xsave'));
    await kvm.open();
    expect(kvm.imageBytes).toBe(start.image.bytes.length);
    const outcomes: Outcome[] = [];
    for (const image of generateImages(start, seed, IMAGES)) {
      const { outcome, before, after } = await kvm.set(image.bytes);
      expect(outcome, describeImage(image)).toBe(predictKernel(image, start));
      if (outcome !== ACCEPTED) expect(after.equals(before), describeImage(image)).toBe(true);
      outcomes.push(outcome);
    }
    await kvm.stop();
    console.log(`pre-flight, the kernel alone: ${tally(outcomes)}`);
    for (const kind of [ACCEPTED, 'EINVAL', 'EFAULT']) expect(outcomes).toContain(kind);
  });

  test('a live vCPU answers as predicted through the helper, and a refusal leaves its state as it was', async () => {
    const outcomes: Outcome[] = [];
    const ref = { pid: vm.pid, vcpuIndex: 0 };
    for (const image of generateImages(start, seed, IMAGES)) {
      const before = await helper.capture();
      const answer = await helper.ask('setImage', { ...ref, image: image.bytes });
      const outcome = answer.ok ? ACCEPTED : describeRefusal(answer.refusal);
      expect(outcome, describeImage(image)).toBe(predictHelper(image, before));
      outcomes.push(outcome);
      if (answer.ok) {
        const wanted = new Uint8Array(start.image.bytes.length);
        wanted.set(image.bytes);
        const lost = compareWritten({ bytes: wanted, layout: start.image.layout }, answer.value.readBack);
        expect(lost, describeImage(image)).toEqual([]);
        continue;
      }
      const after = await helper.capture();
      expect(meaningOf(after), describeImage(image)).toEqual(meaningOf(before));
      const { msrs, xcr0, general, control } = before.facts;
      expect(after.facts, describeImage(image)).toMatchObject({ msrs, xcr0, general, control });
    }
    console.log(`pre-flight, through the helper: ${tally(outcomes)}`);
    for (const kind of [ACCEPTED, 'BAD_SIZE', 'CALL_FAILED KVM_SET_XSAVE EINVAL']) expect(outcomes).toContain(kind);
    await helper.must('setImage', { ...ref, image: start.image.bytes });
    await helper.must('resume', ref);
    await helper.must('detach', ref);
    expect(vm.ended).toBe(false);
  });
});

const describeRefusal = ({ reason, call, errno }: { reason: string | null; call: string; errno: number }): Outcome =>
  reason === 'CALL_FAILED' ? `CALL_FAILED ${call} ${errnoName(errno)}` : `${reason}`;
