import { type Key as InkKey, useInput } from "ink";
import { useSyncExternalStore } from "react";
import { Screen } from "./components/screen.tsx";
import type { Effect, Key } from "./key-presses.ts";
import type { Store } from "./view-store.ts";

/** The screen of a store, with its keys. */
export function App(props: { readonly store: Store; readonly onEffect: (effect: Effect) => void }) {
  const { store, onEffect } = props;
  const state = useSyncExternalStore(store.subscribe, store.state);
  useInput((text, key) => {
    const effect = store.press(keyOf(text, key));
    if (effect !== undefined) onEffect(effect);
  });
  return <Screen state={state} />;
}

function keyOf(text: string, key: InkKey): Key {
  if (key.ctrl) return text === "c" ? { text: "", name: "interrupt" } : { text: "" };
  if (key.upArrow) return { text: "", name: "up" };
  if (key.downArrow) return { text: "", name: "down" };
  if (key.return) return { text: "", name: "return" };
  if (key.escape) return { text: "", name: "escape" };
  // Terminals send either code for the key that deletes to the left.
  if (key.backspace || key.delete) return { text: "", name: "backspace" };
  return { text };
}
