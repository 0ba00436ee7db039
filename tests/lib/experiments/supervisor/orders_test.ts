import { SUPERVISED } from "../../../../lib/experiments/supervisor/orders.ts";
import { assertValidates, CONFINEMENT, WRONG_CONFINEMENT } from "../../../support/orders.ts";

const ring = { blockSize: 1 << 16, blockCount: 64, retireTimeout: 8 };
const right = { ...CONFINEMENT, ring, capacity: 1000, nonce: "AAAA", work: 0 } as const;
const wrong = {
  ...WRONG_CONFINEMENT,
  ring: [
    [],
    {},
    { ...ring, blockSize: 0 },
    { ...ring, blockCount: 2 ** 32 },
    { ...ring, retireTimeout: "8" },
  ],
  capacity: [-1, 1.5, null],
  nonce: ["AAA", "not base64!", "A".repeat(1000), 1],
  work: [-1, "0", null],
};

Deno.test("SUPERVISED validates every field", () => {
  assertValidates(SUPERVISED, right, wrong);
  assertValidates(SUPERVISED, { ...right, ring: null }, wrong);
});
