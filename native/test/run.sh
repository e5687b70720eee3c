#!/bin/sh
# Runs every test program of one build folder; ends with `N passed, N failed, N skipped` over all of them.
# The helper and the demo VMM under test are those of the same folder.
dir=${1:?usage: run.sh DIR [plain-DIR]}
passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Tests of a helper that is killed leave nothing for LeakSanitizer to do, and it cannot run in a traced process.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"

run() {
	echo "== $*"
	log=$scratch/$lane.log
	"$@" >"$log" 2>&1
	code=$?
	cat "$log"
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
	if [ -z "$line" ]; then
		echo "not ok: $1 ended with code $code and no summary"
		failed=$((failed + 1))
		return
	fi
	# shellcheck disable=SC2086
	set -- $line
	passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
	if [ "$code" -ne 0 ] && [ "$3" -eq 0 ]; then
		echo "not ok: code $code in spite of the summary"
		failed=$((failed + 1))
	fi
}

# Each program waits much: two lanes of them keep two cores at work. The second one's words come after the first one's.
lane() {
	lane=$1
	"$lane"
	echo "$passed $failed $skipped" >"$scratch/$lane.sum"
}

kills=${KILLS:-200}
calls() {
	run "$dir/test-units"
	run "$dir/test-seccomp"
	run "$dir/test-authority" "$dir/../tilescope-helper" "$dir/odd-vmm"
	run "$dir/test-wire" "$dir/tilescope-helper"
	run "$dir/test-live" "$dir/tilescope-helper" "$dir/demo-vmm" "$dir/helper-old-kvm"
	run "$dir/test-kill-points" "$dir/helper-kill-points" "$dir/demo-vmm"
	run "$dir/test-lifetimes" "$dir/tilescope-helper" "$dir/helper-kill-points" "$dir/odd-vmm"
}
steps() {
	run "$dir/test-step" "$dir/tilescope-helper" "$dir/helper-kill-points" "$dir/demo-vmm"
	run "$dir/test-waiting" "$dir/tilescope-helper" "$dir/waiting-vmm"
	run "$dir/test-footprint" "$dir/tilescope-helper" "$dir/demo-vmm" "$dir/go-vmm" "${ROUNDS:-100}"
	run "$dir/test-hostile" "$dir/tilescope-helper" "$dir/hostile-vmm" "$dir/demo-vmm"
	run "$dir/kill-storm" "$dir/tilescope-helper" --demo "$dir/demo-vmm" --kills "$kills"
	run "$dir/kill-storm" "$dir/tilescope-helper" --qemu --kills "$kills"
	run "$dir/kill-storm" "$dir/tilescope-helper" --demo "$dir/demo-vmm" --io --kills "$((kills / 2))"
	run "$dir/kill-storm" "$dir/tilescope-helper" --demo "$dir/demo-vmm" --host-tiles --kills "$((kills / 2))"
}

(lane steps) >"$scratch/steps.words" 2>&1 &
(lane calls)
wait
cat "$scratch/steps.words"
for lane in calls steps; do
	read -r p f s <"$scratch/$lane.sum" || { echo "not ok: the lane $lane did not get to its end"; p=0 f=1 s=0; }
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
