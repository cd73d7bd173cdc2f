/** Environment variables, or some of them. */
export type Env = Readonly<Record<string, string | undefined>>;
