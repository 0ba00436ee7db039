import { RECEIVER } from "../../../../lib/experiments/receive_paths/orders.ts";
import { assertValidates, CONFINEMENT, WRONG_CONFINEMENT } from "../../../support/orders.ts";

Deno.test("RECEIVER validates every field", () => {
  assertValidates(
    RECEIVER,
    { ...CONFINEMENT, receive: "tpacket-v3", isRingSetUp: true, layer: "ip", prove: false },
    {
      ...WRONG_CONFINEMENT,
      receive: ["tpacket_v3", null],
      isRingSetUp: [null, 1],
      layer: ["IP", null],
      prove: ["false", []],
    },
  );
});
