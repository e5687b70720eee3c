#!/bin/sh
set -e
profile='/etc/apparmor.d/${executable}'

# An upgrade puts the new files in place before the old package's script runs: they stay.
case "${1-}" in
remove | purge | 0)
	rm -f /usr/bin/tilescope
	if [ -f "$profile" ]; then
		# Out of the kernel as well: it would hold until the next boot.
		if command -v apparmor_parser >/dev/null 2>&1 && apparmor_status --enabled >/dev/null 2>&1; then
			apparmor_parser --remove "$profile" || true
		fi
		rm -f "$profile"
	fi
	;;
esac
