import { createHash } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { AttributeValue, Name } from "@peculiar/asn1-x509";

/**
 * Name, without `.0`, under which OpenSSL looks for a CA in a hashed directory: `openssl x509 -subject_hash`.
 * Takes the DER of the subject. OpenSSL hashes the attributes in a canonical form (as UTF-8, trimmed, inner
 * white space collapsed, ASCII letters lower-cased) and without the outer SEQUENCE.
 */
export function subjectHash(subject: ArrayBuffer): string {
  const digest = createHash("sha1");
  for (const names of AsnConvert.parse(subject, Name)) {
    for (const name of names) name.value = canonical(name.value);
    digest.update(new Uint8Array(AsnConvert.serialize(names)));
  }
  return digest.digest().readUInt32LE(0).toString(16).padStart(8, "0");
}

/** Types that are no text stay as they are. */
function canonical(value: AttributeValue): AttributeValue {
  if (value.anyValue !== undefined) return value;
  const spaced = value.toString().replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
  const collapsed = spaced.replace(/[ \t\n\v\f\r]+/g, " ");
  return new AttributeValue({ utf8String: collapsed.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) });
}
