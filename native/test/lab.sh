#!/bin/sh
# What the machine with AMX runs (main/boot/amx-lab.mjs puts it there): busybox, one CPU, /dev/kvm, root.
# The spans of the storm are those of a machine about ten times slower than the ones it usually runs on.
cd /payload || exit 125
./test-amx ./tilescope-helper ./helper-kill-points ./demo-vmm /out
code=$?
./test-kill-points ./helper-kill-points ./demo-vmm --arming || code=1
./kill-storm ./tilescope-helper --demo ./demo-vmm --tiles --kills "${1:-60}" --span-us 8000 || code=1
exit $code
