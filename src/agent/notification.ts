import { isUtf8 } from "node:buffer";
import { escapeControl } from "../base/escape.ts";
import { jsonObject } from "../base/json-object.ts";
import { isApiName, isRegion } from "../base/names.ts";
import { AccessToken } from "../base/secret.ts";
import { ACCESS_TOKEN_PATTERN, MAX_SERVICES } from "../protocol/constants.ts";

/** What the service tells a device when a tunnel was opened for it, or its access token rotated (P80). */
export interface Notification {
  readonly accessToken: AccessToken;
  readonly region: string;
  readonly services: readonly string[];
}

/** What an agent may be told to do by whoever can publish on its topic. */
export interface NotificationPolicy {
  /** Regions whose data plane it connects to. */
  readonly regions: ReadonlySet<string>;
  /** Services that lead anywhere from here. */
  readonly services: ReadonlySet<string>;
}

/** Why a notification is not followed. */
export type RefusalReason = "too-large" | "malformed" | "region" | "service";

/** A notification that may be followed, or why it may not; `message` goes to the log. */
export type NotificationResult =
  | { readonly type: "accepted"; readonly notification: Notification }
  | { readonly type: "refused"; readonly reason: RefusalReason; readonly message: string };

/** A token has at most 4 KiB and a service id 128 bytes; AWS IoT itself lets 128 KiB through. */
export const MAX_NOTIFICATION_BYTES = 8 * 1024;

/** Reads and judges the payload of a notification (P80, P81). Never throws, whatever the bytes are. */
export function readNotification(payload: Uint8Array, policy: NotificationPolicy): NotificationResult {
  if (payload.length > MAX_NOTIFICATION_BYTES) {
    return refuse("too-large", `it has ${payload.length} bytes, ${MAX_NOTIFICATION_BYTES} are allowed`);
  }
  const members = parseObject(payload);
  if (members === undefined) return refuse("malformed", "it is no JSON object");
  const fault = findFault(members);
  if (fault !== undefined) return refuse("malformed", fault);
  const { clientAccessToken, region, services } = members as unknown as Members;
  return judge({ accessToken: new AccessToken(clientAccessToken), region, services }, policy);
}

/** Whether a well-formed notification may be followed; also asked again when it is resumed after a restart. */
export function judge(notification: Notification, policy: NotificationPolicy): NotificationResult {
  const { region, services } = notification;
  if (!policy.regions.has(region)) {
    const own = [...policy.regions].join(", ");
    return refuse("region", `it is for region "${region}", not ${own}; --allow-region ${region} permits it`);
  }
  const unknown = services.find((service) => !policy.services.has(service));
  if (unknown !== undefined) {
    return refuse(
      "service",
      `service "${unknown}" leads nowhere; --map ${unknown}=ADDRESS says where it is reached`,
    );
  }
  return { type: "accepted", notification };
}

interface Members {
  readonly clientAccessToken: string;
  readonly clientMode: string;
  readonly region: string;
  readonly services: readonly string[];
}

function parseObject(payload: Uint8Array): Readonly<Record<keyof Members, unknown>> | undefined {
  if (!isUtf8(payload)) return undefined;
  return jsonObject(new TextDecoder().decode(payload)) as Record<keyof Members, unknown> | undefined;
}

/** The first thing that is wrong with the members, in words. The token's value is never part of them. */
function findFault(members: Readonly<Record<keyof Members, unknown>>): string | undefined {
  const { clientAccessToken, clientMode, region, services } = members;
  if (typeof clientAccessToken !== "string") return "clientAccessToken is missing or no text";
  if (!ACCESS_TOKEN_PATTERN.test(clientAccessToken)) {
    return "clientAccessToken does not have 1 to 4096 printable characters without spaces";
  }
  if (clientMode !== "destination") return `clientMode is ${show(clientMode)}, not "destination"`;
  if (typeof region !== "string" || !isRegion(region)) {
    return `region is ${show(region)}, not the name of a region`;
  }
  return findServicesFault(services);
}

function findServicesFault(services: unknown): string | undefined {
  if (!Array.isArray(services) || services.length === 0 || services.length > MAX_SERVICES) {
    return `services is no list of 1 to ${MAX_SERVICES}`;
  }
  const bad = services.findIndex((service) => typeof service !== "string" || !isApiName(service));
  if (bad >= 0) return `services has ${show(services[bad])}, not the name of a service`;
  return new Set(services).size < services.length ? "services names one twice" : undefined;
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${escapeControl(value, 60)}"`;
  return value === undefined ? "missing" : `a ${Array.isArray(value) ? "list" : typeof value}`;
}

function refuse(reason: RefusalReason, message: string): NotificationResult {
  return { type: "refused", reason, message };
}
