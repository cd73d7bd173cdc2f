#!/usr/bin/env node
// Starts the compiled program, which is in a package for each platform. Node.js 20 or newer.
const { spawn } = require("node:child_process");

/** Exit codes of sysexits(3), as the program itself has them. */
const CANNOT_START = 71;
const NOT_SET_UP = 78;

/** Packages that may hold the program for this platform; of Linux one for each C library. */
function packages() {
  const name = `tunnel-${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  if (process.platform !== "linux") return [name];
  return [name, `${name}-musl`];
}

function resolvePrograms(names) {
  const file = process.platform === "win32" ? "tunnel.exe" : "tunnel";
  return names.flatMap((name) => {
    try {
      return [require.resolve(`${name}/bin/${file}`)];
    } catch {
      return [];
    }
  });
}

/** Where npm installed both for Linux, which versions before 10 do, the one for this system. */
function findProgram() {
  const names = packages();
  const found = resolvePrograms(names);
  if (found.length < 2) return found[0] ?? fail(names[0]);
  const { glibcVersionRuntime } = process.report.getReport().header;
  return found[glibcVersionRuntime === undefined ? 1 : 0];
}

function fail(name) {
  process.stderr.write(
    `tunnel: the package with the program for this platform is not installed: ${name}\n` +
      "install it again, without --omit=optional, on the platform that runs it: npm install -g tunnel\n",
  );
  process.exit(NOT_SET_UP);
}

const program = findProgram();
const words = process.argv.slice(2);
if (typeof process.execve === "function" && process.platform !== "win32") {
  // Newer versions of Node.js can become the program.
  try {
    process.execve(program, [program, ...words], process.env);
  } catch {
    run(); // not on every system
  }
} else {
  run();
}

function run() {
  const child = spawn(program, words, { stdio: "inherit" });
  // A terminal sends these to both; without one, whoever sends them means the program.
  for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => process.stdin.isTTY || child.kill(signal));
  }
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", ({ message }) => {
    process.stderr.write(`tunnel: ${program} cannot be started: ${message}\n`);
    process.exit(CANNOT_START);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
