// What AWS's C client answers to a source of ours.
import type { Play } from "./device-client-wire.ts";

/** The client as destination, ours as source. */
export const ITS_DESTINATION: Readonly<Record<string, Play>> = {
  "an answer in the third format": {
    side: "source",
    lines: [
      "! accept SSH",
      "> STREAM_START SSH 1048582.1",
      "< DATA SSH 1048582.1 hi",
      "= write 1 hi",
      "! accept SSH",
      "> CONNECTION_START SSH 1048582.2",
    ],
  },
  "a reset of one of two connections": {
    side: "source",
    lines: [
      "! accept SSH",
      "> STREAM_START SSH 1048582.1",
      "< DATA SSH 1048582.1 hi",
      "= write 1 hi",
      "! accept SSH",
      "> CONNECTION_START SSH 1048582.2",
      "< CONNECTION_RESET SSH 1048582.2",
      "= close 2 end",
      "! data 1 on",
      "> DATA SSH 1048582.1 on",
    ],
  },
  "the service's end of its stream, as after a reconnection of its own": {
    side: "source",
    lines: [
      "! accept SSH",
      "> STREAM_START SSH 1048582.1",
      "< DATA SSH 1048582.1 hi",
      "= write 1 hi",
      "< STREAM_RESET SSH 1048582.1",
      "= close 1 reset",
      "! accept SSH",
      "> STREAM_START SSH 2097164.1",
    ],
  },
  "data and ends of what is not there": {
    side: "source",
    lines: [
      "! accept SSH",
      "> STREAM_START SSH 1048582.1",
      "< DATA SSH 77.1 lost",
      "= dropped: stale stream",
      "< DATA SSH 1048582.9 lost",
      "= dropped: no such connection",
      "< CONNECTION_RESET SSH 1048582.9",
      "< STREAM_RESET SSH 77",
      "= dropped: stale stream",
      "< DATA SSH 1048582.1 hi",
      "= write 1 hi",
    ],
  },
  "an answer of the second format": {
    side: "source",
    lines: [
      "! accept SSH",
      "> STREAM_START SSH 1048582.1",
      "< DATA SSH 1048582 hi",
      "= format 2",
      "= write 1 hi",
      "! data 1 ho",
      "> DATA SSH 1048582 ho",
    ],
  },
  "a session reset": {
    side: "source",
    lines: ["! accept SSH", "> STREAM_START SSH 1048582.1", "< SESSION_RESET - 0", "= close 1 end"],
  },
};
