/**
 * The table of docs/inspect.md: what daemons of Debian keep, each row from an inspection.
 *
 * @module
 */

import type { OperationName } from "../../lib/evidence/operations.ts";
import { userName } from "../../lib/host/users.ts";
import type { Inspected } from "./inspecting.ts";

/** What an attacker in the daemon can do, by operations of which one suffices. */
const REMAINING: Readonly<Record<string, readonly OperationName[]>> = {
  "new packet sockets": ["packet-socket"],
  "send": ["send", "sendto-elsewhere", "write", "send-message", "send-messages", "write-vector"],
  "rebind": ["rebind-interface", "rebind-all", "rebind-protocol"],
  "promiscuous": ["promiscuous"],
  "replace the filter": ["attach-filter", "detach-filter"],
  "rings": ["rx-ring", "tx-ring"],
  "execute": ["execute"],
};

/** The cells of a table, as a line of Markdown. */
const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

/** The head of the table. */
export const HEAD = line([
  ...["process", "user", "CapEff", "NoNewPrivs", "system call filters", "socket filter"],
  ...["`dropped`", "`confined`", "what remains"],
]);

/**
 * Returns the row of a process.
 *
 * @param name What the page calls it.
 * @param dropped Its inspection without options.
 * @param confined Its inspection with `--ask --expect confined`.
 */
export function rowOf(name: string, dropped: Inspected, confined: Inspected): string {
  const { process, matrix } = confined.evidence;
  const [{ uids, capabilities, no_new_privs, filters }] = process!.threads;
  const isAllowed = (wanted: OperationName) =>
    matrix!.rows.some(({ operation, cells }) =>
      operation === wanted && Object.values(cells).some(({ outcome }) => outcome === "allowed")
    );
  const remaining = Object.entries(REMAINING)
    .filter(([, operations]) => operations.some(isAllowed)).map(([words]) => words);
  const sockets = process!.packet_sockets.map(({ filter, locked }) =>
    `${filter?.length} instructions, ${locked ? "locked" : "not locked"}`
  );
  return line([
    name,
    `\`${userName(uids[1])}\``,
    capabilities.CapEff.replace(/^0+(?=.)/, ""),
    String(no_new_privs),
    String(filters ?? 0),
    sockets.join("; ") || "no packet socket",
    dropped.evidence.verdict!,
    confined.evidence.verdict!,
    remaining.join(", ") || "nothing of these",
  ]);
}

/** A table without the padding that deno fmt adds. */
export function unpadded(markdown: string): string[] {
  return markdown.split("\n").map((each) =>
    each.replaceAll(/ +\|/g, " |").replaceAll(/\| +/g, "| ")
  );
}
