# Shared by the bash scripts of this folder: source it, then call what is needed. Works with Node >= 20 and npm >= 10.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PATH="$PWD/node_modules/.bin:$PATH:$PWD/dist/bin"

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Succeeds when node_modules holds exactly what package-lock.json asks for.
modules_are_current() {
  [ -f node_modules/.package-lock.json ] && node -e '
    const read = (path) => JSON.parse(require("fs").readFileSync(path, "utf8")).packages;
    const installed = read("node_modules/.package-lock.json");
    const isCurrent = ([path, { version, optional }]) =>
      path === "" || (installed[path] ? installed[path].version === version : optional);
    process.exit(Object.entries(read("package-lock.json")).every(isCurrent) ? 0 : 1);'
}

# Installs the npm packages when they are missing or older than the lock file.
install_modules() {
  command -v node >/dev/null || die "node is missing: install Node.js 20 or newer"
  command -v npm >/dev/null || die "npm is missing: install it beside Node.js"
  if ! modules_are_current; then
    say "installing the npm packages of package-lock.json"
    npm ci --no-audit --no-fund --no-update-notifier >&2 || die "npm ci failed"
  fi
  # Where npm is told not to run install scripts, bun and deno are still without their programs.
  bun --version >/dev/null 2>&1 || node node_modules/bun/install.js >&2
  bun --version >/dev/null || die "bun does not run on this machine"
}

# Debian packages that only tests and the demo use, each with a command that succeeds where it is installed.
TEST_PACKAGES=(
  'openssh-server:test -x /usr/sbin/sshd'
  'openssh-client:command -v ssh && command -v scp'
  'awscli:aws --version'
  'python3-boto3:python3 -c "import boto3"'
  'curl:command -v curl'
  'openssl:command -v openssl'
  'socat:command -v socat'
  'rsync:command -v rsync'
  'tinyproxy-bin:command -v tinyproxy'
  'zsh:command -v zsh'
  'fish:command -v fish'
  'mosquitto:test -x /usr/sbin/mosquitto'
  'mosquitto-clients:command -v mosquitto_sub'
  'tmux:command -v tmux'
  'faketime:command -v faketime'
  'util-linux:command -v prlimit'
  'expect:command -v expect'
  'systemd:command -v systemd-analyze && command -v systemd-notify && command -v systemd-sysusers'
  'groff-base:command -v groff'
  'fakeroot:command -v fakeroot'
  'dpkg:command -v dpkg-deb'
)

missing_test_packages() {
  local entry
  for entry in "${TEST_PACKAGES[@]}"; do
    bash -c "${entry#*:}" >/dev/null 2>&1 || printf '%s\n' "${entry%%:*}"
  done
}

# Installs the missing ones where this user may, else says what to type.
install_test_packages() {
  local missing
  mapfile -t missing < <(missing_test_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
    die "tests need these packages, run: sudo apt-get install -y --no-install-recommends ${missing[*]}"
  fi
  say "installing for the tests: ${missing[*]}"
  as_root apt-get update -qq >&2
  if [[ " ${missing[*]} " == *' awscli '* && "$(apt-cache policy awscli)" != *'Candidate: '[0-9]* ]]; then
    missing=("${missing[@]/awscli/python3-venv}")
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
  aws --version >/dev/null 2>&1 || install_aws_cli_from_pypi
  mapfile -t missing < <(missing_test_packages)
  [ "${#missing[@]}" -eq 0 ] || die "still missing after apt-get install: ${missing[*]}"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Some Ubuntu releases have no package of the AWS CLI.
install_aws_cli_from_pypi() {
  python3 -m venv dist/aws-cli
  dist/aws-cli/bin/pip install --quiet --disable-pip-version-check awscli >&2 || die "install the AWS CLI, then start again"
  mkdir -p dist/bin
  ln -sf ../aws-cli/bin/aws dist/bin/aws
}
