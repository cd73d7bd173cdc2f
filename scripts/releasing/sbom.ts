// The list of what is in the compiled files: npm's own, without what differs from one run to the next.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import packageJson from "../../package.json" with { type: "json" };

/** Text of a CycloneDX document of the packages that run, Bun being one. `date` is the commit's. */
export function sbom(date: Date): string {
  const text = execFileSync(
    "npm",
    ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--omit", "dev"],
    {
      encoding: "utf8",
    },
  );
  const document = JSON.parse(text);
  const { name, version } = packageJson;
  const bun = packageJson.devDependencies.bun;
  document.metadata.timestamp = date.toISOString();
  document.metadata.component.name = name; // npm takes the directory's
  document.components.push({
    "bom-ref": `bun@${bun}`,
    type: "platform",
    name: "bun",
    version: bun,
    scope: "required",
    description: "the runtime inside the compiled file",
    purl: `pkg:npm/bun@${bun}`,
    licenses: [{ license: { id: "MIT" } }],
  });
  const root = document.dependencies.find(({ ref }: { ref: string }) => ref === `${name}@${version}`);
  root.dependsOn.push(`bun@${bun}`);
  document.dependencies.push({ ref: `bun@${bun}`, dependsOn: [] });
  delete document.serialNumber;
  document.serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`;
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A UUID (version 8) of a text: another for each other text. */
function uuidOf(text: string): string {
  const sum = createHash("sha256").update(text).digest();
  sum[6] = ((sum[6] ?? 0) & 0x0f) | 0x80;
  sum[8] = ((sum[8] ?? 0) & 0x3f) | 0x80;
  return sum.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
