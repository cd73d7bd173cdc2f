// What one peer cannot take from the connections of other tunnels of the process.
import { expect, test } from "bun:test";
import { filled, give, makeDestination, message } from "../harness.ts";
import { control, hello, makeSession, OURS, said } from "./peers.ts";

const MIB = 1024 * 1024;

/** Bytes that a tunnel sends to a peer that acknowledges none, of as many as it has credit for. */
function sendAll(
  session: ReturnType<typeof makeSession>,
  id: number,
  bytes: number,
  connections = 1,
): number {
  const engine = makeDestination({ continuity: session });
  const key = session.newKey() + 1;
  give(engine, message("StreamStart", OURS, 1));
  for (let n = 2; n <= connections; n++) give(engine, message("ConnectionStart", OURS, n));
  const credits = Array.from({ length: connections }, (_, at) => ({
    connection: at + 1,
    limit: 2 ** 50,
    acknowledged: 0,
  }));
  give(engine, control(OURS, { hello: hello(id), credits }));
  let sum = 0;
  for (let n = 0; n < connections; n++) {
    for (let left = bytes; left > 0; left -= MIB) {
      engine.localData({ key: key + n, serviceId: "SSH" }, filled(MIB));
    }
  }
  for (const line of said(engine).lines) sum += Number(/ (\d+) bytes$/.exec(line)?.[1] ?? 0);
  return sum;
}

test("a peer that never acknowledges leaves the others half of the memory, and so does the next (P95)", () => {
  const session = makeSession(9);
  const sums = [1, 2, 3].map((id) => sendAll(session, id, 20 * MIB));
  for (const [index, sum] of sums.entries()) {
    const most = (16 * MIB) / 2 ** (index + 1);
    expect(sum).toBeGreaterThan(most - 128 * 1024);
    expect(sum).toBeLessThan(most + 128 * 1024);
  }
});

test("nor does it take more with many connections", () => {
  const session = makeSession(9);
  expect(sendAll(session, 1, 2 * MIB, 16)).toBeLessThan(8 * MIB + 16 * 128 * 1024);
  expect(sendAll(session, 2, MIB)).toBe(MIB);
});
