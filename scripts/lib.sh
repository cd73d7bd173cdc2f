# Shared by the bash scripts of this folder: source it, then call what is needed. Works with Node >= 20 and npm >= 10.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PATH="$PWD/node_modules/.bin:$PATH"

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
    npm ci --no-audit --no-fund --loglevel=error >&2 || die "npm ci failed"
  fi
  # Where npm is told not to run install scripts, bun and deno are still without their programs.
  bun --version >/dev/null 2>&1 || node node_modules/bun/install.js >&2
  bun --version >/dev/null || die "bun does not run on this machine"
}
