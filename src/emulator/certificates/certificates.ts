import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../base/errors.ts";
import { makePrivateDirectory, writePrivateFile } from "../../base/private-files.ts";
import { STATE_ADVICE } from "../server/state-directory.ts";
import {
  type AuthorityFacts,
  createAuthority,
  type Identity,
  issueServerCertificate,
  readAuthority,
} from "./authority.ts";

const DAY_MS = 86_400_000;
/** A CA with less life than this is replaced at start: a server certificate under it would end with it. */
const AUTHORITY_RENEWAL_MS = 400 * DAY_MS;

/** The CA clients are told to trust, and the server certificate of this run. */
export interface Certificates {
  /** PEM file of the CA, for `--ca-bundle`, AWS_CA_BUNDLE and the like. */
  readonly caPath: string;
  /** OpenSSL hashed directory with the same CA, for `localproxy -c`. */
  readonly caDirectory: string;
  readonly server: Identity;
  /** A new CA was made: clients that copied an older one have to take it again. */
  readonly isNewAuthority: boolean;
}

/**
 * Takes the CA kept in `directory`, or makes a new one there when there is none, it is damaged or near its end, or
 * it may not vouch for one of `names`; and issues the server certificate. That one is made anew at every start, so
 * it is always valid for the names of this run and its key is never on disk.
 */
export async function prepareCertificates(options: {
  readonly directory: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly now: number;
}): Promise<Certificates> {
  const { directory, names, addresses, now } = options;
  makePrivateDirectory(directory, STATE_ADVICE);
  const kept = readKept(directory);
  const keptFacts = kept && readAuthority(kept);
  const isUsable = keptFacts !== undefined && isEnough(keptFacts, names, now);
  const authority = kept !== undefined && isUsable ? kept : await createAuthority(names, now);
  const facts = isUsable ? keptFacts : readAuthority(authority);
  if (!isUsable) {
    writePrivateFile(keyPath(directory), authority.privateKey, STATE_ADVICE);
    writePrivateFile(caPathOf(directory), authority.certificate, { mode: 0o644, ...STATE_ADVICE });
  }
  writeHashedDirectory(join(directory, "certs"), authority.certificate, facts?.subjectHash ?? "");
  return {
    caPath: caPathOf(directory),
    caDirectory: join(directory, "certs"),
    server: await issueServerCertificate(authority, { names, addresses }, now),
    isNewAuthority: !isUsable,
  };
}

/** The CA certificate in the directory `ca` of a state directory. */
export function caPathOf(directory: string): string {
  return join(directory, "ca.pem");
}

function keyPath(directory: string): string {
  return join(directory, "ca-key.pem");
}

function readKept(directory: string): Identity | undefined {
  if (!existsSync(keyPath(directory)) || !existsSync(caPathOf(directory))) return undefined;
  try {
    return {
      certificate: readFileSync(caPathOf(directory), "utf8"),
      privateKey: readFileSync(keyPath(directory), "utf8"),
    };
  } catch (cause) {
    throw new ConfigError(`cannot read the CA in "${directory}"`, {
      cause,
      hint: "choose another --state-dir",
    });
  }
}

function isEnough(facts: AuthorityFacts, names: readonly string[], now: number): boolean {
  const permits = names.every((name) =>
    facts.permittedNames.some((permitted) => name === permitted || name.endsWith(`.${permitted}`)),
  );
  return permits && facts.startsAt <= now && facts.expiresAt - now > AUTHORITY_RENEWAL_MS;
}

/** Leaves exactly one CA in the directory: one that was replaced must not stay trusted. */
function writeHashedDirectory(directory: string, certificate: string, hash: string): void {
  makePrivateDirectory(directory, STATE_ADVICE);
  for (const file of readdirSync(directory)) {
    if (file !== `${hash}.0`) rmSync(join(directory, file), { force: true });
  }
  writePrivateFile(join(directory, `${hash}.0`), certificate, { mode: 0o644, ...STATE_ADVICE });
}
