import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../../src/base/errors.ts";
import { openLogFile } from "../../../../src/cli/print/log-file.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const open = (path: string, told: string[] = []) =>
  openLogFile(path, "audit lines", (message) => told.push(message));

test("lines are appended to a file that is its owner's alone", () => {
  using dir = tempDir();
  const path = join(dir.path, "log");
  open(path)("one\n");
  open(path)("two\n");
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a line that cannot be written is told, once for many, and ends nothing", () => {
  const told: string[] = [];
  const write = open("/dev/full", told);
  for (let count = 0; count < 1_000; count += 1) write("lost\n");
  expect(told).toEqual([
    'cannot write audit lines to "/dev/full": no space is left on the disk (a line is lost)',
  ]);
});

test("a line that fits in part only is told, and the next one does not continue it", () => {
  using dir = tempDir();
  const path = join(dir.path, "log");
  const module = join(import.meta.dirname, "../../../../src/cli/print/log-file.ts");
  const script = `
    import { truncateSync } from "node:fs";
    import { openLogFile } from ${JSON.stringify(module)};
    const path = ${JSON.stringify(path)};
    const write = openLogFile(path, "logs", console.log);
    write("x".repeat(1_000) + "\\n");
    write("y".repeat(1_000) + "\\n");
    truncateSync(path, 100);
    write("next\\n");`;
  const limited = 'trap "" XFSZ; ulimit -f 1; exec "$@"';
  const { stdout } = spawnSync("sh", ["-c", limited, "sh", "bun", "-e", script], { encoding: "utf8" });
  expect(stdout).toStartWith("cannot write logs to");
  expect(readFileSync(path, "utf8")).toBe(`${"x".repeat(100)}\nnext\n`);
});

describe("a file that cannot be opened", () => {
  test.each<[string, (directory: string) => string, string]>([
    ["in a missing directory", (directory) => join(directory, "none/log"), "there is no directory"],
    ["that is a directory", (directory) => directory, "it is a directory"],
    [
      "that is a pipe nobody reads",
      (directory) => {
        spawnSync("mkfifo", [join(directory, "pipe")]);
        return join(directory, "pipe");
      },
      "a pipe that nobody reads",
    ],
    [
      "below a file",
      (directory) => {
        open(join(directory, "file"));
        return join(directory, "file/log");
      },
      "a part of its path is no directory",
    ],
  ])("%s is named, with the reason in words", (_, place, reason) => {
    using dir = tempDir();
    const path = place(dir.path);
    expect(() => open(path)).toThrow(ConfigError);
    expect(() => open(path)).toThrow(`"${path}": ${reason}`);
  });

  test("for want of a directory comes with the command that makes it", () => {
    using dir = tempDir();
    mkdirSync(join(dir.path, "a b"));
    const path = join(dir.path, "a b/c/log");
    const hint = `mkdir -p '${join(dir.path, "a b/c")}'`;
    let error: unknown;
    try {
      open(path);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ hint });
  });
});
