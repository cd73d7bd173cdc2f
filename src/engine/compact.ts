/**
 * The same bytes, copied where they are a small part of the buffer that they would keep from being freed. Not with
 * `slice`: of a runtime's own kind of byte array that may be a view.
 */
export function compact(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}
