import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  close,
  DescriptorError,
  isCloseOnExec,
  MSG_DONTWAIT,
  openDescriptors,
  type OwnedFd,
  recv,
  sendDescriptors,
  shutdown,
  SystemError,
} from "../../../ffi/mod.ts";
import {
  awaitMessage,
  controlChannelPair,
  MESSAGE_LIMIT,
  nextMessage,
  sendMessage,
  takeMessage,
} from "../../../lib/harness/channel.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";

const SHUT_WR = 1; // bits/socket.h
const NEVER = new AbortController().signal;

/** Gives a test a channel, and sees to it that no descriptor is left. */
function channelTest(
  name: string,
  test: (ours: OwnedFd, theirs: OwnedFd) => void | Promise<void>,
): void {
  Deno.test(name, async () => {
    const before = openDescriptors("self").size;
    {
      const [ours, theirs] = controlChannelPair();
      using _ours = ours;
      using _theirs = theirs;
      await test(ours, theirs);
    }
    assertEquals(openDescriptors("self").size, before);
  });
}

channelTest("controlChannelPair() is close-on-exec at both ends", (ours, theirs) => {
  assert(isCloseOnExec(ours.fd) && isCloseOnExec(theirs.fd));
});

channelTest("sendMessage() delivers messages whole and in order", (ours, theirs) => {
  sendMessage(ours.fd, { text: "ü\n" }, [], 0);
  sendMessage(ours.fd, "x".repeat(MESSAGE_LIMIT - 2), [], 0);
  assertEquals(takeMessage(theirs.fd, 0)?.text, '{"text":"ü\\n"}');
  assertEquals(takeMessage(theirs.fd, 0)?.text.length, MESSAGE_LIMIT);
  assertEquals(takeMessage(theirs.fd, 0), undefined);
});

channelTest("sendMessage() refuses what is too long, and a peer that does not read", (ours) => {
  assertThrows(() => sendMessage(ours.fd, "x".repeat(MESSAGE_LIMIT), [], 0), ExperimentError);
  assertThrows(
    () => {
      for (;;) sendMessage(ours.fd, "x".repeat(10_000), [], 20);
    },
    ExperimentError,
    "does not read",
  );
});

channelTest("takeMessage() refuses descriptors that nobody asked for", (ours, theirs) => {
  sendMessage(ours.fd, {}, [0], 0);
  assertThrows(() => takeMessage(theirs.fd, 0), DescriptorError);
  sendMessage(ours.fd, {}, [], 0);
  assertThrows(() => takeMessage(theirs.fd, 1), DescriptorError);
});

channelTest("takeMessage() brings the descriptors that were agreed", (ours, theirs) => {
  sendMessage(ours.fd, {}, [theirs.fd], 0);
  const delivery = takeMessage(theirs.fd, 1);
  sendMessage(ours.fd, "through the copy", [], 0);
  assertEquals(takeMessage(delivery!.descriptors[0], 0)?.text, '"through the copy"');
  delivery!.descriptors.forEach(close);
});

channelTest("takeMessage() refuses bytes that are not UTF-8", (ours, theirs) => {
  sendDescriptors(ours.fd, [], { data: Uint8Array.of(0xff) });
  assertThrows(() => takeMessage(theirs.fd, 0), ExperimentError);
});

channelTest("takeMessage() knows the end of the channel", (ours, theirs) => {
  ours.close();
  assertEquals(takeMessage(theirs.fd, 0), null);
});

channelTest(
  "takeMessage() brings the last words of a peer that has not read everything",
  (ours, theirs) => {
    sendMessage(theirs.fd, "unread", [], 0);
    for (const word of ["first", "last"]) sendMessage(ours.fd, word, [], 0);
    ours.close();
    // The kernel tells of the reset before it delivers what was said.
    assertThrows(() => recv(theirs.fd, new Uint8Array(8), MSG_DONTWAIT), SystemError, "ECONNRESET");
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"first"');
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"last"');
    assertEquals([takeMessage(theirs.fd, 0), takeMessage(theirs.fd, 0)], [null, null]);
  },
);

channelTest("takeMessage() is not kept from last words by a reset", (ours, theirs) => {
  sendMessage(theirs.fd, "unread", [], 0);
  sendMessage(ours.fd, "last", [], 0);
  ours.close();
  assertEquals(takeMessage(theirs.fd, 0)?.text, '"last"');
  assertEquals(takeMessage(theirs.fd, 0), null);
});

channelTest("takeMessage() refuses an empty message, which is not the end", (ours, theirs) => {
  sendDescriptors(ours.fd, [], { data: new Uint8Array(0) });
  sendMessage(ours.fd, "next", [], 0);
  assertThrows(() => takeMessage(theirs.fd, 0), ExperimentError, "a message is empty");
  assertEquals(takeMessage(theirs.fd, 0)?.text, '"next"');
});

channelTest(
  "takeMessage() takes a peer that says nothing more for one that is gone",
  (ours, theirs) => {
    sendMessage(ours.fd, "last", [], 0);
    shutdown(ours.fd, SHUT_WR);
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"last"');
    assertEquals(takeMessage(theirs.fd, 0), null);
  },
);

channelTest(
  "takeMessage() leaves no descriptor open, however many came in how many messages",
  (ours, theirs) => {
    for (let i = 0; i < 3; i++) sendMessage(ours.fd, {}, new Array(253).fill(0), 0);
    for (let i = 0; i < 3; i++) assertThrows(() => takeMessage(theirs.fd, 0), DescriptorError);
    sendMessage(ours.fd, {}, new Array(253).fill(0), 0);
    assertThrows(() => takeMessage(theirs.fd, 1), DescriptorError);
  },
);

channelTest("awaitMessage() ends: with a message, with the peer, with the time", (ours, theirs) => {
  assertThrows(() => awaitMessage(theirs.fd, 0, 10), ExperimentError, "in time");
  sendMessage(ours.fd, 1, [], 0);
  assertEquals(awaitMessage(theirs.fd, 0, 10).text, "1");
  ours.close();
  assertThrows(() => awaitMessage(theirs.fd, 0, 10), ExperimentError, "closed");
});

channelTest("nextMessage() waits while the event loop goes on", async (ours, theirs) => {
  setTimeout(() => sendMessage(ours.fd, 1, [], 0), 20);
  assertEquals((await nextMessage(theirs.fd, Date.now() + 5000, NEVER))?.text, "1");
  assertEquals(await nextMessage(theirs.fd, Date.now() + 20, NEVER), undefined);
});

channelTest("nextMessage() is woken by its signal", async (_, theirs) => {
  const started = Date.now();
  assertEquals(
    await nextMessage(theirs.fd, Date.now() + 30_000, AbortSignal.timeout(20)),
    undefined,
  );
  assert(Date.now() - started < 10_000, "it waited for its deadline");
});

channelTest("nextMessage() rejects when descriptors come unasked", async (ours, theirs) => {
  sendMessage(ours.fd, {}, [0], 0);
  await assertRejects(() => nextMessage(theirs.fd, Date.now() + 1000, NEVER), DescriptorError);
});
