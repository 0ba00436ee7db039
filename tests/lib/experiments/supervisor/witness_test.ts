import { assertEquals } from "@std/assert";
import { openDescriptors, type SystemError } from "../../../../ffi/mod.ts";
import { SteadyStimulus } from "../../../../lib/experiments/supervisor/stream.ts";
import { StreamWitness } from "../../../../lib/experiments/supervisor/witness.ts";
import { datagramFrame } from "../../../../lib/packets/build.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { interfaceByName } from "../../../support/link_ends.ts";
import { testNeeding } from "../../../support/needs.ts";
import { pause } from "../../../support/pause.ts";

testNeeding(
  { root: true },
  "StreamWitness notes each frame of its stream, and counts others",
  async () => {
    const before = openDescriptors("self").size;
    {
      const [near, far] = ["veth-fdpass", "veth-fdpass-far"].map(interfaceByName);
      using stream = new SteadyStimulus(far, 1000);
      using otherStream = new SteadyStimulus(far, 1000);
      using witness = new StreamWitness(near, stream.nonce);
      using sender = boundPacketSocket(far.ifindex, 0);
      stream.start();
      otherStream.start();
      for (let i = 0; i < 10; i++) {
        const to = { address: "239.255.70.69", port: 5004 }; // no worker's filter passes it
        sendFrame(sender.fd, datagramFrame({ sender: far, to, payload: new Uint8Array(20) }));
      }
      await pause(150);
      stream.stop();
      otherStream.stop();
      await pause(60); // until the last block is handed over
      witness.look();
      const all = Array.from({ length: stream.sent }, (_, i) => [i, 1] as const);
      assertEquals([...witness.times], all);
      assertEquals(witness.others, otherStream.sent);
    }
    assertEquals(openDescriptors("self").size, before);
  },
);

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "StreamWitness.look() throws the error that came between two looks",
  async () => {
    await ip("link add name gone type veth peer name gone-far");
    try {
      await ip("link set gone up");
      await ip("link set gone-far up");
      using witness = new StreamWitness(interfaceByName("gone"), new Uint8Array(8));
      witness.look();
      await ip("link set gone down");
      await pause(60); // the next look by itself
      for (let i = 0; i < 2; i++) assertEquals(refusalOf(() => witness.look()), "ENETDOWN");
    } finally {
      await ip("link del gone");
    }
  },
);

async function ip(args: string): Promise<void> {
  await new Deno.Command("ip", { args: args.split(" ") }).output();
}

function refusalOf(action: () => void): string | undefined {
  try {
    action();
  } catch (error) {
    return (error as SystemError).code;
  }
}
