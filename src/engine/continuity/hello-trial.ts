import type { CarrierEnd } from "../output.ts";
import { saysTunnelEnded } from "../refusal.ts";

/** A WebSocket that ends this soon after its first HELLO may have been ended for it. Milliseconds. */
const SOON_MS = 10_000;
/** Once may be chance. */
const MAX_CUTS = 2;
/** Close codes of whoever means something else: done, going away, replaced (P8). */
const DELIBERATE = [1000, 1001, 1008];

/** Whether a service bears HELLO, by how the WebSockets of one proxy end (P107). Nothing is known of a new one. */
export class HelloTrial {
  #cuts = 0;
  #isLastCut = false;

  /** A WebSocket is over. One in which no HELLO was said tells nothing. */
  ended(end: CarrierEnd): void {
    const hello = end.type === "stopped" ? undefined : end.hello;
    this.#isLastCut = false;
    if (end.type === "stopped" || hello === undefined) return;
    // What the other end has answered went through the service.
    if (hello.isAnswered || hello.ageMs > SOON_MS) this.#cuts = 0;
    else if (end.type === "closed" && !isDeliberate(end)) {
      this.#cuts += 1;
      this.#isLastCut = true;
    }
  }

  /** The next handshake was refused for good: that explains the end of the WebSocket before, as a rotation does. */
  explained(): void {
    if (this.#isLastCut) this.#cuts -= 1;
    this.#isLastCut = false;
  }

  /** Whether HELLO is not to be said there any more. */
  get hasFailed(): boolean {
    return this.#cuts >= MAX_CUTS;
  }
}

function isDeliberate({ code, reason }: CarrierEnd & { readonly type: "closed" }): boolean {
  return DELIBERATE.includes(code) || saysTunnelEnded(reason);
}
