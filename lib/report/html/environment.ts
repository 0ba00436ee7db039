/**
 * The environment of a run, and how to repeat it, on the page.
 *
 * @module
 */

import { type Environment, type Evidence, isInspection } from "../../evidence/evidence.ts";
import { describeLink } from "../link.ts";
import { html, lines, type Markup } from "./markup.ts";

/** Renders the environment, and the commands that repeat the run. */
export function renderEnvironment(evidence: Evidence): Markup {
  const { environment, version, experiments } = evidence;
  const isOfProcesses = experiments.length > 0 && experiments.every(isInspection);
  const rows: [name: string, value: string][] = [
    ["fdpass", version],
    ["Kernel", `Linux ${environment.kernel}`],
    ["Architecture", environment.arch],
    ["C library", environment.libc],
    ["Deno", environment.deno],
    ["Running as", environment.running_as],
    ...isOfProcesses ? [] : rowsOfArguments(environment),
    ["Started", environment.started],
  ];
  return html`
    <section class="experiment">
      <h2 id="environment">The environment, and how to repeat the run</h2>
      <table>
        <caption>The environment of this run.</caption>
        <thead class="hidden">
          <tr>
            <th scope="col">Property</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
    ${rows.map(([name, value]) =>
      html`
        <tr>
          <th scope="row">${name}</th>
          <td>${value}</td>
        </tr>
      `
    )}</tbody>
      </table>
      <h3>The command</h3>
      ${isOfProcesses ? commandOfInspection(environment) : commandsOfRun(environment)}
    </section>
  `;
}

/** The interface, the form of its frames, and the user. */
function rowsOfArguments(environment: Environment): [name: string, value: string][] {
  const { interface: name, link, user } = environment;
  return [
    ["Interface", name ?? "none"],
    ...link === null ? [] : [["Frames", describeLink(link, name)] as [string, string]],
    ["Target user", user ?? "none"],
  ];
}

function commandsOfRun(environment: Environment): Markup {
  return html`
    <p>On this interface:</p>
    <pre>${lines(commandOf("scripts/fdpass.sh", environment))}</pre>
    <p>On any machine, on its own veth pair in a private network namespace, which the kernel removes afterwards:</p>
    <pre>${lines(commandOf("scripts/netns.sh deno run -A main.ts", environment))}</pre>
  `;
}

function commandOfInspection(environment: Environment): Markup {
  return html`
    <p>On this machine, as long as the processes run:</p>
    <pre>${lines(commandOf("scripts/fdpass.sh", environment))}</pre>
  `;
}

/** Returns a program with the arguments of the run, quoted for a shell. */
function commandOf(program: string, { args }: Environment): string {
  const quoted = args.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
  );
  return [program, ...quoted].join(" ");
}
