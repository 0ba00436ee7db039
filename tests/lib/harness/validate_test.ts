import { assertEquals, assertIsError, assertThrows } from "@std/assert";
import { ExperimentError } from "../../../lib/evidence/errors.ts";
import {
  asBase64,
  asBoolean,
  asInteger,
  asList,
  asOneOf,
  asText,
  asTexts,
  asTimestamp,
} from "../../../lib/harness/validate.ts";

/** Values of every kind of JSON, and some that look like another kind. */
const ANYTHING = [null, undefined, true, 0, -1, 1.5, "", "1", "a", [], [1], {}, { length: 1 }];

/** Returns the values that a validation accepts. It must name the field when it refuses one. */
function accepted(validate: (value: unknown, name: string) => unknown): unknown[] {
  return ANYTHING.filter((value) => {
    try {
      validate(value, "the field");
      return true;
    } catch (error) {
      assertIsError(error, ExperimentError, "the field");
      return false;
    }
  });
}

Deno.test("Each validation accepts the values of its kind, and names the field when it refuses another", () => {
  assertEquals(accepted((value, name) => asText(value, name)), ["", "1", "a"]);
  assertEquals(accepted((value, name) => asInteger(value, name, -1, 1)), [0, -1]);
  assertEquals(accepted(asBoolean), [true]);
  assertEquals(accepted((value, name) => asList(value, name, 1)), [[], [1]]);
  assertEquals(accepted((value, name) => asTexts(value, name, 1)), [[]]);
  assertEquals(accepted((value, name) => asOneOf(value, name, ["a", "b"])), ["a"]);
  assertEquals(accepted(asTimestamp), ["1"]);
  assertEquals(accepted((value, name) => asBase64(value, name, 3)), [""]);
});

Deno.test("asTexts() accepts a list of short texts, up to a length", () => {
  assertEquals(asTexts([], "words", 2), []);
  assertEquals(asTexts(["a", "x".repeat(128)], "words", 2), ["a", "x".repeat(128)]);
  const wrong = [["a", "b", "c"], "ab", null, undefined, {}, { length: 1, 0: "a" }, [1], [null]];
  for (const value of [...wrong, ["x".repeat(129)], [["a"]]]) {
    assertThrows(() => asTexts(value, "words", 2), ExperimentError, "words is not");
  }
});
