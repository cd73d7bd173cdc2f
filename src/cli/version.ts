import packageJson from "../../package.json" with { type: "json" };

/** Version of this program, X.Y.Z. */
export const VERSION: string = packageJson.version;
