import type { Server } from "node:net";
import { surviveAcceptErrors } from "../../base/accept-errors.ts";
import { ListenError } from "../../base/errors.ts";
import { bracketed, hostAndPort } from "../../base/host-names.ts";
import { systemReason } from "../../base/system-reason.ts";

/** Where a server listens; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Resolves when `server` listens. Throws ListenError, with `hint`, when it cannot have the port. */
export function bind(server: Server, { host, port }: ListenAddress, hint: string): Promise<void> {
  const where = hostAndPort({ host, port });
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) =>
      reject(new ListenError(where, `cannot listen on ${where}: ${systemReason(cause)}`, { cause, hint }));
    server.once("error", onError);
    server.listen(port, host, () => {
      server.off("error", onError);
      surviveAcceptErrors(server, `${where}`);
      resolve();
    });
  });
}

/** The name localhost leads to 127.0.0.1 and ::1, not to other loopback addresses: those are named themselves. */
export function nameOf(host: string): string {
  return ["localhost", "127.0.0.1", "::1"].includes(host) ? "localhost" : bracketed(host);
}
