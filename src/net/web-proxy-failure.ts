import { UnreachableError } from "../base/errors.ts";
import { connectFailure } from "./failures.ts";

/** The web proxy itself could not be reached, or did not answer. */
export function webProxyUnreachable(webProxy: URL, cause: unknown): UnreachableError {
  const { message } = connectFailure(cause, {
    host: `web proxy ${webProxy.hostname}`,
    port: proxyPort(webProxy),
  });
  return new UnreachableError(message, {
    hint: "check HTTPS_PROXY; NO_PROXY names hosts to reach without it",
    cause,
  });
}

/** The web proxy answered CONNECT with another status than 200. */
export function webProxyRefusal(
  webProxy: URL,
  { host, port }: { readonly host: string; readonly port: number },
  status: number,
): UnreachableError {
  const where = `web proxy ${webProxy.hostname}:${proxyPort(webProxy)}`;
  if (status === 407) {
    return new UnreachableError(`the ${where} wants credentials (status 407)`, {
      hint: "put them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT",
    });
  }
  return new UnreachableError(`the ${where} refused to connect to ${host}:${port} with status ${status}`, {
    hint: "does it allow this host and port? NO_PROXY names hosts to reach without it",
  });
}

function proxyPort({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}
