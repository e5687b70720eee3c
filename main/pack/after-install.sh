#!/bin/sh
set -e
app='/opt/${sanitizedProductName}'
profile='/etc/apparmor.d/${executable}'

ln -sf "$app/${executable}" /usr/bin/tilescope

# Ubuntu 24.04 and later give user namespaces by AppArmor profile; earlier ones do not know the profile's format.
namespaces=
if command -v apparmor_parser >/dev/null 2>&1 && apparmor_status --enabled >/dev/null 2>&1; then
	if apparmor_parser --skip-kernel-load --debug "$app/resources/apparmor-profile" >/dev/null 2>&1; then
		cp -f "$app/resources/apparmor-profile" "$profile"
		if command -v ischroot >/dev/null 2>&1 && ischroot; then
			namespaces=profile
		elif apparmor_parser --replace --write-cache --skip-read-cache "$profile"; then
			namespaces=profile
		else
			rm -f "$profile"
		fi
	fi
fi

# root may always have a namespace, which says nothing: it is asked for as a user is.
if [ -z "$namespaces" ] && setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur true 2>/dev/null; then
	namespaces=yes
fi
if [ -n "$namespaces" ]; then
	chmod 0755 "$app/chrome-sandbox" || true
else
	chmod 4755 "$app/chrome-sandbox" || true
fi
