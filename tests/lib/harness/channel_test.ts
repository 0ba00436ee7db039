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
  SHUT_WR,
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

const NEVER = new AbortController().signal;

/** Registers a test that gets a channel, and fails if it leaves a descriptor open. */
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

channelTest("controlChannelPair() makes both ends close-on-exec", (ours, theirs) => {
  assert(isCloseOnExec(ours.fd) && isCloseOnExec(theirs.fd));
});

channelTest("sendMessage() delivers messages whole and in order", (ours, theirs) => {
  sendMessage(ours.fd, { text: "ü\n" }, [], 0);
  sendMessage(ours.fd, "x".repeat(MESSAGE_LIMIT - 2), [], 0);
  assertEquals(takeMessage(theirs.fd, 0)?.text, '{"text":"ü\\n"}');
  assertEquals(takeMessage(theirs.fd, 0)?.text.length, MESSAGE_LIMIT);
  assertEquals(takeMessage(theirs.fd, 0), undefined);
});

channelTest(
  "sendMessage() refuses a message that is too long, and a peer that does not read",
  (ours) => {
    assertThrows(() => sendMessage(ours.fd, "x".repeat(MESSAGE_LIMIT), [], 0), ExperimentError);
    assertThrows(
      () => {
        for (;;) sendMessage(ours.fd, "x".repeat(10_000), [], 20);
      },
      ExperimentError,
      "does not read",
    );
  },
);

channelTest("takeMessage() refuses another number of descriptors than expected", (ours, theirs) => {
  sendMessage(ours.fd, {}, [0], 0);
  assertThrows(() => takeMessage(theirs.fd, 0), DescriptorError);
  sendMessage(ours.fd, {}, [], 0);
  assertThrows(() => takeMessage(theirs.fd, 1), DescriptorError);
});

channelTest("takeMessage() returns the descriptors that were expected", (ours, theirs) => {
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

channelTest("takeMessage() returns null at the end of the channel", (ours, theirs) => {
  ours.close();
  assertEquals(takeMessage(theirs.fd, 0), null);
});

channelTest(
  "takeMessage() returns the last messages of a peer that ended with unread messages",
  (ours, theirs) => {
    sendMessage(theirs.fd, "unread", [], 0);
    for (const text of ["first", "last"]) sendMessage(ours.fd, text, [], 0);
    ours.close();
    // The kernel reports the reset once, before it delivers the messages.
    assertThrows(() => recv(theirs.fd, new Uint8Array(8), MSG_DONTWAIT), SystemError, "ECONNRESET");
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"first"');
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"last"');
    assertEquals([takeMessage(theirs.fd, 0), takeMessage(theirs.fd, 0)], [null, null]);
  },
);

channelTest(
  "takeMessage() returns a last message although the kernel reports a reset first",
  (ours, theirs) => {
    sendMessage(theirs.fd, "unread", [], 0);
    sendMessage(ours.fd, "last", [], 0);
    ours.close();
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"last"');
    assertEquals(takeMessage(theirs.fd, 0), null);
  },
);

channelTest("takeMessage() refuses an empty message, which is not the end", (ours, theirs) => {
  sendDescriptors(ours.fd, [], { data: new Uint8Array(0) });
  sendMessage(ours.fd, "next", [], 0);
  assertThrows(() => takeMessage(theirs.fd, 0), ExperimentError, "a message is empty");
  assertEquals(takeMessage(theirs.fd, 0)?.text, '"next"');
});

channelTest(
  "takeMessage() returns null after the last message of a peer that has shut down",
  (ours, theirs) => {
    sendMessage(ours.fd, "last", [], 0);
    shutdown(ours.fd, SHUT_WR);
    assertEquals(takeMessage(theirs.fd, 0)?.text, '"last"');
    assertEquals(takeMessage(theirs.fd, 0), null);
  },
);

channelTest(
  "takeMessage() closes all descriptors of every message that it refuses",
  (ours, theirs) => {
    for (let i = 0; i < 3; i++) sendMessage(ours.fd, {}, new Array(253).fill(0), 0);
    for (let i = 0; i < 3; i++) assertThrows(() => takeMessage(theirs.fd, 0), DescriptorError);
    sendMessage(ours.fd, {}, new Array(253).fill(0), 0);
    assertThrows(() => takeMessage(theirs.fd, 1), DescriptorError);
  },
);

channelTest(
  "awaitMessage() ends with a message, when the peer closes, and when time runs out",
  (ours, theirs) => {
    assertThrows(() => awaitMessage(theirs.fd, 0, 10), ExperimentError, "in time");
    sendMessage(ours.fd, 1, [], 0);
    assertEquals(awaitMessage(theirs.fd, 0, 10).text, "1");
    ours.close();
    assertThrows(() => awaitMessage(theirs.fd, 0, 10), ExperimentError, "closed");
  },
);

channelTest("nextMessage() waits while the event loop runs", async (ours, theirs) => {
  setTimeout(() => sendMessage(ours.fd, 1, [], 0), 20);
  assertEquals((await nextMessage(theirs.fd, performance.now() + 5000, NEVER))?.text, "1");
  assertEquals(await nextMessage(theirs.fd, performance.now() + 20, NEVER), undefined);
});

channelTest("nextMessage() ends its wait when its signal aborts", async (_, theirs) => {
  const started = performance.now();
  assertEquals(
    await nextMessage(theirs.fd, performance.now() + 30_000, AbortSignal.timeout(20)),
    undefined,
  );
  assert(performance.now() - started < 10_000, "it waited until its deadline");
});

channelTest("nextMessage() rejects a message with descriptors", async (ours, theirs) => {
  sendMessage(ours.fd, {}, [0], 0);
  await assertRejects(
    () => nextMessage(theirs.fd, performance.now() + 1000, NEVER),
    DescriptorError,
  );
});
