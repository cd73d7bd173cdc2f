import { RemoteProtocolError } from "../base/errors.ts";
import { MAX_SERVICE_ID_LENGTH } from "./constants.ts";
import { type Message, MessageType } from "./message.ts";

/** Who sent a message, as its receiver knows it. */
export type Sender = "source" | "destination" | "service";

const MAY_SEND: Readonly<Record<Sender, readonly number[]>> = {
  source: [
    MessageType.Data,
    MessageType.StreamStart,
    MessageType.StreamReset,
    MessageType.ConnectionStart,
    MessageType.ConnectionReset,
  ],
  destination: [MessageType.Data, MessageType.StreamReset, MessageType.ConnectionReset],
  service: [MessageType.StreamReset, MessageType.SessionReset, MessageType.ServiceIds],
};

const LAST_KNOWN_TYPE: number = MessageType.ConnectionReset;

/**
 * Whether a message may come from a sender and has what its type needs (P14 to P20).
 * @returns false for a message of an unknown type that asks to be ignored (P17): skip it.
 * @throws RemoteProtocolError for everything that breaks a rule.
 */
export function checkMessage(message: Message, senders: readonly Sender[]): boolean {
  const { type } = message;
  if (type < 0 || type > LAST_KNOWN_TYPE) {
    if (message.ignorable) return false;
    throw new RemoteProtocolError("P17", `message of unknown type ${type}`);
  }
  if (!senders.some((sender) => MAY_SEND[sender].includes(type))) {
    throw new RemoteProtocolError(
      "P14",
      `message of type ${type}, which the ${senders.join(" or the ")} may not send`,
    );
  }
  if (type !== MessageType.SessionReset && type !== MessageType.ServiceIds && message.streamId === 0) {
    throw new RemoteProtocolError("P21", `message of type ${type} without stream id`);
  }
  // A longer one would leave a full payload no room in a message.
  if (message.availableServiceIds.some((name) => name.length > MAX_SERVICE_ID_LENGTH)) {
    throw new RemoteProtocolError("P30", `a service id of more than ${MAX_SERVICE_ID_LENGTH} characters`);
  }
  return true;
}
