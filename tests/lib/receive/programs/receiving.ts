/**
 * A source of frames on the near end of the veth pair, and the wait for its next frame. The
 * programs of this folder share it.
 *
 * @module
 */

import { if_nametoindex, OwnedFd, Poller, POLLIN } from "../../../../ffi/mod.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import {
  currentFrame,
  type FrameSource,
  isReceivePath,
  openFrameSource,
  type ReceivePath,
} from "../../../../lib/receive/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { ETHERTYPE, isSame, SOURCE } from "../../../ffi/programs/veth.ts";

/** The receive path named by the program's arguments. */
export function pathArgument(): ReceivePath {
  const [path] = Deno.args;
  if (!isReceivePath(path)) throw new RangeError(`No way of receiving: ${path}`);
  return path;
}

/** Prints the results of a function for all receive paths in the last argument, by their names. */
export function printForEachPath(resultOf: (path: ReceivePath) => unknown): void {
  const paths: unknown[] = JSON.parse(Deno.args.at(-1)!);
  printJson(Object.fromEntries(paths.filter(isReceivePath).map((path) => [path, resultOf(path)])));
}

/** The socket of a {@linkcode Receiver}. */
export interface ReceiverOptions {
  readonly interfaceName?: string;
  readonly protocol?: number;
  /** Prepares the packet socket before the source is opened. */
  readonly prepare?: ((packetFd: number) => void) | undefined;
}

/** A source of frames, with its sockets. */
export class Receiver implements Disposable {
  readonly packetSocket: OwnedFd;
  readonly source: FrameSource;
  readonly #poller: Poller;

  constructor(
    path: ReceivePath,
    { interfaceName = "veth-fdpass", protocol = ETHERTYPE, prepare }: ReceiverOptions = {},
  ) {
    this.packetSocket = boundPacketSocket(if_nametoindex(interfaceName), protocol);
    prepare?.(this.packetSocket.fd);
    this.source = openFrameSource(path, this.packetSocket.fd);
    this.#poller = new Poller([this.source.fd], POLLIN);
  }

  /** Waits until a frame may be there, or the time is over. */
  wait(milliseconds: number): number {
    return this.#poller.wait(milliseconds);
  }

  /** Steps to the next frame. Waits for it for at most ten seconds, across signals. */
  await(): boolean {
    for (const end = performance.now() + 10_000; performance.now() < end;) {
      if (this.source.next()) return true;
      this.source.wait(100);
    }
    return false;
  }

  /** As {@linkcode await}, but leaves out frames that the kernel sends of its own accord. */
  awaitOurs(): boolean {
    while (this.await()) {
      if (isSame(currentFrame(this.source).subarray(6, 12), SOURCE)) return true;
    }
    return false;
  }

  /** Returns whether the current frame is that frame, complete. */
  isAt(frame: Uint8Array): boolean {
    return this.source.length === frame.length && isSame(currentFrame(this.source), frame);
  }

  [Symbol.dispose](): void {
    this.source[Symbol.dispose]();
    this.packetSocket.close();
  }
}
