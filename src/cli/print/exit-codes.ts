import { type ErrorCode, TunnelError } from "../../base/errors.ts";

// Numbers of sysexits(3): published, clear of the shell's own 126 and above, usable in systemd units.
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  ERR_USAGE: 64,
  ERR_INVALID: 64,
  ERR_NOT_FOUND: 66,
  ERR_SERVICE: 69,
  ERR_UNREACHABLE: 69,
  ERR_BUG: 70,
  ERR_LISTEN: 71,
  ERR_LIMIT: 75,
  ERR_NO_DEVICE: 75,
  ERR_PROTOCOL: 76,
  ERR_CREDENTIALS: 77,
  ERR_DENIED: 77,
  ERR_HANDSHAKE_REJECTED: 77,
  ERR_REPLACED: 77,
  ERR_CONFIG: 78,
  ERR_SERVICE_IDS_MISMATCH: 78,
};

/** Exit code of a failure; whatever is not one of our errors is our bug. */
export function exitCodeOf(error: unknown): number {
  return EXIT_CODES[error instanceof TunnelError ? error.code : "ERR_BUG"];
}
