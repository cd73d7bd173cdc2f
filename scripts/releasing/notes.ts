// The notes of a release: what CHANGELOG.md says of its version.

/** Body of the section of `version`, without its heading. Throws when there is none, or nothing in it. */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  const body = section?.slice(section.indexOf("\n")).trim() ?? "";
  if (body === "") {
    throw new Error(`CHANGELOG.md says nothing of ${version}: add a section "## ${version} — date"`);
  }
  return `${body}\n`;
}
