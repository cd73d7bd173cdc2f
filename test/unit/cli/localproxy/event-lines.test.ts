import { expect, test } from "bun:test";
import {
  HandshakeError,
  ListenError,
  ReplacedError,
  type TunnelError,
  UnreachableError,
} from "../../../../src/base/errors.ts";
import { EventLines } from "../../../../src/cli/localproxy/event-lines.ts";
import { ReferenceLines } from "../../../../src/cli/localproxy/lines.ts";
import { connectFailure } from "../../../../src/net/failures.ts";

const address = { host: "h", port: 443 };
const coded = (code: string) => Object.assign(new Error(code), { code });
const refused = (status: number, statusReason: string) =>
  new HandshakeError("refused", { status, statusReason });

// By what an error is, never by what it says: the last words of a service, or of a file name, may be any.
const cases: readonly (readonly [what: string, error: TunnelError, line: string])[] = [
  ["a refusal", refused(403, "no"), 'request: (HTTP/1.1 403 Forbidden) "no"'],
  [
    "a refusal to be tried again, whatever it says",
    new UnreachableError("busy", { cause: refused(503, "certificate: name server") }),
    'request: (HTTP/1.1 503 Service Unavailable) "certificate: name server"',
  ],
  ["a status without a name", refused(499, "no"), 'request: (HTTP/1.1 499) "no"'],
  ["a host without an address", connectFailure(coded("ENOTFOUND"), address), "host: h - host name not found"],
  [
    "a silent name server",
    connectFailure(coded("EAI_AGAIN"), address),
    "h - the name server does not answer",
  ],
  ["a certificate", connectFailure(coded("CERT_HAS_EXPIRED"), address), "Could not perform SSL handshake"],
  [
    "a refused connection",
    connectFailure(coded("ECONNREFUSED"), address),
    "Could not connect to proxy server: cannot reach h:443: connection refused",
  ],
  ["another local proxy", new ReplacedError("somebody else"), "Code: 1008; Reason: somebody else"],
  [
    "a port that is taken",
    new ListenError("h:1", "any words", { cause: coded("EADDRINUSE") }),
    "Could not bind to address: h:1 -- Address already in use",
  ],
  [
    "a port that is not allowed",
    new ListenError("h:1", "any words", { cause: coded("EACCES") }),
    "Could not bind to address: h:1 -- permission denied",
  ],
];

test.each(cases)("%s is told in the reference's words", (_what, error, line) => {
  const written: string[] = [];
  new EventLines(new ReferenceLines((text) => written.push(text), 1), "source", address).failure(error);
  expect(written.join("")).toContain(line);
});
