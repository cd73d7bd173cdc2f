// Makes the X.509 certificates of the emulator: a CA that can vouch for the emulator's own names only, and the
// server certificate under it; a second CA for devices, and their certificates. Reading and keeping them is
// certificates.ts and notify/things.ts.
import "reflect-metadata";
import { createPrivateKey, createPublicKey, randomBytes, webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { decodeNameConstraints, encodeNameConstraints } from "./name-constraints.ts";
import { subjectHash } from "./subject-hash.ts";

cryptoProvider.set(webcrypto as Crypto);

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" };
const NAME_CONSTRAINTS_OID = "2.5.29.30";
const DAY_MS = 86_400_000;
/** Device certificates last as long as their CA: nobody renews them on the device, and removal is what ends them. */
const AUTHORITY_DAYS = 3_650;
/** Below the 398 days that some clients take as the longest life of a server certificate. */
const SERVER_DAYS = 397;
/** Certificates start this early, so that a client whose clock is behind takes them. */
const CLOCK_SKEW_MS = DAY_MS;

/** Certificate and private key (PKCS #8), both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What the emulator needs to know of a CA certificate. */
export interface AuthorityFacts {
  /** DNS names the CA may vouch for, with all names below them. */
  readonly permittedNames: readonly string[];
  /** Milliseconds since 1970. */
  readonly startsAt: number;
  readonly expiresAt: number;
  /** Name, without `.0`, in an OpenSSL hashed directory. */
  readonly subjectHash: string;
}

/**
 * A CA for `names`, valid for ten years: path length 0, certificate signing only, and a critical name constraint,
 * since its certificate ends up in trust stores. IP addresses are not constrained: Bun refuses such a CA.
 */
export function createAuthority(names: readonly string[], now: number): Promise<Identity> {
  return selfSign("tunnel serve-local CA", now, [
    new Extension(NAME_CONSTRAINTS_OID, true, encodeNameConstraints(names)),
  ]);
}

/** A CA of its own for device certificates, valid for ten years. It can vouch for no server, whoever trusts it. */
export function createDeviceAuthority(now: number): Promise<Identity> {
  return selfSign("tunnel serve-local device CA", now, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], true),
  ]);
}

async function selfSign(name: string, now: number, limits: readonly Extension[]): Promise<Identity> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // A subject of its own: two CAs of one name in a trust store make path building ambiguous.
    name: `CN=${name} ${randomBytes(4).toString("hex")}`,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ...limits,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: toPem(certificate), privateKey: await exportPrivateKey(keys) };
}

/** A certificate for a server reached by DNS `names` and IP `addresses`; it ends after 397 days, or with its CA. */
export async function issueServerCertificate(
  authority: Identity,
  subject: { readonly names: readonly string[]; readonly addresses: readonly string[] },
  now: number,
): Promise<Identity> {
  const end = now + SERVER_DAYS * DAY_MS;
  return issue(authority, { CN: ["localhost"] }, { now, end }, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([
      ...subject.names.map((value) => ({ type: "dns" as const, value })),
      ...subject.addresses.map((value) => ({ type: "ip" as const, value })),
    ]),
  ]);
}

/** A certificate with which the device of the thing `name` shows who it is; for nothing else. It ends with its CA. */
export function issueDeviceCertificate(authority: Identity, name: string, now: number): Promise<Identity> {
  return issue(authority, { CN: [name] }, { now, end: Number.POSITIVE_INFINITY }, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
  ]);
}

async function issue(
  authority: Identity,
  subject: Record<string, string[]>,
  { now, end }: { readonly now: number; readonly end: number },
  uses: readonly Extension[],
): Promise<Identity> {
  const issuer = new X509Certificate(authority.certificate);
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [subject],
    issuer: issuer.subjectName,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(Math.min(end, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(authority.privateKey),
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...uses,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: toPem(certificate), privateKey: await exportPrivateKey(keys) };
}

/** Whether `device` is a pair that issueDeviceCertificate made under this CA, and lasts until `until`. */
export async function isDeviceCertificate(
  authority: Identity,
  device: Identity & { readonly name: string },
  until: number,
): Promise<boolean> {
  try {
    const issuer = new X509Certificate(authority.certificate);
    const certificate = new X509Certificate(device.certificate);
    const isIssued = await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true });
    return (
      isIssued &&
      certificate.subjectName.getField("CN")[0] === device.name &&
      certificate.notAfter.getTime() > until &&
      isKeyOf(certificate, device.privateKey)
    );
  } catch {
    return false;
  }
}

function isKeyOf(certificate: X509Certificate, privateKey: string): boolean {
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return publicKey.equals(new Uint8Array(certificate.publicKey.rawData));
}

/** Reads a CA made by createAuthority; undefined when it is not one, or the private key belongs to another. */
export function readAuthority(authority: Identity): AuthorityFacts | undefined {
  try {
    const certificate = new X509Certificate(authority.certificate);
    const constraints = certificate.getExtension(NAME_CONSTRAINTS_OID);
    if (!isKeyOf(certificate, authority.privateKey) || constraints === null) return undefined;
    return {
      permittedNames: decodeNameConstraints(constraints.value),
      startsAt: certificate.notBefore.getTime(),
      expiresAt: certificate.notAfter.getTime(),
      subjectHash: subjectHash(certificate.subjectName.toArrayBuffer()),
    };
  } catch {
    return undefined;
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

async function exportPrivateKey(keys: CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  }) as string;
}

function importSigningKey(pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", der, KEY_ALGORITHM, false, ["sign"]) as Promise<CryptoKey>;
}

/** 16 random bytes, positive and without leading zero, as RFC 5280 section 4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function toPem(certificate: X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}
