// What the library throws. `code` is for programs and never renamed, `message` a sentence for people, and `hint`, where
// there is one, what to do next; it may name a command of the program `tunnel`.

export {
  ConfigError,
  CredentialsError,
  type ErrorCode,
  type ErrorDetails,
  HandshakeError,
  ListenError,
  RemoteProtocolError,
  ReplacedError,
  ServiceError,
  ServiceIdsError,
  TunnelError,
  UnreachableError,
  UsageError,
} from "../base/errors.ts";
