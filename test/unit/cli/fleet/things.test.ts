import { expect, test } from "bun:test";
import { thingsIn } from "../../../../src/cli/fleet/things.ts";

test("a thing a line; comments, blanks, host names and line ends of other systems are understood", () => {
  const text = "\ufeffpump-7\r\n  pump-8.thing\t# by the gate\n\n#pump-9\npump-10";
  expect(thingsIn(text, "FILE")).toEqual(["pump-7", "pump-8", "pump-10"]);
});

test("what is no thing is named with its line", () => {
  expect(() => thingsIn("a\nb c\n", '"FILE"')).toThrow('"FILE", line 2: "b c" is no thing');
});
