import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  DescriptorError,
  Errno,
  errnoOf,
  getsockopt,
  isCloseOnExec,
  MSG_DONTWAIT,
  receiveDescriptors,
  send,
  sendDescriptors,
  SO_COOKIE,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../../ffi/mod.ts";
import {
  assertAbandoned,
  assertConnected,
  leavingNothingOpen,
  useAndClose,
} from "../descriptors.ts";
import { command, resultOf } from "../programs.ts";

const text = new TextEncoder();

Deno.test(
  "sendDescriptors() passes a working descriptor, and keeps the sender's open",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const [cargo, peer] = scope.pair();
    sendDescriptors(here, [cargo]);
    const { descriptors: [fd] } = receiveDescriptors(there, { expected: 1 });
    scope.own(fd);
    assertConnected(fd, peer);
    assertConnected(peer, fd);
    assertConnected(cargo, peer);
    const cookieOf = (fd: number) => getsockopt(fd, SOL_SOCKET, SO_COOKIE, 8);
    assertEquals(cookieOf(fd), cookieOf(cargo), "the same socket");
  }),
);

Deno.test(
  "sendDescriptors() keeps the order of several descriptors",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const cargoes = [scope.pair(), scope.pair(), scope.pair()];
    sendDescriptors(here, cargoes.map(([cargo]) => cargo));
    const { descriptors } = receiveDescriptors(there, { expected: 3 });
    cargoes.forEach(([, peer], i) => useAndClose([descriptors[i]], peer));
  }),
);

Deno.test(
  "sendDescriptors() sends data alone, data beside descriptors, and a zero byte for none",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const cases: [data: Uint8Array<ArrayBuffer> | undefined, descriptors: number[]][] = [
      [undefined, []],
      [undefined, [here]],
      [text.encode("alone"), []],
      [text.encode("beside"), [here]],
    ];
    for (const [data, descriptors] of cases) {
      sendDescriptors(here, descriptors, data && { data });
      const received = receiveDescriptors(there, { expected: descriptors.length });
      assertEquals(received.data, data ?? new Uint8Array(1));
      useAndClose(received.descriptors, there);
    }
  }),
);

Deno.test("sendDescriptors() fails with EPIPE, and no signal, if the peer is closed", async () => {
  assertEquals(await resultOf(command("ffi/socket/programs/broken_pipe.ts")), {
    errno: "EPIPE",
    signals: 0,
    control: 1,
  });
});

Deno.test(
  "sendDescriptors() fails with EAGAIN if the socket is full and it may not wait",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const options = { data: new Uint8Array(1000), flags: MSG_DONTWAIT };
    let sent = 0;
    const fill = () => {
      for (; sent < 10_000; sent++) sendDescriptors(here, [], options);
    };
    assertEquals(errnoOf(fill), Errno.EAGAIN);
    for (; sent > 0; sent--) receiveDescriptors(there, { expected: 0, flags: MSG_DONTWAIT });
    assertEquals(errnoOf(() => sendDescriptors(here, [], options)), 0);
  }),
);

Deno.test(
  "receiveDescriptors() marks what it receives close-on-exec",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    sendDescriptors(here, [here, there]);
    const { descriptors } = receiveDescriptors(there, { expected: 2 });
    assertEquals(descriptors.map(scope.own, scope).map(isCloseOnExec), [true, true]);
  }),
);

Deno.test(
  "receiveDescriptors() puts the data into the buffer that it is given",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const buffer = new Uint8Array(8);
    sendDescriptors(here, [], { data: text.encode("abc") });
    const { data } = receiveDescriptors(there, { expected: 0, buffer });
    assertEquals(data, text.encode("abc"));
    assertStrictEquals(data.buffer, buffer.buffer);
  }),
);

for (const [sent, expected] of [[0, 1], [1, 2], [2, 1], [4, 3]]) {
  Deno.test(
    `receiveDescriptors() throws for ${sent} where ${expected} were agreed, and closes them`,
    leavingNothingOpen((scope) => {
      const [here, there] = scope.pair();
      const [cargo, peer] = scope.pair();
      sendDescriptors(here, new Array(sent).fill(cargo));
      const error = assertThrows(
        () => receiveDescriptors(there, { expected }),
        DescriptorError,
        `Message refused: ${sent} descriptors came, ${expected} expected`,
      );
      assertEquals([error.name, error.expected, error.received], [
        "DescriptorError",
        expected,
        sent,
      ]);
      scope.close(cargo);
      assertAbandoned(peer);
    }),
  );
}

Deno.test(
  "receiveDescriptors() throws for truncated data, and closes the descriptor",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const [cargo, peer] = scope.pair();
    sendDescriptors(here, [cargo], { data: new Uint8Array(9) });
    assertThrows(
      () => receiveDescriptors(there, { expected: 1, buffer: new Uint8Array(8) }),
      DescriptorError,
      "data was cut off (MSG_TRUNC)",
    );
    scope.close(cargo);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "receiveDescriptors() continues after a message that it refused",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    sendDescriptors(here, [here, here]);
    sendDescriptors(here, [here], { data: text.encode("next") });
    assertThrows(() => receiveDescriptors(there, { expected: 1 }), DescriptorError);
    const { data, descriptors } = receiveDescriptors(there, { expected: 1 });
    assertEquals(data, text.encode("next"));
    useAndClose(descriptors, there);
  }),
);

Deno.test(
  "receiveDescriptors() does not merge messages on a stream",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_STREAM);
    sendDescriptors(here, [here], { data: text.encode("one") });
    sendDescriptors(here, [here], { data: text.encode("two") });
    for (const word of ["one", "two"]) {
      const { data, descriptors } = receiveDescriptors(there, { expected: 1 });
      assertEquals(data, text.encode(word));
      descriptors.forEach((fd) => scope.own(fd));
    }
  }),
);

Deno.test(
  "receiveDescriptors() returns nothing at the end of the connection",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    scope.close(here);
    const { data, descriptors } = receiveDescriptors(there, { expected: 1 });
    assertEquals([data.length, descriptors], [0, []]);
  }),
);

Deno.test(
  "receiveDescriptors() fails with EAGAIN if nothing is queued and it may not wait",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const receive = () => receiveDescriptors(there, { expected: 0, flags: MSG_DONTWAIT });
    assertEquals(errnoOf(receive), Errno.EAGAIN);
    send(here, text.encode("x"), 0);
    assertEquals(receive().data, text.encode("x"));
  }),
);
