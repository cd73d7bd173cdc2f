// Makes the blocks of a document that are to be run into one bash script, in order. What a document leaves to its reader
// is put in: free ports for those it names, and waiting until what was started in the background is ready.
import { type Block, blocksOf, typedLines } from "../../scripts/documents.ts";

/** What a document names → what is there in a test, e.g. 8443 → a free port. */
export type Places = Readonly<Record<string, number>>;

/** The blocks of a document that are run. */
export function blocksToRun(markdown: string): Block[] {
  return blocksOf(markdown).filter(
    ({ how, language }) => how.includes("run") || (language === "yaml" && how[0] === "config"),
  );
}

/** The bash script of these blocks. It ends at the first command that fails, and what it started ends with it. */
export function scriptOf(blocks: readonly Block[], places: Places): string {
  return [PROLOGUE, ...blocks.map((block) => stepsOf(block, places))].join("\n");
}

function stepsOf({ language, text, line }: Block, places: Places): string {
  const put = withPlaces(text, places);
  switch (language) {
    case "python":
      return `cat > block.py <<'END'\n${put}\nEND\npython3 block.py`;
    case "yaml":
      return `cat > config.yaml <<'END'\n${put}\nEND\nfor context in ${contextsOf(put)}; do tunnel config --config config.yaml --context $context; done`;
    default: {
      const typed = language === "console" ? typedLines(put) : put;
      return [
        `echo "--- line ${line}" >&2`,
        ...typed
          .replaceAll(/\\\n\s*/g, " ")
          .split("\n")
          .map(inBackground),
      ].join("\n");
    }
  }
}

/** Names of the contexts of a configuration file as our pages write it. */
function contextsOf(text: string): string {
  return [...text.matchAll(/^ {2}([\w-]+):/gm)].map(([, name]) => name).join(" ");
}

function withPlaces(text: string, places: Places): string {
  return Object.entries(places).reduce(
    (changed, [written, port]) =>
      changed.replaceAll(
        new RegExp(`(?<![\\d.])${written}(?!\\d)`, "g"),
        written.includes("=") ? written.replace(/\d+$/, String(port)) : String(port),
      ),
    text,
  );
}

/** As a document writes it: with its own places. */
export function asWritten(text: string, places: Places): string {
  return Object.entries(places)
    .filter(([written]) => !written.includes("="))
    .reduce((changed, [written, port]) => changed.replaceAll(String(port), written), text);
}

function inBackground(line: string): string {
  const command = /^(.*?)\s*&\s*(#.*)?$/.exec(line)?.[1];
  return command === undefined || command.endsWith("&") ? line : `background ${command}`;
}

const PROLOGUE = `set -euo pipefail
count=0
pids=()
end() { kill "\${pids[@]}" 2>/dev/null || true; wait; cat background.* 2>/dev/null || true; }
trap end EXIT
background() {
  count=$((count + 1))
  : > background.$count
  "$@" >> background.$count 2>&1 &
  pids+=("$!")
  for _ in $(seq 300); do
    if grep -qE 'ready on|listening on|connected to the tunnel|subscribed to' background.$count; then return; fi
    kill -0 "$!" 2>/dev/null || break
    sleep 0.1
  done
  echo "not ready: $*" >&2
  return 1
}`;
