// What AWS's C client, inside the Device Client and the SDKs, says on the wire and in which order, and what our side makes
// of it. A line that begins with `<` is a message that comes, with `!` something local; what follows is what our engine
// asks for (`=`) and sends (`>`). Messages: type, service (- for none), stream.connection, payload.

/** One conversation. */
export interface Play {
  /** Our side. */
  readonly side: "source" | "destination";
  /** Services of the tunnel, SSH alone unless said otherwise; none where it was opened without. */
  readonly services?: readonly string[];
  readonly lines: readonly string[];
}

const THREE = ["SSH", "WEB", "VNC"];

/** The client as source, ours as destination: its streams count up from 1. */
export const ITS_SOURCE: Readonly<Record<string, Play>> = {
  "a start without connection id": {
    side: "destination",
    lines: ["< STREAM_START SSH 1", "= connect 1"],
  },
  "a start with one, and a second connection": {
    side: "destination",
    lines: ["< STREAM_START SSH 1.1", "= connect 1", "< CONNECTION_START SSH 1.2", "= connect 2"],
  },
  "a start for a service that the tunnel does not have": {
    side: "destination",
    services: THREE,
    lines: [
      "< STREAM_START FTP 1",
      "= dropped: no such service in this tunnel",
      "> STREAM_RESET FTP 1",
      "< STREAM_START FTP 1.1",
      "= dropped: no such service in this tunnel",
      "> CONNECTION_RESET FTP 1.1",
    ],
  },
  "a stream reset": {
    side: "destination",
    lines: ["< STREAM_START SSH 1", "= connect 1", "< STREAM_RESET SSH 1", "= close 1 end"],
  },
  "a reset of a stream that is not the active one": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1",
      "= connect 1",
      "< STREAM_RESET SSH 2",
      "= dropped: stale stream",
      "! data 1 on",
      "> DATA SSH 1 on",
    ],
  },
  "a session reset": {
    side: "destination",
    services: THREE,
    lines: [
      "< STREAM_START SSH 1",
      "= connect 1",
      "< STREAM_START WEB 1",
      "= connect 2",
      "< STREAM_START VNC 1.1",
      "= connect 3",
      "< SESSION_RESET - 0",
      "= close 1 end",
      "= close 2 end",
      "= close 3 end",
    ],
  },
  "the longest payload, and another after it": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1.1",
      "= connect 1",
      "< DATA SSH 1.1 64512 bytes",
      "= write 1 64512 bytes",
      "< DATA SSH 1.1 next",
      "= write 1 next",
    ],
  },
  "a payload that we have cut into messages of the longest": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1",
      "= connect 1",
      "! data 1 64513 bytes",
      "> DATA SSH 1 64512 bytes",
      "> DATA SSH 1 x",
    ],
  },
  "data of a stream that is not the active one": {
    side: "destination",
    lines: ["< STREAM_START SSH 1", "= connect 1", "< DATA SSH 2 lost", "= dropped: stale stream"],
  },
  "data of a connection that is not there": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1.2",
      "= connect 1",
      "< DATA SSH 2.4 lost",
      "= dropped: stale stream",
      "< DATA SSH 1.4 lost",
      "= dropped: no such connection",
      "< DATA SSH 1.2 kept",
      "= write 1 kept",
    ],
  },
  "a start of the first format, then one of the second": {
    side: "destination",
    lines: [
      "< STREAM_START - 1",
      "= connect 1",
      "< STREAM_START SSH 1",
      "= close 1 end",
      "= connect 2",
      "! data 2 hi",
      "> DATA SSH 1 hi",
    ],
  },
  "a start of the first format, then one of the third": {
    side: "destination",
    lines: [
      "< STREAM_START - 1",
      "= connect 1",
      "< STREAM_START SSH 1.3",
      "= close 1 end",
      "= connect 2",
      "! data 2 hi",
      "> DATA SSH 1.3 hi",
    ],
  },
  "a start of the second format, then one of the first": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1",
      "= connect 1",
      "< STREAM_START - 2",
      "= close 1 end",
      "= connect 2",
      "! data 2 hi",
      "> DATA - 2 hi",
    ],
  },
  "a start of the third format, then one of the first": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1.2",
      "= connect 1",
      "< STREAM_START - 2",
      "= close 1 end",
      "= connect 2",
      "! data 2 hi",
      "> DATA - 2 hi",
    ],
  },
  "a message of the third format in a stream of the first": {
    side: "destination",
    lines: [
      "< STREAM_START - 1",
      "= connect 1",
      "< DATA SSH 1.3 hi",
      "= write 1 hi",
      "! data 1 ho",
      "> DATA - 1 ho",
    ],
  },
  "a connection start in a stream of the second format": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1",
      "= connect 1",
      "< CONNECTION_START SSH 1.3",
      "= dropped: the stream has no connection ids",
      "> CONNECTION_RESET SSH 1.3",
    ],
  },
  "a connection start in a stream that is not there": {
    side: "destination",
    lines: ["< CONNECTION_START SSH 1.3", "= dropped: stale stream", "> CONNECTION_RESET SSH 1.3"],
  },
  "a connection reset": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1.2",
      "= connect 1",
      "< CONNECTION_START SSH 1.3",
      "= connect 2",
      "< CONNECTION_RESET SSH 1.3",
      "= close 2 end",
      "! data 1 on",
      "> DATA SSH 1.2 on",
    ],
  },
  "a connection start under an id in use": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 1.2",
      "= connect 1",
      "< CONNECTION_START SSH 1.2",
      "= close 1 end",
      "= dropped: connection id in use",
      "> CONNECTION_RESET SSH 1.2",
    ],
  },
  "a tunnel without services, in the third format": {
    side: "destination",
    services: [],
    lines: [
      "< STREAM_START - 1.1",
      "= connect 1",
      "! data 1 hi",
      "> DATA - 1.1 hi",
      "! closed 1",
      "> CONNECTION_RESET - 1.1",
    ],
  },
  "data with no stream": {
    side: "destination",
    lines: ["< DATA - 1 lost", "= dropped: stale stream"],
  },
  "the 101st stream, whose number alone would be one of ours": {
    side: "destination",
    lines: [
      "< STREAM_START SSH 101.1",
      "= connect 1",
      "< CONNECTION_START SSH 101.2",
      "= connect 2",
      "< DATA SSH 101.1 hi",
      "= write 1 hi",
      "! data 2 ho",
      "> DATA SSH 101.2 ho",
      "< CONNECTION_RESET SSH 101.2",
      "= close 2 end",
      "! closed 1",
      "> CONNECTION_RESET SSH 101.1",
    ],
  },
  "the 101st stream, of the second format": {
    side: "destination",
    lines: ["< STREAM_START SSH 101", "= connect 1", "! data 1 ho", "> DATA SSH 101 ho"],
  },
  "the 101st stream of a tunnel without services": {
    side: "destination",
    services: [],
    lines: ["< STREAM_START - 101.1", "= connect 1", "! data 1 ho", "> DATA - 101.1 ho"],
  },
};
