/**
 * Every fuzz target, by name.
 *
 * @module
 */

import { controlMessages, kernelMessages, strictReceive } from "./control_messages.ts";
import { filters } from "./filters.ts";
import { datagrams, frames } from "./frames.ts";
import { linkMessages } from "./link_messages.ts";
import { messages } from "./messages.ts";
import { netlink } from "./netlink.ts";
import { opinions } from "./opinions.ts";
import { packetDiag } from "./packet_diag.ts";
import { packetRing } from "./packet_ring.ts";
import { progress } from "./progress.ts";
import type { AnyTarget } from "./target.ts";
import { views } from "./views.ts";

/** All targets. */
export const TARGETS: Readonly<Record<string, AnyTarget>> = {
  messages,
  "control-messages": controlMessages,
  "kernel-messages": kernelMessages,
  "strict-receive": strictReceive,
  datagrams,
  frames,
  "packet-diag": packetDiag,
  "packet-ring": packetRing,
  progress,
  filters,
  netlink,
  "link-messages": linkMessages,
  views,
  opinions,
};
