import { concat } from '../../bits/bytes.ts';
import { utf8FromText } from '../../bits/text.ts';

/** A migration stream as QEMU writes it: the fields that are read, in QEMU's order, with its description behind them. */

type Value = bigint | Uint8Array;

export interface StreamField {
  readonly name: string;
  /** The name of the description of the elements, where they are structures. */
  readonly struct?: string;
  readonly sizeBytes: number;
  readonly values: readonly Value[];
}

export interface StreamSection {
  readonly name: string;
  readonly fields: readonly StreamField[];
}

export interface StreamDevice extends StreamSection {
  readonly instance: number;
  readonly subsections?: readonly StreamSection[];
}

const be = (value: bigint | number, sizeBytes: number): Uint8Array => {
  const out = new Uint8Array(sizeBytes);
  for (let at = sizeBytes - 1, rest = BigInt(value); at >= 0; at -= 1, rest >>= 8n) out[at] = Number(rest & 0xffn);
  return out;
};

const text = (name: string): Uint8Array => concat([Uint8Array.of(name.length), utf8FromText(name)]);

const bytesOf = (fields: readonly StreamField[]): Uint8Array[] =>
  fields.flatMap(({ sizeBytes, values }) =>
    values.map((value) => (typeof value === 'bigint' ? be(value, sizeBytes) : value)),
  );

const describe = (fields: readonly StreamField[]): unknown[] =>
  fields.map(({ name, struct, sizeBytes, values }) => ({
    name,
    ...(values.length === 1 ? {} : { array_len: values.length }),
    type: struct === undefined ? 'uint64' : 'struct',
    ...(struct === undefined ? {} : { struct: { vmsd_name: struct, version: 1, fields: [] } }),
    size: sizeBytes,
  }));

const VERSION = 12;

/** @param hasFooters machine types before 2.4 have none */
export const qemuStreamFile = (
  devices: readonly StreamDevice[],
  {
    memory = new Uint8Array(64),
    hasFooters = true,
  }: { readonly memory?: Uint8Array; readonly hasFooters?: boolean } = {},
): Uint8Array => {
  const sections = devices.map(({ name, instance, fields, subsections = [] }, index) => {
    const id = be(index + 3, 4);
    const parts = subsections.flatMap((part) => [Uint8Array.of(5), text(part.name), be(1, 4), ...bytesOf(part.fields)]);
    const head = [Uint8Array.of(4), id, text(name), be(instance, 4), be(VERSION, 4)];
    return concat([...head, ...bytesOf(fields), ...parts, ...(hasFooters ? [Uint8Array.of(0x7e), id] : [])]);
  });
  const described = devices.map(({ name, instance, fields, subsections = [] }) => ({
    ...{ name, instance_id: instance, vmsd_name: name, version: VERSION, fields: describe(fields) },
    ...(subsections.length === 0
      ? {}
      : {
          subsections: subsections.map((part) => ({ vmsd_name: part.name, version: 1, fields: describe(part.fields) })),
        }),
  }));
  const json = utf8FromText(JSON.stringify({ page_size: 4096, devices: described }));
  const begin = concat([utf8FromText('QEVM'), be(3, 4), memory]);
  return concat([begin, ...sections, Uint8Array.of(0, 6), be(json.length, 4), json]);
};

const numbers = (name: string, sizeBytes: number, values: readonly bigint[]): StreamField => ({
  name,
  sizeBytes,
  values,
});
const quads = (name: string, struct: string, count: number, each: number, first: bigint): StreamField => ({
  ...{ name, struct, sizeBytes: 8 * each },
  values: Array.from({ length: count }, (_, register) =>
    concat(Array.from({ length: each }, (__, quad) => be(first + BigInt(16 * register + quad), 8))),
  ),
});

export interface VcpuStream {
  readonly instance?: number;
  readonly xcr0: bigint;
  readonly xstateBv: bigint;
  readonly fsw?: bigint;
}

/** Quad q of register r is `first` + 16 r + q: 0x1000 in XMM, 0x2000 in YMM's upper half, 0x3000 and 0x4000 in ZMM. */
export const vcpuSection = ({ instance = 0, xcr0, xstateBv, fsw = 0n }: VcpuStream): StreamDevice => {
  const has = (bit: bigint): boolean => ((xcr0 >> bit) & 1n) === 1n;
  const subsections: StreamSection[] = [];
  if (has(7n)) {
    const fields = [
      numbers(
        'env.opmask_regs',
        8,
        Array.from({ length: 8 }, (_, k) => 0xc0de0000n + BigInt(k)),
      ),
      quads('env.xmm_regs[0]', 'zmmh_reg', 16, 4, 0x3000n),
      quads('env.xmm_regs[1]', 'hi16_zmm_reg', 16, 8, 0x4000n),
    ];
    subsections.push({ name: 'cpu/avx512', fields });
  }
  if (has(9n)) subsections.push({ name: 'cpu/pkru', fields: [numbers('env.pkru', 4, [0x55555554n])] });
  if (has(18n)) {
    const bytes = (length: number): bigint[] => Array.from({ length }, (_, at) => BigInt(at & 0xff));
    const config = [1n, 0n, ...Array<bigint>(14).fill(0n), 64n, ...Array<bigint>(31).fill(0n), 16n];
    const fields = [
      numbers('env.xtilecfg', 1, [...config, ...Array<bigint>(64 - config.length).fill(0n)]),
      numbers('env.xtiledata', 1, bytes(8192)),
    ];
    subsections.push({ name: 'cpu/intel_amx_xtile', fields });
    subsections.push({
      name: 'cpu/msr_xfd',
      fields: [numbers('env.msr_xfd', 8, [0n]), numbers('env.msr_xfd_err', 8, [0n])],
    });
  }
  if (has(19n)) {
    subsections.push({
      name: 'cpu/apx',
      fields: [
        numbers(
          'env.regs',
          8,
          Array.from({ length: 16 }, (_, r) => 0xe000n + BigInt(r)),
        ),
      ],
    });
  }
  const segment = concat([be(0x10, 4), be(0n, 8), be(0xffffffffn, 4), be(0, 4)]);
  const slots = Array.from({ length: 8 }, (_, index) =>
    concat([be((1n << 63n) | BigInt(index), 8), be(0x3fff + index, 2)]),
  );
  const fields = [
    numbers(
      'env.regs',
      8,
      Array.from({ length: 16 }, (_, r) => 0xa000n + BigInt(r)),
    ),
    numbers('env.eip', 8, [0xfff0n]),
    numbers('env.eflags', 8, [2n]),
    numbers('env.fpuc', 2, [0x37fn]),
    numbers('env.fpus_vmstate', 2, [fsw]),
    numbers('env.fptag_vmstate', 2, [0xffn]),
    { name: 'env.fpregs', struct: 'fpreg', sizeBytes: 10, values: slots },
    { name: 'env.segs', struct: 'segment', sizeBytes: 20, values: Array<Uint8Array>(6).fill(segment) },
    ...[0, 2, 3, 4].map((cr) => numbers(`env.cr[${cr}]`, 8, [BigInt(cr + 1)])),
    numbers('env.mxcsr', 4, [0x9fc0n]),
    quads('env.xmm_regs[0]', 'xmm_reg', 16, 2, 0x1000n),
    numbers('env.efer', 8, [0xd01n]),
    numbers('env.xcr0', 8, [xcr0]),
    numbers('env.xstate_bv', 8, [xstateBv]),
    quads('env.xmm_regs[1]', 'ymmh_reg', 16, 2, 0x2000n),
  ];
  return { name: 'cpu', instance, fields, subsections };
};

const apic = (instance: number): StreamDevice => ({ name: 'apic', instance, fields: [numbers('tpr', 1, [0x70n])] });
export const KVM_CLOCK: StreamDevice = { name: 'kvmclock', instance: 0, fields: [numbers('clock', 8, [1n])] };

export const vcpuStream = (
  vcpus: readonly VcpuStream[],
  options: Parameters<typeof qemuStreamFile>[1] = {},
): Uint8Array =>
  qemuStreamFile(
    [
      { name: 'timer', instance: 0, fields: [numbers('unused', 8, [0n])] },
      ...vcpus.flatMap((vcpu) => [vcpuSection(vcpu), apic(vcpu.instance ?? 0)]),
      KVM_CLOCK,
    ],
    options,
  );
