#!/bin/sh
# Installs tunnel for this user: no root, no package manager, and nothing is left behind when it fails.
#
#   curl -fsSL RELEASES/install.sh | TUNNEL_RELEASES=RELEASES sh
#
# TUNNEL_RELEASES  address or directory of a release's files (default: the directory of this script)
# PREFIX           the program goes to PREFIX/bin (default: ~/.local)
# TUNNEL_TARGET    which file to take, e.g. linux-x64-musl (default: this machine's own)
set -eu

say() { printf '%s\n' "$*" >&2; }
die() {
  say "install: $1"
  shift
  for hint in "$@"; do say "  $hint"; done
  exit 1
}

# All is in functions that the last line calls: a script that arrives in part does nothing.
main() {
  releases=$(releases_of)
  target=${TUNNEL_TARGET:-$(this_target)}
  bin=${PREFIX:-${HOME:?install: neither PREFIX nor HOME is set}/.local}/bin
  there=$bin work=''
  while [ ! -e "$there" ]; do there=$(dirname "$there"); done
  trap clean EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if ! mkdir -p "$bin" 2>/dev/null || ! [ -w "$bin" ]; then
    die "cannot write to $bin" "choose another place: PREFIX=\$HOME/tunnel sh install.sh"
  fi
  # Beside the program, so that taking its place is one step.
  work=$(mktemp -d "$bin/.tunnel-install.XXXXXX") || die "cannot write to $bin"
  fetch SHA256SUMS
  choose_file
  say "fetching $file"
  fetch "$file"
  check
  case $file in
    *.gz) gzip -dc "$work/$file" >"$work/tunnel" || die "$file cannot be unpacked" "is there room on the disk of $bin?" ;;
    *) mv "$work/$file" "$work/tunnel" ;;
  esac
  chmod 755 "$work/tunnel"
  version=$("$work/tunnel" --version </dev/null 2>"$work/said") || does_not_run
  mv -f "$work/tunnel" "$bin/tunnel" || die "cannot write $bin/tunnel"
  say "tunnel $version is in $bin"
  case ":${PATH:-}:" in
    *":$bin:"*) say "try: tunnel --help" ;;
    *) say "it is not in your PATH; add to ~/.profile: export PATH=\"$bin:\$PATH\"" ;;
  esac
}

# Removes what is unfinished, and directories that were made for nothing.
clean() {
  [ -z "$work" ] || rm -rf "$work"
  while [ "$bin" != "$there" ] && rmdir "$bin" 2>/dev/null; do bin=$(dirname "$bin"); done
}

releases_of() {
  if [ -n "${TUNNEL_RELEASES:-}" ]; then
    printf '%s\n' "${TUNNEL_RELEASES%/}"
  elif [ -f "$0" ] && [ -f "$(dirname "$0")/SHA256SUMS" ]; then
    dirname "$0"
  else
    die "where are the files of the release?" "TUNNEL_RELEASES=https://… sh install.sh" "TUNNEL_RELEASES=/a/directory sh install.sh"
  fi
}

this_target() {
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=darwin ;;
    *) die "there is no file for $(uname -s)" "for Windows take tunnel-VERSION-windows-x64.exe as it is" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) processor=x64 ;;
    aarch64 | arm64) processor=arm64 ;;
    *) die "there is no file for $(uname -m)" "there are x64 and arm64; the sources run with Bun and Deno" ;;
  esac
  libc='' baseline=''
  if [ $system = linux ]; then
    is_musl && libc=-musl
    [ $processor = arm64 ] || grep -qw avx2 /proc/cpuinfo 2>/dev/null || baseline=-baseline
  elif [ $processor = x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
    processor=arm64 # a shell for Intel on another Mac
  fi
  printf '%s\n' "$system-$processor$libc$baseline"
}

# What this system's own shell is linked with; a second C library may lie beside.
is_musl() {
  case $(ldd /bin/sh 2>/dev/null) in
    *ld-musl*) return 0 ;;
    *ld-linux*) return 1 ;;
  esac
  for loader in /lib/ld-linux-* /lib64/ld-linux-*; do [ ! -e "$loader" ] || return 1; done
  for loader in /lib/ld-musl-*; do [ ! -e "$loader" ] || return 0; done
  return 1
}

# The one file of SHA256SUMS for the target, compressed where it can be unpacked: sets file and sum.
choose_file() {
  suffixes=''
  command -v gzip >/dev/null && suffixes='\.gz'
  for suffix in $suffixes ''; do
    pattern="^[0-9a-f]{64}  tunnel-[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?-$target$suffix\$"
    line=$(grep -E "$pattern" "$work/SHA256SUMS" | head -n 1)
    [ -z "$line" ] || break
  done
  [ -n "$line" ] || die "$releases has no file for $target" "it has $(sed -n 's/^[0-9a-f]*  \(tunnel-.*\)\.gz$/\1/p' "$work/SHA256SUMS" | tr '\n' ' ')"
  sum=${line%% *}
  file=${line#*  }
}

# Brings one file of the release into $work.
fetch() {
  case $releases in
    http://* | https://*) download "$releases/$1" "$work/$1" ;;
    *)
      [ -f "$releases/$1" ] || die "$releases has no $1" "is it the directory of a release?"
      cp "$releases/$1" "$work/$1" || die "cannot copy $1 to $bin" "is there room on its disk?"
      ;;
  esac
}

download() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 2 --connect-timeout 20 -o "$2" "$1" || die "cannot fetch $1" "look at the address, then start again"
  elif command -v wget >/dev/null; then
    # Without a time-out: the wget of some builds of BusyBox crashes with -T.
    wget -q -O "$2" "$1" || die "cannot fetch $1" "look at the address, then start again"
  else
    die "neither curl nor wget is here" "install one of them, or copy the files and name their directory: TUNNEL_RELEASES=DIRECTORY"
  fi
}

check() {
  if command -v sha256sum >/dev/null; then
    found=$(sha256sum <"$work/$file")
  elif command -v shasum >/dev/null; then
    found=$(shasum -a 256 <"$work/$file")
  else
    die "neither sha256sum nor shasum is here" "install coreutils, then start again"
  fi
  [ "${found%% *}" = "$sum" ] || die "$file is not the one that was released: its sum differs from SHA256SUMS" "start again; if it stays so, do not use these files"
}

does_not_run() {
  case $target in
    *-musl*) hint="it needs libstdc++: apk add libstdc++" ;;
    *) hint="is $bin on a mount with noexec, or the C library another one? TUNNEL_TARGET=NAME takes another file" ;;
  esac
  die "$file does not run here: $(head -n 3 "$work/said")" "$hint"
}

main
