/**
 * A worker's account of the frames that it received: how many it relayed, and why it dropped the
 * others.
 *
 * @module
 */

import { asInteger, asObject } from "../../harness/validate.ts";
import { DROP_REASONS, type DropReason } from "./datagrams.ts";

/** The number of frames for each outcome. */
export interface RelayAccount {
  /** Frames that arrived. */
  readonly received: number;
  /** Datagrams that were sent on. */
  readonly relayed: number;
  /** Frames that were dropped, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Datagrams that the kernel refused to send. */
  readonly refused: number;
  /** How often a refused datagram was sent again. */
  readonly retried: number;
}

/** The most frames that an account may claim: far more than any run sends. */
const COUNT_LIMIT = 2 ** 40;

/**
 * Reads the account in a worker's message.
 *
 * @throws {ExperimentError} If a count is missing, or is not a natural number within the limit.
 */
export function asAccount(detail: { readonly [name: string]: unknown }): RelayAccount {
  const account = asObject(detail.account, "account");
  const asCount = (fields: { readonly [name: string]: unknown }, name: string) =>
    asInteger(fields[name], name, 0, COUNT_LIMIT);
  const dropped = asObject(account.dropped, "dropped");
  return {
    received: asCount(account, "received"),
    relayed: asCount(account, "relayed"),
    dropped: Object.fromEntries(
      Object.keys(DROP_REASONS).map((reason) => [reason, asCount(dropped, reason)]),
    ) as RelayAccount["dropped"],
    refused: asCount(account, "refused"),
    retried: asCount(account, "retried"),
  };
}
