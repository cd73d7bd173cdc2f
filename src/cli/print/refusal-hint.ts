// What to type next when the data plane did not let a proxy in.

import { HandshakeError, TunnelError, UnreachableError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import { judgeRefusal } from "../../engine/refusal.ts";
import type { Side } from "../../proxy/options.ts";

/** Whose handshake it was. */
export interface RefusedFacts {
  readonly mode: Side;
  /** Absent for a token that was given to us. */
  readonly tunnelId: string | undefined;
  readonly region: string | undefined;
  /** `--local …` after a space, or nothing. */
  readonly localWords: string;
  /** Starts the serve-local that was meant; absent when it was another service. */
  readonly serveLocal: string | undefined;
}

/** The same failure with a hint, if it is one of the handshake and has none. */
export function withRefusalHint(error: unknown, facts: RefusedFacts): unknown {
  if (!(error instanceof TunnelError) || error.hint !== undefined) return error;
  if (error instanceof HandshakeError) {
    const { message, status, statusReason, channelId } = error;
    return new HandshakeError(message, {
      status,
      statusReason,
      channelId,
      hint: refusalHint(error, facts),
      cause: error,
    });
  }
  if (error instanceof UnreachableError) {
    const hint =
      facts.serveLocal ?? "check --region, --proxy-endpoint and HTTPS_PROXY, or ask: tunnel doctor";
    return new UnreachableError(error.message, { hint, cause: error.cause });
  }
  return error;
}

/** The sentences are those of the service and of serve-local (protocol rule P7). */
function refusalHint(error: HandshakeError, facts: RefusedFacts): string {
  const { mode, tunnelId, localWords } = facts;
  const reason = error.statusReason;
  const meaning = judgeRefusal(error);
  const rotate = `${shellLine`tunnel rotate ${tunnelId ?? "ID"} --mode ${mode}`}${localWords}`;
  const issuedFor = /issued for local-proxy-mode (source|destination)/.exec(reason)?.[1];
  if (issuedFor !== undefined) {
    const map = issuedFor === "source" ? "-p SSH=2222" : "-d SSH=localhost:22";
    return `this token is for the other side: tunnel proxy ${issuedFor} ${map}${localWords}`;
  }
  if (meaning === "tunnel-over") {
    return `a tunnel that is over does not come back: tunnel open --service SSH${localWords}`;
  }
  if (/already in use with another access token/i.test(reason)) {
    return "leave --client-token (AWSIOT_TUNNEL_CLIENT_TOKEN) out: every access token gets one of its own";
  }
  if (/client[- ]token/i.test(reason)) {
    return `give the --client-token it was first used with, or get a new access token: ${rotate}`;
  }
  return meaning === "token-spent" ? rotate : unknownHint(rotate, facts);
}

function unknownHint(rotate: string, { region, localWords, serveLocal }: RefusedFacts): string {
  const place =
    serveLocal === undefined
      ? `is the tunnel in ${region ?? "this region"}, and the endpoint right? check --region and --proxy-endpoint`
      : "this serve-local takes its own tokens only";
  return `${place}; tunnel list${localWords} shows what is open, and a token that was replaced needs: ${rotate}`;
}
