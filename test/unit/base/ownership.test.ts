import { expect, test } from "bun:test";
import { Stats, statSync } from "node:fs";
import { refuseForeign } from "../../../src/base/ownership.ts";
import { POSIX, WINDOWS } from "../../../src/base/platform.ts";

/** Facts of a file of somebody else that everybody may write: what each file looks like on Windows, but for its owner. */
const FACTS: Stats = Object.assign(Object.create(Stats.prototype), statSync(new URL(import.meta.url)), {
  uid: 4_242_424,
  mode: 0o100666,
});

test("owners and modes keep strangers' files out where the system has them, and are not looked at on Windows", () => {
  expect(() => refuseForeign("a", FACTS, "file ", "hint", POSIX)).toThrow('file "a" belongs to another user');
  const ours = Object.assign(Object.create(FACTS), { uid: 0 });
  expect(() => refuseForeign("a", ours, "file ", "hint", POSIX)).toThrow("can be written by other users");
  expect(() => refuseForeign("a", FACTS, "file ", "hint", WINDOWS)).not.toThrow();
});
