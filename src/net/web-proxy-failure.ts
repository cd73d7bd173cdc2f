import { speaksNoTls } from "../base/connection-reason.ts";
import { UnreachableError } from "../base/errors.ts";
import { connectFailure, isCertificateFailure } from "./failures.ts";
import { webProxyAddress, webProxyName } from "./web-proxy-url.ts";

const CHECK = "check HTTPS_PROXY; NO_PROXY names hosts to reach without it";

/** An answer to CONNECT that is none: `tls`: it speaks TLS; `closed`: nothing came; `foreign`: it is not HTTP. */
export class WebProxyAnswerError extends Error {
  readonly kind: "tls" | "closed" | "foreign";

  constructor(kind: "tls" | "closed" | "foreign") {
    super(`web proxy: ${kind}`);
    this.kind = kind;
  }
}

/** The web proxy itself could not be reached, or what answered is none. */
export function webProxyUnreachable(webProxy: URL, cause: unknown): UnreachableError {
  if (cause instanceof UnreachableError) return cause;
  const name = webProxyName(webProxy);
  if (cause instanceof WebProxyAnswerError) return answerFailure(name, cause.kind);
  if (speaksNoTls(cause)) {
    return new UnreachableError(`the ${name} speaks no TLS`, {
      hint: "write http:// in HTTPS_PROXY: what goes through it is encrypted in any case",
    });
  }
  const { message, hint } = connectFailure(cause, {
    host: `web proxy ${webProxy.hostname}`,
    port: webProxyAddress(webProxy).port,
  });
  const isUntrusted = isCertificateFailure(cause);
  return new UnreachableError(message, { hint: isUntrusted ? hint : CHECK, cause });
}

function answerFailure(name: string, kind: WebProxyAnswerError["kind"]): UnreachableError {
  switch (kind) {
    case "tls":
      return new UnreachableError(`the ${name} speaks TLS`, { hint: "write https:// in HTTPS_PROXY" });
    case "closed":
      return new UnreachableError(`the ${name} closed the connection instead of answering CONNECT`, {
        hint: `is it a web proxy, and one that is spoken to in this way? ${CHECK}`,
      });
    case "foreign":
      return new UnreachableError(`the ${name} does not answer CONNECT like a web proxy`, { hint: CHECK });
  }
}

/** The web proxy let its time pass. */
export function webProxySilent(webProxy: URL, limitMs: number): UnreachableError {
  return new UnreachableError(`the ${webProxyName(webProxy)} does not answer: waited ${limitMs / 1_000} s`, {
    hint: CHECK,
  });
}

/** The web proxy answered CONNECT with a status that is no consent. */
export function webProxyRefusal(
  webProxy: URL,
  { host, port }: { readonly host: string; readonly port: number },
  { status, authenticate }: { readonly status: number; readonly authenticate: string },
): UnreachableError {
  const name = webProxyName(webProxy);
  if (status === 407 || status === 401) return loginFailure(webProxy, status, authenticate);
  return new UnreachableError(`the ${name} refused to connect to ${host}:${port} with status ${status}`, {
    hint: "does it allow this host and port? NO_PROXY names hosts to reach without it",
  });
}

function loginFailure(webProxy: URL, status: number, authenticate: string): UnreachableError {
  const name = webProxyName(webProxy);
  if (authenticate !== "" && !/\bbasic\b/i.test(authenticate)) {
    const schemes = [...authenticate.matchAll(/(?:^|,)\s*([a-z][\w-]{0,30})(?=\s|,|$)/gi)].map(
      ([, word]) => word,
    );
    return new UnreachableError(`the ${name} wants a login by ${schemes.join(" or ")} (status ${status})`, {
      hint: "only Basic is spoken here: a small proxy of your own on this machine can log in for you",
    });
  }
  if (webProxy.username === "" && webProxy.password === "") {
    return new UnreachableError(`the ${name} wants credentials (status ${status})`, {
      hint: "put them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT",
    });
  }
  return new UnreachableError(`the ${name} refused the credentials in HTTPS_PROXY (status ${status})`, {
    hint: "check user name and password; percent-encode what is no letter or digit: %25 for %, %40 for @",
  });
}
