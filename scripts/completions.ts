/**
 * Makes the completions of the shells from what the command line itself is made of: `deno task completions`.
 *
 * @module
 */

import { CHECKS } from "../lib/evidence/checks.ts";
import { HELP } from "../lib/cli/command_line.ts";
import { EXPERIMENTS } from "../lib/experiments/mod.ts";
import { FANOUT_MODES } from "../lib/experiments/supervisor/fanout_group.ts";
import { RECEIVE_PATHS } from "../lib/receive/mod.ts";

/** An option, as `--help` has it. */
interface Option {
  readonly long: string;
  readonly short: string | undefined;
  /** Whether it takes a value. */
  readonly isValued: boolean;
  /** The first of what is said of it. */
  readonly text: string;
}

/** What an option's value may be: one of these words, or what the machine has of a kind. */
type Values = readonly string[] | "interface" | "stimulus" | "file" | "user" | "anything";

const VALUES: Readonly<Record<string, Values>> = {
  experiment: [...EXPERIMENTS.map(({ name }) => name), "all"],
  receive: Object.keys(RECEIVE_PATHS),
  fanout: Object.keys(FANOUT_MODES),
  explain: Object.keys(CHECKS),
  stimulus: "stimulus",
  out: "interface",
  user: "user",
  pcap: "file",
  report: "file",
};

const valuesOf = ({ long }: Option): Values => VALUES[long] ?? "anything";

/** Where the first words of `--help` do not stand alone. */
const TEXTS: Readonly<Record<string, string>> = {
  experiment: "which experiment to run",
  force: "replace files that exist",
  help: "all options",
  "no-color": "no colour",
  tap: "the evidence as KTAP, for a test runner",
};

/** The options that `--help` lists. */
export function options(help = HELP): Option[] {
  return [...help.matchAll(/^ {2}(?:-(\w),| {3}) --([\w-]+)( [A-Z]\S*)? +(.*)$/gm)]
    .map(([, short, long, value, text]) => ({
      long,
      short,
      isValued: value !== undefined,
      text: TEXTS[long] ?? text.replace(/ ?[(:;,].*$/, "").replaceAll(/['"`\\$[\]]/g, ""),
    }));
}

const HEAD = (comment: string) =>
  `# Completion of fdpass for ${comment}. Made by \`deno task completions\`; not to be edited.`;

function bash(all: readonly Option[]): string {
  const words = (
    option: Option,
  ) => [`--${option.long}`, ...option.short === undefined ? [] : [`-${option.short}`]];
  const cases = all.filter(({ isValued }) => isValued).map((option) => {
    const values = valuesOf(option);
    const complete = values === "interface"
      ? 'mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word")'
      : values === "stimulus"
      ? 'mapfile -t COMPREPLY < <(compgen -W "none $(ls /sys/class/net)" -- "$word")'
      : values === "file"
      ? 'mapfile -t COMPREPLY < <(compgen -f -- "$word")'
      : values === "user"
      ? 'mapfile -t COMPREPLY < <(compgen -u -- "$word")'
      : values === "anything"
      ? ":"
      : `mapfile -t COMPREPLY < <(compgen -W "${values.join(" ")}" -- "$word")`;
    return `    ${words(option).join(" | ")})\n      ${complete}\n      return\n      ;;`;
  });
  return `${HEAD("bash: source it, or put it into /etc/bash_completion.d")}
# shellcheck shell=bash
_fdpass() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
${cases.join("\n")}
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${all.flatMap(words).join(" ")}" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word")
  fi
}
complete -F _fdpass fdpass
`;
}

function zsh(all: readonly Option[]): string {
  const specs = all.map((option) => {
    const { long, short, isValued, text } = option;
    const values = valuesOf(option);
    const action = values === "interface"
      ? "_fdpass_interfaces"
      : values === "stimulus"
      ? "_fdpass_stimuli"
      : values === "file"
      ? "_files"
      : values === "user"
      ? "_users"
      : values === "anything"
      ? " "
      : `(${values.join(" ")})`;
    const names = short === undefined ? `'--${long}` : `{-${short},--${long}}'`;
    const again = long === "experiment" ? "*" : "";
    const before = again === "" && short !== undefined ? `'(-${short} --${long})'` : again && `'*'`;
    return `    ${before}${names}[${text}]${isValued ? `:${long}:${action}` : ""}'`;
  });
  return `#compdef fdpass
${HEAD("zsh: put it as _fdpass into a folder of $fpath")}
_fdpass_interfaces() {
  local -a names=(/sys/class/net/*(N:t))
  compadd -a names
}
_fdpass_stimuli() {
  compadd none
  _fdpass_interfaces
}
_fdpass() {
  _arguments -s \\
${specs.map((spec) => `${spec} \\`).join("\n")}
    '1:interface:_fdpass_interfaces'
}
if [[ \${funcstack[1]} == _fdpass ]]; then
  _fdpass "$@"
else
  compdef _fdpass fdpass
fi
`;
}

function fish(all: readonly Option[]): string {
  const lines = all.map((option) => {
    const { long, short, isValued, text } = option;
    const values = valuesOf(option);
    const complete = !isValued
      ? ""
      : values === "interface"
      ? " -x -a '(command ls /sys/class/net)'"
      : values === "stimulus"
      ? " -x -a 'none (command ls /sys/class/net)'"
      : values === "file"
      ? " -r -F"
      : values === "user"
      ? " -x -a '(__fish_complete_users)'"
      : values === "anything"
      ? " -x"
      : ` -x -a '${values.join(" ")}'`;
    const names = `${short === undefined ? "" : ` -s ${short}`} -l ${long}`;
    return `complete -c fdpass${names}${complete} -d '${text}'`;
  });
  return `${HEAD("fish: put it into ~/.config/fish/completions")}
complete -c fdpass -f -a '(command ls /sys/class/net)'
${lines.join("\n")}
`;
}

/** Each file in completions/, by its name. */
export function completions(): Record<string, string> {
  const all = options();
  return { "fdpass.bash": bash(all), "_fdpass": zsh(all), "fdpass.fish": fish(all) };
}

if (import.meta.main) {
  const folder = new URL("../completions/", import.meta.url);
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(completions())) {
    Deno.writeTextFileSync(new URL(name, folder), text);
  }
}
