// AWS on this machine: the control plane, STS and Identity Center behind a web proxy, under their real names, with
// every request noted. Whatever program is sent there through HTTPS_PROXY shows as whom it signs, and for which region.
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createAuthority, issueServerCertificate } from "../../src/emulator/certificates/authority.ts";
import { listen } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";

/** A request as its server saw it. */
export interface SeenRequest {
  readonly host: string;
  /** Operation of the control plane, action of STS, or path. */
  readonly what: string;
  /** Absent for requests that are not signed. */
  readonly accessKeyId?: string;
  readonly region?: string;
  readonly sessionToken?: string;
}

/** The way there of one program, with its own ports: what it asks is told from what others ask. */
export interface AwsVisitor extends AsyncDisposable {
  /** Environment that leads a program there, and nowhere else. */
  readonly env: Readonly<Record<string, string>>;
  /** Credentials of a container, at `/container`, and of an instance, where instances have them. */
  readonly plainUrl: string;
  /** What was asked so far, in order. */
  readonly seen: readonly SeenRequest[];
}

export interface Aws extends AsyncDisposable {
  visit(): Promise<AwsVisitor>;
}

const SERVICES = ["api.tunneling.iot", "api.tunneling.iot-fips", "sts", "sts-fips", "portal.sso", "oidc"];

/** @param regions whose hosts are there */
export async function startAws(regions: readonly string[]): Promise<Aws> {
  const dir = tempDir();
  const names = regions.flatMap((region) => SERVICES.map((service) => `${service}.${region}.amazonaws.com`));
  const authority = await createAuthority(names, Date.now());
  const server = await issueServerCertificate(authority, { names, addresses: [] }, Date.now());
  const ca = join(dir.path, "ca.pem");
  writeFileSync(ca, authority.certificate);
  /** Whose connections they are, by the port at the near end of the web proxy's connection to the servers. */
  const visitors = new Map<number, SeenRequest[]>();
  const web = await listen(
    createHttpsServer({ cert: server.certificate, key: server.privateKey }, (request, response) => {
      const seen = visitors.get(request.socket.remotePort ?? 0) ?? [];
      void text(request).then((body) => answer(request, body, response, seen));
    }),
  );
  return {
    visit: () => visit(web.port, ca, visitors),
    [Symbol.asyncDispose]: async () => {
      await web[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

async function visit(webPort: number, ca: string, visitors: Map<number, SeenRequest[]>): Promise<AwsVisitor> {
  const seen: SeenRequest[] = [];
  const plain = await listen(
    createHttpServer((request, response) => {
      void text(request).then((body) => answer(request, body, response, seen));
    }),
  );
  const webProxy = createHttpServer();
  webProxy.on("connect", (_request, near: Socket) => {
    const far = connect({ host: "127.0.0.1", port: webPort });
    far.once("connect", () => {
      const { localPort = 0 } = far;
      visitors.set(localPort, seen);
      far.once("close", () => visitors.delete(localPort));
      near.write("HTTP/1.1 200 OK\r\n\r\n");
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
      socket.pipe(other);
    }
  });
  const proxy = await listen(webProxy);
  return {
    seen,
    env: {
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
      NO_PROXY: "127.0.0.1",
      AWS_CA_BUNDLE: ca,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_PAGER: "",
      AWS_MAX_ATTEMPTS: "1",
    },
    plainUrl: `http://127.0.0.1:${plain.port}`,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([plain[Symbol.asyncDispose](), proxy[Symbol.asyncDispose]()]);
    },
  };
}

const EXPIRATION = new Date(Date.now() + 3_600_000);

function answer(request: IncomingMessage, body: string, response: ServerResponse, seen: SeenRequest[]): void {
  const { headers } = request;
  const url = new URL(request.url ?? "/", "http://host.invalid");
  const form = new URLSearchParams(body);
  const what = String(headers["x-amz-target"] ?? form.get("Action") ?? url.pathname);
  const [, accessKeyId, region] =
    /Credential=([^/]+)\/\d+\/([^/]*)\//.exec(headers.authorization ?? "") ?? [];
  const token = headers["x-amz-security-token"];
  seen.push({
    host: headers.host ?? "",
    what: what.replace(/^.*\./, ""),
    ...(accessKeyId !== undefined && { accessKeyId, region: region ?? "" }),
    ...(token !== undefined && { sessionToken: String(token) }),
  });
  const say = (type: string, content: string) =>
    response.writeHead(200, { "content-type": type }).end(content);
  const refusal = refusalOf(form.get("RoleArn") ?? url.searchParams.get("role_name") ?? "");
  if (refusal !== undefined) {
    const { status, type, text: content } = refusal;
    return void response.writeHead(status, { "content-type": type }).end(content);
  }
  if (/^AssumeRole/.test(what)) return void say("text/xml", roleAnswer(what, form));
  if (what === "/latest/api/token") return void say("text/plain", "imds-session");
  if (what.endsWith("/security-credentials/")) return void say("text/plain", "instance-role");
  if (what.endsWith("/security-credentials/instance-role")) {
    return void say(
      "application/json",
      JSON.stringify({ ...containerAnswer(), Code: "Success", AccessKeyId: "INSTANCE" }),
    );
  }
  if (what === "/container") return void say("application/json", JSON.stringify(containerAnswer()));
  if (what === "/federation/credentials") {
    return void say("application/json", JSON.stringify(ssoAnswer(request, url)));
  }
  if (what === "/token") {
    return void say(
      "application/json",
      JSON.stringify({ accessToken: "renewed", expiresIn: 3600, tokenType: "Bearer" }),
    );
  }
  say("application/x-amz-json-1.1", '{"tunnelSummaries":[]}');
}

/** Roles with such names are refused by the one service or the other. */
function refusalOf(role: string) {
  if (role.endsWith("/denied")) {
    const text =
      "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>You &amp; me: no</Message></Error></ErrorResponse>";
    return { status: 403, type: "text/xml", text };
  }
  if (role === "Denied") return { status: 403, type: "application/json", text: '{"message":"No access"}' };
  return undefined;
}

/** The key says whose it is: role, and what it was asked with. */
function roleAnswer(action: string, form: URLSearchParams): string {
  const role = form.get("RoleArn")?.split("/").at(-1) ?? "";
  const facts = ["ExternalId", "DurationSeconds", "WebIdentityToken"]
    .map((name) => form.get(name) ?? "")
    .join("");
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>
    <AccessKeyId>ROLE${role}${facts.trim()}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
    <SessionToken>session-${role}</SessionToken><Expiration>${EXPIRATION.toISOString()}</Expiration></Credentials>
    <AssumedRoleUser><AssumedRoleId>x:y</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/${role}/y</Arn></AssumedRoleUser>
    </${action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`;
}

function containerAnswer() {
  const Expiration = EXPIRATION.toISOString().replace(/\.\d+Z$/, "Z");
  return { AccessKeyId: "CONTAINER", SecretAccessKey: "secret", Token: "session-container", Expiration };
}

function ssoAnswer({ headers }: IncomingMessage, url: URL) {
  const [role, account] = [url.searchParams.get("role_name"), url.searchParams.get("account_id")];
  return {
    roleCredentials: {
      accessKeyId: `SSO${role}${account}${headers["x-amz-sso_bearer_token"]}`,
      secretAccessKey: "secret",
      sessionToken: "session-sso",
      expiration: EXPIRATION.getTime(),
    },
  };
}
