import { expect, test } from "bun:test";
import { DisposableStack, withResolvers } from "../../../src/lib/node20.ts";

test("a promise with its ends does as the language's own", async () => {
  const good = withResolvers<number>();
  good.resolve(1);
  good.reject(new Error("too late"));
  expect(await good.promise).toBe(1);
  const bad = withResolvers<number>();
  bad.reject(new Error("no"));
  await expect(bad.promise).rejects.toThrow("no");
});

test.each([
  ["ours", () => new DisposableStack()],
  ["the language's own", () => new AsyncDisposableStack()],
])(
  "%s undoes everything once, the latest first, whatever fails, where it was moved to",
  async (_whose, make) => {
    const done: string[] = [];
    const stack = make();
    stack.defer(async () => void done.push("first"));
    stack.defer(() => {
      done.push("second");
      throw new Error("it broke");
    });
    stack.defer(() => void done.push("third"));
    const taken = stack.move();
    await Promise.resolve(stack[Symbol.asyncDispose]()).catch(() => undefined);
    expect(done).toEqual([]);
    await expect(Promise.resolve(taken.disposeAsync())).rejects.toThrow("it broke");
    await taken.disposeAsync();
    expect(done).toEqual(["third", "second", "first"]);
  },
);
