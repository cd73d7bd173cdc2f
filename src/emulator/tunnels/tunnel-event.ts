import type { AccessToken } from "../../base/secret.ts";
import type { Side } from "../relay/relay.ts";
import type { TunnelRecord } from "../store/store.ts";

/** What happened to a tunnel; told after the change is durable. */
export type TunnelEvent =
  | {
      readonly type: "opened";
      readonly tunnelId: string;
      readonly thingName: string | undefined;
      readonly services: readonly string[];
      readonly destinationAccessToken: AccessToken;
    }
  | {
      readonly type: "rotated";
      readonly tunnelId: string;
      /** The sides whose former access token is revoked. */
      readonly modes: readonly Side[];
      readonly thingName: string | undefined;
      readonly services: readonly string[];
      /** Present when the destination's was rotated. */
      readonly destinationAccessToken: AccessToken | undefined;
    }
  | { readonly type: "closed"; readonly tunnelId: string; readonly reason: "closed" | "expired" | "deleted" };

/** What every notice of a tunnel says of it. */
export function noticeOf(
  tunnel: TunnelRecord,
): Pick<TunnelEvent & { type: "opened" }, "tunnelId" | "thingName" | "services"> {
  return { tunnelId: tunnel.tunnelId, thingName: tunnel.thingName, services: tunnel.services ?? [] };
}
