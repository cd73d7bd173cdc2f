import type { Pong } from "../engine/output.ts";
import type { Driver } from "./driver.ts";

/** Asks for the round trips of one proxy, one after the other: who asks meanwhile waits for its turn. */
export class PingDesk {
  readonly #driver: () => Driver | undefined;
  #asked: ReturnType<typeof Promise.withResolvers<Pong>> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param driver that of the WebSocket that carries now */
  constructor(driver: () => Driver | undefined) {
    this.#driver = driver;
  }

  /**
   * What became of a ping to the other end of a service; see Pings. Never rejected; it takes 5 s at most, once it has
   * its turn.
   */
  ask(serviceId: string, isLoaded: boolean): Promise<Pong> {
    const answer = this.#last.then(() => {
      const driver = this.#driver();
      if (driver === undefined || driver.isOver) return away(serviceId);
      const asked = Promise.withResolvers<Pong>();
      this.#asked = asked;
      driver.ping(serviceId, isLoaded);
      return asked.promise;
    });
    this.#last = answer;
    return answer;
  }

  /** The driver's answer. */
  tell({ serviceId, outcome, loadedBytes }: Pong): void {
    this.#asked?.resolve({ serviceId, outcome, loadedBytes });
    this.#asked = undefined;
  }

  /** The WebSocket is over, and whoever was asked does not answer. */
  over(): void {
    if (this.#asked !== undefined) this.tell(away(""));
  }
}

function away(serviceId: string): Pong {
  return { serviceId, outcome: "away", loadedBytes: 0 };
}
