// The list of what is in the compiled files: npm's own, without what differs from one run to the next.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import packageJson from "../../package.json" with { type: "json" };
import lock from "../../package-lock.json" with { type: "json" };

interface Component {
  readonly "bom-ref": string;
}

/** What of an entry of the lock file is looked at here. */
interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

/** What of the document is looked at here. */
interface Document {
  serialNumber?: string;
  metadata: { timestamp: string; component: { name: string } };
  components: Component[];
  dependencies: { readonly ref: string; dependsOn: string[] }[];
}

const { name, version, devDependencies } = packageJson;
/** The one tool for development that gets into the program. */
const RUNTIME = {
  "bom-ref": `bun@${devDependencies.bun}`,
  type: "platform",
  name: "bun",
  version: devDependencies.bun,
  scope: "required",
  description: "the runtime inside the compiled file",
  purl: `pkg:npm/bun@${devDependencies.bun}`,
  licenses: [{ license: { id: "MIT" } }],
};

/** Text of a CycloneDX document of what is in the program, the runtime included. `date` is the commit's. */
export function sbom(date: Date): string {
  // Not with --omit dev: of what the program and a tool both use it leaves out some.
  const words = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application"];
  const document: Document = JSON.parse(execFileSync("npm", words, { encoding: "utf8" }));
  document.metadata.timestamp = date.toISOString();
  document.metadata.component.name = name; // npm takes the directory's
  const needed = neededPackages();
  document.components = document.components.filter((each) => needed.has(each["bom-ref"])).concat(RUNTIME);
  document.dependencies = dependenciesAmong(document);
  delete document.serialNumber;
  document.serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`;
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Packages, as name@version, that the program needs: not those that only tools do. */
function neededPackages(): Set<string> {
  const packages: Readonly<Record<string, LockEntry>> = lock.packages;
  const needed = Object.entries(packages).filter(([, { dev, devOptional }]) => !dev && !devOptional);
  return new Set(needed.map(([path, each]) => `${path.split("node_modules/").at(-1)}@${each.version}`));
}

function dependenciesAmong({ components, dependencies }: Document): Document["dependencies"] {
  const root = `${name}@${version}`;
  const refs = new Set([root, ...components.map((each) => each["bom-ref"])]);
  const others = dependencies.filter(({ ref }) => refs.has(ref) && ref !== RUNTIME["bom-ref"]);
  const known = others.map(({ ref, dependsOn }) => ({
    ref,
    dependsOn: dependsOn.filter((to) => refs.has(to)),
  }));
  return [...known, { ref: RUNTIME["bom-ref"], dependsOn: [] }];
}

/** A UUID (version 8) of a text: another for each other text. */
function uuidOf(text: string): string {
  const sum = createHash("sha256").update(text).digest();
  sum[6] = ((sum[6] ?? 0) & 0x0f) | 0x80;
  sum[8] = ((sum[8] ?? 0) & 0x3f) | 0x80;
  return sum.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
