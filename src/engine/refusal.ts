/** The answer to a handshake that was not 101. */
export interface RefusedHandshake {
  readonly status: number;
  /** Body, or what stands for it in the headers. */
  readonly statusReason: string;
  readonly channelId?: string | undefined;
}

/**
 * What a refused handshake means (P7). For good: `tunnel-over`: closed, deleted or expired; `token-spent`: used before,
 * by somebody without a client token or with another one; `token-unknown`: replaced, or of another region or endpoint;
 * `refused`: anything else that the service says for good, about a token that may be as good as before. To be tried
 * again: `busy`: the service asks for it; `foreign`: something else answers, such as a captive portal.
 */
export type RefusalMeaning = "tunnel-over" | "token-spent" | "token-unknown" | "refused" | "busy" | "foreign";

/** Statuses of the 4xx class that ask to try again. */
const TRY_AGAIN = [408, 425, 429];
// Sentences by which the service's own refusals are known. They stand at the beginning: a page of somebody else's may
// have such words anywhere.
const TUNNEL_OVER = /^(the )?tunnel (is|has) (closed|deleted|expired)/i;
const TOKEN_REFUSED = /^invalid (access|client)[- ]token/i;
const TOKEN_SPENT = /^invalid access[- ]token: .*(previously used|can ?not be used again)/i;
const TOKEN_UNKNOWN = /^invalid access[- ]token\.?$/i;

/** The one judge of refusals: for trying again, for the exit code, and for forgetting a token that is kept. */
export function judgeRefusal({ status, statusReason, channelId }: RefusedHandshake): RefusalMeaning {
  if (status >= 500 || TRY_AGAIN.includes(status)) return "busy";
  if (status < 400) return "foreign";
  const reason = statusReason.trim();
  if (TUNNEL_OVER.test(reason)) return "tunnel-over";
  if (TOKEN_SPENT.test(reason)) return "token-spent";
  if (TOKEN_UNKNOWN.test(reason)) return "token-unknown";
  return channelId !== undefined || TOKEN_REFUSED.test(reason) ? "refused" : "foreign";
}

/** Whether trying again gives the same answer. */
export function isLastWord(meaning: RefusalMeaning): boolean {
  return meaning !== "busy" && meaning !== "foreign";
}

/** Whether a reason, of a refusal or a close frame, says that the tunnel itself is over (P8). */
export function saysTunnelEnded(reason: string): boolean {
  return TUNNEL_OVER.test(reason.trim());
}
