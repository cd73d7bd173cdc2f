import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { formatFaults, readFormat } from "../../../../scripts/releasing/read-format.ts";
import { hostTarget, type Target, targetsNamed } from "../../../../scripts/releasing/targets.ts";
import { unsigned } from "../../../../scripts/releasing/unsigned.ts";
import { machO, pe } from "../../../helpers/programs.ts";

function target(name: string): Target {
  const [found] = targetsNamed([name]);
  if (found === undefined) throw new Error(name);
  return found;
}

describe("an ELF program", () => {
  const file = readFileSync(process.execPath);

  test("of this machine is what its platform needs", () => {
    expect(formatFaults(file, hostTarget())).toEqual([]);
  });

  test("of another machine or C library is not", () => {
    const other = target(hostTarget().machine === "x64" ? "linux-arm64-musl" : "linux-x64-musl");
    const faults = formatFaults(file, other).join("\n");
    expect(faults).toContain(`machine is ${hostTarget().machine}, not ${other.machine}`);
    expect(faults).toContain(`interpreter is ${hostTarget().interpreter}, not ${other.interpreter}`);
    expect(faults).toContain("wants libc.so.6, which not every system has");
  });
});

describe("a Mach-O program", () => {
  test("is read with its signature", () => {
    expect(readFormat(machO())).toEqual({ kind: "Mach-O", machine: "x64", libraries: [], isSigned: true });
  });

  test("whose page is not the one that was signed, is refused", () => {
    const file = machO();
    file[2_000] = 1;
    expect(() => readFormat(file)).toThrow("page 0 of 1 is not the one that was signed");
  });

  test("that is signed up to another place, is refused", () => {
    const file = machO();
    file.writeUInt32BE(4_000, 4_096 + 20 + 32);
    expect(() => readFormat(file)).toThrow("signed up to 4000, not up to 4096");
  });

  test("of Apple's processors has to be signed", () => {
    const file = machO({ signed: false });
    file.writeUInt32LE(0x100000c, 4);
    expect(formatFaults(file, target("darwin-arm64"))).toEqual(["darwin-arm64: is not signed"]);
  });

  test("loses its signature and all that tells of it", () => {
    const file = unsigned(machO());
    expect(file).toEqual(machO({ signed: false }));
    expect(unsigned(file)).toEqual(file);
  });

  test("keeps a signature that is followed by something", () => {
    expect(() => unsigned(Buffer.concat([machO(), Buffer.alloc(1)]))).toThrow("does not lie at its end");
  });
});

test("a PE program is read with its libraries", () => {
  expect(readFormat(pe("KERNEL32.dll"))).toEqual({
    kind: "PE",
    machine: "x64",
    libraries: ["KERNEL32.dll"],
  });
});

test("what is no program is said to be none", () => {
  expect(() => readFormat(Buffer.from("#!/bin/sh\n"))).toThrow("begins with 23212f62: no program");
});

test("an unknown target is answered with the known ones", () => {
  expect(() => targetsNamed(["linux-x46"])).toThrow(
    'no target "linux-x46"; there are linux-x64, linux-x64-base',
  );
});
