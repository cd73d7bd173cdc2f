import tls from "node:tls";

let known: readonly string[] | undefined;

/**
 * Certificates to trust in a TLS connection: those the runtime ships, those of this system, and the extra ones.
 * @param extra PEM certificates
 */
export function trustedRoots(extra: readonly string[] = []): string[] {
  known ??= [...new Set([...tls.getCACertificates("bundled"), ...tls.getCACertificates("system")])];
  return [...known, ...extra];
}
