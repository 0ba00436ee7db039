/**
 * Prints docs/known-holes.md, from the table of lib/inspect/holes/known_holes.ts:
 *
 *     deno run scripts/known_holes_page.ts >docs/known-holes.md && deno fmt docs/known-holes.md
 *
 * @module
 */

import {
  type AffectedVersions,
  CHECKED_ON,
  isTriggeredByHolding,
  KNOWN_HOLES,
  type KnownHole,
  LEFT_OUT,
  NOT_CHECKED,
  SENDING,
} from "../lib/inspect/holes/known_holes.ts";

/** Returns the page, in Markdown. */
export function knownHolesPage(): string {
  return introduction() + holes() + protections() + versions() + leftOut() + updating();
}

/** What the page is about. */
function introduction(): string {
  return `# Known holes of the kernel behind an operation

The holder of a packet socket calls code of the kernel that no capability guards. This page lists
the published holes of that code: the operations of [the authority matrix](authority.md) that lead
to each, and the versions of Linux that have the fix. \`inspect\` lists them for the running kernel
and the inspected process.

Every record was compared with its source on ${CHECKED_ON}, in the copies that were at hand then:
the newest of them were from August and September 2026. **A version is not a proof**: a builder may
have fixed a hole without changing the version, a series may have got a fix after the record was
read, and there are holes that nobody has published.

`;
}

/** The holes, and what leads to them. */
function holes(): string {
  return `## The holes

A hole needs everything under _set up_, done by any holder of the socket, and one thing under
_trigger_. _Sending_ is any of ${SENDING.map((name) => `\`${name}\``).join(", ")}.

${
    table(
      ["hole", "function", "what goes wrong", "set up", "trigger", "it also takes"],
      KNOWN_HOLES.map((hole) => [
        `[${hole.cve}](${hole.source})`,
        `\`${hole.function}\``,
        hole.flaw,
        named(hole.setup),
        describeTrigger(hole),
        [...hole.type === null ? [] : [`a socket of ${hole.type}`], ...listed(hole.takes)]
          .join("; "),
      ]),
    )
  }
An entry that takes CAP_NET_ADMIN needs luck, or an administrator who does that at the same moment:
the holder of the socket cannot. That changes if it may make a user namespace
(\`user-namespace-program\`): then it can make packet sockets in a network namespace of its own, and
has CAP_NET_ADMIN there. So \`inspect\` calls no hole unreachable for such a process.

`;
}

/** What is left of them in a confined worker. */
function protections(): string {
  return `## What protections change

${
    table(
      ["hole", "behind the filter `receive-only`", "touched by"],
      KNOWN_HOLES.map((hole) => [
        hole.cve,
        describeRest(hole),
        hole.touchedBy === null ? "" : `\`${hole.touchedBy.protection}\`: ${hole.touchedBy.how}`,
      ]),
    )
  }
The filter refuses every option of the socket and every call that sends, so of the set-up only the
parent's is left.

`;
}

/** Who has a fix, and how that is read. */
function versions(): string {
  return `## The versions

"Since" is the first version that has the hole; the other columns are the first ones with the fix.
A range names the releases of a series that have it; no second number means that the series ended
without the fix.

${
    table(
      ["hole", "since", "stable series", "main line", "second source"],
      KNOWN_HOLES.map(({ cve, versions, also }) => [
        cve,
        versions.introduced ?? "not in the record",
        describeSeries(versions),
        versions.mainline,
        also ?? "",
      ]),
    )
  }
How \`inspect\` reads them:

- A kernel of kernel.org, or of a builder that it does not know: \`open\`, \`fixed\` or
  \`not affected\`, by its version. A series that the record has, without a fix in it, is \`open\`. A
  series of which the record says nothing is \`cannot tell\`, and so is a release candidate.
- A distribution's kernel: \`fixed\` if the version that it is built from has the fix: a distribution
  is taken to add fixes, and to remove none. Debian names that version in \`uname -v\`. Otherwise
  \`cannot tell\`, with the place where the distribution says it.

`;
}

/** Records that are not in the table. */
function leftOut(): string {
  return `## Left out

${list(LEFT_OUT)}
Not checked, and therefore not in the table:

${list(NOT_CHECKED)}
`;
}

/** How to change the page. */
function updating(): string {
  return `## To bring it up to date

1. Look for new records whose \`programFiles\` are \`net/packet/af_packet.c\`, or the way from a system
   call to it, in the [CVE list](https://github.com/CVEProject/cvelistV5).
2. Read the record: \`affected[].versions\` has the first fixed release of each series. Later
   releases add series, so read the old records again too.
3. Read the commit: which function, which operation leads there, and whether a holder without a
   capability reaches it.
4. Change \`lib/inspect/holes/known_holes.ts\` and its date, and print this page again:
   \`deno run scripts/known_holes_page.ts >docs/known-holes.md && deno fmt docs/known-holes.md\`.
`;
}

const listed = (text: string | null) => text === null ? [] : [text];

const named = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");

function describeTrigger({ trigger }: KnownHole): string {
  if (trigger === SENDING) return "sending";
  return typeof trigger === "string" ? trigger : named(trigger);
}

/** What is left of a hole behind a filter that lets a holder receive only. */
function describeRest(hole: KnownHole): string {
  if (!isTriggeredByHolding(hole)) return "refused";
  return hole.setup.length === 0 ? "**stays**" : `stays, if the parent did ${named(hole.setup)}`;
}

function describeSeries({ series }: AffectedVersions): string {
  const words = Object.entries(series).map(([name, releases]) => {
    if (typeof releases === "number") return `${name}.${releases}`;
    const { from, fixed } = releases;
    return `${name}.${from}–${fixed === null ? "" : `${name}.${fixed}`}`;
  });
  return words.length === 0 ? "not in the record" : words.join(", ");
}

function list(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries).map(([cve, text]) => `- ${cve}: ${text}\n`).join("");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

if (import.meta.main) Deno.stdout.writeSync(new TextEncoder().encode(knownHolesPage()));
