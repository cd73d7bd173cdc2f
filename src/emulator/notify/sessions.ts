// The sessions of devices: what each is subscribed to, and what it has yet to acknowledge. As AWS IoT Core does, one
// without clean session is kept for an hour after its connection, over a restart too.
import type { Logger } from "../../base/log.ts";
import type { MessageRecord, SessionRecord, SessionStore } from "../store/session-store.ts";
import type { Notification } from "./notify-message.ts";
import { matchesTopic } from "./topic-filter.ts";

/** A quota of AWS IoT Core, for one connection. */
const MAX_SUBSCRIPTIONS = 50;
/** How long AWS IoT Core keeps a session and its messages when its device is away. */
const KEEP_MS = 60 * 60_000;
/** Ours. Above the connections of one thing, so that no device pushes out a session of its own that is connected. */
const MAX_SESSIONS_OF_THING = 20;
const MAX_SESSIONS = 2_000;
/** Ours, for one session: whoever was away while a hundred tunnels were opened for it needs the last ones. */
const MAX_MESSAGES_OF_SESSION = 100;
/** About 700 bytes each. */
const MAX_MESSAGES = 10_000;
const MAX_PACKET_ID = 65_535;

/** A message on its way to a device. */
export interface Pending extends MessageRecord {
  /** Set once it was sent on this connection. */
  packetId: number | undefined;
  /** It may have arrived on a former connection. */
  isAgain: boolean;
}

/** One device's session. */
export class Session {
  readonly thingName: string;
  readonly clientId: string;
  readonly fingerprint: string;
  readonly isClean: boolean;
  readonly filters: Map<string, number>;
  readonly pending: Pending[] = [];
  /** Milliseconds since 1970; undefined while connected. */
  expiresAt: number | undefined;
  #lastPacketId = 0;

  constructor(record: SessionRecord, isClean: boolean) {
    this.thingName = record.thingName;
    this.clientId = record.clientId;
    this.fingerprint = record.fingerprint;
    this.filters = new Map(Object.entries(record.filters));
    this.expiresAt = record.expiresAt;
    this.isClean = isClean;
  }

  /** The QoS with which it gets what is published on `topic`; undefined where it is not subscribed. */
  qosOf(topic: string): number | undefined {
    const granted = [...this.filters].filter(([filter]) => matchesTopic(filter, topic)).map(([, qos]) => qos);
    return granted.length === 0 ? undefined : Math.max(...granted);
  }

  /** A packet identifier that no message on its way has. */
  nextPacketId(): number {
    do {
      this.#lastPacketId = (this.#lastPacketId % MAX_PACKET_ID) + 1;
    } while (this.pending.some(({ packetId }) => packetId === this.#lastPacketId));
    return this.#lastPacketId;
  }

  /** What was sent on a connection that is over goes out again on the next one. */
  restart(): void {
    for (const message of this.pending) {
      message.isAgain ||= message.packetId !== undefined;
      message.packetId = undefined;
    }
  }

  get record(): SessionRecord {
    const { thingName, clientId, fingerprint, expiresAt } = this;
    return { thingName, clientId, fingerprint, expiresAt, filters: Object.fromEntries(this.filters) };
  }
}

/** All sessions. Client ids count within a thing: no device can take, or end, what is another's. */
export class Sessions {
  readonly #store: SessionStore;
  readonly #log: Logger;
  readonly #byThing = new Map<string, Map<string, Session>>();
  #sessions = 0;
  #messages = 0;
  #sequence = 0;

  /** Takes over what `store` has kept. `now`: milliseconds since 1970. */
  constructor(store: SessionStore, log: Logger, now: number) {
    this.#store = store;
    this.#log = log;
    const { sessions, messages } = store.load();
    for (const record of sessions) {
      // One whose broker was killed while it was connected has its hour from now.
      this.#add(new Session({ ...record, expiresAt: record.expiresAt ?? now + KEEP_MS }, false));
    }
    for (const message of messages) {
      this.#sequence = Math.max(this.#sequence, message.sequence);
      const session = this.#find(message.thingName, message.clientId);
      session?.pending.push({ ...message, packetId: undefined, isAgain: true });
      this.#messages += session === undefined ? 0 : 1;
    }
    this.dropExpired(now);
  }

  /** The session of a device that connects, and whether it was there already. A clean one replaces what was. */
  open(
    device: Pick<SessionRecord, "thingName" | "clientId" | "fingerprint">,
    { isClean, now }: { readonly isClean: boolean; readonly now: number },
  ): { readonly session: Session; readonly isPresent: boolean } {
    this.dropExpired(now);
    const known = this.#find(device.thingName, device.clientId);
    if (known !== undefined && !isClean && !known.isClean && known.fingerprint === device.fingerprint) {
      known.expiresAt = undefined;
      known.restart();
      this.#store.saveSession(known.record);
      return { session: known, isPresent: true };
    }
    if (known !== undefined) this.remove(known);
    this.#makeRoom(device.thingName);
    const session = new Session({ ...device, filters: {}, expiresAt: undefined }, isClean);
    this.#add(session);
    if (!isClean) this.#store.saveSession(session.record);
    return { session, isPresent: false };
  }

  /** Its connection is gone. */
  leave(session: Session, now: number): void {
    if (!this.#has(session)) return;
    if (session.isClean) return this.remove(session);
    session.expiresAt = now + KEEP_MS;
    session.restart();
    this.#store.saveSession(session.record);
  }

  /** Adds or replaces a subscription; false where it has too many. */
  subscribe(session: Session, filter: string, qos: number): boolean {
    if (!session.filters.has(filter) && session.filters.size >= MAX_SUBSCRIPTIONS) return false;
    if (session.filters.get(filter) === qos) return true;
    session.filters.set(filter, qos);
    if (!session.isClean) this.#store.saveSession(session.record);
    return true;
  }

  unsubscribe(session: Session, filter: string): void {
    if (session.filters.delete(filter) && !session.isClean) this.#store.saveSession(session.record);
  }

  /** Keeps a message until it is acknowledged, expires, or newer ones need its place. */
  enqueue(session: Session, { topic, payload }: Notification, now: number): Pending {
    const { thingName, clientId } = session;
    this.#sequence += 1;
    const record = {
      sequence: this.#sequence,
      thingName,
      clientId,
      topic,
      payload,
      expiresAt: now + KEEP_MS,
    };
    const pending = { ...record, packetId: undefined, isAgain: false };
    session.pending.push(pending);
    this.#messages += 1;
    if (!session.isClean) this.#store.addMessage(record);
    const oldest =
      session.pending.length > MAX_MESSAGES_OF_SESSION ? session.pending[0] : this.#oldestOfAll();
    if (oldest !== undefined) this.#dropUnread(oldest);
    return pending;
  }

  /** The device has the message with this packet identifier. */
  acknowledge(session: Session, packetId: number): void {
    const message = session.pending.find((each) => each.packetId === packetId);
    if (message !== undefined) this.#forget(session, message);
  }

  ofThing(thingName: string): readonly Session[] {
    return [...(this.#byThing.get(thingName)?.values() ?? [])];
  }

  /** Ends a session with all that it had. */
  remove(session: Session): void {
    if (!this.#has(session)) return;
    const ofThing = this.#byThing.get(session.thingName);
    ofThing?.delete(session.clientId);
    if (ofThing?.size === 0) this.#byThing.delete(session.thingName);
    this.#sessions -= 1;
    this.#messages -= session.pending.length;
    session.pending.length = 0;
    if (!session.isClean) this.#store.removeSession(session);
  }

  /** Ends sessions and messages whose hour is over. */
  dropExpired(now: number): void {
    for (const session of this.#all()) {
      if (session.expiresAt !== undefined && session.expiresAt <= now) {
        this.remove(session);
        continue;
      }
      for (const message of session.pending.filter(({ expiresAt }) => expiresAt <= now)) {
        this.#forget(session, message);
      }
    }
  }

  #add(session: Session): void {
    const ofThing = this.#byThing.get(session.thingName) ?? new Map<string, Session>();
    this.#byThing.set(session.thingName, ofThing.set(session.clientId, session));
    this.#sessions += 1;
  }

  /** A session that is away goes for a new one, of the same thing if that has many; the one first to expire. */
  #makeRoom(thingName: string): void {
    const own = this.ofThing(thingName);
    const crowd =
      own.length >= MAX_SESSIONS_OF_THING ? own : this.#sessions >= MAX_SESSIONS ? this.#all() : [];
    const [first] = crowd
      .filter(({ expiresAt }) => expiresAt !== undefined)
      .toSorted((a, b) => (a.expiresAt ?? 0) - (b.expiresAt ?? 0));
    if (first !== undefined) this.remove(first);
  }

  #oldestOfAll(): Pending | undefined {
    if (this.#messages <= MAX_MESSAGES) return undefined;
    const firsts = this.#all().flatMap(({ pending }) => pending.slice(0, 1));
    return firsts.toSorted((a, b) => a.sequence - b.sequence)[0];
  }

  #dropUnread(message: Pending): void {
    const session = this.#find(message.thingName, message.clientId);
    if (session === undefined) return;
    this.#log.warn("a notification of device {thingName} was dropped: too many wait", {
      thingName: message.thingName,
    });
    this.#forget(session, message);
  }

  #forget(session: Session, message: Pending): void {
    session.pending.splice(session.pending.indexOf(message), 1);
    this.#messages -= 1;
    if (!session.isClean) this.#store.removeMessage(message.sequence);
  }

  #find(thingName: string, clientId: string): Session | undefined {
    return this.#byThing.get(thingName)?.get(clientId);
  }

  #has(session: Session): boolean {
    return this.#find(session.thingName, session.clientId) === session;
  }

  #all(): Session[] {
    return [...this.#byThing.values()].flatMap((ofThing) => [...ofThing.values()]);
  }
}
