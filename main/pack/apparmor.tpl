# Chromium's sandbox needs user namespaces, which Ubuntu 24.04 and later leave to programs with a profile. It is Electron's
# binary that gets it: the command beside it is a script.
abi <abi/4.0>,
include <tunables/global>

profile "${executable}" "/opt/${sanitizedProductName}/tilescope-app" flags=(unconfined) {
  userns,

  include if exists <local/${executable}>
}
