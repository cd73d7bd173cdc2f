// The files of the AWS CLI as it reads them itself, with Python's configparser: comments stand on lines of their own,
// indented lines continue the value above them, "=" and ":" part name and value, nothing may occur twice.

/** Sections by name, each with its values by lower-case name. */
export type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Why a text is no such file; the message has the line, and nothing of what stands there. */
export class IniError extends Error {}

/** Values of this section count in every other one too. */
const DEFAULTS = "DEFAULT";

/** @throws IniError with the number of the first bad line */
export function parseIni(text: string): Sections {
  const reader = new Reader();
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    reader.take(line, index + 1);
  });
  return reader.sections();
}

class Reader {
  readonly #sections = new Map<string, Map<string, string[]>>();
  #section: Map<string, string[]> | undefined;
  /** Lines of the value that an indented line continues. */
  #value: string[] | undefined;
  #indent = 0;

  take(line: string, number: number): void {
    const content = line.trim();
    if (content === "") {
      this.#value?.push("");
      return;
    }
    if (/^[#;]/.test(content)) return;
    const indent = line.length - line.trimStart().length;
    if (this.#value !== undefined && indent > this.#indent) {
      this.#value.push(content);
      return;
    }
    this.#indent = indent;
    const header = /^\[(.+)\]/.exec(content)?.[1];
    if (header !== undefined) this.#open(header, number);
    else this.#add(content, number);
  }

  sections(): Sections {
    const defaults = this.#sections.get(DEFAULTS) ?? [];
    const joined = [...this.#sections].map(([name, values]) => {
      const all = [...defaults, ...values].map(([key, lines]) => [key, lines.join("\n").trimEnd()] as const);
      return [name, new Map(all)] as const;
    });
    return new Map(joined.filter(([name]) => name !== DEFAULTS));
  }

  #open(name: string, number: number): void {
    if (this.#sections.has(name)) throw new IniError(`line ${number}: this section is there twice`);
    this.#section = new Map();
    this.#sections.set(name, this.#section);
    this.#value = undefined;
  }

  #add(content: string, number: number): void {
    if (this.#section === undefined) throw new IniError(`line ${number}: no [section] stands above it`);
    const match = /^([^=:]*?)\s*[=:]\s*(.*)$/.exec(content);
    const key = match?.[1]?.toLowerCase() ?? "";
    if (key === "") throw new IniError(`line ${number}: neither a [section] nor "name = value"`);
    if (this.#section.has(key)) throw new IniError(`line ${number}: this name is there twice in its section`);
    this.#value = [match?.[2] ?? ""];
    this.#section.set(key, this.#value);
  }
}

/** The lines of an indented block below `name =`, as in `s3 =` and in a section of services. */
export function parseNested(value: string): ReadonlyMap<string, string> {
  const lines = value.split("\n").filter((line) => line.trim() !== "");
  return new Map(
    lines.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, Math.max(at, 0)).trim(), line.slice(at + 1).trim()];
    }),
  );
}
