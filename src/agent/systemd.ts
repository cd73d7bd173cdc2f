import { spawn } from "node:child_process";
import type { Env } from "../base/env.ts";
import type { Logger } from "../base/log.ts";
import type { AgentEvent } from "./agent-types.ts";

/** Without a broker for this long the service counts as started all the same: systemd would end it otherwise. */
const READY_ANYWAY_MS = 60_000;

/**
 * Tells systemd that the agent is ready, how it stands, that it is alive and that it stops. The protocol needs a Unix
 * datagram socket, which neither runtime has, so each message is a run of `systemd-notify`; a unit needs
 * NotifyAccess=all for that. Does nothing unless systemd asked for it with NOTIFY_SOCKET.
 */
export class SystemdNotifier {
  readonly #socket: string;
  readonly #path: string | undefined;
  readonly #log: Logger;
  readonly #timers: NodeJS.Timeout[] = [];
  #isReady = false;
  #isBroken = false;

  private constructor(socket: string, { PATH, WATCHDOG_USEC, WATCHDOG_PID }: Env, log: Logger) {
    this.#socket = socket;
    this.#path = PATH;
    this.#log = log;
    this.#timers.push(setTimeout(() => this.#ready("waiting for the broker"), READY_ANYWAY_MS));
    const watchdogMs = Number(WATCHDOG_USEC) / 1_000;
    const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
    if (watchdogMs >= 1_000 && isOurs) {
      this.#timers.push(setInterval(() => this.#send("WATCHDOG=1"), watchdogMs / 2));
    }
  }

  /** @returns undefined when systemd did not start us, or does not want to know */
  static from(env: Env, log: Logger): SystemdNotifier | undefined {
    const socket = env["NOTIFY_SOCKET"] ?? "";
    return socket === "" ? undefined : new SystemdNotifier(socket, env, log);
  }

  observe(event: AgentEvent): void {
    if (event.event === "subscribed") {
      const status = `subscribed on ${event.broker}`;
      if (this.#isReady) this.#send(`STATUS=${status}`);
      else this.#ready(status);
    }
    if (event.event === "broker-lost" && this.#isReady) this.#send("STATUS=waiting for the broker");
  }

  /** The agent begins to stop; no more messages follow. */
  stopping(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#send("STOPPING=1");
  }

  #ready(status: string): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#send("READY=1", `STATUS=${status}`);
  }

  #send(...assignments: string[]): void {
    if (this.#isBroken) return;
    const env = { PATH: this.#path, NOTIFY_SOCKET: this.#socket };
    const child = spawn("systemd-notify", assignments, { env, stdio: "ignore" });
    child.once("error", ({ message }) => {
      this.#isBroken = true;
      this.#log.warn("systemd cannot be told how the agent stands: {message}", { message });
    });
    child.unref();
  }
}
