// What Bun alone has, and alone has need of. Each of these does nothing, or says so, on another runtime.
import type { Socket } from "node:net";

/** What a socket stands on. */
export interface Handle {
  readonly fd?: number;
  pause?(): void;
  resume?(): void;
}

type SetSockOpt = (fd: number, level: number, name: number, value: Int32Array, length: number) => number;

/** The part of Bun's foreign function interface that is needed. */
interface Ffi {
  dlopen(library: string, symbols: object): { readonly symbols: { readonly setsockopt: SetSockOpt } };
}

/** glibc, then musl on the processors that there are builds for. */
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** @returns undefined where the runtime shows none, or none yet */
export function handleOf(socket: Socket): Handle | undefined {
  return (socket as { _handle?: Handle | null })._handle ?? undefined;
}

/** Frees what is not in use, and gives it back to the system; undefined where a runtime cannot be told to. */
export function collector(): (() => void) | undefined {
  const { Bun: bun } = globalThis as { Bun?: { gc(isWaiting: boolean): void } };
  return bun && (() => bun.gc(true));
}

/** setsockopt(2) of Linux; undefined where it cannot be reached. */
export function loadSetSockOpt(): SetSockOpt | undefined {
  const ffi = process.getBuiltinModule?.("bun:ffi") as Ffi | undefined;
  if (ffi === undefined || process.platform !== "linux") return undefined;
  const symbols = { setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" } };
  for (const library of LIBRARIES) {
    try {
      return ffi.dlopen(library, symbols).symbols.setsockopt;
    } catch {
      // Another C library, or a machine that allows no code to be made: sockets keep what the kernel gives them.
    }
  }
  return undefined;
}
