/**
 * What the programs of this folder share: a source of frames on the near end of the veth pair, and waiting for the next frame.
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
import { ETHERTYPE, isSame } from "../../../ffi/programs/veth.ts";

/** The way of receiving that the program's arguments name. */
export function pathArgument(): ReceivePath {
  const [path] = Deno.args;
  if (!isReceivePath(path)) throw new RangeError(`No way of receiving: ${path}`);
  return path;
}

/** A source of frames with all that it needs. */
export class Receiver implements Disposable {
  readonly packetSocket: OwnedFd = boundPacketSocket(if_nametoindex("veth-fdpass"), ETHERTYPE);
  readonly source: FrameSource;
  readonly #poller: Poller;

  constructor(path: ReceivePath) {
    this.source = openFrameSource(path, this.packetSocket.fd);
    this.#poller = new Poller([this.source.fd], POLLIN);
  }

  /** Waits until something may be there, or a while is over. */
  wait(milliseconds: number): number {
    return this.#poller.wait(milliseconds);
  }

  /** Steps to the next frame, and waits for it, ten seconds at most. Signals may end a wait; it begins again. */
  await(): boolean {
    for (const end = performance.now() + 10_000; performance.now() < end;) {
      if (this.source.next()) return true;
      this.source.wait(100);
    }
    return false;
  }

  /** Whether the source is at that frame, all of it. */
  isAt(frame: Uint8Array): boolean {
    return this.source.length === frame.length && isSame(currentFrame(this.source), frame);
  }

  [Symbol.dispose](): void {
    this.source[Symbol.dispose]();
    this.packetSocket.close();
  }
}
