import { once } from "node:events";
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { Counter, Gauge, Registry } from "prom-client";
import { surviveAcceptErrors } from "../base/accept-errors.ts";
import { ListenError } from "../base/errors.ts";
import { bracketed, hostAndPort } from "../base/host-names.ts";
import { systemReason } from "../base/system-reason.ts";
import { refuseRequest } from "../emulator/server/strict-http.ts";
import type { AgentEvent } from "./agent-types.ts";

/** A scraper or two. A newcomer takes the place of the oldest: whoever is served at all is served at once. */
const MAX_CONNECTIONS = 16;
/** From the connection to the end of its one request. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Under another name a web page that makes its own name lead here would read what this serves. */
const HOST_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Serves `/metrics` for Prometheus and `/ready`, 200 only while the agent is subscribed. Fed with an agent's events. */
export class MetricsServer {
  /** Accepts by itself, as an HTTP server tells of a connection only when something was sent on it. */
  readonly #server: Server;
  readonly #http: HttpServer;
  readonly #registry = new Registry();
  readonly #counts = makeCounts(this.#registry);
  readonly #connected = new Set<string>();
  /** Open connections, the oldest first. */
  readonly #sockets = new Set<Socket>();
  readonly #hostNames: readonly string[];
  #isSubscribed = false;

  private constructor(hostNames: readonly string[]) {
    this.#hostNames = hostNames;
    this.#http = createHttpServer((request, response) => void this.#answer(request, response));
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** @throws ListenError */
  static async listen(address: { readonly host: string; readonly port: number }): Promise<MetricsServer> {
    const host = address.host === "localhost" ? "127.0.0.1" : address.host;
    const where = hostAndPort({ host, port: address.port });
    const metrics = new MetricsServer([...HOST_NAMES, bracketed(host)]);
    metrics.#server.listen(address.port, host);
    try {
      await once(metrics.#server, "listening");
    } catch (cause) {
      throw new ListenError(where, `cannot serve metrics on ${where}: ${systemReason(cause)}`, { cause });
    }
    surviveAcceptErrors(metrics.#server, where);
    return metrics;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Counts an event. */
  observe(event: AgentEvent): void {
    const { subscribed, sessions, connected, connections } = this.#counts;
    switch (event.event) {
      case "subscribed":
        this.#isSubscribed = true;
        return subscribed.set(1);
      case "broker-lost":
        this.#counts.brokerLost.inc();
        this.#isSubscribed = false;
        return subscribed.set(0);
      case "draining":
        this.#isSubscribed = false;
        return subscribed.set(0);
      case "notification-refused":
        return this.#counts.notifications.inc({ result: event.reason });
      case "notification-known":
        return this.#counts.notifications.inc({ result: "known" });
      case "session-started":
        if (!event.isResumed) this.#counts.notifications.inc({ result: "accepted" });
        return sessions.inc();
      case "session-connected":
        this.#connected.add(event.session);
        return connected.set(this.#connected.size);
      case "session-disconnected":
        this.#connected.delete(event.session);
        return connected.set(this.#connected.size);
      case "session-ended":
        this.#connected.delete(event.session);
        connected.set(this.#connected.size);
        this.#counts.sessionsEnded.inc({ reason: event.reason });
        return sessions.dec();
      case "connection-opened":
        return connections.inc();
      case "connection-closed":
        connections.dec();
        this.#counts.bytes.inc({ direction: "to_tunnel" }, event.bytesToTunnel);
        return this.#counts.bytes.inc({ direction: "from_tunnel" }, event.bytesFromTunnel);
    }
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    socket.on("error", () => socket.destroy());
    const [oldest] = this.#sockets;
    if (this.#sockets.size > MAX_CONNECTIONS) oldest?.destroy();
    this.#http.emit("connection", socket);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url } = request;
    const refusal = refuseRequest(request, this.#hostNames);
    if (refusal !== undefined) return end(response, refusal.status, `${refusal.reason}\n`);
    if (method !== "GET" && method !== "HEAD") return end(response, 405, "only GET\n");
    if (url === "/ready") {
      return this.#isSubscribed ? end(response, 200, "subscribed\n") : end(response, 503, "not subscribed\n");
    }
    if (url !== "/metrics") return end(response, 404, "/metrics or /ready\n");
    end(response, 200, await this.#registry.metrics(), this.#registry.contentType);
  }
}

function end(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store", connection: "close" });
  response.end(text);
}

/** All labels are closed lists of ours: what comes from outside never makes a new series. */
function makeCounts(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name: `tunnel_agent_${name}`, help, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `tunnel_agent_${name}`, help, labelNames, registers });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  const startedAt = Date.now() / 1_000 - process.uptime();
  gauge("start_time_seconds", "When the agent started, seconds since 1970.").set(startedAt);
  return {
    subscribed: gauge("subscribed", "1 while the agent hears of new tunnels."),
    sessions: gauge("sessions", "Tunnels that are carried or being connected."),
    connected: gauge("sessions_connected", "Tunnels that are connected."),
    connections: gauge("connections", "Local connections that are open or being dialled."),
    brokerLost: counter("broker_lost_total", "Connections to the broker that failed or ended.", []),
    notifications: counter("notifications_total", "Notifications, by what became of them.", ["result"]),
    sessionsEnded: counter("sessions_ended_total", "Sessions that ended, by reason.", ["reason"]),
    bytes: counter("bytes_total", "Bytes of local connections that ended.", ["direction"]),
  };
}
