import { HandshakeError, type TunnelError } from "../base/errors.ts";

/** Statuses of the 4xx class that ask to try again. */
const TRY_AGAIN = [408, 425, 429];
/** Sentences by which the service's own refusals are known (P7). */
const KNOWN_REFUSAL = /invalid (access|client)[- ]token|tunnel (is|has) (closed|deleted|expired)/i;
const TUNNEL_ENDED = /tunnel (is|has) (closed|deleted|expired)/i;

/**
 * Whether a failed handshake is the service's last word (P7). A refusal without its marks may come from a captive
 * portal or another box on the way, and is tried again.
 */
export function isFinalRefusal(error: TunnelError): error is HandshakeError {
  if (!(error instanceof HandshakeError)) return false;
  if (error.status < 400 || error.status > 499 || TRY_AGAIN.includes(error.status)) return false;
  return error.channelId !== undefined || KNOWN_REFUSAL.test(error.statusReason);
}

/** Whether a reason, of a refusal or a close frame, says that the tunnel itself is over (P8). */
export function saysTunnelEnded(reason: string): boolean {
  return TUNNEL_ENDED.test(reason);
}
