// Makes texts fit for a ticket: whoever reads it learns nothing that opens a door.

/** Access key ids of AWS, of any kind. */
const ACCESS_KEY = /\b(A[A-Z]{3})[A-Z0-9]{16}\b/g;
/** Twelve digits on their own, as in ARNs. */
const ACCOUNT = /(?<![0-9a-fA-F-])\d{8}(\d{4})(?![0-9a-fA-F])/g;
/** Tokens, keys and signatures: long runs without a space, a dot or a slash of a path. */
const LONG = /[A-Za-z0-9+=_-]{40,}/g;
const CREDENTIALS_IN_URL = /:\/\/[^/@\s]+@/g;

/** A text without access keys, account ids, tokens, passwords in addresses, and the user's home directory. */
export function mask(text: string, home: string | undefined): string {
  const masked = text
    .replace(CREDENTIALS_IN_URL, "://[redacted]@")
    .replace(ACCESS_KEY, "$1…")
    .replace(ACCOUNT, "********$1")
    .replace(LONG, "[redacted]");
  return home === undefined || home.length < 2 ? masked : masked.replaceAll(home, "~");
}
