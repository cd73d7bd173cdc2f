interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** More events than any sound run needs: past this something never comes to rest. */
const MAX_EVENTS = 200_000;

/** Virtual milliseconds: events run in order of time, those of the same time in order of their making. */
export class Clock {
  now = 0;
  readonly #heap: Event[] = [];
  #made = 0;

  after(ms: number, run: () => void): void {
    this.#push({ at: this.now + ms, order: this.#made++, run });
  }

  /** Runs everything up to a time. */
  runUntil(time: number): void {
    for (let events = 0; (this.#heap[0]?.at ?? Number.POSITIVE_INFINITY) <= time; events++) {
      if (events > MAX_EVENTS) throw new Error(`no rest after ${events} events`);
      this.#step();
    }
    this.now = time;
  }

  /** Runs until nothing is left to happen. */
  runToRest(): void {
    for (let events = 0; this.#heap.length > 0; events++) {
      if (events > MAX_EVENTS) throw new Error(`no rest after ${events} events`);
      this.#step();
    }
  }

  #step(): void {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return;
    if (this.#heap.length > 0) this.#sink(last);
    this.now = first.at;
    first.run();
  }

  #push(event: Event): void {
    let index = this.#heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent] as Event;
      if (!isBefore(event, above)) break;
      this.#heap[index] = above;
      index = parent;
    }
    this.#heap[index] = event;
  }

  #sink(event: Event): void {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const right = this.#heap[child + 1];
      if (right !== undefined && isBefore(right, this.#heap[child] as Event)) child++;
      const below = this.#heap[child];
      if (below === undefined || !isBefore(below, event)) break;
      this.#heap[index] = below;
      index = child;
    }
    this.#heap[index] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
