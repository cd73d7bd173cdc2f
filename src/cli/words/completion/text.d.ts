// Files that are imported as texts.

declare module "*/_tunnel" {
  const text: string;

  export = text;
}

declare module "*.bash" {
  const text: string;

  export = text;
}

declare module "*.fish" {
  const text: string;

  export = text;
}
