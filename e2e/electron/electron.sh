#!/bin/sh
# Plays Electron's binary. Its name says whether it is packaged, as it does to Electron.
set -eu
exe=$(readlink -f "$0")
here=$(dirname "$exe")
STAND_IN_EXE=$exe exec node "$here/stand-in/launch.js" "$@"
