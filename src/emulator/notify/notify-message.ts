import type { TunnelEvent } from "../tunnels/tunnel-event.ts";

/** An MQTT message to a device, ready to be published with QoS 1 and without the retain flag. */
export interface Notification {
  readonly topic: string;
  /** Holds the destination's access token: never for a log. */
  readonly payload: string;
}

/**
 * What the device of the tunnel is told about `event`: that it may connect, and with which access token. Undefined
 * when it is told nothing: a tunnel without a thing, a rotation of the source alone, the end of a tunnel. Topic and
 * members are those that the service's guide shows to device developers ("IoT agent snippet"); there are no others.
 */
export function notificationOf(event: TunnelEvent, region: string): Notification | undefined {
  if (
    event.type === "closed" ||
    event.thingName === undefined ||
    event.destinationAccessToken === undefined
  ) {
    return undefined;
  }
  return {
    topic: `${topicPrefix(event.thingName)}tunnels/notify`,
    payload: JSON.stringify({
      clientAccessToken: event.destinationAccessToken.reveal(),
      clientMode: "destination",
      region,
      services: event.services,
    }),
  };
}

/**
 * Whether a device may receive what `filter`, a topic or a topic filter, matches: everything below the reserved
 * topics of its own thing. A wildcard before that point would reach other things.
 */
export function isOwnTopic(filter: string, thingName: string): boolean {
  return filter.startsWith(topicPrefix(thingName));
}

function topicPrefix(thingName: string): string {
  return `$aws/things/${thingName}/`;
}
