import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { OutputLines, OutputSplitter } from "../../../../src/cli/fleet/lines.ts";

test("pieces become lines, and the rest is a line in the end", () => {
  const splitter = new OutputSplitter();
  expect([splitter.add("a\nb"), splitter.add("c\n\nd"), splitter.end(), splitter.end()]).toEqual([
    ["a"],
    ["bc", ""],
    ["d"],
    [],
  ]);
});

test("of a progress bar what a terminal shows last is kept", () => {
  expect(new OutputSplitter().add("10 %\r50 %\r100 %\r\nplain\r\n")).toEqual(["100 %", "plain"]);
});

test("a line without an end is cut, and no more than that is kept", () => {
  const splitter = new OutputSplitter();
  const lines = Array.from({ length: 10 }, () => splitter.add("x".repeat(64 * 1024))).flat();
  expect(lines.map(({ length }) => length)).toEqual(Array(9).fill(64 * 1024));
  expect(splitter.end().join("").length).toBe(64 * 1024);
});

test("a sign that comes in two pieces is one", async () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  const output = new OutputLines(stream, async (more) => void lines.push(...more));
  const bytes = Buffer.from("für\n");
  stream.write(bytes.subarray(0, 2));
  stream.end(bytes.subarray(2));
  await output.finish();
  expect(lines).toEqual(["für"]);
});

test("a reader that takes its time gets all, also after the end of the command", async () => {
  const stream = new PassThrough();
  const room = Promise.withResolvers<void>();
  const lines: string[] = [];
  const output = new OutputLines(stream, async (more) => {
    await room.promise;
    lines.push(...more);
  });
  stream.write("one\n");
  stream.end("two\n");
  const finished = output.finish();
  room.resolve();
  await finished;
  expect(lines).toEqual(["one", "two"]);
});
