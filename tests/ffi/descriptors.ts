/**
 * What the tests of descriptors share: sockets that are closed at the end of a test, proof that nothing else stayed
 * open, and proof that a descriptor is what it should be, by using it.
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

  /** Takes a descriptor over. */
  own(fd: number): number {
    this.#owned.push(new OwnedFd(fd));
    return fd;
  }

  /** Two connected sockets, datagrams with boundaries if nothing else is asked for. */
  pair(type = SOCK_SEQPACKET): [first: number, second: number] {
    const [first, second] = socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0);
    return [this.own(first), this.own(second)];
  }

  /** Closes one before the end. */
  close(fd: number): void {
    this.#owned.find((each) => each.fd === fd && each.isOpen)?.close();
  }

  [Symbol.dispose](): void {
    this.#owned.forEach((each) => each.close());
  }
}

/**
 * A test after which exactly those descriptors are open that were open before it. Closing one twice fails too:
 * the second close(2) throws `EBADF`.
 */
export function leavingNothingOpen(test: (scope: Scope) => void | Promise<void>) {
  return async () => {
    const before = openDescriptors("self");
    {
      using scope = new Scope();
      // A test that waits for nothing gives Deno no turn in which it might open a descriptor of its own.
      const pending = test(scope);
      if (pending !== undefined) await pending;
    }
    assertEquals(openDescriptors("self"), before);
  };
}

/** What is sent through one descriptor comes out of the other. */
export function assertConnected(fd: number, peerFd: number): void {
  const word = crypto.getRandomValues(new Uint8Array(8));
  send(fd, word, MSG_NOSIGNAL | MSG_DONTWAIT);
  const heard = new Uint8Array(16);
  assertEquals(heard.subarray(0, recv(peerFd, heard, MSG_DONTWAIT)), word);
}

/**
 * Nobody holds the other end of `peerFd` any more, neither a process nor a message under way: the kernel says end of file.
 * Where somebody does, recv(2) fails with `EAGAIN`.
 */
export function assertAbandoned(peerFd: number): void {
  assertEquals(recv(peerFd, new Uint8Array(1), MSG_DONTWAIT), 0);
}

/** Uses received descriptors, each a copy of one end of a connection, and closes them. */
export function useAndClose(descriptors: readonly number[], peerFd: number): void {
  for (const fd of descriptors) assertConnected(fd, peerFd);
  descriptors.forEach(close);
}
