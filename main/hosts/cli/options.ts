/** What stands for a word on the command line, so that a shell can complete it. */
export type WordKind =
  | 'file'
  | 'pid'
  | 'vcpu'
  | 'preset'
  | 'format'
  | 'scope'
  | 'path'
  | 'assignment'
  | 'address'
  | 'state'
  | 'journal'
  | 'instruction'
  | 'tile'
  | 'syntax'
  | 'shell'
  | 'verb'
  | 'none';

interface OptionRow {
  readonly name: string;
  /** The word behind it, as usage calls it; null: none. */
  readonly value: string | null;
  readonly kind: WordKind;
  /** It may be given more than once. */
  readonly isMany?: true;
  /** One line; where it says something else of a verb, the verb's own text does. */
  readonly says: string;
}

/** Every option of every verb. A new option is a new row; which verb takes it stands in the verb's row. */
export const OPTIONS = [
  { name: 'json', value: null, kind: 'none', says: 'one JSON value on standard output' },
  { name: 'pid', value: 'PID', kind: 'pid', says: 'the process of a running VMM, as list shows it' },
  {
    name: 'vcpu',
    value: 'N',
    kind: 'vcpu',
    says: 'the vCPU by KVM’s number (its APIC id) or by the VMM’s number of the CPU, 0 by default; kvm:N or cpu:N where the two differ',
  },
  {
    ...{ name: 'suspend-seccomp', value: null, kind: 'none' },
    says: 'lift the VMM’s seccomp filter for each call that it forbids (needs CAP_SYS_ADMIN); a helper killed in the microseconds of such a call takes the VMM with it, by SIGSYS',
  },
  { name: 'thread', value: 'N', kind: 'none', says: 'one state of FILE, the same as FILE@N' },
  {
    ...{ name: 'from', value: 'CPU', kind: 'preset' },
    says: 'the CPU whose layout FILE has, where FILE does not say; guessed by default',
  },
  {
    name: 'preset',
    value: 'CPU',
    kind: 'preset',
    says: 'check, convert: the CPU to go to; elsewhere the same as --from',
  },
  {
    ...{ name: 'strict', value: null, kind: 'none' },
    says: 'refuse a FILE whose layout is in doubt (exit code 6); restore always does',
  },
  { name: 'out', value: 'FILE', kind: 'file', says: 'where the result is written' },
  { name: 'only', value: 'LIST', kind: 'scope', says: 'components (avx,opmask) or registers (zmm3,mxcsr) alone' },
  { name: 'force', value: null, kind: 'none', says: 'leave out what does not fit; restore: into another vCPU too' },
  { name: 'to', value: 'FORMAT', kind: 'format', says: 'the format that is written' },
  { name: 'path', value: 'PATH', kind: 'path', says: 'one register instead of everything' },
  {
    name: 'bytes',
    value: 'N',
    kind: 'none',
    says: 'exactly N bytes: of memory, or of an image, such as 4096 or 12288',
  },
  { name: 'compacted', value: null, kind: 'none', says: 'the compacted format, as XSAVEC writes it' },
  {
    name: 'without',
    value: 'LIST',
    kind: 'scope',
    says: 'components to put into init, such as pkru where the host has leaked it',
  },
  { name: 'instruction', value: 'NAME', kind: 'instruction', says: 'the tile product, such as TDPBSSD' },
  { name: 'before', value: 'FILE', kind: 'state', says: 'the state that held C before; C was zero otherwise' },
  {
    ...{ name: 'code', value: 'FILE', kind: 'file' },
    says: 'the code that a trace executed, where the trace does not hold it: a program, or FILE@ADDR',
  },
  { name: 'check', value: null, kind: 'none', says: 'check every tile product against the reference' },
  { name: 'wait', value: 'SECONDS', kind: 'none', says: 'how long to wait at most; 10 by default' },
  { name: 'until', value: 'CONDITION', kind: 'none', says: 'what to stop at' },
  { name: 'steps', value: 'N', kind: 'none', says: 'at most N instructions' },
  { name: 'when', value: 'CONDITION', kind: 'none', says: 'ignore hits where CONDITION does not hold' },
  { name: 'skip', value: 'N', kind: 'none', says: 'ignore the first N hits' },
  { name: 'over', value: null, kind: 'none', says: 'a call, or a repeated instruction, is one step' },
  {
    ...{ name: 'all-stop', value: null, kind: 'none' },
    says: 'hold all other vCPUs of the VMM meanwhile; by default they run on',
  },
  { name: 'any-vcpu', value: null, kind: 'none', says: 'whichever vCPU of the VMM comes there first' },
  { name: 'physical', value: null, kind: 'none', says: 'ADDR is a guest physical address' },
  {
    ...{ name: 'write', value: 'BYTES', kind: 'none' },
    says: 'write there: hex in memory order, or with a TYPE its elements, separated by commas',
  },
  {
    name: 'at',
    value: 'ADDR',
    kind: 'address',
    says: 'read the XSAVE area at this address of guest memory instead of the vCPU',
  },
  { name: 'count', value: 'N', kind: 'none', says: 'how many instructions, 16 by default; for who, how many calls' },
  { name: 'syntax', value: 'NAME', kind: 'syntax', says: 'intel, the default, or att' },
  {
    ...{ name: 'symbols', value: 'FILE', kind: 'file' },
    says: 'names of addresses: a vmlinux, a program, a System.map, a copy of /proc/kallsyms',
  },
  {
    ...{ name: 'load-address', value: 'ADDR', kind: 'none' },
    says: 'where the lowest address of --symbols lies in the guest',
  },
  {
    name: 'btf',
    value: 'FILE',
    kind: 'file',
    says: 'the guest kernel’s /sys/kernel/btf/vmlinux, where --symbols has no BTF',
  },
  { name: 'snapshot', value: 'STATE', kind: 'file', says: 'the snapshot that FILE is the memory of' },
  { name: 'port', value: 'N', kind: 'none', says: 'a port of 127.0.0.1; by default a free one' },
  { name: 'no-open', value: null, kind: 'none', says: 'open no browser' },
  { name: 'user', value: 'LIST', kind: 'none', says: 'who joins the group, besides whoever called sudo' },
  {
    ...{ name: 'allow', value: 'LIST', kind: 'none' },
    says: 'whose VMMs the group may reach besides its own: USER or USER:PROGRAM, separated by commas',
  },
  {
    name: 'seccomp',
    value: null,
    kind: 'none',
    says: 'give CAP_SYS_ADMIN too: read seccomp filters, and suspend them',
  },
  { name: 'undo', value: null, kind: 'none', says: 'take back what was done' },
  { name: 'yes', value: null, kind: 'none', says: 'do it instead of only showing it' },
  { name: 'help', value: null, kind: 'none', says: 'how the verb is used' },
] as const satisfies readonly OptionRow[];

export type OptionName = (typeof OPTIONS)[number]['name'];

/** The row of an option. Throws where there is none. */
export const optionRow = (name: OptionName): OptionRow => {
  const row = OPTIONS.find((one) => one.name === name);
  if (row === undefined) throw new Error(`Tilescope fault: no option ${name}`);
  return row;
};
