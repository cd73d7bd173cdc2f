// What `tunnel completion` prints: the files of completions/, which ask `tunnel complete`.

import zsh from "../../../../completions/_tunnel" with { type: "text" };
import bash from "../../../../completions/tunnel.bash" with { type: "text" };
import fish from "../../../../completions/tunnel.fish" with { type: "text" };

/** The completion script of each shell that there is one for. */
export const STUBS: Readonly<Record<string, string>> = { bash, zsh, fish };
