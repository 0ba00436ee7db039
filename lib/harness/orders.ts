/**
 * Orders: the messages by which a parent directs its child, often with descriptors beside them.
 * Each experiment defines its own.
 *
 * @module
 */

import { type Fields, parseFields, refuse } from "./validate.ts";

/** Orders of one kind. */
export interface Orders<Content extends object> {
  /** The type of their message. */
  readonly type: string;
  /**
   * Validates the fields of a message.
   *
   * @throws {ExperimentError} If a field is invalid.
   */
  validate(fields: Fields): Content;
}

/**
 * The messages without content. A child goes on with its program at `next`; `enough` ends its
 * receiving.
 */
export const WORDS = ["next", "enough"] as const;

/** The type of a message without content. */
export type Word = typeof WORDS[number];

/**
 * Parses a message of the parent.
 *
 * @param expected The message that comes next by the protocol.
 * @returns Its content; an empty object for a word.
 * @throws {ExperimentError} If it is another message, or a field is invalid.
 */
export function parseOrders<Content extends object>(
  text: string,
  expected: Word | Orders<Content>,
): Content {
  const fields = parseFields(text);
  const type = typeof expected === "string" ? expected : expected.type;
  if (fields.type !== type) refuse(`"${type}" was expected`);
  return typeof expected === "string" ? {} as Content : expected.validate(fields);
}

/**
 * Parses a message that may be either word.
 *
 * @throws {ExperimentError} If it is another message.
 */
export function parseWord(text: string): Word {
  const { type } = parseFields(text);
  if (type !== "next" && type !== "enough") refuse('"next" or "enough" was expected');
  return type;
}
