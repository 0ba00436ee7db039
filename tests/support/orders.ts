/**
 * Orders as a parent would send them, with fields that are wrong.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { ExperimentError } from "../../lib/evidence/errors.ts";
import { type Orders, parseOrders } from "../../lib/harness/orders.ts";

/** The fields that all workers' orders have. */
export const CONFINEMENT = { uid: 65534, gid: 65533, protections: ["undumpable"] } as const;

/** Wrong values of those fields. */
export const WRONG_CONFINEMENT = {
  uid: [-1, 2 ** 32 - 1, 1.5, "65534", null],
  gid: [-1, 2 ** 32 - 1, true],
  protections: [null, "undumpable", ["harden"], [1], ["toString"], Array(10).fill("undumpable")],
};

/**
 * Asserts that orders are accepted as they are, with no field more, and that every field is refused
 * where it is missing or wrong.
 *
 * @param wrong Wrong values of each field.
 */
export function assertValidates<Content extends object>(
  orders: Orders<Content>,
  right: Content,
  wrong: { readonly [field in keyof Content]: readonly unknown[] },
): void {
  const parse = (fields: object) =>
    parseOrders(JSON.stringify({ type: orders.type, ...fields }), orders);
  assertEquals(parse({ ...right, more: 1 }), right);
  assertEquals(Object.keys(wrong).sort(), Object.keys(right).sort());
  for (const [field, values] of Object.entries<readonly unknown[]>(wrong)) {
    for (const value of [undefined, ...values]) {
      const what = `${field}: ${JSON.stringify(value)}`;
      assertThrows(() => parse({ ...right, [field]: value }), ExperimentError, "protocol", what);
    }
  }
}
