/** Why the system refused a file, in words; the code itself where there are none, and the text of what is no system error. */
export function systemReason(error: unknown): string {
  const code = codeOf(error);
  return code === "" ? String(error) : (REASONS[code] ?? code);
}

/** The code of an error of the system or a library, such as ENOENT; of several at once the first one's; "" without one. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "a part of its path is no directory",
  EISDIR: "it is a directory",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the disk is read-only",
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the disk quota is used up",
  ELOOP: "too many links",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  EFBIG: "a limit of file sizes is reached",
  EIO: "the disk fails",
  EADDRINUSE: "the address is in use",
  EADDRNOTAVAIL: "this machine has no such address",
  ENXIO: "a pipe that nobody reads",
};
