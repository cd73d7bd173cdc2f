import { X509Certificate } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { readRegularFile } from "../base/regular-file.ts";
import { systemReason } from "../base/system-reason.ts";

/** A bundle of every public root is about 250 kB; anything far above is not a bundle. */
const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * PEM certificates of files and directories, each once. Of a directory, every file that holds certificates counts,
 * so hashed OpenSSL directories work. Throws ConfigError naming the path that cannot be read or holds none.
 */
export function loadRoots(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap(loadPath))];
}

function loadPath(path: string): readonly string[] {
  const isDirectory = attempt(path, () => statSync(path).isDirectory());
  const found = isDirectory ? loadDirectory(path) : loadFile(path);
  if (found.length === 0) {
    throw new ConfigError(`"${path}" holds no certificate in PEM form`, {
      hint: "name a file with -----BEGIN CERTIFICATE----- in it, or a directory of such files",
    });
  }
  return found;
}

function loadDirectory(path: string): readonly string[] {
  const names = attempt(path, () => readdirSync(path)).sort();
  return names.flatMap((name) => {
    const file = join(path, name);
    try {
      return statSync(file).isFile() ? loadFile(file) : [];
    } catch {
      // System directories hold dangling links and files of root; one of them is no reason to stop.
      return [];
    }
  });
}

function loadFile(path: string): readonly string[] {
  const text = attempt(path, () => readRegularFile(path, MAX_BUNDLE_BYTES).toString("latin1"));
  return [...text.matchAll(CERTIFICATE)].map(([pem]) => checkCertificate(pem, path));
}

function checkCertificate(pem: string, path: string): string {
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new ConfigError(`"${path}" holds a certificate that cannot be read`, { cause });
  }
  return pem;
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ConfigError(`cannot read certificates from "${path}": ${systemReason(cause)}`, {
      cause,
      hint: "check the path given with --ca, AWS_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR",
    });
  }
}
