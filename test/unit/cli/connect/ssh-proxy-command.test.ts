import { expect, test } from "bun:test";
import { POSIX, WINDOWS } from "../../../../src/base/platform.ts";
import { sshWords } from "../../../../src/cli/connect/ssh-proxy-command.ts";

test("words are quoted for the system's shell, and ssh's own signs doubled", () => {
  const words = [
    String.raw`C:\Program Files\tunnel.exe`,
    "--ca",
    String.raw`C:\my certs&keys\ `.trim(),
    "a%b",
    "it's",
  ];
  expect(sshWords(words, WINDOWS)).toBe(
    String.raw`"C:\Program Files\tunnel.exe" --ca "C:\my certs&keys\\" a%%b "it's"`,
  );
  expect(sshWords(words, POSIX)).toBe(
    String.raw`'C:\Program Files\tunnel.exe' --ca 'C:\my certs&keys\' a%%b 'it'\''s'`,
  );
});

test("a path that needs no quotes gets none on Windows", () => {
  expect(sshWords([String.raw`C:\tools\tunnel.exe`, "connect"], WINDOWS)).toBe(
    String.raw`C:\tools\tunnel.exe connect`,
  );
});

test("what would end a line, or cmd.exe's quotes, is refused", () => {
  for (const platform of [POSIX, WINDOWS]) expect(() => sshWords(["a\nb"], platform)).toThrow("cannot stand");
  expect(() => sshWords(['a" & calc & "'], WINDOWS)).toThrow("cannot stand");
  expect(sshWords(['a"b'], POSIX)).toBe(`'a"b'`);
});
