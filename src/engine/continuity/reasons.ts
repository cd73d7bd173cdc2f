import { Why } from "../../protocol/control.ts";

/** Words for why the other end closed a connection (P97). */
export function whyOf(why: number | undefined): string | undefined {
  switch (why) {
    case Why.Refused:
      return "its application refused the connection";
    case Why.Unreachable:
      return "its application cannot be reached";
    case Why.TimedOut:
      return "its application did not answer in time";
    case Why.Reset:
      return "its application reset the connection";
    case Why.Stopped:
      return "the other proxy was stopped";
    default:
      return undefined;
  }
}
