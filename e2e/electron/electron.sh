#!/bin/sh
# Plays Electron's binary. Its name says whether it is packaged, as it does to Electron.
set -eu
if [ -n "${STAND_IN_NO_LIBRARY-}" ]; then
	# As the loader of programs says it.
	printf '%s: error while loading shared libraries: %s: cannot open shared object file\n' "$0" "$STAND_IN_NO_LIBRARY" >&2
	exit 127
fi
exe=$(readlink -f "$0")
here=$(dirname "$exe")
STAND_IN_EXE=$exe exec node "$here/stand-in/launch.js" "$@"
