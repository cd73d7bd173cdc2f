// An application that does not read holds up nobody for longer than the stall timeout, whoever made the other proxy.
// STALL=10 tries it with the default in place of 2 s; TUNNEL=… tries another build.
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { pause } from "../helpers/agents.ts";
import { type Carried, type CarryOptions, carry, type Role } from "../helpers/carried.ts";
import { saidSha256, TestClient } from "../helpers/clients.ts";
import { peakResidentBytes } from "../helpers/memory.ts";
import { dialLocal } from "../helpers/proxies.ts";
import { PAIRS, type Pair, testPair } from "../helpers/reference.ts";
import { startService } from "../helpers/services.ts";
import { within } from "../helpers/wait.ts";

const MIB = 1024 ** 2;
const STALL_S = Number(process.env["STALL"] ?? 2);
/** What a connection that opens meanwhile may wait for its first answer. */
const ANSWER_WITHIN_S = STALL_S + 3;
/** One from before may wait as long once more, for those of many that had too little waiting to be cut with the first. */
const KEPT_ANSWER_MS = Math.max(10_000, 1_000 * ANSWER_WITHIN_S);
const MAX_RESIDENT_BYTES = 128 * MIB;
const TIMEOUT_MS = (4 * STALL_S + 40) * 1_000;
/** More than anybody keeps; but the reference keeps all that it is sent. */
const ENDLESS_BYTES = { ours: 1024 * 1024 * MIB, reference: 64 * MIB };

type Direction = "upload" | "download";

interface Stalled {
  readonly direction: Direction;
  readonly pair: Pair;
  /** How many connections stand still. */
  readonly count?: number;
  /** Whether a connection of the other service was there before, and must live on. */
  readonly isKept: boolean;
}

/** A tunnel in which connections of STUCK stand still, and one of OTHER may have been answered before. */
async function withStalled(
  { direction, pair, count = 1, isKept }: Stalled,
  use: (carried: Carried) => Promise<void>,
): Promise<void> {
  const bytes = ENDLESS_BYTES[isOurs(pair) ? "ours" : "reference"];
  const isUpload = direction === "upload";
  await using stuck = await startService(
    "tcp",
    isUpload ? "hold-first" : "answer",
    isUpload ? { first: count } : { bytes },
  );
  await using other = await startService("tcp", "echo");
  const services = { STUCK: stuck.address, OTHER: other.address };
  await using carried = await carry(services, { ...pair, args: ["--stall-timeout", `${STALL_S}s`] });
  await using keeper = isKept ? await keepOpen(carried.portOf("OTHER")) : undefined;
  await using stalled = new TestClient(carried.portOf("STUCK"), isUpload ? "upload" : "hold", {
    connections: count,
    bytes,
  });
  await (isUpload ? stalled : stuck).stalled();
  await use(carried);
  await keeper?.exchange();
}

/** A connection that has been answered and is still there. */
async function keepOpen(port: number) {
  const socket = await dialLocal(port);
  const exchange = async () => {
    socket.write("still there?\n");
    await within("an answer on a connection from before", once(socket, "data"), KEPT_ANSWER_MS);
  };
  await exchange();
  return { exchange, [Symbol.asyncDispose]: async () => void socket.destroy() };
}

function isOurs(pair: CarryOptions): boolean {
  return pair.source !== "reference" && pair.destination !== "reference";
}

/** The peak of resident memory of each of our processes, MiB. */
function peaks(carried: Carried, pair: CarryOptions): Readonly<Record<string, number>> {
  const roles: readonly Role[] = ["relay", "source", "destination"];
  const ours = roles.filter((role) => role === "relay" || pair[role] !== "reference");
  return Object.fromEntries(
    ours.map((role) => [role, Math.round(peakResidentBytes(carried.processes[role].pid) / MIB)]),
  );
}

/** A connection that opens now gets its first answer in time, and no process of ours has grown. */
async function expectAnswer(carried: Carried, pair: Pair, service: string, what: string): Promise<void> {
  await using asking = new TestClient(carried.portOf(service), "ask");
  const { bytes, seconds, end } = await within(`an answer, ${what}`, asking.outcome(), TIMEOUT_MS);
  const memory = peaks(carried, pair);
  console.log(
    `${what}, ${pair.source} to ${pair.destination}, ${service}: ${bytes} bytes after ${seconds} s, ${end}; peak MiB: ${JSON.stringify(memory)}`,
  );
  expect(bytes).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(ANSWER_WITHIN_S);
  for (const peak of Object.values(memory)) expect(peak * MIB).toBeLessThan(MAX_RESIDENT_BYTES);
}

const WHAT = {
  OTHER: "a connection of another service",
  STUCK: "a connection of the same service",
} as const;

/** A reference behind which an application stands still ends itself, and nothing on the wire tells when that is near. */
function isOursBehind(direction: Direction, { source, destination }: Pair): boolean {
  return (direction === "upload" ? destination : source) === "ours";
}

describe.each(["upload", "download"] as const)("beside a stalled %s", (direction) => {
  for (const pair of PAIRS.filter((each) => isOursBehind(direction, each))) {
    for (const service of ["OTHER", "STUCK"] as const) {
      for (const isKept of [false, true]) {
        const rest = isKept ? ", and one from before lives on" : "";
        testPair(
          `${WHAT[service]} is answered in ${ANSWER_WITHIN_S} s${rest}`,
          pair,
          () =>
            withStalled({ direction, pair, isKept }, (carried) =>
              expectAnswer(carried, pair, service, `stalled ${direction}${isKept ? ", one kept" : ""}`),
            ),
          TIMEOUT_MS,
        );
      }
    }
  }

  test(
    "ten that stand still do not keep an eleventh from its answer",
    () => {
      const pair = { source: "ours", destination: "ours" } as const;
      return withStalled({ direction, pair, count: 10, isKept: true }, (carried) =>
        expectAnswer(carried, pair, "OTHER", `ten stalled ${direction}s`),
      );
    },
    TIMEOUT_MS,
  );
});

test(
  "an upload whose service reads little by little lives on for as long as it is alone",
  async () => {
    await using slow = await startService("tcp", "slow", { rate: 20_000 });
    const args = ["--stall-timeout", `${STALL_S}s`];
    await using carried = await carry({ SLOW: slow.address }, { args });
    await using client = new TestClient(carried.portOf("SLOW"), "upload", { bytes: 64 * MIB });
    await client.stalled();
    const outcome = await Promise.race([client.outcome(), pause(6_000 * STALL_S)]);
    expect(outcome).toBeUndefined();
  },
  TIMEOUT_MS,
);

test(
  "a connection that nobody waits for may stand still for longer than the stall timeout, and loses nothing",
  async () => {
    const bytes = 64 * MIB;
    await using service = await startService("tcp", "answer", { bytes });
    await using carried = await carry(
      { ALONE: service.address },
      { args: ["--stall-timeout", `${STALL_S}s`] },
    );
    await using late = new TestClient(carried.portOf("ALONE"), "request", { late: 2.5 * STALL_S });
    const outcome = await within("the late reader", late.outcome(), TIMEOUT_MS);
    expect(outcome).toMatchObject({ bytes, sha256: saidSha256(bytes), end: "end" });
  },
  TIMEOUT_MS,
);
