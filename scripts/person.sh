# Sourced: the unprivileged user under whom everything but dockerd runs when root starts it.
person=${HPCC_PERSON:-hpcc-demo}
person_home=/var/lib/$person

make_person() {
  id -u "$person" >/dev/null 2>&1 && return 0
  say "making the user $person (no password, no login; home $person_home)"
  useradd --system --user-group --create-home --home-dir "$person_home" --shell /usr/sbin/nologin "$person"
}

# as_person COMMAND…: run it as that user, in its home's environment, without root's paths.
# HPCC_SOCKET_GROUPS names the groups (ids, comma-separated) whose sockets it may use.
as_person() {
  local groups
  groups=$(id -g "$person")${HPCC_SOCKET_GROUPS:+,$HPCC_SOCKET_GROUPS}
  setpriv --reuid "$person" --regid "$person" --groups "$groups" -- \
    env -u XDG_RUNTIME_DIR -u XDG_DATA_HOME -u XDG_CONFIG_HOME -u XDG_CACHE_HOME -u PYTHONPATH \
      -u TMPDIR -u SUDO_USER -u SUDO_UID -u SUDO_GID \
      HOME="$person_home" USER="$person" LOGNAME="$person" SHELL=/bin/sh \
      PATH="$venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "$@"
}

# Whether that user can read this tree (a checkout often lies below a folder of mode 0700).
person_can_read_tree() {
  as_person test -r "$tree/pyproject.toml" -a -x "$tree/scripts/steps.sh" -a -r "$tree/tests/conftest.py"
}

# In a tree the user cannot read: copy it to one it can, and go on there with the same target.
continue_where_readable() {
  person_can_read_tree && return 0
  local copy
  copy=/var/lib/$person-trees/$(printf %s "$tree" | sha256sum | cut -c1-12)
  [ "$tree" != "$copy" ] || fail "$person cannot read $copy" "remove that folder and try again"
  say "$person cannot read $tree: going on in a copy, $copy"
  mkdir -p "$copy/.cache"
  tracked_files | LC_ALL=C sort >"$copy/.cache/files.new"
  [ ! -f "$copy/.cache/files" ] || LC_ALL=C comm -23 "$copy/.cache/files" "$copy/.cache/files.new" |
    (cd "$copy" && xargs -r -d '\n' rm -f --)
  tar -C "$tree" --no-recursion -T "$copy/.cache/files.new" -cf - |
    tar -C "$copy" --no-same-owner -xf -
  sed 's|[^/]*$||' "$copy/.cache/files.new" | sort -u | (cd "$copy" && xargs -r -d '\n' chmod a+rx 2>/dev/null || true)
  (cd "$copy" && xargs -r -d '\n' chmod a+rX -- <"$copy/.cache/files.new" && chmod a+rx . ./*/)
  mv "$copy/.cache/files.new" "$copy/.cache/files"
  cd "$copy"
  exec make --no-print-directory "$1"
}

# The files of this tree: what git knows or would add, else everything that is no build output.
tracked_files() {
  cd "$tree"
  git -c safe.directory="$tree" ls-files -co --exclude-standard 2>/dev/null | while IFS= read -r file; do
    [ ! -e "$file" ] || printf '%s\n' "$file"
  done | grep . && return 0
  find . \( -name .git -o -name .venv -o -name .cache -o -name node_modules -o -name __pycache__ \) -prune \
    -o -type f -printf '%P\n'
}
