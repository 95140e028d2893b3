#!/usr/bin/env bash
# browser.sh: print the path of a Chromium for the browser tests, from the distribution if missing.
. "$(dirname "$0")/steps.sh"

# Playwright's driver is a Node.js that loads libatomic, which nothing else may have brought here.
PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null | grep -q 'libatomic\.so\.1' ||
  "$tree/scripts/system_packages.sh" libatomic1
for name in chromium chromium-browser google-chrome; do
  ! command -v "$name" || exit 0
done
"$tree/scripts/system_packages.sh" chromium
command -v chromium
