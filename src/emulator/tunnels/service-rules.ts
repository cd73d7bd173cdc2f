import type { DestinationConfig } from "../../aws/shapes.ts";
import { MAX_SERVICES } from "../../protocol/constants.ts";
import { limitFault, validationFault } from "./fault.ts";

/** Checks what the model leaves open: each service once, three at most: the service's quota, adjustable there. Throws Fault. */
export function checkServices(config: DestinationConfig | undefined): void {
  const services = config?.services ?? [];
  const repeated = services.find((service, index) => services.indexOf(service) !== index);
  if (repeated !== undefined) {
    throw validationFault(`Service '${repeated}' is given more than once in destinationConfig.services`);
  }
  if (services.length > MAX_SERVICES) {
    throw limitFault(`${services.length} services are given; a tunnel has ${MAX_SERVICES} at most`);
  }
}
