// Checks of single values, with the limits and sentences of the reference proxy.

import { reject } from "./fatal.ts";
import type { ReferenceLines } from "./lines.ts";

const MAX_ACCESS_TOKEN = 4_096;
const MAX_HOST = 253;
const MAX_REGION = 64;
const MAX_PATH = 4_096;
const NAME = /^[a-zA-Z0-9.:[\]-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Throws ReferenceFatal when a value cannot be used. Each method checks one option. */
export class Checks {
  readonly #lines: ReferenceLines;

  constructor(lines: ReferenceLines) {
    this.#lines = lines;
  }

  accessToken(token: string): void {
    if (token === "") this.#reject("access-token", "empty token", "Access token cannot be empty");
    if (token.length > MAX_ACCESS_TOKEN) {
      this.#reject("access-token", "exceeds maximum length", "Access token exceeds maximum allowed length");
    }
    if (CONTROL.test(token)) {
      this.#reject(
        "access-token",
        "contains control characters",
        "Access token contains invalid control characters",
      );
    }
  }

  /** The alphabet is the service's: the reference checks the length alone, and its user is refused later. */
  clientToken(token: string): void {
    if (token.length < 32 || token.length > 128) {
      this.#reject(
        "client-token",
        "invalid length (must be 32-128 chars)",
        "Client token must be between 32 and 128 characters",
      );
    }
    if (!/^[a-zA-Z0-9-]+$/.test(token)) {
      this.#reject(
        "client-token",
        "invalid characters",
        "Client token must contain only letters, digits, and hyphens",
      );
    }
  }

  region(region: string): void {
    if (region === "") this.#reject("region", "empty region", "Region cannot be empty");
    if (region.length > MAX_REGION) {
      this.#reject("region", "exceeds maximum length", "Region exceeds maximum allowed length");
    }
    if (!/^[a-z0-9-]+$/.test(region)) {
      this.#reject(
        "region",
        "invalid format",
        "Region must contain only lowercase letters, numbers, and hyphens",
      );
    }
  }

  endpoint(endpoint: string): void {
    if (endpoint === "") this.#reject("proxy-endpoint", "empty endpoint", "Proxy endpoint cannot be empty");
    if (endpoint.length > MAX_HOST) {
      this.#reject(
        "proxy-endpoint",
        "exceeds maximum length",
        "Proxy endpoint exceeds maximum allowed length",
      );
    }
    if (!NAME.test(endpoint)) {
      this.#reject("proxy-endpoint", "invalid characters", "Proxy endpoint contains invalid characters");
    }
  }

  bindAddress(address: string): void {
    if (address.length > MAX_HOST) {
      this.#reject("bind-address", "exceeds maximum length", "Bind address exceeds maximum allowed length");
    }
    if (!NAME.test(address)) {
      this.#reject("bind-address", "invalid characters", "Bind address contains invalid characters");
    }
  }

  path(path: string): void {
    if (path === "") this.#reject("path", "empty path", "Path cannot be empty");
    if (path.length > MAX_PATH) {
      this.#reject("path", "exceeds maximum length", "Path exceeds maximum allowed length");
    }
  }

  port(text: string): void {
    if (!/^[0-9]+$/.test(text)) {
      this.#reject("port", "non-numeric characters", "Port must contain only digits");
    }
    if (Number(text) < 1 || Number(text) > 65_535) {
      this.#reject("port", "out of valid range", "Port must be between 1 and 65535");
    }
  }

  #reject(input: string, reason: string, message: string): never {
    return reject(this.#lines, input, reason, message);
  }
}
