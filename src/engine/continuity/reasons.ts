import { type Reason, Why } from "../../protocol/control.ts";

/** Words for why the other end closed a connection (P97). The address in them is a stranger's text. */
export function whyOf({ why, address }: Reason): string | undefined {
  // Only a destination dials.
  const where = address === undefined ? undefined : `${address} on the device`;
  switch (why) {
    case Why.Refused:
      return where === undefined
        ? "its application refused the connection"
        : `connection refused by ${where}`;
    case Why.Unreachable:
      return `${where ?? "its application"} cannot be reached`;
    case Why.TimedOut:
      return `${where ?? "its application"} did not answer in time`;
    case Why.Reset:
      return "its application reset the connection";
    case Why.Stopped:
      return "the other proxy was stopped";
    default:
      return undefined;
  }
}
