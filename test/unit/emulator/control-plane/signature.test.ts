import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import {
  type SignedRequest,
  type SigningKey,
  signatureFault,
} from "../../../../src/emulator/control-plane/signature.ts";
import { CONFORMANCE_MARK, conformance, readCases, tally } from "../../../helpers/conformance.ts";

const VECTORS = conformance("sigv4");

interface Vector {
  readonly name: string;
  readonly request: SignedRequest;
  readonly key: SigningKey;
  readonly isNormalized: boolean;
}

interface Context {
  readonly credentials: { access_key_id: string; secret_access_key: string; token?: string };
  readonly normalize: boolean;
}

function readVector(folder: string): Vector {
  const { credentials, normalize } = readCases<Context>(join(folder, "context.json"));
  return {
    name: folder,
    request: parse(readFileSync(join(folder, "header-signed-request.txt"), "latin1")),
    key: {
      accessKeyId: credentials.access_key_id,
      secretAccessKey: credentials.secret_access_key,
      sessionToken: credentials.token,
    },
    isNormalized: normalize,
  };
}

function parse(text: string): SignedRequest {
  const end = text.indexOf("\n\n");
  const [first = "", ...lines] = text
    .slice(0, end)
    .replaceAll(/\n[ \t]+/g, " ")
    .split("\n");
  const target = first.slice(first.indexOf(" ") + 1, first.lastIndexOf(" "));
  const rawHeaders = lines.flatMap((line) => [
    line.slice(0, line.indexOf(":")),
    line.slice(line.indexOf(":") + 1),
  ]);
  return {
    method: first.slice(0, first.indexOf(" ")),
    target,
    rawHeaders,
    body: Buffer.from(text.slice(end + 2).replace(/^\n$/, ""), "latin1"),
  };
}

/** Every request that differs from `text` in one bit of one character. */
function* flipped(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      yield text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) + text.slice(at + 1);
    }
  }
}

/** The request with one bit changed, anywhere but in a name of a header. */
function* variants(request: SignedRequest): Generator<SignedRequest> {
  for (const method of flipped(request.method)) yield { ...request, method };
  for (const target of flipped(request.target)) yield { ...request, target };
  for (const body of flipped(Buffer.from(request.body).toString("latin1"))) {
    yield { ...request, body: Buffer.from(body, "latin1") };
  }
  for (let index = 0; index < request.rawHeaders.length; index += 1) {
    for (const changed of flipped(request.rawHeaders[index] ?? "")) {
      yield { ...request, rawHeaders: request.rawHeaders.with(index, changed) };
    }
  }
}

/**
 * What two requests that mean the same have in common: HTTP ignores case in names of headers, SigV4 white space and, in
 * a path that is normalized, what is taken out of it.
 */
function meaningOf({ method, target, rawHeaders, body }: SignedRequest, isNormalized: boolean): string {
  const headers = rawHeaders.map((part, index) =>
    index % 2 === 0 ? part.toLowerCase() : part.trim().replaceAll(/\s+/g, " "),
  );
  const [path = "", ...query] = target
    .replaceAll(/%[0-9a-fA-F]{2}/g, (text) => text.toUpperCase())
    .split("?");
  const isPath = isNormalized && path.startsWith("/");
  return JSON.stringify([
    method,
    isPath ? posix.normalize(path.replace(/\/\.$/, "/./")) : path,
    query.join("?"),
    headers,
    [...body],
  ]);
}

function withVectors(name: string, body: () => void): void {
  test.skipIf(VECTORS === undefined)(`${name} ${CONFORMANCE_MARK}`, body, 120_000);
}

describe("the vectors of others", () => {
  const vectors =
    VECTORS === undefined ? [] : readdirSync(VECTORS).map((name) => readVector(join(VECTORS, name)));

  withVectors("are 38, and their signatures good", () => {
    expect(vectors).toHaveLength(38);
    const refused = vectors.filter((each) => signatureFault(each.request, each.key, each.isNormalized));
    expect(refused.map(({ name }) => name)).toEqual([]);
    tally("signatures", vectors.length);
  });

  withVectors("are refused with any one bit changed", () => {
    const taken: string[] = [];
    let tried = 0;
    for (const { name, request, key, isNormalized } of vectors) {
      const meaning = meaningOf(request, isNormalized);
      for (const variant of variants(request)) {
        if (meaningOf(variant, isNormalized) === meaning) continue;
        tried += 1;
        if (signatureFault(variant, key, isNormalized) === undefined) {
          taken.push(`${name}: ${variant.method} ${variant.target} ${variant.rawHeaders.join("|")}`);
        }
      }
    }
    expect(tried).toBeGreaterThan(80_000);
    expect(taken).toEqual([]);
    tally("signatures with a bit flipped", tried);
  });

  withVectors("are refused with any one bit of the secret changed", () => {
    const [first] = vectors;
    for (const secretAccessKey of flipped(first?.key.secretAccessKey ?? "")) {
      const key = { accessKeyId: first?.key.accessKeyId ?? "", secretAccessKey };
      expect(first && signatureFault(first.request, key)).toBe("wrong-signature");
    }
  });
});
