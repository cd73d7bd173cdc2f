import { readFileSync } from "node:fs";
import tls from "node:tls";

/** Where systems keep the certificates that they trust, for a runtime that cannot be asked: the first there counts. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Alpine
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/ssl/cert.pem", // macOS, the BSDs
];

let known: readonly string[] | undefined;

/**
 * Certificates to trust in a TLS connection: those the runtime ships, those of this system, and the extra ones.
 * @param extra PEM certificates
 */
export function trustedRoots(extra: readonly string[] = []): string[] {
  known ??= [...new Set(rootsOfMachine(tls))];
  return [...known, ...extra];
}

/** What a TLS module can be asked for; Node.js has `getCACertificates` since 22.15. */
interface TlsModule {
  readonly rootCertificates: readonly string[];
  readonly getCACertificates?: (store: "bundled" | "system") => readonly string[];
}

/** The runtime's certificates, then the system's. */
export function rootsOfMachine(
  { rootCertificates, getCACertificates }: TlsModule,
  bundles: readonly string[] = SYSTEM_BUNDLES,
): string[] {
  if (getCACertificates !== undefined) {
    return [...getCACertificates("bundled"), ...getCACertificates("system")];
  }
  return [...rootCertificates, ...firstReadable(bundles)];
}

function firstReadable(paths: readonly string[]): string[] {
  for (const path of paths) {
    try {
      const pems = readFileSync(path, "latin1").match(
        /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
      );
      if (pems !== null) return [...pems];
    } catch {
      // Another system keeps them elsewhere.
    }
  }
  return [];
}
