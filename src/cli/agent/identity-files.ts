// Certificate and key of a device: read anew for each connection, since they are renewed, and judged with what helps.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { Env } from "../../base/env.ts";
import { ConfigError } from "../../base/errors.ts";
import { userNumber } from "../../base/platform.ts";
import { readRegularFile } from "../../base/regular-file.ts";
import { quoteForShell } from "../../base/shell.ts";
import { systemReason } from "../../base/system-reason.ts";
import type { Identity } from "../../net/transport.ts";

/** A chain of certificates, or a key, has a few kilobytes. */
const MAX_PEM_BYTES = 64 * 1024;

/** Files of a device's identity. */
export interface IdentityPaths {
  readonly cert: string;
  readonly key: string;
}

/** Certificate and key as they are now. Throws ConfigError naming the file that is wrong, and what makes it right. */
export function readIdentity(paths: IdentityPaths): Identity {
  const identity = { certificate: readText(paths.cert, "--cert"), key: readText(paths.key, "--key") };
  checkKinds(identity, paths);
  const certificate = parseCertificate(identity, paths);
  if (!certificate.checkPrivateKey(parseKey(identity, paths))) {
    throw new ConfigError(`the key "${paths.key}" does not belong to the certificate "${paths.cert}"`, {
      hint: "give both files of one certificate: --cert FILE --key FILE",
    });
  }
  return identity;
}

/** What is not wrong, but will be in the way. `now` in milliseconds since 1970. */
export function identityWarnings(paths: IdentityPaths, env: Env, now: number): string[] {
  const { validFrom, validTo } = parseCertificate(readIdentity(paths), paths);
  const clock = `this machine's clock says ${new Date(now).toISOString()}`;
  const warnings: string[] = [];
  if (Date.parse(validFrom) > now) {
    warnings.push(
      `the certificate "${paths.cert}" is not valid before ${isoOf(validFrom)}, and ${clock}: is it set?`,
    );
  }
  if (Date.parse(validTo) < now) {
    warnings.push(`the certificate "${paths.cert}" has expired on ${isoOf(validTo)}; ${clock}`);
  }
  const { mode } = statSync(paths.key);
  if ((mode & sharedBits(paths.key, env)) !== 0) {
    const digits = (mode & 0o7777).toString(8).padStart(4, "0");
    warnings.push(
      `other users can read the private key "${paths.key}" (mode ${digits}): chmod 600 ${quoteForShell(paths.key)}`,
    );
  }
  return warnings;
}

/** What systemd hands over is the service's alone, by a list whose mask looks like rights of the group. */
function sharedBits(key: string, { CREDENTIALS_DIRECTORY }: Env): number {
  if (userNumber() === undefined) return 0;
  return CREDENTIALS_DIRECTORY !== undefined && dirname(key) === CREDENTIALS_DIRECTORY ? 0o007 : 0o077;
}

function isoOf(text: string): string {
  return new Date(text).toISOString();
}

/** A certificate in place of the key, or the other way round, and forms that are not read here. */
function checkKinds({ certificate, key }: Identity, paths: IdentityPaths): void {
  const hasKey = KEY.test(key);
  const hasCertificate = CERTIFICATE.test(certificate);
  if (!hasKey && !hasCertificate && KEY.test(certificate) && CERTIFICATE.test(key)) {
    throw new ConfigError("--cert and --key are swapped", {
      hint: `--cert ${quoteForShell(paths.key)} --key ${quoteForShell(paths.cert)}`,
    });
  }
  if (!hasCertificate) {
    const what = KEY.test(certificate) ? "holds a private key" : "holds no certificate in PEM form";
    throw new ConfigError(`"${paths.cert}" (--cert) ${what}`, {
      hint: isDer(certificate) ? `openssl x509 -inform der -in ${quoteForShell(paths.cert)}` : "check --cert",
    });
  }
  if (!hasKey) {
    const what = CERTIFICATE.test(key) ? "holds a certificate" : "holds no private key in PEM form";
    throw new ConfigError(`"${paths.key}" (--key) ${what}`, {
      hint: isDer(key) ? `openssl pkey -inform der -in ${quoteForShell(paths.key)}` : "check --key",
    });
  }
}

const CERTIFICATE = /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/;
const KEY = /-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----/;

/** Its first byte begins a sequence; whatever follows is no text. */
function isDer(text: string): boolean {
  return text.startsWith("0") && text.includes("\ufffd");
}

function parseCertificate({ certificate }: Identity, { cert }: IdentityPaths): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (cause) {
    throw new ConfigError(`the certificate in "${cert}" (--cert) is damaged`, {
      cause,
      hint: "check --cert",
    });
  }
}

function parseKey({ key: text }: Identity, { key }: IdentityPaths) {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    if (/ENCRYPTED/.test(text)) {
      throw new ConfigError(
        `the key in "${key}" (--key) is protected by a passphrase, which an agent cannot type`,
        {
          cause,
          hint: `openssl pkey -in ${quoteForShell(key)} -out FILE`,
        },
      );
    }
    throw new ConfigError(`the key in "${key}" (--key) is damaged`, { cause, hint: "check --key" });
  }
}

function readText(path: string, flag: string): string {
  try {
    return readRegularFile(path, MAX_PEM_BYTES).toString("utf8");
  } catch (cause) {
    throw new ConfigError(`cannot read "${path}": ${systemReason(cause)}`, { cause, hint: `check ${flag}` });
  }
}
