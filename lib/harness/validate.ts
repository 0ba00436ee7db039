/**
 * Validation of a message, field by field. The other side may be compromised, so a value that is
 * not exactly what the protocol expects ends the run.
 *
 * Each function returns the value with its type, and throws an {@linkcode ExperimentError} that
 * names it.
 *
 * @module
 */

import { ExperimentError } from "../evidence/errors.ts";

/** The fields of a message, none of them validated. */
export type Fields = Record<string, unknown>;

/**
 * The deepest nesting of evidence. Views print it by recursion, which deeper nesting would
 * overflow.
 */
const DEPTH_LIMIT = 16;

/**
 * Keys by which a careless reader of the evidence would change the prototype of its own objects.
 */
const POLLUTING: readonly string[] = ["__proto__", "constructor", "prototype"];

/** The most that 64 bits hold, in a capture file too: until the year 2554. */
const LAST_TIME = 2n ** 64n - 1n;

/** Throws the error that ends a run whose messages are not those of the protocol. */
export function refuse(reason: string): never {
  throw new ExperimentError(`The other side broke the protocol: ${reason}`);
}

/** Parses a message. Returns its fields, none of them validated. */
export function parseFields(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse("a message is not JSON");
  }
  return asObject(value, "a message");
}

/** Requires an object, neither null nor an array. */
export function asObject(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(`${name} is not an object`);
  }
  return value as Fields;
}

/** Requires an object, of any shape that a view can print and reproduce. */
export function asEvidence(value: unknown, name: string): Fields {
  const evidence = asObject(value, name);
  requirePlain(evidence, name, DEPTH_LIMIT);
  return evidence;
}

/** Refuses values that no view reproduces (half characters, 1e999), and keys that harm a reader. */
function requirePlain(value: unknown, name: string, depth: number): void {
  if (typeof value === "string") requireWellFormed(value, name);
  else if (typeof value === "number") {
    if (!Number.isFinite(value)) refuse(`a number in ${name} is too large`);
  } else if (typeof value === "object" && value !== null) {
    if (depth === 0) refuse(`${name} is nested more than ${DEPTH_LIMIT} deep`);
    for (const [key, each] of Object.entries(value)) {
      requireWellFormed(key, name);
      if (POLLUTING.includes(key)) refuse(`${name} has a key "${key}"`);
      requirePlain(each, name, depth - 1);
    }
  }
}

function requireWellFormed(text: string, name: string): void {
  if (!text.isWellFormed()) refuse(`a text in ${name} has an unpaired surrogate`);
}

/** Requires a text of at most `limit` characters, with no half of a surrogate pair. */
export function asText(value: unknown, name: string, limit = 4096): string {
  if (typeof value !== "string" || value.length > limit) refuse(`${name} is not a short text`);
  requireWellFormed(value, name);
  return value;
}

/** Requires a list of at most `most` texts of 128 characters at most. */
export function asTexts(value: unknown, name: string, most: number): string[] {
  return asList(value, name, most).map((each) => asText(each, name, 128));
}

/** Requires a list of at most `most` values. The values are not validated. */
export function asList(value: unknown, name: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) refuse(`${name} is not a short list`);
  return value;
}

/** Requires a whole number from `least` to `most`. */
export function asInteger(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    refuse(`${name} is not a whole number from ${least} to ${most}`);
  }
  return value;
}

/** Requires `true` or `false`. */
export function asBoolean(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") refuse(`${name} is neither true nor false`);
  return value;
}

/** Requires one of a few words. */
export function asOneOf<Word extends string>(
  value: unknown,
  name: string,
  words: readonly Word[],
): Word {
  if (!words.includes(value as Word)) refuse(`${name} is unknown`);
  return value as Word;
}

/** Requires a number of nanoseconds since 1970, written in decimal. */
export function asTimestamp(value: unknown, name: string): bigint {
  const text = asText(value, name);
  const isNumber = /^\d{1,20}$/.test(text);
  if (!isNumber || BigInt(text) > LAST_TIME) refuse(`${name} is not a time`);
  return BigInt(text);
}

/** Requires at most `limit` bytes, in base64. Returns the text. */
export function asBase64(value: unknown, name: string, limit: number): string {
  const text = asText(value, name, 4 * Math.ceil(limit / 3));
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    refuse(`${name} is not base64`);
  }
  return text;
}
