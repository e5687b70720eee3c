#!/bin/sh
set -e
# An upgrade puts the new files in place before the old package's script runs: they stay.
case "${1-}" in
remove | purge | 0)
	rm -f /usr/bin/tilescope '/etc/apparmor.d/${executable}'
	;;
esac
