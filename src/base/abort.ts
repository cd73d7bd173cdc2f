import { addAbortListener } from "node:events";

/** Why a signal was aborted, as an error. */
export function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error("stopped");
}

/** Resolves when the signal is aborted, or has been. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => void addAbortListener(signal, () => resolve()));
}

/** What `work` gives, or the signal's reason as soon as it is aborted, whether or not `work` heeds it. */
export async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  using _ = addAbortListener(signal, () => reject(reasonOf(signal)));
  return await Promise.race([work, promise]);
}
