import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { getLogger } from "../../../../src/base/log.ts";
import { type Session, Sessions } from "../../../../src/emulator/notify/sessions.ts";
import { KEEPS_NOTHING } from "../../../../src/emulator/store/session-store.ts";
import { SqliteSessionStore } from "../../../../src/emulator/store/sqlite-sessions.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const HOUR = 3_600_000;
const LOG = getLogger("test");
const TOPIC = "$aws/things/pump-7/tunnels/notify";
const message = (payload: string) => ({ topic: TOPIC, payload });
const device = (clientId: string, thingName = "pump-7") => ({ thingName, clientId, fingerprint: "aa" });

function inMemory(): Sessions {
  return new Sessions(KEEPS_NOTHING, LOG, 0);
}

/** A kept session of a device that went away at time 0. */
function left(sessions: Sessions, clientId = "c", thingName = "pump-7"): Session {
  const { session } = sessions.open(device(clientId, thingName), { isClean: false, now: 0 });
  sessions.subscribe(session, TOPIC, 1);
  sessions.leave(session, 0);
  return session;
}

const payloads = ({ pending }: Session) => pending.map(({ payload }) => payload);

describe("a session", () => {
  test("is kept for an hour after its connection", () => {
    const sessions = inMemory();
    left(sessions);
    expect(sessions.open(device("c"), { isClean: false, now: HOUR - 1 }).isPresent).toBe(true);
    expect(sessions.open(device("c"), { isClean: false, now: 9 * HOUR }).isPresent).toBe(true);
    left(sessions, "d");
    expect(sessions.open(device("d"), { isClean: false, now: HOUR }).isPresent).toBe(false);
  });

  test("loses each message after an hour, also while it is connected", () => {
    const sessions = inMemory();
    const { session } = sessions.open(device("c"), { isClean: false, now: 0 });
    sessions.enqueue(session, message("old"), 0);
    sessions.enqueue(session, message("new"), HOUR / 2);
    sessions.dropExpired(HOUR);
    expect(payloads(session)).toEqual(["new"]);
  });

  test("keeps the last hundred messages", () => {
    const sessions = inMemory();
    const session = left(sessions);
    for (let index = 0; index < 150; index += 1) sessions.enqueue(session, message(String(index)), 0);
    expect([session.pending.length, payloads(session)[0], payloads(session)[99]]).toEqual([100, "50", "149"]);
  });

  test("has packet identifiers of its own for what is on its way", () => {
    const session = left(inMemory());
    const ids = new Set<number>();
    for (let count = 0; count < 65_535; count += 1) ids.add(session.nextPacketId());
    expect([ids.size, Math.min(...ids), session.nextPacketId()]).toEqual([65_535, 1, 1]);
  });
});

describe("all sessions", () => {
  test("of one thing are 20 at most: the one that is away longest goes", () => {
    const sessions = inMemory();
    for (let index = 0; index < 21; index += 1) {
      const { session } = sessions.open(device(`c${index}`), { isClean: false, now: index });
      sessions.leave(session, index);
    }
    expect(sessions.ofThing("pump-7").map(({ clientId }) => clientId)).not.toContain("c0");
    expect(sessions.ofThing("pump-7")).toHaveLength(20);
  });

  test("hold 10,000 messages at most: the oldest of all go", () => {
    const sessions = inMemory();
    const first = left(sessions, "c", "thing-0");
    const others = Array.from({ length: 110 }, (_, index) => left(sessions, "c", `thing-${index + 1}`));
    sessions.enqueue(first, message("oldest"), 0);
    for (let round = 0; round < 95; round += 1) {
      for (const session of others) sessions.enqueue(session, message("x"), 0);
    }
    expect(first.pending).toHaveLength(0);
    expect(others.reduce((sum, { pending }) => sum + pending.length, 0)).toBe(10_000);
  });
});

test("what is kept comes back: subscriptions, messages and their order, not what was acknowledged or clean", () => {
  using dir = tempDir();
  const path = join(dir.path, "sessions.db");
  const store = new SqliteSessionStore(path, LOG);
  const before = new Sessions(store, LOG, 0);
  const kept = left(before);
  before.enqueue(kept, message("one"), 0);
  const two = before.enqueue(kept, message("two"), 0);
  two.packetId = kept.nextPacketId();
  before.enqueue(kept, message("three"), 0);
  before.acknowledge(kept, two.packetId);
  before.open(device("clean"), { isClean: true, now: 0 });
  // Its process ends while this one is connected.
  before.open(device("connected"), { isClean: false, now: 0 });
  store.close();
  const again = new SqliteSessionStore(path, LOG);
  const after = new Sessions(again, LOG, HOUR / 2);
  expect(
    after
      .ofThing("pump-7")
      .map(({ clientId }) => clientId)
      .toSorted(),
  ).toEqual(["c", "connected"]);
  const { session, isPresent } = after.open(device("c"), { isClean: false, now: HOUR / 2 });
  expect([isPresent, payloads(session), session.qosOf(TOPIC)]).toEqual([true, ["one", "three"], 1]);
  expect(session.pending.every(({ isAgain }) => isAgain)).toBe(true);
  after.dropExpired(HOUR + 1);
  expect(after.ofThing("pump-7").map(({ clientId }) => clientId)).toContain("connected");
  again.close();
});

test("a store that cannot be written costs the messages of a restart, not the service", () => {
  const sessions = new Sessions(new SqliteSessionStore("/proc/nothing/sessions.db", LOG), LOG, 0);
  const session = left(sessions);
  sessions.enqueue(session, message("x"), 0);
  expect(payloads(session)).toEqual(["x"]);
});
