// One HTTP request of our own to a service of AWS, small answers only.

import http from "node:http";
import https, { type Agent } from "node:https";
import { UnreachableError } from "../base/errors.ts";
import { networkReason } from "./call-failure.ts";

/** How a request is carried. */
export interface Carrier {
  /** Makes the TLS connections: trusted roots and web proxy are its business. */
  readonly agent: Agent;
  readonly signal?: AbortSignal | undefined;
}

export interface PlainRequest {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface PlainAnswer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 15_000;
/** Credentials and endpoints take some kilobytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** @throws UnreachableError that names the host */
export async function send(url: URL, request: PlainRequest, carrier: Carrier): Promise<PlainAnswer> {
  try {
    return await exchange(url, request, carrier);
  } catch (cause) {
    carrier.signal?.throwIfAborted();
    throw new UnreachableError(`cannot reach ${url.host}: ${networkReason(cause)}`, {
      hint: "check the network, and HTTPS_PROXY if there is a web proxy",
      cause,
    });
  }
}

function exchange(url: URL, { method, headers, body }: PlainRequest, { agent, signal }: Carrier) {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const limit = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]);
  const options = { method, headers, signal: limit };
  const onAnswer = (response: http.IncomingMessage) => {
    read(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
  };
  const request =
    url.protocol === "http:"
      ? http.request(url, options, onAnswer)
      : https.request(url, { ...options, agent }, onAnswer);
  request.on("error", reject);
  request.end(body);
  return promise;
}

async function read(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new Error("the answer is too long");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
