import { assert, assertEquals } from "@std/assert";
import { controlChannelPair, nextMessage, sendMessage } from "../../../lib/harness/channel.ts";

Deno.test("nextMessage() lets timers run while messages arrive without a pause", async () => {
  const [ours, theirs] = controlChannelPair();
  using _ours = ours;
  using _theirs = theirs;
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let received = 0;
  try {
    for (
      const deadline = performance.now() + 10_000;
      !stop.signal.aborted && performance.now() < deadline;
    ) {
      sendMessage(theirs.fd, received, [], 1000); // so a message is always waiting
      const message = await nextMessage(ours.fd, deadline, stop.signal);
      if (message !== undefined) assertEquals(message?.text, String(received++));
      timer ??= setTimeout(() => stop.abort(new Error("enough")), 50);
    }
  } finally {
    clearTimeout(timer);
  }
  assert(stop.signal.aborted && received > 0, `the timer did not fire during ${received} messages`);
});
