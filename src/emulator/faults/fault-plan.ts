import type { Logger } from "../../base/log.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import { CallRates } from "./call-rates.ts";
import { type FaultKind, type InjectedFault, Lots } from "./injected-fault.ts";
import { Rate } from "./pace.ts";

/** Documented by AWS as 800 kbit/s a tunnel. */
const QUOTA_BYTES_A_SECOND = 100_000;
/** Documented by AWS, for new connections. */
const QUOTA_CONNECTIONS = 10;

/** How a connection of the data plane fares. */
export interface LinkFaults {
  readonly delayMs: number;
  /** When it ends, in milliseconds from its start, with a close code or without a word. */
  readonly end: { readonly afterMs: number; readonly code: number | undefined } | undefined;
}

/** The faults and quotas of one emulator, and whom they befall. */
export class FaultPlan {
  readonly #faults: readonly { readonly fault: InjectedFault; readonly lots: Lots }[];
  readonly #quota: boolean;
  readonly #connections = new CallRates(QUOTA_CONNECTIONS);
  readonly #calls = new CallRates(QUOTA_CONNECTIONS);
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(options: { readonly faults: readonly InjectedFault[]; readonly quota: boolean }) {
    this.#faults = options.faults.map((fault) => ({ fault, lots: new Lots(fault) }));
    this.#quota = options.quota;
  }

  /** Status and sentence with which a handshake is refused; undefined where it is not. */
  refuseHandshake(): { readonly status: number; readonly reason: string } | undefined {
    const fault = this.#draw("refuse");
    if (fault !== undefined) {
      return { status: fault.value, reason: `Refused on purpose: --fault ${fault.text}` };
    }
    const isOver = this.#quota && !this.#connections.take("connections", performance.now());
    return isOver
      ? { status: 429, reason: `More than ${QUOTA_CONNECTIONS} connections a second` }
      : undefined;
  }

  /** Whether one more call of this operation is within the quota. */
  allowsCall(operation: string): boolean {
    return !this.#quota || this.#calls.take(operation, performance.now());
  }

  /** The bounds that both sides of a new tunnel's connections share. */
  tunnelRates(): readonly Rate[] {
    const throttle = this.#draw("throttle");
    return [
      ...(throttle === undefined ? [] : [new Rate(throttle.value)]),
      ...(this.#quota ? [new Rate(QUOTA_BYTES_A_SECOND)] : []),
    ];
  }

  link(): LinkFaults {
    const [drop, close, delay] = [this.#draw("drop"), this.#draw("close"), this.#draw("delay")];
    const ends = [
      ...(drop === undefined ? [] : [{ afterMs: drop.value, code: undefined }]),
      ...(close === undefined ? [] : [{ afterMs: close.afterMs, code: close.value }]),
    ];
    return { delayMs: delay?.value ?? 0, end: ends.toSorted((a, b) => a.afterMs - b.afterMs)[0] };
  }

  /** Expires and rotates tunnels from now on; the function returned ends that. */
  watch(tunnels: Tunnels, log: Logger): () => void {
    const unsubscribe = tunnels.onEvent((event) => {
      if (event.type !== "opened") return;
      const { tunnelId } = event;
      this.#later(this.#draw("expire"), log, () => tunnels.expire(tunnelId));
      this.#later(this.#draw("rotate"), log, () => {
        tunnels.rotate({ tunnelId, modes: ["source", "destination"] });
      });
    });
    return () => {
      unsubscribe();
      for (const timer of this.#timers) clearTimeout(timer);
    };
  }

  #later(fault: InjectedFault | undefined, log: Logger, work: () => void): void {
    if (fault === undefined) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      try {
        work();
      } catch (error) {
        // It was closed meanwhile, or the store failed: neither is of interest to the fault.
        log.debug("--fault {fault} did nothing: {error}", { fault: fault.text, error });
      }
    }, fault.value);
    this.#timers.add(timer);
  }

  /** The fault of this kind that befalls the next one; of several the first whose lot is drawn. */
  #draw(kind: FaultKind): InjectedFault | undefined {
    const drawn = this.#faults.filter(({ fault, lots }) => fault.kind === kind && lots.draw());
    return drawn[0]?.fault;
  }
}
