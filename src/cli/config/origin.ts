/** Where a value came from; `name` is the flag with its dashes, the variable, or the file's path. */
export type Origin =
  | { readonly type: "flag"; readonly name: string }
  | { readonly type: "env"; readonly name: string }
  | { readonly type: "file"; readonly name: string }
  | { readonly type: "default" };
