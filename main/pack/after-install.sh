#!/bin/sh
# electron-builder's own steps, but for the link: /usr/bin/tilescope is the script that knows the command line's verbs.
set -e
app='/opt/${sanitizedProductName}'

ln -sf "$app/resources/bin/tilescope" /usr/bin/tilescope

# The set-uid sandbox only where the kernel has no user namespaces.
if [ -L /proc/self/ns/user ] && unshare --user true 2>/dev/null; then
	chmod 0755 "$app/chrome-sandbox" || true
else
	chmod 4755 "$app/chrome-sandbox" || true
fi

# Ubuntu 24 and later allow user namespaces by AppArmor profile only; earlier ones do not know the profile's format.
profile="$app/resources/apparmor-profile"
if [ -e "$profile" ] && command -v apparmor_parser >/dev/null 2>&1 && apparmor_status --enabled >/dev/null 2>&1; then
	if apparmor_parser --skip-kernel-load --debug "$profile" >/dev/null 2>&1; then
		cp -f "$profile" '/etc/apparmor.d/${executable}'
		apparmor_parser --replace --write-cache --skip-read-cache '/etc/apparmor.d/${executable}' || true
	fi
fi

if command -v update-desktop-database >/dev/null 2>&1; then
	update-desktop-database /usr/share/applications || true
fi
