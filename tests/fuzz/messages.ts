/**
 * The parser of the child's messages: any text gives a message that fits the schema here, or an
 * error that names the protocol.
 *
 * @module
 */

import { Ajv2020 } from "ajv";
import fc from "fast-check";
import { CHECKS } from "../../lib/evidence/checks.ts";
import { parseChildMessage } from "../../lib/harness/protocol.ts";
import { ExperimentError } from "../../lib/evidence/errors.ts";
import { must, target } from "./target.ts";

const IDS = Object.keys(CHECKS);

const text = { type: "string", maxLength: 4096 };
const checks = { type: "array", maxItems: 64, items: { enum: IDS } };
const open = { type: "object" };
const message = (
  type: string | string[],
  properties: Record<string, unknown>,
  optional: Record<string, unknown> = {},
) => ({
  type: "object",
  additionalProperties: false,
  required: ["type", ...Object.keys(properties)],
  properties: { type: { enum: [type].flat() }, ...properties, ...optional },
});

const u16 = { type: "integer", minimum: 0, maximum: 0xffff };
const vlan = {
  type: "object",
  additionalProperties: false,
  required: ["tpid", "tci"],
  properties: { tpid: u16, tci: u16 },
};

/** The schema of a parsed message. */
const isMessage = new Ajv2020().compile({
  oneOf: [
    message("step", { title: text, privileged: { type: "boolean" } }),
    message(["note", "done"], { text, checks }),
    message("detail", { text }),
    message("check", {
      id: { enum: IDS },
      status: { enum: ["pass", "fail", "skip"] },
      observed: text,
      evidence: open,
    }),
    message("packet", {
      bytes: { type: "integer", minimum: 0, maximum: 1 << 24 },
      head: {
        type: "string",
        maxLength: 344,
        pattern: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
      },
      timestamp_ns: { type: "string", pattern: "^[0-9]{1,20}$" },
      stamped_by: { enum: ["kernel", "child"] },
    }, { vlan }),
    message("reached", { stage: text, detail: open }),
    message("failed", { message: text }),
  ],
});

/** Whether a value consists of plain data only. */
function isPlain(value: unknown, depth = 0): boolean {
  if (depth > 17) return false;
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return true;
    case "object": {
      if (value === null) return true;
      const prototype = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== Array.prototype) return false;
      return Reflect.ownKeys(value).every((key) =>
        typeof key === "string" && key.isWellFormed() &&
        !["__proto__", "constructor", "prototype"].includes(key) &&
        (key === "length" || isPlain((value as Record<string, unknown>)[key], depth + 1))
      );
    }
    default:
      return false;
  }
}

const word = fc.string({ unit: "binary", maxLength: 12 });
const id = fc.constantFrom(...IDS);
const json = fc.jsonValue({ maxDepth: 2 });
const plain = fc.dictionary(
  fc.string({ unit: "grapheme", maxLength: 6 }).filter((key) => key !== "__proto__"),
  fc.jsonValue({ maxDepth: 1, stringUnit: "grapheme" }),
  { maxKeys: 3, noNullPrototype: true },
);
const someText = fc.string({ unit: "grapheme", maxLength: 12 });
const head = fc.uint8Array({ maxLength: 40 });
const halfWord = fc.integer({ min: 0, max: 0xffff });

/** Messages of the protocol. */
const valid: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ type: fc.constant("step"), title: someText, privileged: fc.boolean() }),
  fc.record({
    type: fc.constantFrom("note", "done"),
    text: someText,
    checks: fc.array(id, { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant("detail"), text: someText }),
  fc.record({
    type: fc.constant("check"),
    id,
    status: fc.constantFrom("pass", "fail", "skip"),
    observed: someText,
    evidence: plain,
  }),
  head.chain((bytes) =>
    fc.record({
      type: fc.constant("packet"),
      bytes: fc.integer({ min: bytes.length, max: 1 << 24 }),
      head: fc.constant(bytes.toBase64()),
      timestamp_ns: fc.bigInt(0n, 2n ** 64n - 1n).map(String),
      stamped_by: fc.constantFrom("kernel", "child"),
      vlan: fc.record({ tpid: halfWord, tci: halfWord }),
    }, { requiredKeys: ["type", "bytes", "head", "timestamp_ns", "stamped_by"] })
  ),
  fc.record({ type: fc.constant("reached"), stage: someText, detail: plain }),
  fc.record({ type: fc.constant("failed"), message: someText }),
);

const KEYS = ["type", "title", "privileged", "text", "checks", "id", "status", "observed"]
  .concat([
    "evidence",
    "bytes",
    "head",
    "timestamp_ns",
    "stamped_by",
    "vlan",
    "stage",
    "detail",
    "message",
  ]);
const STRANGE_KEYS = ["__proto__", "constructor", "prototype", "toString", "", "exit", "length"];
const STRANGE_VALUES = ["1e999", "-0", "-1e999", "1e-400", "9007199254740993", '"\\ud800"', "[]"]
  .concat([
    '{"__proto__":{"polluted":1}}',
    '{"prototype":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '"toString"',
  ])
  .concat(["{}", "null", '"pass"', `"${"x".repeat(4097)}"`, `${"[".repeat(40)}${"]".repeat(40)}`]);

const strangeValue = fc.oneof(
  { arbitrary: fc.constantFrom(...STRANGE_VALUES), weight: 5 },
  { arbitrary: json.map((each) => JSON.stringify(each)), weight: 1 },
);

/**
 * Messages with a member replaced, added, repeated or left out, as text: JSON can express more than
 * an object can.
 */
const altered = fc.tuple(
  valid,
  fc.array(
    fc.record({
      key: fc.oneof(fc.constantFrom(...KEYS), fc.constantFrom(...STRANGE_KEYS), word),
      value: fc.option(strangeValue, { nil: undefined }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
).map(([each, changes]) => {
  const members = Object.entries(each).map(([key, value]) => [key, JSON.stringify(value)]);
  for (const { key, value } of changes) {
    const place = members.findIndex(([known]) => known === key);
    if (value === undefined) members.splice(place, place === -1 ? 0 : 1);
    else members.splice(place === -1 ? members.length : place, key.length % 2, [key, value]);
  }
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
});

/** Texts with a piece cut out, inserted, or both. */
const torn = fc.tuple(
  valid,
  fc.nat(400),
  fc.nat(8),
  fc.oneof(word, fc.constantFrom("{", "]", '"', ",")),
)
  .map(([each, at, size, piece]) => {
    const whole = JSON.stringify(each);
    const place = at % (whole.length + 1);
    return whole.slice(0, place) + piece + whole.slice(place + size);
  });

/** A text, and the message that it must give, if that is known. */
interface Text {
  readonly text: string;
  readonly is?: unknown;
}

const cases: fc.Arbitrary<Text> = fc.oneof(
  { arbitrary: valid.map((each) => ({ text: JSON.stringify(each), is: each })), weight: 2 },
  { arbitrary: altered.map((text) => ({ text })), weight: 5 },
  { arbitrary: torn.map((text) => ({ text })), weight: 2 },
  { arbitrary: json.map((each) => ({ text: JSON.stringify(each) })), weight: 1 },
  { arbitrary: word.map((text) => ({ text })), weight: 1 },
);

const OWN_KEYS = Reflect.ownKeys(Object.prototype).length;

type Parse = (text: string) => unknown;

const hasMembers = (value: unknown) =>
  typeof value === "function" || typeof value === "object" && value !== null;

/** What a careless program does with its input. */
function merge(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    if (!hasMembers(value) || !hasMembers(into[key])) into[key] = value;
    else merge(into[key] as Record<string, unknown>, value as Record<string, unknown>);
  }
}

/** The honest parser, followed by a mistake in the use of its result. */
const afterwards =
  (mistake: (message: Record<string, unknown>, text: string) => unknown): Parse => (text) =>
    mistake(parseChildMessage(text) as unknown as Record<string, unknown>, text);

/** Fuzzes parseChildMessage() with any text. */
export const messages = target<Text, Parse>({
  claim:
    "parseChildMessage() gives a message that fits the protocol exactly, or throws ExperimentError",
  cases,
  subject: parseChildMessage,
  wrong: {
    "believes everything": JSON.parse,
    "passes on every member": afterwards((_, text) => JSON.parse(text)),
    "merges its input": afterwards((message, text) => {
      merge({}, JSON.parse(text));
      return message;
    }),
    "loses a member": afterwards(({ type }) => ({ type })),
    "throws another error": (text) => {
      try {
        return parseChildMessage(text);
      } catch {
        throw new TypeError("unexpected");
      }
    },
    "refuses what is right": afterwards((message) => {
      if (message.type !== "failed") return message;
      throw new ExperimentError("The other side broke the protocol: I do not like it");
    }),
  },
  check(parse, { text, is }) {
    let parsed: unknown;
    try {
      parsed = parse(text);
    } catch (error) {
      must(error instanceof ExperimentError, `${error}`);
      must(error.message.startsWith("The other side broke the protocol: "), error.message);
      must(is === undefined, `refused: ${error.message}`);
      return;
    } finally {
      const added = Reflect.ownKeys(Object.prototype).slice(OWN_KEYS);
      added.forEach((key) => Reflect.deleteProperty(Object.prototype, key));
      must(added.length === 0, `every object has ${added.map(String).join(", ")} now`);
    }
    must(isPlain(parsed), "data, and nothing else");
    must(isMessage(parsed), `not of the schema: ${JSON.stringify(isMessage.errors)}`);
    if (is === undefined) return;
    must(JSON.stringify(sorted(parsed)) === JSON.stringify(sorted(is)), "what was said");
  },
});

function sorted(message: unknown): [string, unknown][] {
  return Object.entries(message as Record<string, unknown>).sort(([one], [other]) =>
    one < other ? -1 : 1
  );
}
