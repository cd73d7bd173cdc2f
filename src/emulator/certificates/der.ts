// The little DER that certificates need beyond @peculiar/x509: name constraints and OpenSSL's subject hash.

/** One element: its tag octet, its content, and both with the length between them. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

/** Writes one element around `parts`; contents up to 65,535 bytes. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.of(tag), encodeLength(content.length), content]);
}

function encodeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  return length < 0x100 ? Uint8Array.of(0x81, length) : Uint8Array.of(0x82, length >> 8, length & 0xff);
}

/** Reads the elements that lie side by side in `bytes`; throws RangeError when the last one is cut short. */
export function decodeDer(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const { start, end } = contentBounds(bytes, offset);
    elements.push({
      tag: bytes[offset] ?? 0,
      content: bytes.subarray(start, end),
      whole: bytes.subarray(offset, end),
    });
    offset = end;
  }
  return elements;
}

function contentBounds(bytes: Uint8Array, offset: number): { start: number; end: number } {
  const first = bytes[offset + 1] ?? 0;
  const lengthOctets = first & 0x80 ? first & 0x7f : 0;
  let length = lengthOctets === 0 ? first : 0;
  for (let i = 0; i < lengthOctets; i += 1) length = length * 256 + (bytes[offset + 2 + i] ?? 0);
  const start = offset + 2 + lengthOctets;
  if (start + length > bytes.length) throw new RangeError("DER element is cut short");
  return { start, end: start + length };
}
