import { isIPv6, type Server } from "node:net";
import { surviveAcceptErrors } from "../../base/accept-errors.ts";
import { ListenError } from "../../base/errors.ts";

/** Where a server listens; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Resolves when `server` listens. Throws ListenError, with `hint`, when it cannot have the port. */
export function bind(server: Server, { host, port }: ListenAddress, hint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const reason = cause.code === "EADDRINUSE" ? "the port is taken" : cause.message;
      reject(new ListenError(`cannot listen on ${toHost(host)}:${port}: ${reason}`, { cause, hint }));
    };
    server.once("error", onError);
    server.listen(port, host, () => {
      server.off("error", onError);
      surviveAcceptErrors(server, `${toHost(host)}:${port}`);
      resolve();
    });
  });
}

/** An address as it stands in a URL. */
export function toHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** The name localhost leads to 127.0.0.1 and ::1, not to other loopback addresses: those are named themselves. */
export function nameOf(host: string): string {
  return ["localhost", "127.0.0.1", "::1"].includes(host) ? "localhost" : toHost(host);
}
