import { CAPTURE_EXPORTS, VALUE_EXPORTS } from '../../app/formats/export/exports.ts';

/** What `convert --to` takes: of a whole capture, and of one register. */
export const CAPTURE_FORMATS = CAPTURE_EXPORTS.map(({ id }) => id);
export const VALUE_FORMATS = VALUE_EXPORTS.map(({ id }) => id);

export const USAGE = `Usage:
  tilescope list                                                    every process with KVM vCPUs
  tilescope capture --pid PID [--vcpu N] --out FILE                 one vCPU's extended state into a file
  tilescope show (FILE | --pid PID [--vcpu N]) [PATH…]              registers, or everything
  tilescope layout (FILE | --pid PID [--vcpu N])                    layouts, sizes and bits side by side
  tilescope check FILE [--pid PID [--vcpu N] | --preset CPU]        could it be restored there? here, if nothing is named
  tilescope set --pid PID [--vcpu N] PATH=VALUE…                    write, read back, compare
  tilescope restore --pid PID [--vcpu N] [--force] [--only LIST] FILE   put a file's state back, or parts of it
  tilescope diff A B                                                what differs; each a FILE, FILE@N or pid:PID/VCPU
  tilescope journal [list | restore ID | forget ID]                 states kept by a Tilescope that died
  tilescope convert FILE --to FORMAT [--preset CPU] --out FILE      another layout, or another format
  tilescope presets                                                 the CPUs whose layouts are known

FILE is a capture, a saved session, a raw XSAVE image, an ELF core, a Firecracker or Cloud Hypervisor snapshot's state.
FILE@N is one state of it: N is a thread of a core, a vCPU of a snapshot, a stop of a session (the last, if none is named).

  --json              one JSON value on standard output
  --vcpu N            KVM's number of the vCPU (its APIC id) or the VMM's number of the CPU, 0 where it is not given;
                      where the two name different vCPUs: kvm:N or cpu:N
  --thread N          the same as FILE@N
  --from CPU          the CPU whose layout FILE has, where FILE does not say; a guess otherwise
  --preset CPU        check, convert: the CPU to go to; show, layout, restore: the same as --from
  --strict            refuse a FILE whose layout is in doubt (exit code 6); restore always does
  --suspend-seccomp   suspend the VMM's seccomp filter while attached (needs CAP_SYS_ADMIN)
  --only LIST         restore: components (avx,opmask) or registers (zmm3,mxcsr) alone
  --force             restore: from another process or vCPU, without what does not fit; convert: without what does not fit

convert --to  of everything: ${CAPTURE_FORMATS.join(' ')}
              of one register (--path PATH): ${VALUE_FORMATS.join(' ')}
              [--compacted] the compacted format  [--bytes N] an image of exactly N bytes, such as 4096 or 12288
Paths: zmm5  xmm3:u32[1]  k3  st0  tmm2:bf16[3][7]  mxcsr.RC  pkru  xstate_bv  xcr0  xfd  rax  rip  rflags.ZF
Exit codes: 0 done, 1 refused, 2 wrong usage, 3 file, 4 no such target, 5 helper, 6 layout in doubt
`;
