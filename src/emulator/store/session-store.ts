/** A device's session as it is kept. */
export interface SessionRecord {
  readonly thingName: string;
  readonly clientId: string;
  /** SHA-256, in hexadecimal, of the certificate that it was made with. */
  readonly fingerprint: string;
  /** Granted QoS by topic filter. */
  readonly filters: Readonly<Record<string, number>>;
  /** Milliseconds since 1970; absent while its device is connected. */
  readonly expiresAt: number | undefined;
}

/** A message that waits for a session's acknowledgement. Its payload holds an access token. */
export interface MessageRecord {
  /** Counts up over all sessions. */
  readonly sequence: number;
  readonly thingName: string;
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Where the sessions of devices are kept. Nothing here ever fails a caller. */
export interface SessionStore {
  /** Everything that was kept, messages in their order. */
  load(): { readonly sessions: readonly SessionRecord[]; readonly messages: readonly MessageRecord[] };
  /** Adds the session, or replaces the one of this thing and client id. */
  saveSession(session: SessionRecord): void;
  /** Removes the session and its messages. */
  removeSession(session: Pick<SessionRecord, "thingName" | "clientId">): void;
  addMessage(message: MessageRecord): void;
  removeMessage(sequence: number): void;
  close(): void;
}

/** Keeps nothing, for an emulator that nothing outlives. */
export const KEEPS_NOTHING: SessionStore = {
  load: () => ({ sessions: [], messages: [] }),
  saveSession: () => {},
  removeSession: () => {},
  addMessage: () => {},
  removeMessage: () => {},
  close: () => {},
};
