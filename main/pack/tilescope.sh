#!/bin/sh
# /usr/bin/tilescope: the command line for its verbs, the window for everything else. Electron refuses to start as root with
# its sandbox on; the command line opens no page that a sandbox could hold, so that it goes without.
set -eu
here=$(dirname "$(readlink -f "$0")")
case "${1-}" in
list | capture | show | set | restore | diff | journal | check | layout | convert | presets | --help | -h | --version)
	exec "$here/../../tilescope" --no-sandbox --ozone-platform=headless "$@"
	;;
*)
	exec "$here/../../tilescope" "$@"
	;;
esac
