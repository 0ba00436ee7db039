import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  close,
  DescriptorError,
  isCloseOnExec,
  openDescriptors,
  type OwnedFd,
  sendDescriptors,
} from "../../ffi/mod.ts";
import {
  awaitMessage,
  controlChannelPair,
  MESSAGE_LIMIT,
  nextMessage,
  sendMessage,
  takeMessage,
} from "../../lib/control_channel.ts";
import { ExperimentError } from "../../lib/outcome.ts";

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
