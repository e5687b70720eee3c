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
list | show | mem | step | break | capture | set | restore | diff | journal | check | layout | convert | product | presets | doctor | \
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
	why="Chromium’s sandbox needs user namespaces, and this machine does not let it have them; one of these mends it:
    sudo chown root:root '$(dirname "$app")/chrome-sandbox' && sudo chmod 4755 '$(dirname "$app")/chrome-sandbox'
    sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0    (Ubuntu, until the next boot, for every program)
    tilescope --no-sandbox    (the window without its sandbox)"
else
	exec "$app" "$@"
fi

say "no window: $why"
say 'the same page is served to the browser'
without_window --web "$@"
