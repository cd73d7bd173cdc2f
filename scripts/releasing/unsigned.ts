const SEGMENT = 0x19;
const SIGNATURE = 0x1d;
const SIGNATURE_LENGTH = 16;

/**
 * A Mach-O program without its signature. Of a program for Intel Bun leaves the one of its own file, which covers other
 * pages than are there; such Macs run a program without any, and whoever has a certificate can sign it.
 */
export function unsigned(file: Buffer): Buffer {
  const count = file.readUInt32LE(16);
  let at = 32;
  let linkedit = 0;
  for (let command = 1; command < count; command += 1) {
    const isLinkedit = file.toString("latin1", at + 8, at + 24).startsWith("__LINKEDIT\0");
    if (file.readUInt32LE(at) === SEGMENT && isLinkedit) linkedit = at;
    at += file.readUInt32LE(at + 4);
  }
  if (file.readUInt32LE(at) !== SIGNATURE) return file;
  const start = file.readUInt32LE(at + 8);
  if (linkedit === 0 || start + file.readUInt32LE(at + 12) !== file.length) {
    throw new Error("Mach-O: its signature does not lie at its end");
  }
  const stripped = Buffer.from(file.subarray(0, start));
  stripped.fill(0, at, at + SIGNATURE_LENGTH);
  stripped.writeUInt32LE(count - 1, 16);
  stripped.writeUInt32LE(file.readUInt32LE(20) - SIGNATURE_LENGTH, 20);
  stripped.writeBigUInt64LE(BigInt(start) - file.readBigUInt64LE(linkedit + 40), linkedit + 48);
  return stripped;
}
