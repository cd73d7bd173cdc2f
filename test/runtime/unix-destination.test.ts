// Runs under Bun and Deno: they lose different things when a Unix socket's other side closes.
import { expect, test } from "bun:test";
import { startPair } from "../helpers/pair.ts";
import { dialLocal, readAll } from "../helpers/proxies.ts";
import { saidBytes, startService } from "../helpers/services.ts";

const TRIES = 40;
/** The client learns of the service's end so long after its last byte. */
const LINGER_MS = 20;

const CASES = [
  ["unix", 90, ""],
  ["unix", 100_000, ""],
  ["unix", 90, "request\n"],
  ["unix", 100_000, "request\n"],
  // Not with a request: TCP answers unread input with a reset, which may overtake what was said.
  ["tcp", 90, ""],
  ["tcp", 100_000, ""],
] as const;

test.each(CASES)(
  `a %s service that says %d bytes and closes is heard out, ${TRIES} of ${TRIES}, by a client that says %j`,
  async (on, bytes, request) => {
    await using service = await startService(on, "say", { bytes });
    await using pair = await startPair(`SAY=${service.address}`, { destination: { lingerMs: LINGER_MS } });
    const port = await pair.source.portOf("SAY");
    const wanted = saidBytes(bytes);
    let whole = 0;
    for (let at = 0; at < TRIES; at += 1) {
      const socket = await dialLocal(port);
      if (request !== "") socket.write(request);
      if ((await readAll(socket)).equals(wanted)) whole += 1;
      socket.destroy();
    }
    expect(whole).toBe(TRIES);
  },
  20_000,
);
