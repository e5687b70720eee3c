#!/bin/sh
# The command tilescope of the packages: beside Electron's binary, which is called tilescope-app, so that whatever starts a
# package (a shell, a desktop, AppRun) comes by here. Verbs and the page need no display, no sandbox and no user but theirs;
# the window needs all three, and where it cannot have them the page is served instead.
set -eu
app=$(dirname "$(readlink -f "$0")")/tilescope-app

say() {
	printf 'Tilescope: %s\n' "$1" >&2
}

without_window() {
	exec "$app" --no-sandbox --ozone-platform=headless --disable-gpu "$@"
}

# The first word that is no switch: AppRun puts one in front.
first=
page=
sandboxed=yes
for word; do
	case $word in
	--web) page=yes ;;
	--no-sandbox) sandboxed= ;;
	esac
	case $word in
	--help | -h | --version | --batch) ;;
	-*) continue ;;
	esac
	if [ -z "$first" ]; then first=$word; fi
done

case $first in
list | show | mem | who | disas | step | break | run | trace | capture | set | restore | diff | journal | check | layout | convert | product | presets | doctor | \
	setup-privileges | web | batch | completions | man | help | __complete | --batch | --help | -h | --version)
	while [ "$1" != "$first" ]; do shift; done
	# Behind -- nothing is a switch of Chromium's, and an address such as pid:42/0 is none that it stops at.
	without_window -- "$@"
	;;
esac

if [ -n "$page" ]; then without_window "$@"; fi

if [ "$(id -u)" = 0 ] && [ -n "$sandboxed" ]; then
	why="Chromium’s sandbox does not run as root (--no-sandbox opens the window without it)"
elif [ -z "${DISPLAY-}" ] && [ -z "${WAYLAND_DISPLAY-}" ]; then
	why='there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)'
elif [ -n "$sandboxed" ] && command -v unshare >/dev/null && [ ! -u "$(dirname "$app")/chrome-sandbox" ] &&
	[ ! -e /etc/apparmor.d/tilescope ] && ! unshare -Ur true 2>/dev/null; then
	why="Chromium’s sandbox needs user namespaces, and this machine does not let it have them; one of these fixes it:
    sudo chown root:root '$(dirname "$app")/chrome-sandbox' && sudo chmod 4755 '$(dirname "$app")/chrome-sandbox'
    sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0    (Ubuntu, until the next boot, for every program)
    tilescope --no-sandbox    (the window without its sandbox)"
elif ! folder=$(mktemp -d "${TMPDIR:-/tmp}/tilescope-start-XXXXXX"); then
	exec "$app" "$@"
else
	# Only from outside is it seen that Electron ended before there was a window: its display is gone, a library is missing.
	# Until it ends this waits, and hands on what is sent here. As TERM: a shell starts what it does not wait for with INT ignored.
	asked=
	signalled=
	trap 'rm -rf "$folder"' EXIT
	TILESCOPE_SHOWN_FILE=$folder/shown "$app" "$@" &
	child=$!
	trap 'asked=yes signalled=yes; kill -TERM "$child" 2>/dev/null || :' INT TERM HUP
	code=0
	wait "$child" || code=$?
	while [ -n "$signalled" ]; do
		signalled=
		again=0
		wait "$child" || again=$?
		# 127: it was waited for before.
		if [ "$again" -ne 127 ]; then code=$again; fi
	done
	# A second start hands over and ends with 0, wrong words end with 2, and whom the user ends is not started again.
	if [ -e "$folder/shown" ] || [ -n "$asked" ] || [ "$code" = 0 ] || [ "$code" = 2 ]; then exit "$code"; fi
	if [ "$code" = 127 ]; then
		say 'Electron could not be loaded, for the page neither: what is missing stands above
  to do: sudo apt install ./tilescope_*.deb, which brings the libraries; the package for Node needs none of them'
		exit "$code"
	fi
	trap - EXIT INT TERM HUP
	rm -rf "$folder"
	why="Electron ended with $code before its window was shown; what it said stands above"
fi

say "no window: $why"
say 'the same page is served to the browser'
without_window --web "$@"
