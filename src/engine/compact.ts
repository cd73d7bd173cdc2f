/** The same bytes, copied where they are a small part of the buffer that they would keep from being freed. */
export function compact(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}
