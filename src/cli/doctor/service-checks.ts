// The service behind the network: who we are, what we may, and whether both planes answer as they should.

import { randomUUID } from "node:crypto";
import https from "node:https";
import { isIP } from "node:net";
import type { ControlPlane } from "../../aws/control-plane.ts";
import type { AwsPlace } from "../../aws/endpoints.ts";
import type { Tunnel } from "../../aws/shapes.ts";
import { CredentialsError, ServiceError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { shellLine } from "../../base/shell.ts";
import { isLastWord, judgeRefusal } from "../../engine/refusal.ts";
import { readRefusalBody } from "../../net/refusal-body.ts";
import { CHANNEL_ID_HEADER, MODE_PARAMETER, SUBPROTOCOLS, TUNNEL_PATH } from "../../protocol/constants.ts";
import { awsUrl, credentialsOf } from "../target/target.ts";
import { type Finding, fail, failed, ok, REFUSED, unknown, warn } from "./finding.ts";
import { agentOf, type Site } from "./site.ts";

/** Credentials, and the identity that they stand for. */
export async function checkCredentials(site: Site, signal: AbortSignal): Promise<Finding> {
  if (site.target.local !== undefined) {
    const isPrivate = site.target.local.credentials !== undefined;
    const whose = isPrivate ? "serve-local's own key is used" : "serve-local takes any";
    return ok("credentials", `${whose}; real ones are not read`);
  }
  const agent = agentOf(site);
  try {
    const { callerIdentity } = await import("../../aws/caller-identity.ts");
    const credentials = await credentialsOf(site.target, agent, signal);
    const { accessKeyId } = await credentials();
    const key = `access key ${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`;
    const place = identityPlace(site);
    if (place === undefined) return ok("credentials", `found, ${key}; who that is was not asked of AWS`);
    const arn = await callerIdentity(place, credentials, { agent, signal });
    return ok("credentials", `${key} is ${arn}`);
  } catch (error) {
    const isMissing = error instanceof CredentialsError;
    return isMissing
      ? fail("credentials", error.message, error.hint ?? MISSING_FIX, REFUSED)
      : failed("credentials", error);
  } finally {
    agent.destroy();
  }
}

/** AWS STS; absent where the service is not AWS's and nothing says where its STS is. */
function identityPlace({ region, customEndpoint, target, env }: Site): AwsPlace | undefined {
  const isGiven = (env["AWS_ENDPOINT_URL_STS"] ?? "") !== "";
  if (customEndpoint !== undefined && !isGiven) return undefined;
  return { url: awsUrl(target, "sts", region), region };
}

const MISSING_FIX =
  "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or aws sso login; --local needs none";

/** One call that every user of tunnels needs. */
export async function checkControlPlane({ controlPlane }: Site, api: ControlPlane): Promise<Finding> {
  try {
    await api.listTunnels({ max: 1 });
    return ok(
      "control-plane",
      `${controlPlane.host}:${controlPlane.port} answers, and iot:ListTunnels is allowed`,
    );
  } catch (error) {
    return failed("control-plane", error);
  }
}

/**
 * Which actions are denied, by calls about a tunnel that does not exist: whoever may call is told that it was not
 * found, and nothing changes. iot:OpenTunnel would cost money, so it is not tried.
 */
export async function checkPermissions(api: ControlPlane): Promise<Finding> {
  const tunnelId = randomUUID();
  const calls: readonly (readonly [action: string, call: () => Promise<unknown>])[] = [
    ["iot:DescribeTunnel", () => api.describeTunnel(tunnelId)],
    ["iot:RotateTunnelAccessToken", () => api.rotateTunnelAccessToken({ tunnelId, clientMode: "SOURCE" })],
    ["iot:CloseTunnel", () => api.closeTunnel({ tunnelId })],
  ];
  const answers = await Promise.all(calls.map(([action, call]) => judge(action, call)));
  const denied = answers.filter(({ answer }) => answer === "denied").map(({ action }) => action);
  const allowed = answers.filter(({ answer }) => answer === "allowed").map(({ action }) => action);
  if (denied.length > 0) {
    return warn(
      "permissions",
      `denied: ${denied.join(", ")}`,
      `allow them in the identity's policy; one that asks for tags of a tunnel denies them here too, where no tunnel has any`,
    );
  }
  if (allowed.length < calls.length) return unknown("permissions", "the control plane does not tell");
  return ok("permissions", `${allowed.join(", ")} are allowed; iot:OpenTunnel costs money and was not tried`);
}

async function judge(action: string, call: () => Promise<unknown>) {
  try {
    await call();
    return { action, answer: "allowed" };
  } catch (error) {
    const code = error instanceof ServiceError ? error.code : "";
    if (code === "ERR_DENIED") return { action, answer: "denied" };
    return { action, answer: code === "ERR_NOT_FOUND" || code === "ERR_INVALID" ? "allowed" : "unknown" };
  }
}

/** A handshake without an access token, which the service refuses in its own way and a captive portal in another. */
export async function checkDataPlane(site: Site, signal: AbortSignal): Promise<Finding> {
  const { host, port } = site.dataPlane;
  const where = `${host}:${port}`;
  const agent = agentOf(site);
  try {
    const { status, body, channelId } = await shakeHands(site, agent, signal);
    if (isLastWord(judgeRefusal({ status, statusReason: body, channelId }))) {
      return ok(
        "data-plane",
        `${where} refuses a handshake without a token, as it should (status ${status})`,
      );
    }
    const said = `status ${status}${body === "" ? "" : `: ${escapeControl(body, 120)}`}`;
    if (status >= 500) {
      return fail("data-plane", `${where} has trouble of its own: ${said}`, "try again later");
    }
    return fail(
      "data-plane",
      `${where} does not answer like the data plane: ${said}`,
      "check --proxy-endpoint; a captive portal or a web proxy may answer in its place",
    );
  } catch (error) {
    const { connectFailure } = await import("../../net/failures.ts");
    return failed("data-plane", connectFailure(error, { host, port }), "check the network and the firewall");
  } finally {
    agent.destroy();
  }
}

async function shakeHands({ dataPlane: { host, port } }: Site, agent: https.Agent, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number;
    body: string;
    channelId?: string | undefined;
  }>();
  const request = https.request(
    {
      host,
      port,
      path: `${TUNNEL_PATH}?${MODE_PARAMETER}=source`,
      agent,
      signal,
      servername: isIP(host) === 0 ? host : "",
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": Buffer.from(randomUUID().slice(0, 16)).toString("base64"),
        "sec-websocket-protocol": SUBPROTOCOLS.join(", "),
      },
    },
    (response) => {
      const status = response.statusCode ?? 0;
      const { [CHANNEL_ID_HEADER]: id } = response.headers;
      const channelId = id === undefined ? undefined : String(id);
      readRefusalBody(response).then((body) => resolve({ status, body, channelId }), reject);
    },
  );
  request.on("upgrade", (_response, socket) => {
    socket.destroy();
    resolve({ status: 101, body: "" });
  });
  request.on("error", reject);
  request.end();
  return promise;
}

/** Whether a device of the thing is there, as far as its tunnels show it. */
export async function checkThing({ thing, services }: Site, api: ControlPlane): Promise<readonly Finding[]> {
  if (thing === undefined) return [];
  const why = `no open tunnel of "${thing}" shows it; AWS IoT tells nobody here whether a device is connected`;
  try {
    const summaries = await api.listTunnels({ thingName: thing, max: MAX_TUNNELS });
    const open = summaries.filter(({ status }) => status === "OPEN");
    const tunnels = await Promise.all(open.map(({ tunnelId }) => api.describeTunnel(tunnelId)));
    const online = tunnels.find(({ destinationConnectionState: state }) => state?.status === "CONNECTED");
    const about =
      online === undefined
        ? unknown(
            "thing",
            why,
            `${shellLine`tunnel open --thing ${thing} --service SSH`}, then tunnel describe ID`,
          )
        : ok("thing", `"${thing}" is online: it is connected to tunnel ${online.tunnelId}`);
    return [about, ...services.map((service) => serviceFinding(service, tunnels))];
  } catch (error) {
    return [failed("thing", error)];
  }
}

/** Tunnels that are looked at, newest first: more than one person has open for a device. */
const MAX_TUNNELS = 20;

function serviceFinding(service: string, tunnels: readonly Tunnel[]): Finding {
  const found = tunnels.find(({ destinationConfig }) => destinationConfig?.services.includes(service));
  return found === undefined
    ? unknown(
        "service",
        `no open tunnel has service "${service}"; whether the device maps it is its own affair`,
      )
    : ok("service", `tunnel ${found.tunnelId} has service "${service}"`);
}
