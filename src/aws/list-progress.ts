import { ServiceError } from "../base/errors.ts";
import type { ListTunnelsResponse, TunnelSummary } from "./shapes.ts";

/** Pages without a tunnel that was not listed before, in a row: the service may send a few where it filters. */
const MAX_EMPTY_PAGES = 100;

/** Watches that a list comes to an end, whatever the control plane answers. */
export class ListProgress {
  readonly #tokens = new Set<string>();
  readonly #tunnels = new Set<string>();
  #emptyPages = 0;

  /**
   * Tunnels of the page that no earlier one had.
   * @throws ServiceError for a page that leads back, or when nothing new has come for many pages
   */
  next({ tunnelSummaries, nextToken = "" }: ListTunnelsResponse): TunnelSummary[] {
    const fresh = tunnelSummaries.filter(({ tunnelId }) => !this.#tunnels.has(tunnelId));
    for (const { tunnelId } of fresh) this.#tunnels.add(tunnelId);
    this.#emptyPages = fresh.length === 0 ? this.#emptyPages + 1 : 0;
    if (this.#tokens.has(nextToken)) throw endless("repeats its nextToken");
    if (this.#emptyPages > MAX_EMPTY_PAGES) {
      throw endless(`has sent ${MAX_EMPTY_PAGES} pages without a new tunnel`);
    }
    if (nextToken !== "") this.#tokens.add(nextToken);
    return fresh;
  }
}

function endless(what: string): ServiceError {
  return new ServiceError("ERR_SERVICE", `the list of tunnels has no end: the control plane ${what}`, {
    awsCode: "EndlessList",
    hint: "is this the control plane of IoT secure tunneling? check --endpoint-url; --max takes fewer",
  });
}
