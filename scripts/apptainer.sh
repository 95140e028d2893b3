#!/usr/bin/env bash
# apptainer.sh: print the path of Apptainer or Singularity, installing Apptainer on Debian 12 when root.
# Debian 12 has no package of it: unstable's is taken and run with unstable's libc kept beside the system's.
. "$(dirname "$0")/steps.sh"

for name in apptainer singularity; do
  ! command -v "$name" || exit 0
done
can_be_root || fail "neither Apptainer nor Singularity is here" "install one of them (apptainer.org)"
! { apt-cache policy apptainer 2>/dev/null | grep -q 'Candidate: [0-9]'; } || {
  "$tree/scripts/system_packages.sh" apptainer
  command -v apptainer; exit 0
}
. /etc/os-release
[ "${VERSION_CODENAME:-}" = bookworm ] || fail "no Apptainer package for ${PRETTY_NAME:-this system}" "install it from apptainer.org"
is_root || exec sudo -- "$0"

"$tree/scripts/system_packages.sh" patchelf squashfs-tools squashfuse fuse-overlayfs uidmap
say "installing Apptainer: Debian unstable's package, with its libc beside the system's"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
lists=$work/lists
mkdir -p "$lists/partial"
chmod 755 "$work"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$work/sid.list"
options=(-q -o Dir::Etc::sourcelist="$work/sid.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$lists"
  -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o Acquire::Retries=3)
run_logged "$cache/log/apptainer.log" apt-get "${options[@]}" update
cd "$work"
run_logged "$cache/log/apptainer.log" apt-get "${options[@]}" download apptainer libc6
for package in apptainer libc6; do dpkg -x "$package"_*.deb "$work/$package"; done

arch=$(basename "$(find "$work/libc6/usr/lib" -maxdepth 1 -name '*-linux-gnu*' | head -1)")
lib=/usr/lib/$arch
mkdir -p "$lib/apptainer-libc" /etc/apptainer /var/lib/apptainer/mnt/session
cp -a "$work/libc6$lib/." "$lib/apptainer-libc/"
cp -a "$work/apptainer/etc/apptainer/." /etc/apptainer/
cp -a "$work/apptainer$lib/apptainer" "$lib/"
cp "$work/apptainer/usr/bin/apptainer" /usr/bin/
loader=$(basename "$(find "$lib/apptainer-libc" -name 'ld-linux*.so.*' | head -1)")
for binary in /usr/bin/apptainer "$lib/apptainer/bin/starter"; do
  patchelf --set-interpreter "$lib/apptainer-libc/$loader" --set-rpath "$lib/apptainer-libc:/lib/$arch" "$binary"
done
# A user mounts a SIF through FUSE.
chmod 666 /dev/fuse 2>/dev/null || true
apptainer --version >&2
command -v apptainer
