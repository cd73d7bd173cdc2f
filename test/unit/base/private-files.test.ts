import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError } from "../../../src/base/errors.ts";
import {
  claimPrivateDirectory,
  makePrivateDirectory,
  readPrivateFile,
  removeDrafts,
  writePrivateFile,
} from "../../../src/base/private-files.ts";
import { strangersDirectory } from "../../helpers/strangers.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** What `run` throws. */
function thrown(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a private directory", () => {
  test.each([
    ["made", makePrivateDirectory],
    ["claimed", claimPrivateDirectory],
  ])("that is %s anew is for its owner alone, with its parents", (_, make) => {
    using dir = tempDir();
    make(join(dir.path, "a", "b"));
    expect([modeOf(join(dir.path, "a")), modeOf(join(dir.path, "a", "b"))]).toEqual([0o700, 0o700]);
  });

  test.each([
    ["made", makePrivateDirectory],
    ["claimed", claimPrivateDirectory],
  ])("that is there and is %s keeps its mode, also behind a link", (_, make) => {
    using dir = tempDir();
    const path = join(dir.path, "there");
    mkdirSync(path);
    chmodSync(path, 0o755);
    symlinkSync(path, join(dir.path, "link"));
    make(path);
    make(join(dir.path, "link"));
    expect(modeOf(path)).toBe(0o755);
  });

  test("that others can write to is refused with what to type, and keeps its mode", () => {
    using dir = tempDir();
    const path = join(dir.path, "there");
    mkdirSync(path);
    chmodSync(path, 0o777);
    const error = thrown(() => claimPrivateDirectory(path));
    expect(error).toMatchObject({ message: expect.stringContaining(path), hint: `chmod 700 '${path}'` });
    expect(modeOf(path)).toBe(0o777);
  });

  test("of another user is refused, and under sudo nothing is made in that user's", () => {
    using dir = tempDir();
    const path = strangersDirectory(dir.path);
    const advice = { hint: "name another" };
    expect(thrown(() => claimPrivateDirectory(path, advice))).toMatchObject({
      message: `directory "${path}" belongs to another user`,
      ...advice,
    });
    const before = process.env["SUDO_UID"];
    process.env["SUDO_UID"] = String(statSync(path).uid);
    for (const make of [claimPrivateDirectory, makePrivateDirectory]) {
      expect(thrown(() => make(join(path, "a/b"), advice))).toMatchObject(advice);
    }
    if (before === undefined) delete process.env["SUDO_UID"];
    else process.env["SUDO_UID"] = before;
    expect(existsSync(join(path, "a"))).toBe(false);
  });

  test("that cannot be made is named, with the hint", () => {
    using dir = tempDir();
    const file = join(dir.path, "file");
    writeFileSync(file, "");
    const error = thrown(() => makePrivateDirectory(join(file, "a"), { hint: "choose another" }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ message: expect.stringContaining(file), hint: "choose another" });
  });
});

describe("a private file", () => {
  test("comes back whole, is for its owner alone, and leaves no draft", () => {
    using dir = tempDir();
    const path = join(dir.path, "file");
    writePrivateFile(path, "old");
    writePrivateFile(path, "ä".repeat(8_000));
    expect(readPrivateFile(path)).toBe("ä".repeat(8_000));
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(dir.path)).toEqual(["file"]);
  });

  test("can be made readable", () => {
    using dir = tempDir();
    const path = join(dir.path, "file");
    writePrivateFile(path, "for all", { mode: 0o644 });
    expect(modeOf(path)).toBe(0o644);
  });

  test("that is not there is undefined, and a large one is not ours", () => {
    using dir = tempDir();
    const path = join(dir.path, "file");
    expect(readPrivateFile(path)).toBeUndefined();
    writeFileSync(path, " ".repeat(16 * 1024 + 1));
    expect(() => readPrivateFile(path)).toThrow(ConfigError);
  });

  test.each([
    ["a directory", (path: string) => mkdirSync(path)],
    ["a pipe that nobody writes to", (path: string) => void spawnSync("mkfifo", [path])],
    ["a device without end", (path: string) => symlinkSync("/dev/zero", path)],
  ])("that is %s is not ours", (_, make) => {
    using dir = tempDir();
    const path = join(dir.path, "file");
    make(path);
    expect(() => readPrivateFile(path)).toThrow(ConfigError);
  });

  test("that cannot be written is named, with the hint", () => {
    using dir = tempDir();
    const path = join(dir.path, "nowhere", "file");
    const error = thrown(() => writePrivateFile(path, "text", { hint: "choose another" }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ message: expect.stringContaining(path), hint: "choose another" });
  });

  test("that fits in part only is not written at all", () => {
    using dir = tempDir();
    const path = join(dir.path, "file");
    writeFileSync(path, "old");
    const module = resolve(import.meta.dirname, "../../../src/base/private-files.ts");
    const script = `import { writePrivateFile } from ${JSON.stringify(module)};
      writePrivateFile(${JSON.stringify(path)}, "x".repeat(200_000));`;
    // The first write stops at the limit, short and without an error; only the second one fails.
    const limited = 'trap "" XFSZ; ulimit -f 64; exec "$@"';
    const { status, stderr } = spawnSync("sh", ["-c", limited, "sh", "bun", "-e", script], {
      encoding: "utf8",
    });
    expect(stderr).toContain(`cannot write "${path}": a limit of file sizes is reached`);
    expect(status).toBe(1);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(dir.path)).toEqual(["file"]);
  });
});

test("drafts are removed once they are more than a minute old, and nothing else is", () => {
  using dir = tempDir();
  const draft = ".6c0f1d2e-0000-4000-8000-0123456789ab.tmp";
  const others = [".mine.tmp", "6c0f1d2e-0000-4000-8000-0123456789ab.tmp", "file"];
  for (const name of [draft, ...others]) {
    writeFileSync(join(dir.path, name), "");
    utimesSync(join(dir.path, name), 1_000, 1_000);
  }
  removeDrafts(dir.path, 1_060_000);
  expect(readdirSync(dir.path)).toContain(draft);
  removeDrafts(dir.path, 1_060_001);
  expect(readdirSync(dir.path).sort()).toEqual(others.sort());
});
