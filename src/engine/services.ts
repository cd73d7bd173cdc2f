import { ServiceIdsError } from "../base/errors.ts";

/**
 * Which local entry serves which service of the tunnel: service id → entry of the service map (P31).
 * One unnamed entry (empty name) fits a tunnel with one service, or with none.
 * @throws ServiceIdsError when the two sets differ.
 */
export function matchServices(entries: readonly string[], services: readonly string[]): Map<string, string> {
  if (entries.length === 1 && entries[0] === "" && services.length <= 1) {
    return new Map([[services[0] ?? "", ""]]);
  }
  const missing = services.filter((service) => !entries.includes(service));
  const unknown = entries.filter((entry) => !services.includes(entry));
  if (missing.length === 0 && unknown.length === 0) {
    return new Map(services.map((service) => [service, service]));
  }
  throw new ServiceIdsError(
    `the tunnel has ${nameAll(services)}, this proxy was started for ${nameAll(entries)}`,
    services.length === 0
      ? "this tunnel was opened without services: give one address without a name"
      : `map exactly these: ${services.map((service) => `${service}=…`).join(",")}`,
  );
}

function nameAll(names: readonly string[]): string {
  if (names.length === 0) return "no services";
  if (names.length === 1 && names[0] === "") return "one service without a name";
  const list = names.map((name) => (name === "" ? "one without a name" : `"${name}"`)).join(", ");
  return `${names.length === 1 ? "service" : "services"} ${list}`;
}
