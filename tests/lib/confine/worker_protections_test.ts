import { assertThrows } from "@std/assert";
import { PR_SET_PDEATHSIG, prctl } from "../../../ffi/mod.ts";
import { closeUnknownDescriptors, protectWorker } from "../../../lib/confine/worker_protections.ts";
import { controlChannelPair } from "../../../lib/harness/channel.ts";

Deno.test("protectWorker() applies only the chosen protections", () => {
  const worker = { packetFd: -1, channelFd: -1 };
  closeUnknownDescriptors(worker, []); // would close the descriptors of this test
  protectWorker(worker, ["locked-filter", "fanout-pin"]);
});

Deno.test("protectWorker() throws if the parent is gone", () => {
  const [ours, theirs] = controlChannelPair();
  ours.close();
  using channel = theirs;
  const worker = { packetFd: -1, sourceFd: -1, channelFd: channel.fd };
  try {
    assertThrows(() => protectWorker(worker, ["parent-death-signal"]), Error, "The parent is gone");
  } finally {
    prctl(PR_SET_PDEATHSIG, 0);
  }
});
