/**
 * The orders that the workers of several experiments have in common.
 *
 * @module
 */

import { UNCHANGED } from "../../ffi/process/credentials.ts";
import { ALL_PROTECTIONS } from "../confine/protections.ts";
import type { Confinement } from "../confine/start.ts";
import { LINK_HEADER, type LinkLayer } from "../packets/link_layer.ts";
import { RECEIVE_PATHS, type ReceivePath } from "../receive/mod.ts";
import type { Orders } from "./orders.ts";
import { asInteger, asList, asOneOf, type Fields } from "./validate.ts";

/** The orders of a child that receives by one packet socket. */
export interface SocketOrders extends Confinement {
  readonly count: number;
  readonly receive: ReceivePath;
  /** The form of the stimulus' frames; null if there is no stimulus. */
  readonly stimulus: LinkLayer | null;
}

/** {@linkcode SocketOrders}; one descriptor comes with them. */
export const SOCKET: Orders<SocketOrders> = {
  type: "socket",
  validate: (fields) => ({
    ...asConfinement(fields),
    count: asInteger(fields.count, "count", 1, Number.MAX_SAFE_INTEGER),
    receive: asReceivePath(fields.receive),
    stimulus: fields.stimulus === null ? null : asLinkLayer(fields.stimulus),
  }),
};

/** Validates the fields of every worker's orders: the user that it becomes, and its protections. */
export function asConfinement({ uid, gid, protections }: Fields): Confinement {
  return {
    uid: asInteger(uid, "uid", 0, UNCHANGED - 1),
    gid: asInteger(gid, "gid", 0, UNCHANGED - 1),
    protections: asList(protections, "protections", ALL_PROTECTIONS.length)
      .map((each) => asOneOf(each, "a protection", ALL_PROTECTIONS)),
  };
}

/** Validates the form of the frames on an interface. */
export function asLinkLayer(value: unknown): LinkLayer {
  return asOneOf(value, "layer", Object.keys(LINK_HEADER) as LinkLayer[]);
}

/** Validates the name of a receive path. */
export function asReceivePath(value: unknown): ReceivePath {
  return asOneOf(value, "receive", Object.keys(RECEIVE_PATHS) as ReceivePath[]);
}
