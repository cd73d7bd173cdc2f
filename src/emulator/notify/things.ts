// The things of a state directory, each a directory with the certificate and the private key of its device. They are
// plain files, so that things come and go beside a running serve-local, which holds the database for itself.
import { createHash, createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, TunnelError, UsageError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { isApiName } from "../../base/names.ts";
import { makePrivateDirectory, writePrivateFile } from "../../base/private-files.ts";
import {
  createDeviceAuthority,
  type Identity,
  isDeviceCertificate,
  issueDeviceCertificate,
} from "../certificates/authority.ts";
import { caPathOf } from "../certificates/certificates.ts";
import { checkOwner, STATE_ADVICE } from "../server/state-directory.ts";

const DAY_MS = 86_400_000;
/** A certificate with less life than this is issued anew. */
const RENEWAL_MS = 30 * DAY_MS;
/** Of several processes that add one thing at once, each but the first finds it there. */
const ADD_ATTEMPTS = 3;

/** The files with which a device of this machine connects to the broker; absolute paths. */
export interface ThingIdentity {
  readonly name: string;
  readonly certificatePath: string;
  readonly keyPath: string;
  /** What the broker's own certificate is verified with; it is there once serve-local has run. */
  readonly caPath: string;
}

/**
 * Issues key (P-256) and certificate for the device of a thing, or returns those it has while they are good. Throws
 * UsageError for a name that no thing can have, ConfigError for a state directory it cannot use.
 */
export async function addThing(stateDirectory: string, name: string): Promise<ThingIdentity> {
  checkName(name);
  const directory = resolve(stateDirectory);
  makePrivateDirectory(directory, STATE_ADVICE);
  checkOwner(directory);
  const authority = await takeDeviceAuthority(directory);
  const identity = identityOf(directory, name);
  for (let attempt = 0; attempt < ADD_ATTEMPTS; attempt += 1) {
    const now = Date.now();
    const kept = readPair(identity.certificatePath, identity.keyPath);
    if (kept !== undefined && (await isDeviceCertificate(authority, { ...kept, name }, now + RENEWAL_MS))) {
      return identity;
    }
    if (kept !== undefined || attempt > 0) takeAway(join(thingsDirectory(directory), name));
    const device = await issueDeviceCertificate(authority, name, now);
    const files = { "certificate.pem": device.certificate, "private.key": device.privateKey };
    placeDirectory(join(thingsDirectory(directory), name), files);
  }
  throw new ConfigError(`cannot keep the certificate of thing "${name}": "${directory}" changes meanwhile`);
}

/** The things that were added, by name. */
export function listThings(stateDirectory: string): ThingIdentity[] {
  const directory = resolve(stateDirectory);
  const things = thingsDirectory(directory);
  const names = existsSync(things) ? readdirSync(things) : [];
  return names
    .filter(isApiName)
    .toSorted()
    .map((name) => identityOf(directory, name));
}

/** Ends the access of a thing's device for good: added again, it gets another certificate. Throws when there is none. */
export function removeThing(stateDirectory: string, name: string): void {
  checkName(name);
  if (!takeAway(join(thingsDirectory(resolve(stateDirectory)), name))) {
    throw new TunnelError("ERR_NOT_FOUND", `there is no thing "${name}" in "${resolve(stateDirectory)}"`, {
      hint: "tunnel serve-local thing list",
    });
  }
}

/** SHA-256, in hexadecimal, of the certificate on file for a thing; undefined where there is none, or no such name. */
export function registeredFingerprint(things: string, name: string): string | undefined {
  if (!isApiName(name)) return undefined;
  const pem = readIfThere(join(things, name, "certificate.pem"));
  const base64 = pem?.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  return base64 === undefined || base64 === "" ? undefined : fingerprintOf(Buffer.from(base64, "base64"));
}

/** SHA-256, in hexadecimal, of a certificate (DER). */
export function fingerprintOf(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("hex");
}

/** `STATE_DIR/things`, with a directory for each thing. */
export function thingsDirectory(stateDirectory: string): string {
  return join(stateDirectory, "things");
}

/** The CA of all devices, made when there is none. */
export async function takeDeviceAuthority(stateDirectory: string): Promise<Identity> {
  const directory = join(stateDirectory, "device-ca");
  if (!existsSync(directory)) {
    const { certificate, privateKey } = await createDeviceAuthority(Date.now());
    placeDirectory(directory, { "ca.pem": certificate, "ca-key.pem": privateKey });
  }
  const kept = readPair(join(directory, "ca.pem"), join(directory, "ca-key.pem"));
  if (kept === undefined || !isReadable(kept)) {
    throw new ConfigError(`cannot read the CA of the devices in "${directory}"`, {
      hint: `remove "${directory}" and add the things again`,
    });
  }
  return kept;
}

function identityOf(stateDirectory: string, name: string): ThingIdentity {
  const directory = join(thingsDirectory(stateDirectory), name);
  return {
    name,
    certificatePath: join(directory, "certificate.pem"),
    keyPath: join(directory, "private.key"),
    caPath: caPathOf(join(stateDirectory, "ca")),
  };
}

function checkName(name: string): void {
  if (!isApiName(name)) {
    throw new UsageError(
      `"${escapeControl(name, 140)}" is no thing name: 1 to 128 letters, digits, “:”, “_” and “-” are allowed`,
      "tunnel serve-local thing add pump-7",
    );
  }
}

function readPair(certificatePath: string, keyPath: string): Identity | undefined {
  const certificate = readIfThere(certificatePath);
  const privateKey = readIfThere(keyPath);
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

function isReadable({ certificate, privateKey }: Identity): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Makes a directory with these files in one step: others see all of it or nothing. One that is there stays. */
function placeDirectory(path: string, files: Readonly<Record<string, string>>): void {
  makePrivateDirectory(join(path, ".."), STATE_ADVICE);
  const temporary = temporaryBeside(path);
  try {
    mkdirSync(temporary, { mode: 0o700 });
    for (const [file, content] of Object.entries(files)) {
      writePrivateFile(join(temporary, file), content, STATE_ADVICE);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(path)) throw new ConfigError(`cannot write "${path}"`, { cause, ...STATE_ADVICE });
  }
}

/** Removes a directory in one step; false when there is none. */
function takeAway(path: string): boolean {
  const temporary = temporaryBeside(path);
  try {
    renameSync(path, temporary);
  } catch (cause) {
    if (!existsSync(path)) return false;
    throw new ConfigError(`cannot remove "${path}"`, { cause });
  }
  rmSync(temporary, { recursive: true, force: true });
  return true;
}

/** No thing's name has a dot. */
function temporaryBeside(path: string): string {
  return join(path, "..", `.${randomBytes(6).toString("hex")}.tmp`);
}
