import type { Logger } from "../../base/log.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import { type Notification, notificationOf } from "./notify-message.ts";

/** What carries notifications to devices: the embedded broker, or a client of another one. */
export interface Notifier {
  /** Hands one over. Returns at once and never throws: whoever opens a tunnel neither waits for it nor fails with it. */
  publish(notification: Notification): void;
  /** Ends every connection; what is not yet delivered is given up. */
  close(): Promise<void>;
}

/** Tells devices of their tunnels from now on; the function returned ends that. */
export function notifyDevices(
  tunnels: Tunnels,
  notifier: Notifier,
  { region, log }: { readonly region: string; readonly log: Logger },
): () => void {
  return tunnels.onEvent((event) => {
    const notification = notificationOf(event, region);
    if (notification !== undefined) {
      log.debug("notifying on {topic} of tunnel {tunnelId}", {
        topic: notification.topic,
        tunnelId: event.tunnelId,
      });
      notifier.publish(notification);
    }
  });
}
