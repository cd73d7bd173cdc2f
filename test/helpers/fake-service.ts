// A server that stands where the service should be, with whatever is wrong about it.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createAuthority, issueServerCertificate } from "../../src/emulator/certificates/authority.ts";
import { checkSignature } from "./signature.ts";
import { tempDir } from "./temp-dir.ts";

const DAY_MS = 86_400_000;

export interface FakeService extends AsyncDisposable {
  readonly port: number;
  /** Path of the CA's PEM file. */
  readonly ca: string;
  /** Arguments and variables that lead a command here, credentials included. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface FakeFaults {
  /** Its clock minus ours. */
  readonly skewMs?: number;
  /** When its certificate was issued: a year and a month of life. */
  readonly issuedDaysAgo?: number;
  /** The name in its certificate. */
  readonly name?: string;
  /** Operations that it denies, e.g. CloseTunnel. */
  readonly denied?: readonly string[];
  /** It refuses the credentials themselves. */
  readonly refusesCredentials?: boolean;
  /** What it answers to an operation, instead of what it would; undefined for its usual answer. */
  readonly answer?: (operation: string) => { readonly status: number; readonly body: unknown } | undefined;
  /** What it says to a data plane handshake, with status 200. */
  readonly portal?: string;
}

export const ACCOUNT = "123456789012";
export const SECRETS = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
  sessionToken: "FwoGZXIvYXdzEBYaDLSessionTokenOfAnExampleThatIsLong",
};

export async function startFakeService(faults: FakeFaults = {}): Promise<FakeService> {
  const dir = tempDir();
  const name = faults.name ?? "localhost";
  const issuedAt = Date.now() - (faults.issuedDaysAgo ?? 0) * DAY_MS;
  const authority = await createAuthority([name], issuedAt);
  const leaf = await issueServerCertificate(authority, { names: [name], addresses: [] }, issuedAt);
  const ca = join(dir.path, "ca.pem");
  writeFileSync(ca, authority.certificate);
  const server = createServer({ cert: leaf.certificate, key: leaf.privateKey });
  answer(server, faults);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ca,
    args: ["--endpoint-url", `https://localhost:${port}`, "--proxy-endpoint", `localhost:${port}`],
    env: {
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: SECRETS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SECRETS.secretAccessKey,
      AWS_SESSION_TOKEN: SECRETS.sessionToken,
      AWS_ENDPOINT_URL_STS: `https://localhost:${port}`,
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      dir[Symbol.dispose]();
    },
  };
}

function answer(server: Server, faults: FakeFaults): void {
  server.on("request", async (request, response) => {
    await text(request);
    response.setHeader("date", new Date(Date.now() + (faults.skewMs ?? 0)).toUTCString());
    const say = (status: number, body: string, type = "application/x-amz-json-1.1") => {
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };
    const url = new URL(request.url ?? "/", "https://localhost");
    if (url.searchParams.get("Action") === "GetCallerIdentity") {
      return identify(isSigned(request) && !faults.refusesCredentials, say);
    }
    if (url.pathname === "/tunnel") {
      return faults.portal === undefined
        ? say(400, "Invalid access token: none", "text/plain")
        : say(200, faults.portal, "text/html");
    }
    const operation =
      String(request.headers["x-amz-target"] ?? "")
        .split(".")
        .at(-1) ?? "";
    if (faults.denied?.includes(operation)) {
      return say(400, JSON.stringify({ __type: "AccessDeniedException", message: "no policy allows it" }));
    }
    const special = faults.answer?.(operation);
    if (special !== undefined) return say(special.status, JSON.stringify(special.body));
    if (operation === "ListTunnels") return say(200, JSON.stringify({ tunnelSummaries: [] }));
    say(400, JSON.stringify({ __type: "ResourceNotFoundException", message: "not found" }));
  });
}

/** Whether the credentials above signed it for this service. */
function isSigned(request: IncomingMessage): boolean {
  const { method = "", url: target = "", headers } = request;
  try {
    const { service, region } = checkSignature({ method, target, headers }, SECRETS.secretAccessKey);
    return service === "sts" && region === "us-east-1";
  } catch {
    return false;
  }
}

function identify(isKnown: boolean, say: (status: number, body: string, type?: string) => void): void {
  if (!isKnown) {
    return say(
      403,
      "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>",
      "text/xml",
    );
  }
  const arn = `arn:aws:sts::${ACCOUNT}:assumed-role/operator/jane`;
  say(200, `<R><GetCallerIdentityResult><Arn>${arn}</Arn></GetCallerIdentityResult></R>`, "text/xml");
}
