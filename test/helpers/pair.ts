import type { ProxyOptions } from "../../src/proxy/options.ts";
import { startEmulator, startProxy, type TestEmulator, type TestProxy, type TestTunnel } from "./proxies.ts";

/** Emulator, source and destination of one tunnel, connected. */
export interface Pair extends AsyncDisposable {
  readonly emulator: TestEmulator;
  readonly tunnel: TestTunnel;
  readonly source: TestProxy;
  readonly destination: TestProxy;
}

/** Joins both sides for the services of `map`, e.g. `ECHO=127.0.0.1:7,WEB=/run/web.sock`. */
export async function startPair(
  map: string,
  options: {
    readonly source?: Partial<ProxyOptions>;
    readonly destination?: Partial<ProxyOptions>;
    readonly listen?: string;
  } = {},
): Promise<Pair> {
  const stack = new AsyncDisposableStack();
  try {
    const services = map.split(",").map((entry) => entry.slice(0, entry.indexOf("=")));
    const emulator = stack.use(await startEmulator());
    const tunnel = emulator.open(services);
    const destination = stack.use(
      startProxy(emulator, "destination", tunnel.tokens.destination, map, options.destination),
    );
    await destination.waitFor("connected");
    const listen = options.listen ?? services.map((service) => `${service}=0`).join(",");
    const source = stack.use(startProxy(emulator, "source", tunnel.tokens.source, listen, options.source));
    await source.waitFor("connected");
    return { emulator, tunnel, source, destination, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
