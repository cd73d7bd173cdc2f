import { createHash } from "node:crypto";
import { decodeDer, encodeDer } from "./der.ts";

const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const TELETEX_STRING = 0x14;
const IA5_STRING = 0x16;
const VISIBLE_STRING = 0x1a;
const UNIVERSAL_STRING = 0x1c;
const BMP_STRING = 0x1e;

/**
 * Name, without `.0`, under which OpenSSL looks for a CA in a hashed directory: `openssl x509 -subject_hash`.
 * Takes the DER of the subject. OpenSSL hashes the attributes in a canonical form (as UTF-8, trimmed, inner
 * white space collapsed, ASCII letters lower-cased) and without the outer SEQUENCE.
 */
export function subjectHash(subject: Uint8Array): string {
  const relativeNames = decodeDer(decodeDer(subject)[0]?.content ?? new Uint8Array());
  const canonical = relativeNames.map((set) =>
    encodeDer(set.tag, ...decodeDer(set.content).map(canonicalAttribute)),
  );
  const digest = createHash("sha1").update(Buffer.concat(canonical)).digest();
  return digest.readUInt32LE(0).toString(16).padStart(8, "0");
}

function canonicalAttribute(attribute: { readonly tag: number; readonly content: Uint8Array }): Uint8Array {
  const [type, value] = decodeDer(attribute.content);
  if (type === undefined || value === undefined) throw new RangeError("name attribute without type or value");
  const text = decodeText(value.tag, value.content);
  const canonical =
    text === undefined ? value.whole : encodeDer(UTF8_STRING, Buffer.from(canonicalText(text)));
  return encodeDer(attribute.tag, type.whole, canonical);
}

function canonicalText(text: string): string {
  const spaced = text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "").replace(/[ \t\n\v\f\r]+/g, " ");
  return spaced.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Undefined for types that OpenSSL leaves as they are. */
function decodeText(tag: number, content: Uint8Array): string | undefined {
  const bytes = Buffer.from(content);
  switch (tag) {
    case UTF8_STRING:
    case PRINTABLE_STRING:
    case IA5_STRING:
    case VISIBLE_STRING:
      return bytes.toString("utf8");
    case TELETEX_STRING:
      return bytes.toString("latin1");
    case BMP_STRING:
      return bytes.swap16().toString("utf16le");
    case UNIVERSAL_STRING:
      return String.fromCodePoint(
        ...Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(i * 4)),
      );
    default:
      return undefined;
  }
}
