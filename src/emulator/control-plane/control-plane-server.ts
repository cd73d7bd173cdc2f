import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { escapeControl } from "../../base/escape.ts";
import type { Logger } from "../../base/log.ts";
import { refuseRequest } from "../server/strict-http.ts";
import { Fault, validationFault } from "../tunnels/fault.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import { checkAuthorization, checkSignature } from "./authorization.ts";
import { parseBody } from "./body.ts";
import { operationOf, runOperation } from "./operations.ts";
import type { SigningKey } from "./signature.ts";

const CONTENT_TYPE = "application/x-amz-json-1.1";
/** The largest right request has 200 tags of 384 characters, of which some clients write 12 bytes each: 922 kB. */
const MAX_BODY_BYTES = 1_048_576;
/** A client on this machine sends a body of any size that it means in this time. */
const DISCARD_MS = 1_000;
/** A body comes with its headers; one that trickles in must not hold a connection for ever. */
const BODY_TIMEOUT_MS = 10_000;

/** What the HTTP half of the emulator needs. */
export interface ControlPlaneOptions {
  readonly tunnels: Tunnels;
  /** Values of the Host header that are answered, without port. */
  readonly hostNames: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The only key that calls may be signed with; without it any dummy credentials are good. */
  readonly signingKey?: SigningKey | undefined;
  /** Whether one more call of an operation is within the quota. */
  readonly allowsCall: (operation: string) => boolean;
  readonly log: Logger;
}

/** Answers every HTTP request that is no WebSocket upgrade: AWS JSON 1.1 on `POST /`, and `GET /healthz`. */
export async function handleRequest(
  request: IncomingMessage,
  response: ServerResponse,
  options: ControlPlaneOptions,
): Promise<void> {
  const path = (request.url ?? "").split("?", 1)[0];
  const refusal = refuseRequest(request, options.hostNames);
  if (refusal !== undefined) {
    sendText(response, refusal.status, refusal.reason);
  } else if (request.method === "OPTIONS") {
    // A browser asks for leave before every call that the control plane would take: it never gets it.
    sendText(response, 403, "Forbidden");
  } else if (path === "/healthz" && (request.method === "GET" || request.method === "HEAD")) {
    sendText(response, 200, "ok");
  } else if (path === "/tunnel") {
    sendText(response, 400, "This is the data plane: it takes WebSocket handshakes only");
  } else if (path !== "/") {
    sendText(response, 404, "Not found");
  } else if (request.method !== "POST") {
    response.setHeader("allow", "POST");
    sendText(response, 405, "The control plane takes POST only");
  } else {
    await handleCall(request, response, options);
  }
}

async function handleCall(
  request: IncomingMessage,
  response: ServerResponse,
  { tunnels, now, signingKey, allowsCall, log }: ControlPlaneOptions,
): Promise<void> {
  const requestId = randomUUID();
  try {
    const name = checkHeaders(request, now());
    if (!allowsCall(name)) throw new Fault("ThrottlingException", "Rate exceeded");
    const body = await readBody(request);
    if (signingKey !== undefined) {
      checkSignature(
        { method: "POST", target: request.url ?? "", rawHeaders: request.rawHeaders, body },
        signingKey,
      );
    }
    const answer = runOperation(name, parseBody(body), tunnels);
    log.debug("{operation}: 200", { operation: name, requestId });
    sendJson(response, { status: 200, requestId, body: answer });
  } catch (error) {
    // Not by request.destroyed: some runtimes set it as soon as the body was read.
    if (error instanceof ClientGone) {
      log.debug("the client went away before its request was whole", { requestId });
      return;
    }
    const fault = toFault(error, log);
    if (!request.complete) discardRest(request);
    const target = escapeControl(String(request.headers["x-amz-target"]));
    log.debug("{target}: {status} {type}: {reason}", {
      target,
      requestId,
      status: fault.status,
      type: fault.type,
      reason: fault.message,
    });
    response.setHeader("x-amzn-errortype", fault.type);
    sendJson(response, {
      status: fault.status,
      requestId,
      body: { __type: fault.type, message: fault.message },
    });
  }
}

function checkHeaders(request: IncomingMessage, now: number): ReturnType<typeof operationOf> {
  const { headers } = request;
  const contentType = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (contentType !== CONTENT_TYPE) throw validationFault(`Content-Type has to be ${CONTENT_TYPE}`);
  const target = headers["x-amz-target"];
  const name = operationOf(typeof target === "string" ? target : undefined);
  checkAuthorization(headers, now);
  return name;
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(
      () => reject(new Fault("RequestTimeoutException", "The request did not come in time", 408)),
      BODY_TIMEOUT_MS,
    );
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        reject(tooLarge());
      }
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", () => reject(new ClientGone()));
    request.on("close", () => {
      clearTimeout(timer);
      reject(new ClientGone());
    });
  });
}

/**
 * Most clients listen for an answer only when they have sent all: what still comes of a body is read and dropped, for so
 * long, and then the connection ends.
 */
function discardRest(request: IncomingMessage): void {
  request.on("error", () => {});
  request.on("data", () => {});
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), DISCARD_MS);
  request.once("end", () => clearTimeout(timer));
  request.once("close", () => clearTimeout(timer));
}

/** The connection closed within the request: nobody waits for an answer. */
class ClientGone extends Error {}

function tooLarge(): Fault {
  return new Fault("RequestEntityTooLargeException", `A request has ${MAX_BODY_BYTES} bytes at most`, 413);
}

/** What is no Fault is a bug of ours or trouble of this machine, such as a full disk; the caller learns no more than the service would say. */
function toFault(error: unknown, log: Logger): Fault {
  if (error instanceof Fault) return error;
  log.error("the control plane failed: {error}", { error });
  return new Fault("InternalServerException", "Internal failure", 500);
}

function sendJson(
  response: ServerResponse,
  answer: { readonly status: number; readonly requestId: string; readonly body: object },
): void {
  const text = JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    "content-type": CONTENT_TYPE,
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": answer.requestId,
    "cache-control": "no-store",
    // What is left of a body that is too large or too late is dropped, and nothing can follow it on this connection.
    ...(answer.status === 413 || answer.status === 408 ? { connection: "close" } : {}),
  });
  response.end(text);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  });
  response.end(`${text}\n`);
}
