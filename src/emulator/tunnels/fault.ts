/** An exception of the service's API: its name, as clients match it, and a sentence for people. */
export class Fault extends Error {
  readonly type: string;
  /** Every exception of this service is a 400; only the limits of HTTP itself differ. */
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.name = "Fault";
    this.type = type;
    this.status = status;
  }
}

/** The request breaks a constraint of the model. */
export function validationFault(message: string): Fault {
  return new Fault("ValidationException", message);
}

/** The tunnel or resource does not exist. */
export function notFoundFault(message: string): Fault {
  return new Fault("ResourceNotFoundException", message);
}

/** A quota would be exceeded. */
export function limitFault(message: string): Fault {
  return new Fault("LimitExceededException", message);
}
