// A release's directory around dist/tunnel, and a server for it.
import { createHash } from "node:crypto";
import { createReadStream, linkSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { hostTarget } from "../../scripts/releasing/targets.ts";
import { BINARY } from "./tunnel.ts";

/** Name of the one file in it. */
export const RELEASED = `tunnel-${packageJson.version}-${hostTarget().name}`;

/** Fills `directory` with the program and its sum; `sum` gives it another one. */
export function fillRelease(directory: string, sum = sumOf(BINARY)): void {
  try {
    linkSync(BINARY, join(directory, RELEASED));
  } catch {
    symlinkSync(BINARY, join(directory, RELEASED)); // on another disk
  }
  writeFileSync(join(directory, "SHA256SUMS"), `${sum}  ${RELEASED}\n`);
}

function sumOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

export interface ReleaseServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves a directory; of files longer than `cutAt` bytes it sends that many, and then ends the connection. */
export async function serveRelease(
  directory: string,
  cutAt = Number.POSITIVE_INFINITY,
): Promise<ReleaseServer> {
  const server = createServer((request, response) => {
    const path = join(directory, request.url ?? "");
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-length": size });
    if (size <= cutAt) createReadStream(path).pipe(response);
    else response.write(Buffer.alloc(cutAt), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
