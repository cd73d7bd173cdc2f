import { expect, test } from "bun:test";
import { layOut } from "../../../../src/cli/print/columns.ts";

const bold = (cell: string, row: number) => (row === 0 ? `\u001b[1m${cell}\u001b[22m` : cell);

test("columns are as wide as their widest cell, and lines end with their last sign", async () => {
  expect(
    await layOut(
      [
        ["ID", "STATUS"],
        ["a-long-one", "open"],
        ["b", ""],
      ],
      (cell) => cell,
    ),
  ).toEqual(["ID          STATUS", "a-long-one  open", "b"]);
});

test("decoration takes no room", async () => {
  expect(
    await layOut(
      [
        ["ID", "X"],
        ["long", "y"],
      ],
      bold,
    ),
  ).toEqual(["\u001b[1mID\u001b[22m    \u001b[1mX\u001b[22m", "long  y"]);
});

test("signs that are two columns wide count as two, and all else is laid out alike", async () => {
  expect(
    await layOut(
      [
        ["ID", "X"],
        ["水水", "y"],
        ["abc", "z"],
      ],
      bold,
    ),
  ).toEqual(["\u001b[1mID\u001b[22m    \u001b[1mX\u001b[22m", "水水  y", "abc   z"]);
});

test("nothing is nothing", async () => {
  expect(await layOut([], (cell) => cell)).toEqual([]);
});
