import { FILE_KINDS } from '../../../app/formats/kinds.ts';
import { DRIVE_VERBS } from './drive-verbs.ts';
import { LIVE, LIVE_EXITS, type VerbRow } from './verb-row.ts';

export type { VerbRow };

const SYMBOLS = ['symbols', 'load-address'] as const;
const FILE = ['thread', 'from', 'preset', 'strict'] as const;
const READS = [...LIVE_EXITS, 'doubtful'] as const;

/** What a FILE is, once for every verb that takes one. */
export const ABOUT_FILES =
  `FILE is ${FILE_KINDS.map(({ what }) => `${/^[AEIO]/.test(what) ? 'an' : 'a'} ${what}`).join(', ')}. ` +
  'FILE@N is one state of it: N is a thread of a core, a vCPU of a snapshot, a stop of a session (the last, if none is named).';

/** What a PATH is, once for every verb that takes one. */
export const ABOUT_PATHS =
  'Paths name a register, its type, an element or a field: zmm5, xmm3:u32[1], k3, st0, mxcsr.RC, tmm2:bf16[3][7], ' +
  'tmm2:i8:vnni (a matrix whose pairs and quads are taken apart), tilecfg, xstate_bv, xcr0, xfd, rax, rflags.ZF, fs_base. ' +
  'Types: i8 to i64, u8 to u64, f16, bf16, f32, f64, f80, cf16, bf8, hf8, tf32. gdb’s names are understood ($zmm3, ymm0h, ' +
  'ftag, xmm1.v4_float[2]). Numbers are 255, 0xff, 0b1011, 1_000, 1.5, 0x1.8p3.';

const SLICES =
  'Several at once: zmm*, xmm0..7:f32, tmm0:i8[0..3]. A path that is none does not keep the others from being shown; the exit code is then 2.';

/** Every verb. Parsing, help, the man page and the completions of the shells follow from this table. */
export const VERBS = [
  {
    name: 'list',
    says: 'every process with KVM vCPUs, and whether it can be attached to',
    usage: ['[--json]'],
    words: [],
    options: ['json'],
    about: ['Where attaching cannot work, the last column says why, and a line below what would fix it.'],
    examples: [{ line: 'tilescope list --json', says: 'for a script' }],
    exits: ['done', 'helper'],
  },
  {
    name: 'show',
    says: 'registers, or everything',
    usage: [
      'FILE [PATH…]',
      '--pid PID [--vcpu N] [--at ADDR] [PATH…]',
      'FILE --at ADDR [--thread N] [--from CPU] [--snapshot STATE] [PATH…]',
    ],
    words: ['file', 'path'],
    options: ['json', ...LIVE, ...FILE, 'at', 'snapshot'],
    about: [
      'Without a path: the facts, every component with its state, and the registers in use. A component in init state is said to be in init, never printed as zeros.',
      '--at ADDR shows an XSAVE area that lies in the guest’s memory, as of a task that waits or of a signal frame, in the layout of the guest’s CPUID; what cannot be one is refused. Of a FILE that holds memory (mem says which) it is the layout of its CPUID or of its own notes, or of the CPU that --from names.',
      'Of a core with several threads the first is shown, which took the signal, and the others are named; --thread names another.',
      SLICES,
      ABOUT_PATHS,
    ],
    examples: [
      { line: 'tilescope show --pid 4242 zmm5:f32 k3 mxcsr.RC xcr0', says: 'of a running guest' },
      { line: 'tilescope show core.4242 --thread 4243 zmm17:f64', says: 'of one thread of a core' },
      { line: 'tilescope show before.json "tmm*:i8:vnni"', says: 'eight tiles as operand B of a product' },
    ],
    exits: READS,
  },
  {
    name: 'capture',
    says: 'the extended state of one vCPU into a file',
    usage: ['--pid PID [--vcpu N] --out FILE'],
    words: [],
    options: ['json', ...LIVE, 'out'],
    about: ['The vCPU usually stands still for well under a millisecond; --json says how long.'],
    examples: [{ line: 'tilescope capture --pid 4242 --vcpu 0 --out before.json', says: 'vCPU 0' }],
    exits: LIVE_EXITS,
  },
  {
    name: 'mem',
    says: 'guest memory, by linear or by physical address',
    usage: [
      '--pid PID [--vcpu N] ADDR[:TYPE][×N] [--bytes N] [--physical] [--symbols FILE [--load-address ADDR]] [--out FILE]',
      '--pid PID [--vcpu N] ADDR[:TYPE] --write BYTES [--physical] [--symbols FILE [--load-address ADDR]]',
      'FILE ADDR[:TYPE][×N] [--snapshot STATE] [--thread N] [--bytes N] [--physical] [--out FILE]',
    ],
    words: ['file', 'address'],
    options: ['json', ...LIVE, 'thread', 'bytes', 'physical', 'write', 'snapshot', ...SYMBOLS, 'out'],
    about: [
      'ADDR is a number, a general register with a number added, or with --symbols a symbol with a number added. TYPE is an element type such as u64 or bf16, and N how many.',
      'FILE is a core of a process, or what QEMU’s dump-guest-memory wrote; of the latter --thread names the CPU whose page tables and registers count, 0 where it is not given. With --snapshot it is the memory that Firecracker or Cloud Hypervisor wrote beside that state.',
      'Where a VMM keeps its guest’s memory is proved first: the guest’s page tables, walked through one of the VMM’s mappings, have to translate as KVM does. What is not proved is not known, and no byte of it is shown. The vCPU stands still meanwhile.',
      '--write writes exactly those bytes, only on pages that the guest’s CPU has used as memory, through the page tables as they stand, and KVM has to translate them alike; otherwise none is written, nor where one page of them is not so. What stood there goes to the journal first (tilescope journal puts it back if anything dies), then it is compared, written, read back and compared. Other vCPUs run on: what they write at the same moment is left alone and told. A VMM that migrates its guest at that moment does not learn of the write.',
    ],
    examples: [
      { line: 'tilescope mem --pid 4242 rsp:u64x8', says: 'the top of the stack' },
      { line: 'tilescope mem --pid 4242 0x1000 --bytes 4096 --physical --out page.bin', says: 'one page into a file' },
      {
        line: 'tilescope mem --pid 4242 rsi+0x40:f32 --write 1.5,-2',
        says: 'write two floats, and print what stood there',
      },
    ],
    exits: LIVE_EXITS,
  },
  {
    name: 'who',
    says: 'what is executing: mode, privilege level, address space, task, and the calls that led there',
    usage: [
      '--pid PID [--vcpu N] [--symbols FILE [--load-address ADDR] [--btf FILE]] [--count N]',
      'DUMP [--thread N] [--symbols FILE [--load-address ADDR] [--btf FILE]] [--count N]',
    ],
    words: ['file'],
    options: ['json', ...LIVE, ...SYMBOLS, 'btf', 'count', 'thread'],
    about: [
      'DUMP is what QEMU’s dump-guest-memory wrote, of a guest that need not run under KVM; --thread names the CPU in it, 0 where it is not given.',
      'Calls are followed by the ORC tables of a Linux kernel where --symbols names them, else by frame pointers; a return address counts only where a call stands before it. Code built without either ends the chain at once; why it ends is said.',
      'Of a Linux guest in kernel mode the task is named, with its pid, where --symbols (a vmlinux, a System.map, /proc/kallsyms) says where its CPU keeps it and BTF where the name stands in it: that of a vmlinux, or a copy of the guest’s /sys/kernel/btf/vmlinux with --btf.',
      'Memory has to be proved first, as mem says.',
    ],
    examples: [
      { line: 'tilescope who --pid 4242 --symbols vmlinux', says: 'the task and the calls' },
      { line: 'tilescope who --pid 4242 --symbols System.map --btf btf-vmlinux', says: 'of a packaged kernel' },
      {
        line: 'tilescope who guest.dump --symbols kallsyms --btf btf-vmlinux',
        says: 'who executed when it was dumped',
      },
    ],
    exits: LIVE_EXITS,
  },
  {
    name: 'disas',
    says: 'the code that a guest executes next, or that stands at an address',
    usage: [
      '--pid PID [--vcpu N] [ADDR] [--count N] [--syntax intel|att] [--symbols FILE [--load-address ADDR]]',
      'FILE [ADDR] [--thread N] [--snapshot STATE] [--count N] [--syntax NAME] [--symbols FILE [--load-address ADDR]]',
    ],
    words: ['file', 'address'],
    options: ['json', ...LIVE, 'thread', 'snapshot', 'count', 'syntax', ...SYMBOLS],
    about: [
      'Without ADDR from RIP on; who executes it (mode, privilege level, address space) stands above. Of the next instruction it is said what it reads and writes, with what stands there. AMX up to FP8, TF32, AVX512, MOVRS and TRANSPOSE is known; what is not known is (bad).',
      'With --symbols addresses are printed as symbol+offset, and ADDR may be written so. Where KASLR has moved the kernel, its exception handlers tell how far: they have to be where the vCPU’s IDT has them. If they are not, the file is of another kernel, and refused. --load-address says where the file’s lowest address lies, for a position-independent program.',
      'FILE is one that holds memory, as mem says: a core of a process, a dump, or with --snapshot the memory of a snapshot; --thread names the thread or the CPU in it.',
      'Of a guest that runs memory has to be proved first, as mem says.',
    ],
    examples: [
      { line: 'tilescope disas --pid 4242 --count 4', says: 'the next four instructions' },
      { line: 'tilescope disas --pid 4242 schedule+0x10 --symbols System.map', says: 'by a symbol of its kernel' },
    ],
    exits: LIVE_EXITS,
  },
  ...DRIVE_VERBS,
  {
    name: 'set',
    says: 'write registers, read them back and compare',
    usage: ['--pid PID [--vcpu N] PATH=VALUE…'],
    words: ['assignment'],
    options: ['json', ...LIVE],
    about: [
      'All assignments are one write. It is checked first, and rolled back where a part is refused or does not read back.',
      ABOUT_PATHS,
    ],
    examples: [
      { line: 'tilescope set --pid 4242 "zmm3:f32[5]=2.75" mxcsr=0x9fc0 rax=5', says: 'three registers in one stop' },
      { line: 'tilescope set --pid 4242 mxcsr.RC=down', says: 'one field, by its word' },
    ],
    exits: ['done', 'refused', 'usage', 'noTarget', 'helper'],
  },
  {
    name: 'restore',
    says: 'put the state of a file back, or parts of it',
    usage: ['--pid PID [--vcpu N] [--only LIST] [--force] FILE'],
    words: ['file'],
    options: ['json', ...LIVE, ...FILE, 'force', 'only'],
    about: [
      'Without --force a state goes to the vCPU it was taken from alone, and whole or not at all.',
      'General registers are left alone but those that --only names: the guest has run on since.',
      ABOUT_FILES,
    ],
    examples: [
      { line: 'tilescope restore --pid 4242 before.json', says: 'everything' },
      { line: 'tilescope restore --pid 4242 --only avx,opmask before.json', says: 'two components' },
    ],
    exits: READS,
  },
  {
    name: 'diff',
    says: 'what differs between two states',
    usage: ['A B'],
    words: ['state', 'state'],
    options: ['json', 'suspend-seccomp'],
    about: ['A and B are each a FILE, FILE@N or pid:PID/VCPU.', ABOUT_FILES],
    examples: [
      { line: 'tilescope diff before.json pid:4242/0', says: 'a file and a running guest' },
      { line: 'tilescope diff session.json@3 session.json@7', says: 'two stops of a session' },
    ],
    exits: LIVE_EXITS,
  },
  {
    name: 'journal',
    says: 'states kept by a Tilescope that died',
    usage: ['[list]', 'restore ID [--suspend-seccomp]', 'forget ID'],
    words: ['journal', 'none'],
    options: ['json', 'suspend-seccomp'],
    about: [
      'The state from before the first write to a vCPU is on disk until it is recovered, or the edits were kept on purpose.',
    ],
    examples: [
      { line: 'tilescope journal', says: 'what there is' },
      { line: 'tilescope journal restore 3fa9', says: 'restore one' },
    ],
    exits: LIVE_EXITS,
  },
  {
    name: 'check',
    says: 'whether a file’s state could be restored there, and what would be lost',
    usage: ['FILE [--pid PID [--vcpu N] | --preset CPU]'],
    words: ['file'],
    options: ['json', ...LIVE, ...FILE],
    about: ['Where to: a running vCPU, a CPU by name, or this machine if nothing is named.', ABOUT_FILES],
    examples: [
      { line: 'tilescope check before.json --preset sapphire-rapids', says: 'the first refusal and its errno' },
    ],
    exits: [...READS, 'conversion'],
  },
  {
    name: 'layout',
    says: 'layouts, sizes and bits side by side',
    usage: ['', 'FILE', '--pid PID [--vcpu N]'],
    words: ['file'],
    options: ['json', ...LIVE, ...FILE],
    about: [
      'What the guest’s CPUID says, what the host’s says, and where the image itself has its components; contradictions of the masks.',
      ABOUT_FILES,
    ],
    examples: [{ line: 'tilescope layout vm.xsave', says: 'of a raw image' }],
    exits: READS,
  },
  {
    name: 'convert',
    says: 'a file in another layout, or another format',
    usage: [
      'FILE --to FORMAT [--preset CPU] [--compacted] [--bytes N] --out FILE',
      'FILE --path PATH --to FORMAT --out FILE',
    ],
    words: ['file'],
    options: ['json', ...FILE, 'vcpu', 'to', 'path', 'bytes', 'compacted', 'without', 'force', 'out'],
    about: [
      'FORMAT of everything: capture, raw, core, c, hex, gdb, report. Of one register (--path): numpy, npy, c, csv, hex.',
      '--preset names the CPU whose layout the result has. What it has no room for is refused, or left out with --force.',
      ABOUT_FILES,
    ],
    examples: [
      { line: 'tilescope convert core.4242 --to core --preset skylake-sp --out intel.core', says: 'for an older gdb' },
      { line: 'tilescope convert before.json --path zmm3:f32 --to npy --out zmm3.npy', says: 'one register for NumPy' },
    ],
    exits: READS,
  },
  {
    name: 'product',
    says: 'whether a tile holds what a tile product would have left there',
    usage: [
      'FILE C A B --instruction NAME [--before FILE]',
      '--pid PID [--vcpu N] C A B --instruction NAME [--before FILE]',
      'SESSION [--code FILE[@ADDR]]',
    ],
    words: ['file', 'tile', 'tile', 'tile'],
    options: ['json', ...LIVE, ...FILE, 'instruction', 'before', 'code'],
    about: [
      'C, A and B are tiles, tmm0 to tmm7, in the order of the instruction’s operands: C += A · B. What C held before is zero, or what it holds in the state that --before names.',
      'The exit code is 1 where a cell differs, and where the instruction would have raised #UD. FP8 products rest on one text of the public ones that disagree about the order of summation; the answer says which.',
      'Of a SESSION that trace wrote, without C A B, every tile product between two stops is checked, and each that differs is listed with its stop, RIP and cells. The trace holds the instructions where the guest’s memory is known; --code takes them from a program, or from any file at ADDR.',
    ],
    examples: [
      { line: 'tilescope product after.json tmm0 tmm1 tmm2 --instruction TDPBSSD --before before.json', says: 'int8' },
      {
        line: 'tilescope product session.json@7 tmm0 tmm1 tmm2 --instruction TDPBF16PS --before session.json@6',
        says: 'two stops',
      },
      { line: 'tilescope product trace.json', says: 'every tile product of a trace' },
    ],
    exits: READS,
  },
  {
    name: 'presets',
    says: 'the CPUs whose layouts are known',
    usage: ['[--json]'],
    words: [],
    options: ['json'],
    about: [],
    examples: [],
    exits: ['done'],
  },
  {
    name: 'doctor',
    says: 'what this machine has and lacks for Tilescope, and what would fix it',
    usage: ['[--json]'],
    words: [],
    options: ['json'],
    about: [
      '/dev/kvm and what KVM offers, kernel, AMX and XFD, Yama, the helper’s capabilities, user namespaces, seccomp filters, the window. The exit code is 1 where something that attaching needs is missing.',
    ],
    examples: [{ line: 'tilescope doctor', says: 'the first thing to run' }],
    exits: ['done', 'refused', 'usage'],
  },
  {
    name: 'setup-privileges',
    says: 'who may reach which VMM: show it, do it, take it back',
    usage: ['[--user LIST] [--allow LIST] [--seccomp] [--yes]', '--undo [--yes]'],
    words: [],
    options: ['json', 'user', 'allow', 'seccomp', 'undo', 'yes'],
    about: [
      'Installs the helper for the group tilescope, with CAP_SYS_PTRACE; --allow adds CAP_DAC_READ_SEARCH and a line of /etc/tilescope/policy. The helper decides by the real uid of whoever runs it: his own VMMs, and those that the policy gives him; never a set-uid program.',
      'Without --yes nothing is changed. --undo takes back what was done, and nothing else.',
    ],
    examples: [
      { line: 'tilescope setup-privileges', says: 'what would be done' },
      { line: 'sudo tilescope setup-privileges --allow libvirt-qemu --yes', says: 'libvirt’s guests too' },
      { line: 'sudo tilescope setup-privileges --undo --yes', says: 'take it back' },
    ],
    exits: ['done', 'refused', 'usage'],
  },
  {
    name: 'web',
    says: 'serve the page on 127.0.0.1, for a browser',
    usage: ['[FILE] [--port N] [--no-open]'],
    words: ['file'],
    options: ['port', 'no-open'],
    about: [
      'The address it prints is good for one use, on this machine only; forward the port (ssh -L) to see it elsewhere. Ctrl+C ends it; kill -USR2 and its pid print a fresh address.',
    ],
    examples: [{ line: 'tilescope web --no-open --port 8080', says: 'on a machine without a screen' }],
    exits: ['done', 'refused', 'usage'],
  },
  {
    name: 'batch',
    says: 'read commands from standard input, one a line',
    usage: ['[--json]'],
    words: [],
    options: ['json'],
    about: [
      'One process for a script that asks a thousand times; tilescope --batch is the same. Words are divided as a shell divides them, with quotes; a line that begins with # is skipped. Each command is answered before the next one is read.',
      'With --json each answer is one line, {"line", "code", "out", "err"}, and every command runs with --json. The exit code is that of the first command that failed.',
    ],
    examples: [{ line: 'printf "show a.json k1\\nshow b.json k1\\n" | tilescope batch --json', says: 'two questions' }],
    exits: READS,
  },
  {
    name: 'completions',
    says: 'a script that completes words of tilescope in your shell',
    usage: ['bash', 'zsh', 'fish'],
    words: ['shell'],
    options: [],
    about: ['It completes verbs, options, files, register paths, CPUs and the pids of running VMMs.'],
    examples: [
      { line: 'source <(tilescope completions bash)', says: 'in ~/.bashrc' },
      { line: 'source <(tilescope completions zsh)', says: 'in ~/.zshrc, after compinit' },
      { line: 'tilescope completions fish | source', says: 'in ~/.config/fish/config.fish' },
    ],
    exits: ['done', 'usage'],
  },
  {
    name: 'man',
    says: 'this manual, as a page for man',
    usage: [''],
    words: [],
    options: [],
    about: ['Where the package has not installed it: tilescope man | man -l -'],
    examples: [{ line: 'tilescope man | man -l -', says: 'read it' }],
    exits: ['done', 'usage'],
  },
  {
    name: 'help',
    says: 'how a verb is used',
    usage: ['[VERB]'],
    words: ['verb'],
    options: [],
    about: [],
    examples: [{ line: 'tilescope help show', says: 'the same as tilescope show --help' }],
    exits: ['done', 'usage'],
  },
] as const satisfies readonly VerbRow[];

export type Verb = (typeof VERBS)[number]['name'];

const ROWS: ReadonlyMap<string, VerbRow> = new Map(VERBS.map((row) => [row.name, row]));

/** undefined: there is no such verb. */
export const verbRow = (name: string): VerbRow | undefined => ROWS.get(name);

/** Asked by the shells' completion scripts; not for people. */
export const COMPLETE = '__complete';

/** The first words that mean the command line and not the window. */
export const CLI_VERBS: readonly string[] = [
  ...VERBS.map(({ name }) => name),
  ...[COMPLETE, '--batch', '--help', '-h', '--version'],
];
