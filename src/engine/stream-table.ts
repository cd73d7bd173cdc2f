import type { Connection, Format } from "./output.ts";

/** A connection inside an engine: what the far side calls it, and how far its life has come. */
export interface ConnectionState {
  readonly connection: Connection;
  stream: Stream | undefined;
  /** 0 until it is opened on the wire, and in format 1 and 2. */
  connectionId: number;
  sentBytes: number;
  /** The local side will send no more; its last items may still wait in the queue. */
  ended: boolean;
  /** The local socket is gone or told to go; the far side may not know yet (P55). */
  closed: boolean;
  lastReceivedAt: number | undefined;
  /** At a source: when its last message went out. */
  lastSentAt: number | undefined;
  /** At a destination: when the last byte of its server went out. */
  lastAnsweredAt: number | undefined;
  /** Bytes for it that its application has not taken yet. */
  unreadBytes: number;
}

/** The one active stream of a service (P21). */
export interface Stream {
  readonly streamId: number;
  readonly serviceId: string;
  format: Format;
  /** Older peers that echo the ids they were given need them to the end of the stream (P45). */
  hasConnectionIds: boolean;
  nextConnectionId: number;
  /** When the last CONNECTION_START, and the last reset of one of its connections, went out. */
  lastStartAt: number | undefined;
  lastResetAt: number | undefined;
  /** Data went out on it: the peer knows by now what the format of the stream is. */
  hasSentData: boolean;
  readonly connections: Map<number, ConnectionState>;
}

/** The streams of one session, at most one a service, and the connections by key. */
export class StreamTable {
  readonly #streams = new Map<string, Stream>();
  readonly connections = new Map<number, ConnectionState>();
  readonly #newKey: () => number;

  /** @param newKey keys of connections, where they must be of use beyond this table */
  constructor(newKey: (() => number) | undefined) {
    let lastKey = 0;
    this.#newKey = newKey ?? (() => ++lastKey);
  }

  /** Active stream of a service. */
  of(serviceId: string): Stream | undefined {
    return this.#streams.get(serviceId);
  }

  /** The stream that a message without service id means: stream ids are random, so one id is enough (P41). */
  byStreamId(streamId: number): Stream | undefined {
    for (const stream of this.#streams.values()) if (stream.streamId === streamId) return stream;
    return undefined;
  }

  get streams(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  start(serviceId: string, streamId: number, format: Format): Stream {
    const stream: Stream = {
      streamId,
      serviceId,
      format,
      hasConnectionIds: format === 3,
      nextConnectionId: 1,
      lastStartAt: undefined,
      lastResetAt: undefined,
      hasSentData: false,
      connections: new Map(),
    };
    this.#streams.set(serviceId, stream);
    return stream;
  }

  /** Forgets a stream; its connections stay until each is removed. */
  end(stream: Stream): void {
    if (this.#streams.get(stream.serviceId) === stream) this.#streams.delete(stream.serviceId);
  }

  addConnection(serviceId: string): ConnectionState {
    return this.adopt({ key: this.#newKey(), serviceId });
  }

  /** A connection that was carried elsewhere before. */
  adopt(connection: Connection): ConnectionState {
    const state: ConnectionState = {
      connection,
      stream: undefined,
      connectionId: 0,
      sentBytes: 0,
      ended: false,
      closed: false,
      lastReceivedAt: undefined,
      lastSentAt: undefined,
      lastAnsweredAt: undefined,
      unreadBytes: 0,
    };
    this.connections.set(connection.key, state);
    return state;
  }

  /** Puts a connection into a stream under an id; format 1 and 2 have one connection a stream, id 0. */
  join(state: ConnectionState, stream: Stream, connectionId: number): void {
    state.stream = stream;
    state.connectionId = connectionId;
    stream.connections.set(connectionId, state);
    if (connectionId >= stream.nextConnectionId) stream.nextConnectionId = connectionId + 1;
  }

  remove(state: ConnectionState): void {
    state.stream?.connections.delete(state.connectionId);
    this.connections.delete(state.connection.key);
  }
}
