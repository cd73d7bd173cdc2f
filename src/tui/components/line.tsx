import { Text } from "ink";
import { Children, type ReactNode } from "react";
import { escapeControl } from "../../base/escape.ts";

const COLOURS = { good: "green", bad: "red", warn: "yellow", accent: "cyan" } as const;

/** What a text says by its colour; `dim` and `strong` also do without colours. */
export type Tone = keyof typeof COLOURS | "dim" | "strong" | "plain";

/** A piece of a line. Without colours (NO_COLOR) the words and signs alone must do. */
export function Piece(props: {
  readonly tone?: Tone;
  readonly colours: boolean;
  readonly children: ReactNode;
}) {
  const { tone = "plain", colours } = props;
  const children = printable(props.children);
  if (tone === "dim") return <Text dimColor={colours}>{children}</Text>;
  if (tone === "strong") return <Text bold>{children}</Text>;
  if (tone === "plain" || !colours) return <Text>{children}</Text>;
  return <Text color={COLOURS[tone]}>{children}</Text>;
}

/** One line, cut at the edge of the screen. */
export function Line({ children }: { readonly children: ReactNode }) {
  return <Text wrap="truncate">{printable(children)}</Text>;
}

/** Every text on the screen passes here: what the service, devices and other processes call things is not ours. */
function printable(children: ReactNode): ReactNode {
  return Children.map(children, (child) => (typeof child === "string" ? escapeControl(child) : child));
}
