import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { aborted, reasonOf, untilAborted } from "../../../src/base/abort.ts";

const never = new Promise<never>(() => {});

describe("what waits for a signal", () => {
  test("gives the work's own result, and leaves no listener behind", async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(signal, Promise.resolve(7))).toBe(7);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("ends with the reason while the work goes on, and when it was aborted before", async () => {
    const stop = new AbortController();
    const waiting = untilAborted(stop.signal, never);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(untilAborted(stop.signal, never)).rejects.toThrow("enough");
  });

  test("resolves for a signal that is or was aborted", async () => {
    const stop = new AbortController();
    const waiting = aborted(stop.signal);
    stop.abort();
    await waiting;
    await aborted(stop.signal);
  });

  test("makes an error of a reason that is none", () => {
    expect(reasonOf(AbortSignal.abort("no error")).message).toBe("stopped");
  });
});
