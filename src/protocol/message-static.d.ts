// Types of the generated codec, by hand: the generator's own need a documentation tool three times its size.
import type { Reader } from "protobufjs/minimal.js";

interface MessageFields {
  type?: number;
  streamId?: number;
  ignorable?: boolean;
  payload?: Uint8Array;
  serviceId?: string;
  availableServiceIds?: readonly string[];
  connectionId?: number;
}

export namespace tunnel {
  const Message: {
    encode(message: MessageFields): { finish(): Uint8Array };
    decode(reader: Reader): Required<MessageFields> & { readonly $unknowns?: readonly Uint8Array[] };
  };
}
