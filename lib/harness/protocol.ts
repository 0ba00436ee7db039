/**
 * The protocol of the control channel: the messages of the child. The messages of the parent are
 * orders (orders.ts).
 *
 * The child may be compromised, so each of its messages is validated field by field, and anything
 * that is not a message of the protocol is refused.
 *
 * @module
 */

import type { VlanTag } from "../../ffi/packet/vlan_tag.ts";
import { type CheckId, isCheckId } from "../evidence/checks.ts";
import type { FailedCall } from "../evidence/errors.ts";
import type { Finding } from "../evidence/evidence.ts";
import {
  asBase64,
  asBoolean,
  asEvidence,
  asInteger,
  asList,
  asObject,
  asOneOf,
  asText,
  asTimestamp,
  parseFields,
  refuse,
} from "./validate.ts";

/** A received frame as the child forwards it. The parent decides what it means. */
export interface CapturedFrame {
  /** Its length on the wire, in bytes, without {@linkcode vlan}. */
  readonly bytes: number;
  /** Its beginning, in base64: at most {@linkcode HEAD_LIMIT} bytes. */
  readonly head: string;
  /** When it was received, in nanoseconds since 1970, as a decimal number. */
  readonly timestamp_ns: string;
  /** The clock of that time: the child's if its receive path has no time stamp of the kernel's. */
  readonly stamped_by: "kernel" | "child";
  /** The VLAN tag that the kernel has removed from it, if its receive path reports it. */
  readonly vlan?: VlanTag | undefined;
}

/** The most bytes of a frame that the child forwards. */
export const HEAD_LIMIT = 256;

/** A message of the child: evidence, in its order, or the stage that the child is at. */
export type ChildMessage =
  | { type: "step"; title: string; privileged: boolean }
  | { type: "note" | "done"; text: string; checks: CheckId[] }
  | { type: "detail"; text: string }
  | ({ type: "check"; id: CheckId } & Finding)
  | ({ type: "packet" } & CapturedFrame)
  | { type: "reached"; stage: string; detail: Record<string, unknown> }
  | { type: "failed"; message: string; call?: FailedCall };

/** Returns the time in milliseconds since 1970, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now();

/** Adds the time to a message of the child, as its first field, in milliseconds since 1970. */
export function timed(message: ChildMessage): { at: number } & ChildMessage {
  return { at: now(), ...message };
}

/** Returns the time in a message of the child; `undefined` if there is none. */
export function sentTime(text: string): number | undefined {
  const [, at] = text.match(/^\{"at":(\d{1,15}(?:\.\d{1,9})?),/) ?? [];
  return at === undefined ? undefined : Number(at);
}

/**
 * Parses a message of the child.
 *
 * @throws {ExperimentError} If it is not a message of the protocol.
 */
export function parseChildMessage(text: string): ChildMessage {
  const message = parseFields(text);
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
        checks: asList(message.checks, "checks", 64).map(asCheckId),
      };
    case "detail":
      return { type: "detail", text: asText(message.text, "text") };
    case "check":
      return {
        type: "check",
        id: asCheckId(message.id),
        status: asOneOf(message.status, "status", ["pass", "fail", "skip"]),
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
        stamped_by: asOneOf(message.stamped_by, "stamped_by", ["kernel", "child"]),
        ...message.vlan === undefined ? {} : { vlan: asVlanTag(message.vlan) },
      };
    }
    case "reached":
      return {
        type: "reached",
        stage: asText(message.stage, "stage"),
        detail: asEvidence(message.detail, "detail"),
      };
    case "failed":
      return {
        type: "failed",
        message: asText(message.message, "message"),
        ...message.call === undefined ? {} : { call: asFailedCall(message.call) },
      };
    default:
      refuse("a message of unknown type");
  }
}

function asVlanTag(value: unknown): VlanTag {
  const { tpid, tci } = asObject(value, "vlan");
  return { tpid: asInteger(tpid, "tpid", 0, 0xffff), tci: asInteger(tci, "tci", 0, 0xffff) };
}

function asFailedCall(value: unknown): FailedCall {
  const { syscall, errno } = asObject(value, "call");
  return { syscall: asText(syscall, "syscall", 64), errno: asInteger(errno, "errno", 1, 4095) };
}

function asCheckId(value: unknown): CheckId {
  const id = asText(value, "id", 64);
  if (!isCheckId(id)) refuse(`there is no check ${JSON.stringify(id)}`);
  return id;
}

/** Returns how many bytes a text in base64 stands for. */
function sizeOfBase64(text: string): number {
  return text.length / 4 * 3 - (text.length - text.replace(/=+$/, "").length);
}
