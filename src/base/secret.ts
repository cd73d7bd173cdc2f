// Tokens travel through the program as objects that print as [redacted]: a token cannot slip into a log,
// an error or a JSON document by accident, only by calling reveal().

const REDACTED = "[redacted]";

class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The token itself, for the one header, file or answer that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return REDACTED;
  }
}

/** Client access token: the credential of one side of a tunnel, header `access-token`. */
export class AccessToken extends Secret {
  readonly kind = "access-token";
}

/** Password of this program at a server of somebody else's. */
export class Password extends Secret {
  readonly kind = "password";
}

/** Client token: lets its holder use an access token again, header `client-token`; 32 to 128 of `[a-zA-Z0-9-]`. */
export class ClientToken extends Secret {
  readonly kind = "client-token";
}
