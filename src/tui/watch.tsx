import { addAbortListener } from "node:events";
import { type Instance, render } from "ink";
import { App } from "./app.tsx";
import type { Effect } from "./key-presses.ts";
import { SecondScreen } from "./second-screen.ts";
import { feed, type Sources } from "./sources.ts";
import { initialState } from "./state.ts";
import { Store } from "./view-store.ts";

/** A terminal that a person sits at: both are terminals, and the size is known. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** What keys can do to tunnels; each returns a sentence about what was done, or throws. */
export interface WatchActions {
  readonly close: (tunnelId: string) => Promise<string>;
  readonly rotate: (tunnelId: string, mode: "source" | "destination" | "all") => Promise<string>;
}

export interface WatchOptions {
  readonly terminal: Terminal;
  /** The first line's first words. */
  readonly title: string;
  readonly colours: boolean;
  readonly sources: Sources;
  /** Absent without a control plane. */
  readonly actions?: WatchActions | undefined;
  readonly signal: AbortSignal;
}

/** Frames a second at most: drawing takes its time from what is drawn. */
const MAX_FPS = 10;

/**
 * Shows a live screen until the person quits or the signal stops it. The terminal is as before afterwards, also when
 * `ended` is rejected: with the first failure of the control plane, or ours.
 */
export class Watch {
  readonly ended: Promise<void>;
  readonly #options: WatchOptions;
  readonly #store: Store;
  readonly #stop = new AbortController();

  constructor(options: WatchOptions) {
    this.#options = options;
    const { terminal, title, colours, actions } = options;
    this.#store = new Store(
      initialState({
        now: Date.now(),
        ...sizeOf(terminal),
        title,
        colours,
        hasControlPlane: actions !== undefined,
      }),
    );
    this.ended = this.#run();
  }

  /** A log line, for the list of events. */
  log(line: string): void {
    this.#store.dispatch({ type: "event", text: line, now: Date.now() });
  }

  async #run(): Promise<void> {
    const { terminal, sources, signal } = this.#options;
    const stop = () => this.#stop.abort();
    using _ = addAbortListener(signal, stop);
    const resize = () => this.#store.dispatch({ type: "resize", ...sizeOf(terminal) });
    terminal.stdout.on("resize", resize);
    using second = new SecondScreen(terminal.stdout);
    const screen = this.#mount(second.stdout);
    const gone = screen.waitUntilExit().finally(stop);
    gone.catch(() => {}); // awaited below, after what feeds the screen
    try {
      await feed(this.#store, sources, this.#stop.signal);
    } finally {
      terminal.stdout.off("resize", resize);
      screen.unmount();
      await gone;
    }
  }

  #mount(stdout: NodeJS.WriteStream): Instance {
    const { stdin } = this.#options.terminal;
    const app = <App store={this.#store} onEffect={(effect) => this.#onEffect(effect)} />;
    return render(app, {
      stdin,
      stdout,
      exitOnCtrlC: false,
      patchConsole: false,
      maxFps: MAX_FPS,
    });
  }

  #onEffect(effect: Effect): void {
    const { terminal, actions } = this.#options;
    switch (effect.type) {
      case "quit":
        return this.#stop.abort();
      case "copy": {
        // OSC 52: the terminal puts it into the clipboard, also through ssh.
        const text = Buffer.from(effect.text).toString("base64");
        terminal.stdout.write(`\u001b]52;c;${text}\u0007`);
        return;
      }
      case "close":
        return this.#act(actions?.close(effect.tunnelId));
      case "rotate":
        return this.#act(actions?.rotate(effect.tunnelId, effect.mode));
    }
  }

  #act(done: Promise<string> | undefined): void {
    const tell = (text: string) => {
      this.#store.dispatch({ type: "notice", text });
      this.log(text);
    };
    done?.then(tell, (error: Error) => tell(`failed: ${error.message}`));
  }
}

function sizeOf({ stdout }: Terminal): { readonly columns: number; readonly rows: number } {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
}
