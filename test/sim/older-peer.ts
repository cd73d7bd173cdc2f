// Local proxies of the second and the first generation, as simple as such programs are: one connection a service.
import type { Side } from "../../src/emulator/relay/relay.ts";
import { FrameSplitter } from "../../src/protocol/frame.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../src/protocol/message.ts";
import type { Application } from "./application.ts";
import type { SimProxy, Surroundings } from "./carrier-proxy.ts";

export interface OlderPeerOptions {
  readonly side: Side;
  readonly format: 1 | 2;
  /** Gives back the connection id that its stream was opened with, as the reference proxy does in format 1. */
  readonly hasEcho: boolean;
  /** Its servers speak first. */
  readonly greets: boolean;
  /** A start that meets an active stream ends that stream and is lost, as with the reference proxy. */
  readonly losesStarts: boolean;
  readonly services: readonly string[];
  readonly newStreamId: () => number;
}

interface OlderStream {
  readonly streamId: number;
  readonly connectionId: number;
  readonly application: Application;
}

export class OlderPeer implements SimProxy {
  readonly #options: OlderPeerOptions;
  readonly #around: Surroundings;
  readonly #splitter = new FrameSplitter();
  readonly #streams = new Map<string, OlderStream>();
  #isLost = false;

  constructor(options: OlderPeerOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isLost) return;
    for (const frame of this.#splitter.push(bytes)) this.#onMessage(decodeFrame(frame));
  }

  accept(application: Application): boolean {
    const { serviceId } = application;
    if (this.#isLost || this.#streams.has(serviceId)) return false;
    application.proxy = this;
    this.#streams.set(serviceId, { streamId: this.#options.newStreamId(), connectionId: 0, application });
    this.#say(serviceId, MessageType.StreamStart);
    return true;
  }

  onData(application: Application, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 60_000) {
      this.#say(application.serviceId, MessageType.Data, bytes.subarray(at, at + 60_000));
    }
  }

  /** An end of file ends the whole connection. */
  onEnd(application: Application): void {
    this.onClose(application);
    application.finish("end");
  }

  onClose(application: Application): void {
    this.#say(application.serviceId, MessageType.StreamReset);
    this.#forget(application);
  }

  onRead(): void {}

  flush(): void {}

  lose(): void {
    this.#isLost = true;
    for (const { application } of this.#streams.values()) application.finish("reset");
    this.#streams.clear();
  }

  excess(): string[] {
    return [];
  }

  leftovers(): string[] {
    return this.#streams.size > 0 ? [`${this.#streams.size} streams at an older peer`] : [];
  }

  #onMessage(message: Message): void {
    if (message.type === MessageType.ServiceIds) return;
    const { services, format } = this.#options;
    const service = format === 1 || message.serviceId === "" ? (services[0] ?? "") : message.serviceId;
    const stream = this.#streams.get(service);
    if (message.type === MessageType.StreamStart) return this.#onStart(service, message, stream);
    if (stream === undefined || stream.streamId !== message.streamId) return;
    if (message.type === MessageType.Data) return stream.application.take(message.payload);
    // Neither knows connections: whatever is said of one is answered by the end of the stream.
    if (message.type !== MessageType.StreamReset) this.#say(service, MessageType.StreamReset);
    this.#forget(stream.application);
    stream.application.finish("end");
  }

  #onStart(service: string, { streamId, connectionId }: Message, old: OlderStream | undefined): void {
    if (old !== undefined) {
      this.#forget(old.application);
      old.application.finish("end");
      if (this.#options.losesStarts) return;
    }
    const application = this.#around.dial(service);
    if (application === undefined) {
      const serviceId = this.#options.format === 1 ? "" : service;
      return this.#send(makeMessage({ type: MessageType.StreamReset, streamId, serviceId }));
    }
    application.proxy = this;
    this.#streams.set(service, { streamId, connectionId, application });
    if (this.#options.greets) application.send(20);
  }

  #say(service: string, type: number, payload: Uint8Array = new Uint8Array(0)): void {
    const stream = this.#streams.get(service);
    if (stream === undefined) return;
    const { format, hasEcho } = this.#options;
    const connectionId = hasEcho ? stream.connectionId : 0;
    const serviceId = format === 1 ? "" : service;
    this.#send(makeMessage({ type, streamId: stream.streamId, serviceId, connectionId, payload }));
  }

  #send(message: Message): void {
    this.#around.up.send(encodeFrame(message));
  }

  #forget(application: Application): void {
    this.#streams.delete(application.serviceId);
    application.proxy = undefined;
  }
}
