/**
 * What parent and child say to each other. The child is what may be compromised, so what it says is taken apart
 * field by field here, and anything else than a message of the protocol is refused.
 *
 * @module
 */

import { type CheckId, isCheckId } from "../evidence/checks.ts";
import type { Finding } from "../evidence/evidence.ts";
import { ExperimentError } from "../evidence/errors.ts";
import type { PacketRingGeometry } from "../../ffi/packet/packet_ring.ts";
import type { Ipv4Endpoint } from "../../ffi/socket/inet.ts";
import type { Protection } from "../confine/protections.ts";
import type { ReceivePath } from "../receive/mod.ts";

/** A received frame, as the child hands it on; what it means is for the parent to say. */
export interface CapturedFrame {
  /** Its length on the wire, in bytes. */
  readonly bytes: number;
  /** Its beginning, in base64: at most {@linkcode HEAD_LIMIT} bytes. */
  readonly head: string;
  /** When it was received, in nanoseconds since 1970, as a decimal number. */
  readonly timestamp_ns: string;
  /** Whose clock that is: the kernel's stamp, or the child's time where its way of receiving brings no stamp. */
  readonly stamped_by: "kernel" | "child";
}

/** How much of a frame the child hands on, in bytes. */
export const HEAD_LIMIT = 256;

/** How deep evidence may be nested: what prints it goes down by recursion, so what has no bottom would end the parent. */
const DEPTH_LIMIT = 16;

/** Keys by which a careless program that reads the evidence would change what all of its objects have in common. */
const POLLUTING: readonly string[] = ["__proto__", "constructor", "prototype"];

/** What the child says: evidence, in its order, and where it stands. */
export type ChildMessage =
  | { type: "step"; title: string; privileged: boolean }
  | { type: "note" | "done"; text: string; checks: CheckId[] }
  | { type: "detail"; text: string }
  | ({ type: "check"; id: CheckId } & Finding)
  | ({ type: "packet" } & CapturedFrame)
  | { type: "reached"; stage: string; detail: Record<string, unknown> }
  | { type: "failed"; message: string };

/** What the parent says. `socket`, `worker` and `receiver` bring one descriptor. */
export type ParentMessage =
  | {
    type: "socket";
    uid: number;
    gid: number;
    count: number;
    protections: readonly Protection[];
    receive: ReceivePath;
  }
  | ({ type: "worker" } & WorkerOrders)
  | ({ type: "receiver" } & ReceiverOrders)
  | { type: "role"; role: "worker" | "receiver" }
  | ({ type: "relay" } & RelayOrders)
  | { type: "listen"; interface: string; to: Ipv4Endpoint }
  | ({ type: "supervised" } & SupervisedOrders)
  | { type: "next" }
  | { type: "enough" };

/** What a worker of the experiment `authority` is told. */
export interface WorkerOrders {
  readonly uid: number;
  readonly gid: number;
  readonly protections: readonly Protection[];
  readonly receive: ReceivePath;
  /** Whether to prove that it is confined, and to receive after the attack. */
  readonly prove: boolean;
  /** What to attack; `null` for a worker that only sits there, to be attacked. */
  readonly target: {
    readonly ifindex: number;
    readonly otherIfindex: number;
    readonly sibling: {
      /** As its siblings name it. */
      readonly pid: number;
      /** As /proc does, which is that of the parent's PID namespace. */
      readonly pidInProc: number;
      readonly fd: number;
    };
    readonly forgottenFd: number;
  } | null;
}

/** What a worker of the supervisor's is told; it gets the socket, and the memory of its progress. */
export interface SupervisedOrders {
  readonly uid: number;
  readonly gid: number;
  readonly protections: readonly Protection[];
  /** `null` for a worker that receives by recvfrom(2). */
  readonly ring: PacketRingGeometry | null;
  /** How many frames the journal of its progress holds. */
  readonly capacity: number;
  /** By which it knows the frames of the stimulus, in base64. */
  readonly nonce: string;
  /** How long it works on each frame, in microseconds. */
  readonly work: number;
}

/** What a worker of the experiment `receive-paths` is told. */
export interface ReceiverOrders {
  readonly uid: number;
  readonly gid: number;
  readonly protections: readonly Protection[];
  readonly receive: ReceivePath;
  /** Whether the parent has set the ring of the socket up already. */
  readonly isRingSetUp: boolean;
  /** Whether to prove that it is confined. */
  readonly prove: boolean;
}

/** What the worker of a relay is told; it gets the packet socket, and the connected UDP socket. */
export interface RelayOrders {
  readonly uid: number;
  readonly gid: number;
  readonly protections: readonly Protection[];
  readonly receive: ReceivePath;
  /** The group and port whose datagrams are passed on. */
  readonly from: Ipv4Endpoint;
  /** The interface that the packet socket is bound to, for the attempts. */
  readonly ifindex: number;
}

type Fields = Record<string, unknown>;

function refuse(what: string): never {
  throw new ExperimentError(`The other side broke the protocol: ${what}`);
}

/** `value` as an object whose properties are looked up one by one. */
export function asObject(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(`${name} is not an object`);
  }
  return value as Fields;
}

/** An object that says what it likes, as JSON can: {@linkcode requirePlain}. */
function asEvidence(value: unknown, name: string): Fields {
  const evidence = asObject(value, name);
  requirePlain(evidence, name, DEPTH_LIMIT);
  return evidence;
}

/** Refuses what does not come out of a view as it came in: half characters, 1e999; and what harms who reads it. */
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
  if (!text.isWellFormed()) refuse(`a text in ${name} has half a character`);
}

/** A string of at most `limit` characters, none of them cut in half. */
export function asText(value: unknown, name: string, limit = 4096): string {
  if (typeof value !== "string" || value.length > limit) refuse(`${name} is not a short text`);
  requireWellFormed(value, name);
  return value;
}

/** A whole number from `least` to `most`. */
export function asInteger(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    refuse(`${name} is not a whole number from ${least} to ${most}`);
  }
  return value;
}

/** What 64 bits hold, in a capture file too: until the year 2554. */
const LAST_TIME = 2n ** 64n - 1n;

/** A number of nanoseconds since 1970, written in decimal. */
export function asTimestamp(value: unknown, name: string): bigint {
  const text = asText(value, name);
  const isNumber = /^\d{1,20}$/.test(text);
  if (!isNumber || BigInt(text) > LAST_TIME) refuse(`${name} is not a time`);
  return BigInt(text);
}

/** A list of short strings. */
export function asTexts(value: unknown, name: string, most: number): string[] {
  if (!Array.isArray(value) || value.length > most) refuse(`${name} is not a short list`);
  return value.map((each) => asText(each, name, 128));
}

function asBase64(value: unknown, name: string, limit: number): string {
  const text = asText(value, name, 4 * Math.ceil(limit / 3));
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    refuse(`${name} is not base64`);
  }
  return text;
}

/** How many bytes a text in base64 stands for. */
function sizeOfBase64(text: string): number {
  return text.length / 4 * 3 - (text.length - text.replace(/=+$/, "").length);
}

function asBoolean(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") refuse(`${name} is neither true nor false`);
  return value;
}

function asCheckId(value: unknown): CheckId {
  const id = asText(value, "id", 64);
  if (!isCheckId(id)) refuse(`there is no check ${JSON.stringify(id)}`);
  return id;
}

function asCheckIds(value: unknown): CheckId[] {
  if (!Array.isArray(value) || value.length > 64) refuse("checks is not a short list");
  return value.map(asCheckId);
}

function asStatus(value: unknown): Finding["status"] {
  if (value !== "pass" && value !== "fail" && value !== "skip") refuse("status is unknown");
  return value;
}

function asStampedBy(value: unknown): CapturedFrame["stamped_by"] {
  if (value !== "kernel" && value !== "child") refuse("stamped_by is unknown");
  return value;
}

function parse(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse("a message is not JSON");
  }
  return asObject(value, "a message");
}

/** The time, in milliseconds since 1970, with what comes after the point. */
export const now = (): number => performance.timeOrigin + performance.now();

/** A message of the child's with its time before it, in milliseconds since 1970. */
export function timed(message: ChildMessage): { at: number } & ChildMessage {
  return { at: now(), ...message };
}

/** When the child says that it said it; `undefined` if it says nothing of that. */
export function saidAt(text: string): number | undefined {
  const [, at] = text.match(/^\{"at":(\d{1,15}(?:\.\d{1,9})?),/) ?? [];
  return at === undefined ? undefined : Number(at);
}

/**
 * Takes a message of the child's apart.
 *
 * @throws {ExperimentError} If it is none.
 */
export function parseChildMessage(text: string): ChildMessage {
  const message = parse(text);
  switch (message.type) {
    case "step":
      return {
        type: "step",
        title: asText(message.title, "title"),
        privileged: asBoolean(message.privileged, "privileged"),
      };
    case "note":
    case "done":
      return {
        type: message.type,
        text: asText(message.text, "text"),
        checks: asCheckIds(message.checks),
      };
    case "detail":
      return { type: "detail", text: asText(message.text, "text") };
    case "check":
      return {
        type: "check",
        id: asCheckId(message.id),
        status: asStatus(message.status),
        observed: asText(message.observed, "observed"),
        evidence: asEvidence(message.evidence, "evidence"),
      };
    case "packet": {
      asTimestamp(message.timestamp_ns, "timestamp_ns");
      const head = asBase64(message.head, "head", HEAD_LIMIT);
      return {
        type: "packet",
        bytes: asInteger(message.bytes, "bytes", sizeOfBase64(head), 1 << 24),
        head,
        timestamp_ns: message.timestamp_ns as string,
        stamped_by: asStampedBy(message.stamped_by),
      };
    }
    case "reached":
      return {
        type: "reached",
        stage: asText(message.stage, "stage"),
        detail: asEvidence(message.detail, "detail"),
      };
    case "failed":
      return { type: "failed", message: asText(message.message, "message") };
    default:
      refuse("a message of unknown type");
  }
}

/**
 * Takes a message of the parent's apart.
 *
 * @param type The one that the protocol has here.
 * @throws {ExperimentError} If it is another.
 */
export function parseParentMessage<T extends ParentMessage["type"]>(
  text: string,
  type: T,
): Extract<ParentMessage, { type: T }> {
  const message = parse(text);
  if (message.type !== type) refuse(`"${type}" was to come`);
  return message as unknown as Extract<ParentMessage, { type: T }>;
}

/** Takes a supervisor's word to a running worker apart. */
export function parseOrder(text: string): "next" | "enough" {
  const { type } = parse(text);
  if (type !== "next" && type !== "enough") refuse('"next" or "enough" was to come');
  return type;
}
