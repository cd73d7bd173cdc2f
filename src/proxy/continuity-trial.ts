import { hostAndPort } from "../base/host-names.ts";
import { HelloTrial } from "../engine/continuity/hello-trial.ts";
import type { Session } from "../engine/continuity/session.ts";
import type { CarrierEnd } from "../engine/output.ts";
import type { ProxyOptions } from "./options.ts";

/** Whether one proxy speaks of continuity to its service, which may not bear it (P107). */
export class ContinuityTrial {
  readonly #hello = new HelloTrial();
  readonly #endpoint: string;
  readonly #options: ProxyOptions;
  #isTold = false;
  #toldUntil: number | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#endpoint = hostAndPort(options.dataPlane);
  }

  /** What the next WebSocket's connections belong to; undefined where they are not to outlive it. */
  nextSession(): Session | undefined {
    const { continuity, waryEndpoints, log } = this.#options;
    if (continuity === undefined || this.#hello.hasFailed) return undefined;
    const until = waryEndpoints?.until(this.#endpoint);
    if (until === undefined) return continuity.session;
    if (until === this.#toldUntil) return undefined;
    this.#toldUntil = until;
    const date = new Date(until).toISOString();
    log.info("continuity is off at {endpoint} until {date}, as WebSockets were cut for it", {
      endpoint: this.#endpoint,
      date,
    });
    return undefined;
  }

  /** A WebSocket is over. */
  ended(end: CarrierEnd): void {
    this.#hello.ended(end);
  }

  /** The next handshake was refused for good. */
  refused(): void {
    this.#hello.explained();
  }

  /** The next WebSocket is open. @returns what to warn of, once, when continuity is off from now on */
  opened(): string | undefined {
    const { waryEndpoints } = this.#options;
    if (!this.#hello.hasFailed || this.#isTold) return undefined;
    this.#isTold = true;
    waryEndpoints?.add(this.#endpoint);
    return `continuity is off at ${this.#endpoint} for 30 days: twice in a row the connection was cut as soon as it was spoken of`;
  }
}
