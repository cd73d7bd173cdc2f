import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { jsonObject } from "../../base/json-object.ts";
import { writePrivateFile } from "../../base/private-files.ts";
import { STATE_ADVICE } from "./state-directory.ts";

/** `STATE_DIR/endpoint.json`: how commands with --local find a running emulator. */
export interface Endpoint {
  readonly version: 1;
  readonly region: string;
  readonly accountId: string;
  /** URL of the control plane. */
  readonly controlPlane: string;
  /** host:port of the data plane. */
  readonly dataPlane: string;
  /** Absolute path of the CA's PEM file. */
  readonly ca: string;
  readonly pid: number;
  /** host:port of the embedded broker; absent without it, as is `things`. */
  readonly mqtt?: string;
  /** Absolute path of the directory with the identities of the things. */
  readonly things?: string;
  /** The key that calls are to be signed with, made anew by each start; absent where any will do. Never for a log. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Says where the emulator listens; for the owner's eyes. */
export function writeEndpoint(stateDirectory: string, endpoint: Endpoint): void {
  writePrivateFile(endpointPath(stateDirectory), `${JSON.stringify(endpoint)}\n`, STATE_ADVICE);
}

/** Takes the file away, unless another process has written it since. */
export function removeEndpoint(stateDirectory: string): void {
  if (endpointPid(stateDirectory) === process.pid) rmSync(endpointPath(stateDirectory), { force: true });
}

/** Process that wrote the file, if there is one to read. */
function endpointPid(stateDirectory: string): number | undefined {
  try {
    const pid = jsonObject(readFileSync(endpointPath(stateDirectory), "utf8"))?.["pid"];
    return typeof pid === "number" ? pid : undefined;
  } catch {
    return undefined;
  }
}

function endpointPath(stateDirectory: string): string {
  return join(stateDirectory, "endpoint.json");
}
