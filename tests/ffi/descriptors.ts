/**
 * Support for tests of descriptors: sockets that are closed at the end of a test, a check that
 * nothing else stays open, and checks that use a descriptor.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  AF_UNIX,
  close,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  openDescriptors,
  OwnedFd,
  recv,
  send,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socketpair,
} from "../../ffi/mod.ts";

/** Descriptors that are closed at the end of a test. */
export class Scope implements Disposable {
  readonly #owned: OwnedFd[] = [];

  /** Takes over a descriptor. */
  own(fd: number): number {
    this.#owned.push(new OwnedFd(fd));
    return fd;
  }

  /** Creates two connected sockets, SOCK_SEQPACKET by default. */
  pair(type = SOCK_SEQPACKET): [first: number, second: number] {
    const [first, second] = socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0);
    return [this.own(first), this.own(second)];
  }

  /** Closes a descriptor before the end. */
  close(fd: number): void {
    this.#owned.find((each) => each.fd === fd && each.isOpen)?.close();
  }

  [Symbol.dispose](): void {
    this.#owned.forEach((each) => each.close());
  }
}

/**
 * Registers a test that must leave exactly the same descriptors open. Closing one twice fails too,
 * because the second close(2) throws `EBADF`.
 */
export function leavingNothingOpen(test: (scope: Scope) => void | Promise<void>) {
  return async () => {
    const before = openDescriptors("self");
    {
      using scope = new Scope();
      // A test that never waits gives Deno no chance to open descriptors of its own.
      const pending = test(scope);
      if (pending !== undefined) await pending;
    }
    assertEquals(openDescriptors("self"), before);
  };
}

/** Checks that data sent through one descriptor arrive at the other. */
export function assertConnected(fd: number, peerFd: number): void {
  const word = crypto.getRandomValues(new Uint8Array(8));
  send(fd, word, MSG_NOSIGNAL | MSG_DONTWAIT);
  const received = new Uint8Array(16);
  assertEquals(received.subarray(0, recv(peerFd, received, MSG_DONTWAIT)), word);
}

/**
 * Checks that the other end of `peerFd` is closed, in every process and every message in flight:
 * recv(2) then reports end of file, and otherwise fails with `EAGAIN`.
 */
export function assertAbandoned(peerFd: number): void {
  assertEquals(recv(peerFd, new Uint8Array(1), MSG_DONTWAIT), 0);
}

/** Uses received descriptors, each a copy of one end of a connection, and closes them. */
export function useAndClose(descriptors: readonly number[], peerFd: number): void {
  for (const fd of descriptors) assertConnected(fd, peerFd);
  descriptors.forEach(close);
}
