import { assertEquals, assertThrows } from "@std/assert";
import { ALL_PROTECTIONS } from "../../../lib/confine/protections.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";
import { asConfinement, SOCKET } from "../../../lib/harness/worker_orders.ts";
import { assertValidates, CONFINEMENT, WRONG_CONFINEMENT } from "../../support/orders.ts";

Deno.test("asConfinement() accepts the names of protections and nothing else", () => {
  const all = { ...CONFINEMENT, protections: ALL_PROTECTIONS };
  assertEquals(asConfinement(all), all);
  for (const other of ["", "plain", "hardened", "toString", "__proto__", 0, null, undefined, []]) {
    const wrong = { ...CONFINEMENT, protections: [other] };
    assertThrows(() => asConfinement(wrong), ExperimentError, "protection", String(other));
  }
});

Deno.test("SOCKET validates every field", () => {
  const orders = { ...CONFINEMENT, count: 5, receive: "recvmsg", stimulus: "ip" } as const;
  assertEquals(SOCKET.validate({ ...orders, stimulus: null }).stimulus, null);
  assertValidates(SOCKET, orders, {
    ...WRONG_CONFINEMENT,
    stimulus: ["IP", "", "toString", 4, [null]],
    count: [0, -1, 1.5, "5", null],
    receive: ["RECVMSG", "toString", "", 1, null],
  });
});
