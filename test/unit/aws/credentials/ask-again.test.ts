import { describe, expect, test } from "bun:test";
import { askAgain } from "../../../../src/aws/credentials/ask-again.ts";

const answer = (status: number) => ({ status, headers: {}, body: "" });
const patience = { maxTries: 3, waitMs: 0, signal: undefined };

/** Gives one after another; a number is the status of an answer. */
function giving(...results: readonly (number | Error)[]) {
  let asked = 0;
  const ask = async () => {
    const result = results[asked++];
    if (typeof result === "number") return answer(result);
    throw result;
  };
  return { ask, asked: () => asked };
}

describe("asking for keys again", () => {
  test("goes on after a server's failure and a lost connection", async () => {
    const server = giving(500, new Error("lost"), 200);
    expect((await askAgain(server.ask, patience)).status).toBe(200);
    expect(server.asked()).toBe(3);
  });

  test("takes a refusal at once", async () => {
    const server = giving(403, 200);
    expect((await askAgain(server.ask, patience)).status).toBe(403);
    expect(server.asked()).toBe(1);
  });

  test("ends with the last answer, or the last failure", async () => {
    expect((await askAgain(giving(500, 502, 503).ask, patience)).status).toBe(503);
    await expect(askAgain(giving(500, 500, new Error("the third")).ask, patience)).rejects.toThrow(
      "the third",
    );
  });

  test("asks no more after a stop", async () => {
    const server = giving(new Error("stopped"), 200);
    const signal = AbortSignal.abort();
    await expect(askAgain(server.ask, { ...patience, signal })).rejects.toThrow("stopped");
    expect(server.asked()).toBe(1);
  });
});
