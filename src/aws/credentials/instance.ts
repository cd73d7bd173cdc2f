// Credentials of the instance that this runs on, from its metadata service.

import { jsonObject } from "../../base/json-object.ts";
import { type Carrier, exchange, type PlainRequest } from "../http.ts";
import type { SharedSettings } from "../shared-settings.ts";
import { askAgain } from "./ask-again.ts";
import { type Keys, keysOf } from "./keys.ts";

const HOSTS = { ipv4: "http://169.254.169.254", ipv6: "http://[fd00:ec2::254]" } as const;
const ROLES = "/latest/meta-data/iam/security-credentials/";
const SESSION_S = 21_600;
const MAX_BYTES = 64 * 1024;

/** Absent where no instance of AWS with a role is around. */
export async function instanceKeys(settings: SharedSettings, carrier: Carrier): Promise<Keys | undefined> {
  if (isOn(settings.env["AWS_EC2_METADATA_DISABLED"])) return undefined;
  try {
    return await new Metadata(settings, carrier).keys();
  } catch {
    // Anywhere else than on such an instance nobody answers, or somebody else does.
    carrier.signal?.throwIfAborted();
    return undefined;
  }
}

class Metadata {
  readonly #settings: SharedSettings;
  readonly #carrier: Carrier;
  readonly #timeoutMs: number;
  readonly #maxTries: number;

  constructor(settings: SharedSettings, carrier: Carrier) {
    this.#settings = settings;
    this.#carrier = carrier;
    this.#timeoutMs = 1_000 * wholeNumber(this.#value("AWS_METADATA_SERVICE_TIMEOUT"));
    this.#maxTries = wholeNumber(this.#value("AWS_METADATA_SERVICE_NUM_ATTEMPTS"));
  }

  /** @throws whatever was in the way */
  async keys(): Promise<Keys | undefined> {
    const session = await this.#session();
    const headers = session === undefined ? {} : { "x-aws-ec2-metadata-token": session };
    const role = (await this.#get(ROLES, headers)).trim().split("\n")[0] ?? "";
    const answer = jsonObject(await this.#get(`${ROLES}${encodeURIComponent(role)}`, headers));
    return answer && keysOf(answer, "Token");
  }

  /**
   * Token of a session. Absent, unless that is forbidden, with a service that knows none, and where its answer comes
   * to nobody: in containers whose network is a hop too far from it.
   */
  async #session(): Promise<string | undefined> {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": String(SESSION_S) };
    const answer = await this.#ask("/latest/api/token", { method: "PUT", headers }).catch((error: Error) => {
      if (error.name === "TimeoutError") return { status: 404, body: "" };
      throw error;
    });
    if (answer.status === 200) return answer.body;
    const isOld =
      [403, 404, 405].includes(answer.status) && !isOn(this.#value("AWS_EC2_METADATA_V1_DISABLED"));
    if (!isOld) throw new Error(`no session: status ${answer.status}`);
    return undefined;
  }

  async #get(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const { status, body } = await this.#ask(path, { method: "GET", headers });
    if (status !== 200) throw new Error(`${path}: status ${status}`);
    return body;
  }

  async #ask(path: string, request: PlainRequest) {
    const mode = this.#value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.toLowerCase();
    const given = this.#value("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const host = given ?? HOSTS[mode === "ipv6" ? "ipv6" : "ipv4"];
    const url = new URL(`${host.replace(/\/+$/, "")}${path}`);
    const limits = { timeoutMs: this.#timeoutMs, maxBytes: MAX_BYTES };
    const { signal } = this.#carrier;
    return askAgain(() => exchange(url, request, this.#carrier, limits), {
      maxTries: this.#maxTries,
      waitMs: 0,
      signal,
    });
  }

  /** Of the variable, else of the profile, where its name is the same in small letters without AWS_. */
  #value(name: string): string | undefined {
    const { env, section } = this.#settings;
    return env[name] || section.get(name.replace(/^AWS_/, "").toLowerCase()) || undefined;
  }
}

function isOn(text: string | undefined): boolean {
  return text?.toLowerCase() === "true";
}

/** Where nothing else is set one second and one try, since elsewhere nobody answers at all. */
function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 1;
}
