// One call of an operation: AWS JSON 1.1, signed, sent once.

import { jsonObject } from "../base/json-object.ts";
import type { Keys } from "./credentials/keys.ts";
import type { Carrier, ExchangeLimits, PlainAnswer } from "./http.ts";
import type { OperationName, Operations } from "./shapes.ts";
import { exchangeSigned } from "./signed-request.ts";

/** Name of the service in targets and signatures. */
const SERVICE = "IoTSecuredTunneling";
const CONTENT_TYPE = "application/x-amz-json-1.1";

/** A page of a hundred tunnels whose descriptions are as long as may be has less than a tenth of this. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** TCP and TLS of one try. */
const CONNECT_TIMEOUT_MS = 5_000;

/** What an operation is called with, besides its request. */
export interface CallContext {
  readonly url: URL;
  readonly region: string;
  readonly keys: Keys;
  /** The time on the service's clock. */
  readonly now: Date;
}

/** The service's own refusal: the name of its exception and what it says. */
export class ServiceFault extends Error {
  readonly status: number;
  readonly requestId: string | undefined;
  /** The service's clock, in ms since 1970; absent where it does not tell. */
  readonly serverTimeMs: number | undefined;

  constructor(name: string, message: string, { status, headers }: PlainAnswer) {
    super(message);
    this.name = name;
    this.status = status;
    const id = headers["x-amzn-requestid"] ?? headers["x-amz-request-id"];
    this.requestId = id === undefined ? undefined : String(id);
    const time = Date.parse(headers.date ?? "");
    this.serverTimeMs = Number.isNaN(time) ? undefined : time;
  }
}

/** An answer that is no JSON object: something else stands there. */
export class ForeignAnswerError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`no JSON object, with status ${status}`);
    this.status = status;
  }
}

/**
 * The parsed body of the operation's answer.
 * @throws ServiceFault, ForeignAnswerError, and what `exchange` throws
 */
export async function callService<Name extends OperationName>(
  operation: Name,
  request: Operations[Name]["request"],
  { url, region, keys, now }: CallContext,
  carrier: Carrier,
): Promise<unknown> {
  const headers = {
    "content-type": CONTENT_TYPE,
    "x-amz-target": `${SERVICE}.${operation}`,
    "user-agent": "tunnel",
  };
  const signing = { scope: { service: SERVICE, region }, keys, now };
  const post = { method: "POST", headers, body: JSON.stringify(request) } as const;
  const answer = await exchangeSigned(url, post, signing, carrier, LIMITS);
  const body = answer.body === "" ? {} : jsonObject(answer.body);
  if (body === undefined) throw new ForeignAnswerError(answer.status);
  if (answer.status < 200 || answer.status > 299) throw faultOf(answer, body);
  return body;
}

/** The whole has its limit in the call, with all its tries. */
const LIMITS: ExchangeLimits = {
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
  maxBytes: MAX_ANSWER_BYTES,
};

function faultOf(answer: PlainAnswer, body: Readonly<Record<string, unknown>>): ServiceFault {
  const type = answer.headers["x-amzn-errortype"] ?? body["__type"] ?? body["code"] ?? "";
  const said = body["message"] ?? body["Message"];
  return new ServiceFault(faultName(String(type)), typeof said === "string" ? said : "", answer);
}

/** The name in forms such as `com.amazonaws.iot#Name` and `Name:http://…`. */
function faultName(type: string): string {
  return /^(?:[^#:,]*#)?([\w.-]{1,100})(?:[:,].*)?$/s.exec(type)?.[1] ?? "UnknownError";
}
