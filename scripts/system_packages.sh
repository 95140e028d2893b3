#!/usr/bin/env bash
# system_packages.sh PACKAGE…: have these Debian packages, installing what is missing.
. "$(dirname "$0")/steps.sh"

missing=()
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || fail "missing here: ${missing[*]}" "install them with this system's package tool"
can_be_root || fail "missing here: ${missing[*]}" "ask root for: apt-get install ${missing[*]}"

# The lists are fetched once a day at most, and before the first install.
if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null | head -1)" ]; then
  say "apt-get update"
  run_logged "$cache/log/apt-update.log" as_root apt-get -q -o Acquire::Retries=3 update
fi
say "installing from the distribution: ${missing[*]}"
run_logged "$cache/log/apt-${missing[0]}.log" as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get -q -y --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install "${missing[@]}"
