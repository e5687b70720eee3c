import { LIVE, LIVE_EXITS, type VerbRow } from './verb-row.ts';

const ABOUT_CONDITIONS =
  'A condition compares a register, an element or a field with a number ("rax == 5", "xfd & 0x40000", "tmm0:i32[0][0] != 0", with == != < <= > >= &), waits for a change ("zmm3 changes") or for a component ("TILEDATA in use", "AVX in init"). Of run and trace also "next is tile", "next is avx512", "next is xsave", "next is wrmsr xfd": before the next such instruction, where guest memory is proved.';

const ABOUT_OTHERS =
  'The other vCPUs of the VMM run on meanwhile. With --all-stop each of them is attached to and held, as a freeze holds one, and let go afterwards: all, or the verb is refused and says which cannot be. What only they could do, such as letting go of a lock that this one waits for, is then not done: --wait and Ctrl+C end that. One whose helper dies runs on; that ends the verb, is said, and is exit code 1.';

/** The verbs that drive a guest. */
export const DRIVE_VERBS = [
  {
    name: 'step',
    says: 'single instructions of a running guest, without its VMM’s help',
    usage: ['--pid PID [--vcpu N] [--over [--wait SECONDS]] [COUNT]', '--pid PID [--vcpu N] --out [--wait SECONDS]'],
    words: ['none'],
    options: ['json', ...LIVE, 'all-stop', 'over', 'out', 'wait'],
    flags: { out: 'out of the function: to where it returns to' },
    about: [
      'RIP after each instruction. The vCPU makes its steps by itself and decides after each whether it goes on; what is the VMM’s, exits and signals, the VMM gets. It never sees a debug exit, whatever dies, and guest debug is off again when the last step has ended. Then the guest runs on.',
      'A CPU steps by a flag of its own, TF, which an instruction that stores flags would store too: where guest memory is proved, PUSHF, INT and SYSRET are run to a breakpoint behind them instead, and TF is cleared in what SYSCALL keeps in R11. Where memory is not known that is said. The frame of a fault that a stepped instruction raises still holds TF until its IRET: a guest that is let run before that takes a #DB of its own. Interrupts are kept away where KVM can.',
      'With --over a call, a repeated string instruction or INT is one step: the guest runs to the instruction behind it, and on where an inner call of the same code comes there (RSP says which). With --out it runs to where the function returns to: read from the stack, where RIP stands at a RET or at the entry, else from the frame pointer; a function that keeps none is left where its caller’s frame pointer leads. Both read guest memory, which has to be proved, as mem says, and are refused otherwise.',
      ABOUT_OTHERS,
      'A VMM that debugs its guest itself, such as QEMU with gdb attached, loses its own steps and breakpoints.',
    ],
    examples: [
      { line: 'tilescope step --pid 4242 16', says: 'sixteen instructions' },
      { line: 'tilescope step --pid 4242 --over', says: 'a call and all that it does, as one' },
    ],
    exits: ['done', 'refused', 'usage', 'noTarget', 'helper'],
  },
  {
    name: 'break',
    says: 'run a guest to an instruction, or to a write, and its state there',
    usage: [
      '--pid PID [--vcpu N] ADDR…|#NM… [--all-stop] [--when CONDITION] [--skip N] [--wait SECONDS] [--out FILE]',
      '--pid PID ADDR…|#NM… --any-vcpu [--when CONDITION] [--wait SECONDS] [--out FILE]',
    ],
    words: ['none'],
    options: ['json', ...LIVE, 'all-stop', 'any-vcpu', 'when', 'skip', 'wait', 'out'],
    about: [
      'ADDR is the linear address of an instruction; ADDR:write and ADDR:access watch 1, 2, 4 or 8 bytes of data (8 where no number follows), and stop behind the instruction that touched them. Four at most, in the CPU’s own breakpoint registers: no byte of the guest is changed, and its own breakpoints come back afterwards. The VMM sees nothing of it, whatever dies. --out keeps the state there as a capture. Then the guest runs on.',
      '#NM, #GP, #PF and the other exceptions stand for the first instruction of their handler, which the guest’s IDT names; its memory has to be proved for that, as mem says. #NM by IA32_XFD is then seen with IA32_XFD_ERR still set.',
      '--any-vcpu sets them on every vCPU of the VMM, and says which one came to one of them first; the state is that vCPU’s.',
      '--skip N ignores the first N hits, --when those at which a condition does not hold; each still stops the vCPU briefly. The hits of each breakpoint are counted and printed.',
      ABOUT_CONDITIONS,
      ABOUT_OTHERS,
      'Where the machine’s KVM emulates an instruction itself, a breakpoint at it may not be hit; some KVM that runs inside another hits no watchpoint.',
    ],
    examples: [
      { line: 'tilescope break --pid 4242 0xffffffff81000000 --out there.json', says: 'the state when it gets there' },
      { line: 'tilescope break --pid 4242 0x7e00:write:4 --when "rax > 100"', says: 'who writes there' },
    ],
    exits: LIVE_EXITS,
  },
  {
    name: 'run',
    says: 'run a guest, instruction by instruction, until a condition holds',
    usage: ['--pid PID [--vcpu N] --until CONDITION [--steps N] [--wait SECONDS] [--out FILE]'],
    words: [],
    options: ['json', ...LIVE, 'all-stop', 'until', 'steps', 'wait', 'out'],
    about: [
      'It stops right behind the instruction after which the condition holds, and then the guest runs on; --out keeps the state there. The condition is looked up by the vCPU itself between two instructions, tens of thousands a second; one that cannot be looked up so (a whole tile, a field of several) is looked at from outside after each step, some hundred a second. The rate is printed.',
      ABOUT_CONDITIONS,
      ABOUT_OTHERS,
      'Ctrl+C ends it, and the guest runs on.',
    ],
    examples: [
      { line: 'tilescope run --pid 4242 --until "TILEDATA in use" --out first.json', says: 'the first use of tiles' },
      {
        line: 'tilescope run --pid 4242 --until "rax >= 0x1000" --steps 1000000 --wait 60',
        says: 'for a minute at most',
      },
    ],
    exits: LIVE_EXITS,
  },
  {
    name: 'trace',
    says: 'the whole state after each of many instructions, into a session file',
    usage: ['--pid PID [--vcpu N] --steps N [--until CONDITION] [--check] --out FILE'],
    words: [],
    options: ['json', ...LIVE, 'all-stop', 'steps', 'until', 'check', 'out'],
    about: [
      'Extended state, general, control and segment registers and MSRs after each instruction, kept by the vCPU itself; what is equal is stored once. FILE is a saved session: its stops are the attach and each step, labelled by RIP, so FILE@1 is the state before the first instruction and FILE@2 that after it, and the window opens it with its timeline.',
      'Where the guest’s memory is known, the bytes of each instruction are kept too. --check then compares every tile product that was executed with the reference, lists each that differs, and ends with 1 where one does; product FILE does so later.',
      ABOUT_CONDITIONS,
      ABOUT_OTHERS,
      'Ctrl+C ends it: what is traced by then is written, and the guest runs on.',
    ],
    examples: [
      { line: 'tilescope trace --pid 4242 --steps 10000 --out trace.json', says: 'ten thousand instructions' },
      { line: 'tilescope diff trace.json@1 trace.json@200', says: 'what two hundred instructions changed' },
    ],
    exits: LIVE_EXITS,
  },
] as const satisfies readonly VerbRow[];
