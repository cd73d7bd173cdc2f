import type { IncomingMessage } from "node:http";

/** A refusal's body is read up to here. */
const MAX_BYTES = 4_096;
/** It may take so much longer than its headers. */
const LIMIT_MS = 1_000;

/**
 * What a refusal says, white space at both ends cut off: the first 4 kB that come within a second. One that breaks off,
 * drips or is left open has said what came so far.
 */
export async function readRefusalBody(response: IncomingMessage): Promise<string> {
  let body = "";
  response.setEncoding("utf8");
  const late = setTimeout(() => response.destroy(), LIMIT_MS);
  try {
    for await (const chunk of response) {
      body += chunk;
      if (body.length >= MAX_BYTES) break;
    }
  } catch {
    // It still has its status.
  } finally {
    clearTimeout(late);
  }
  return body.slice(0, MAX_BYTES).trim();
}
