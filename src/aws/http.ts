// One HTTP request of our own to a service of AWS, small answers only.

import http from "node:http";
import https, { type Agent } from "node:https";
import type { Socket } from "node:net";
import { UnreachableError } from "../base/errors.ts";
import { networkReason } from "./network-reason.ts";

/** How a request is carried. */
export interface Carrier {
  /** Makes the TLS connections: trusted roots and web proxy are its business. */
  readonly agent: Agent;
  readonly signal?: AbortSignal | undefined;
}

export interface PlainRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Beyond what an exchange is given up. */
export interface ExchangeLimits {
  /** From the start to the last byte of the answer; absent: as long as the carrier's signal lets it. */
  readonly timeoutMs?: number;
  /** TCP and TLS; absent: as long as the whole. */
  readonly connectTimeoutMs?: number;
  readonly maxBytes: number;
}

/** An answer with more bytes than it may have. */
export class TooLongError extends Error {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`the answer is longer than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** Credentials and endpoints take some kilobytes. */
const SMALL: ExchangeLimits = { timeoutMs: 15_000, maxBytes: 1024 * 1024 };

/** @throws UnreachableError that names the host */
export async function send(
  url: URL,
  request: PlainRequest,
  carrier: Carrier,
  limits: ExchangeLimits = SMALL,
): Promise<PlainAnswer> {
  try {
    return await exchange(url, request, carrier, limits);
  } catch (cause) {
    carrier.signal?.throwIfAborted();
    if (cause instanceof UnreachableError) throw cause; // of the web proxy, whose name it has
    const { reason, hint } = networkReason(cause) ?? {
      reason: cause instanceof Error ? cause.message : String(cause),
    };
    throw new UnreachableError(`cannot reach ${url.host}: ${reason}`, {
      hint: hint ?? "check the network, and HTTPS_PROXY if there is a web proxy",
      cause,
    });
  }
}

/** As `send`, but fails with what the system, the TLS library or the agent says, a TimeoutError, or TooLongError. */
export async function exchange(
  url: URL,
  request: PlainRequest,
  carrier: Carrier,
  limits: ExchangeLimits,
): Promise<PlainAnswer> {
  const { timeoutMs } = limits;
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  try {
    return await start(url, request, carrier, limits, timeout);
  } catch (error) {
    // The runtimes say in different ways that a signal ended it.
    throw timeout?.aborted ? late(`no answer within ${timeoutMs} ms`) : error;
  }
}

function late(message: string): Error {
  return Object.assign(new Error(message), { name: "TimeoutError" });
}

function start(
  url: URL,
  { method, headers, body }: PlainRequest,
  { agent, signal }: Carrier,
  { connectTimeoutMs, maxBytes }: ExchangeLimits,
  timeout: AbortSignal | undefined,
): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const end = AbortSignal.any([timeout, signal].filter((each) => each !== undefined));
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const options = { method, headers: { ...headers, ...length }, signal: end };
  const onAnswer = (response: http.IncomingMessage) => {
    const { statusCode: status = 0, headers } = response;
    read(response, maxBytes).then((body) => resolve({ status, headers, body }), reject);
  };
  const request =
    url.protocol === "http:"
      ? http.request(url, options, onAnswer)
      : https.request(url, { ...options, agent }, onAnswer);
  request.on("error", reject);
  if (connectTimeoutMs !== undefined) limitConnecting(request, connectTimeoutMs);
  request.end(body);
  return promise;
}

/** Gives the request up when its connection takes too long; one that is open already has no limit. */
function limitConnecting(request: http.ClientRequest, limitMs: number): void {
  request.once("socket", (socket: Socket & { readonly secureConnecting?: boolean }) => {
    if (!socket.connecting && socket.secureConnecting !== true) return;
    const timer = setTimeout(() => request.destroy(late(`no connection within ${limitMs} ms`)), limitMs);
    const done = () => clearTimeout(timer);
    socket.once(socket.secureConnecting === undefined ? "connect" : "secureConnect", done);
    socket.once("close", done);
    request.once("response", done);
  });
}

async function read(response: http.IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) throw new TooLongError(maxBytes);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
