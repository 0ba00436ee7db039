import { assertEquals, assertThrows } from "@std/assert";
import { ExperimentError } from "../../../lib/evidence/errors.ts";
import { parseOrders, parseWord } from "../../../lib/harness/orders.ts";
import { SOCKET } from "../../../lib/harness/worker_orders.ts";

Deno.test("parseOrders() refuses a message of another type than the expected one", () => {
  assertEquals(parseOrders('{"type":"enough"}', "enough"), {});
  for (const text of ['{"type":"next"}', "{}", "null", "[]", "not JSON", '"enough"', ""]) {
    assertThrows(() => parseOrders(text, "enough"), ExperimentError, "protocol", text);
  }
  assertThrows(() => parseOrders('{"type":"enough"}', SOCKET), ExperimentError, '"socket" was');
});

Deno.test("parseWord() accepts either word, and refuses every other message", () => {
  assertEquals(parseWord('{"type":"next"}'), "next");
  assertEquals(parseWord('{"type":"enough"}'), "enough");
  for (const text of ['{"type":"socket"}', '{"type":["next"]}', "{}", "null", "next"]) {
    assertThrows(() => parseWord(text), ExperimentError, "protocol", text);
  }
});
