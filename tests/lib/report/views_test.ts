import { assert, assertEquals } from "@std/assert";
import type { Evidence, SeenBy } from "../../../lib/evidence/evidence.ts";
import { renderHtml } from "../../../lib/report/html.ts";
import { renderJson } from "../../../lib/report/json.ts";
import { renderPcapng } from "../../../lib/report/pcapng.ts";
import { renderTap } from "../../../lib/report/tap.ts";
import { renderText } from "../../../lib/report/text.ts";
import { HOSTILE, spoilt, storedEvidence, storedInspection } from "../../support/stored.ts";

/** The content that every view of an experiment shares. */
interface Summary {
  readonly verdict: string;
  readonly checks: readonly (readonly [id: string, status: string])[];
}

const AMOUNTS = ["quiet", "normal", "verbose"] as const;

const BY_MARK: Readonly<Record<string, string>> = { "✓": "pass", "✗": "fail", "–": "skip" };

function readJson(evidence: Evidence): Summary[] {
  const { experiments }: Evidence = JSON.parse(renderJson(evidence));
  return experiments.map(({ verdict, checks }) => ({
    verdict,
    checks: checks.map(({ id, status }) => [id, status] as const),
  }));
}

function readTap(evidence: Evidence): Summary[] {
  const summaries: Summary[] = [];
  let checks: [string, string][] = [];
  for (const line of renderTap(evidence).split("\n")) {
    const [, indent, not, name, skip] =
      line.match(/^( *)(not )?ok \d+ - ([\w-]+)(?:\\#|[^#])*(# SKIP)?/) ??
        [];
    if (name === undefined) continue;
    if (indent === "") {
      summaries.push({ verdict: not ? "FAIL" : skip ? "INCONCLUSIVE" : "PASS", checks });
      checks = [];
    } else {
      checks.push([name, not ? "fail" : skip ? "skip" : "pass"]);
    }
  }
  return summaries;
}

/** Reads the transcript: checks stand behind their lines, and failed ones also at the end. */
function readText(evidence: Evidence): Summary[] {
  const text = renderText(evidence, { color: false, amount: "verbose" });
  return text.split(/^(?==== (?:.* Experiment|Inspection of .*) ===$)/m).map((part) => {
    const checks = new Map<string, string>();
    for (const [, mark, id] of part.matchAll(/^ +· ([✓✗–]) ([A-Z]+-\d\d) /gm)) {
      checks.set(id, BY_MARK[mark]);
    }
    const status = part.includes("\n✗ FAILURE") ? "fail" : "skip";
    for (const [, id] of part.matchAll(/^ {2}- ([A-Z]+-\d\d) /gm)) checks.set(id, status);
    const verdict = /\n✓ SUCCESS/.test(part) ? "PASS" : status === "fail" ? "FAIL" : "INCONCLUSIVE";
    return { verdict, checks: [...checks] };
  });
}

function readHtml(evidence: Evidence): Summary[] {
  const [, ...sections] = renderHtml(evidence).split(/<section class="experiment" id="experiment-/);
  return sections.map((section) => ({
    verdict: section.match(/<span class="verdict \w+">(\w+)<\/span>/)?.[1] ?? "none",
    checks: [...section.matchAll(/<span class="mark (\w+)"[^]*?<span class="id">([^<]*)<\/span>/g)]
      .map(([, status, id]) => [id, status] as const),
  }));
}

const sorted = (summaries: Summary[]) =>
  summaries.map(({ verdict, checks }) => ({ verdict, checks: checks.toSorted() }));

const OF_RUN = ["PASS", "PASS", "PASS", "FAIL", "INCONCLUSIVE"];
const OF_INSPECTION = ["PASS", "FAIL", "INCONCLUSIVE"];

for (
  const [what, evidence, verdicts] of [
    ["stored evidence", storedEvidence(), OF_RUN],
    ["hostile evidence", spoilt(storedEvidence()), OF_RUN],
    ["a stored inspection", storedInspection(), OF_INSPECTION],
    ["an inspection of hostile processes", spoilt(storedInspection()), OF_INSPECTION],
  ] as const
) {
  Deno.test(`Text, JSON, KTAP and HTML agree on ${what}`, () => {
    const summaries = readJson(evidence);
    assertEquals(summaries.map(({ verdict }) => verdict), [...verdicts]);
    assertEquals(readTap(evidence), summaries);
    assertEquals(readHtml(evidence), summaries);
    assertEquals(sorted(readText(evidence)), sorted(summaries)); // in the order of its lines
  });
}

Deno.test("Text, KTAP and HTML mark checks that rest on the child's word, wholly or in part", () => {
  const cases: [seenBy: SeenBy[], summaries: string | undefined][] = [
    [["parent"], undefined],
    [["parent", "answer"], undefined],
    [["child"], "(the child's word)"],
    [["answer", "child"], "(in part the child's word)"],
  ];
  for (const [seen_by, summaries] of cases) {
    const evidence = JSON.parse(renderJson(storedEvidence()));
    for (const { checks } of evidence.experiments) {
      for (const check of checks) {
        Object.assign(check, { status: "pass", observed: "seen at once", seen_by });
      }
    }
    const text = renderText(evidence, { color: false, amount: "normal" });
    const page = renderHtml(evidence).replaceAll(/<[^>]*>/g, " ").replaceAll("&#39;", "'");
    for (const view of [text, renderTap(evidence), page]) {
      const all = view.matchAll(/seen at once\s*(\(.*?\))?/g).map(([, remark]) => remark);
      assertEquals(new Set<string | undefined>(all), new Set([summaries]));
    }
  }
});

Deno.test("The text lists the sources of each check under --verbose", () => {
  const text = renderText(storedEvidence(), { color: false, amount: "verbose" });
  assert(text.includes("        seen by: the parent\n"));
  assert(
    text.includes(
      "seen by: the parent; an answer that only a process that did the work can give\n",
    ),
  );
});

Deno.test("JSON and HTML have the verdict and the exit status of the run, and the text its verdict", () => {
  const evidence = storedEvidence();
  const { verdict, exit }: Evidence = JSON.parse(renderJson(evidence));
  assertEquals([verdict, exit], ["FAIL", 1]);
  const page = renderHtml(evidence);
  assertEquals(page.match(/<span class="verdict">(\w+)<\/span>/)?.[1], verdict);
  const text = renderText(evidence, { color: false, amount: "normal" });
  assert(text.endsWith("\n✗ FAIL: 3 of 5 experiments are a PASS\n"));
  assert(page.includes(`Exit status ${exit}.`));
  assert(page.includes(`<title>${verdict}: `));
});

Deno.test("Views are pure: equal evidence gives equal bytes, and is not changed", () => {
  const renderTexts = AMOUNTS.map((amount) => (evidence: Evidence) =>
    renderText(evidence, { color: true, amount })
  );
  for (const stored of [storedEvidence, storedInspection]) {
    const evidence = stored();
    for (const render of [renderHtml, renderTap, renderJson, renderPcapng, ...renderTexts]) {
      assertEquals(render(evidence), render(stored()));
    }
    assertEquals(evidence, stored());
  }
});

Deno.test("The capture has the packets of every experiment, as in the evidence", () => {
  for (const evidence of [storedEvidence(), spoilt(storedEvidence())]) {
    const text = new TextDecoder().decode(renderPcapng(evidence));
    const comments = text.matchAll(
      /([\w-]+): packet (\d+) of (\d+), (perhaps received before|received after) the drop, (not )?this run/g,
    );
    assertEquals(
      [...comments].map(([, name, number, of, when, not]) => [name, +number, +of, when, not]),
      evidence.experiments.flatMap(({ name, packets }) =>
        packets.map(({ after_drop, ours }, i) => [
          ...[name, i + 1, packets.length],
          ...[after_drop ? "received after" : "perhaps received before", ours ? undefined : "not "],
        ])
      ),
    );
  }
});

Deno.test("Hostile texts add no control character and no line to the terminal", () => {
  for (const amount of AMOUNTS) {
    const lines = (evidence: Evidence) =>
      renderText(evidence, { color: false, amount }).split("\n");
    const hostile = lines(spoilt(storedEvidence()));
    assertEquals(hostile.filter((line) => /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(line)), []);
    assertEquals(hostile.length, lines(storedEvidence()).length);
  }
});

Deno.test("Texts of an inspected process add no control character and begin no line", () => {
  // A process names itself after a check that holds, with any number of words before it.
  const checks = [3, 20, 40, 80, 120].map((words) => " a".repeat(words) + "· ✓ INSP-99 holds");
  for (const text of [HOSTILE, ...checks]) {
    const evidence = spoilt(storedInspection(), text);
    for (const amount of AMOUNTS) {
      const lines = renderText(evidence, { color: false, amount }).split("\n");
      assertEquals(lines.filter((line) => /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(line)), []);
      assertEquals(lines.filter((line) => /^\s*(· )?[✓✗–] (\w+ )?INSP-99/.test(line)), []);
    }
  }
});

/** Returns the names of the elements and attributes of a page. */
function structure(page: string): string[] {
  const tags = page.replace(/<style>[^]*?<\/style>/, "").match(/<[^>]*>/g) ?? [];
  const names = tags.flatMap((tag) => {
    const bare = tag.replaceAll(/"[^"]*"/g, '""');
    return [bare.match(/^<\/?[a-z!]\w*/i)?.[0] ?? bare, ...bare.match(/[\w-]+(?==)/g) ?? []];
  });
  return [...new Set(names)].sort();
}

Deno.test("Hostile texts add no element and no attribute to the page", () => {
  for (const stored of [storedEvidence(), storedInspection()]) {
    const page = renderHtml(spoilt(stored));
    const clean = structure(renderHtml(stored));
    assertEquals(structure(page).filter((name) => !clean.includes(name)), []);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u{e0001}\ud800-\udfff]/u.test(page), false);
  }
});

Deno.test("The page shows a check that is not in the catalogue as well", () => {
  const evidence = JSON.parse(renderJson(storedEvidence()));
  evidence.experiments[0].checks[0].id = "OTHER-99";
  assert(renderHtml(evidence).includes('<span class="id">OTHER-99</span>'));
});

Deno.test("Text, TAP and HTML name the link, if it was looked up", () => {
  const evidence = storedEvidence();
  const { environment } = evidence;
  const views = (link: typeof environment.link) => {
    const whole = { ...evidence, environment: { ...environment, link } };
    return [
      renderText(whole, { color: false, amount: "normal" }),
      renderTap(whole),
      renderHtml(whole),
    ];
  };
  for (const view of views({ name: "tun0", layer: "ip", kind: "tun", mtu: 1280 })) {
    assert(view.includes("tun0, bare IP packets (tun), MTU 1280"));
  }
  for (const view of views(null)) assert(!view.includes("MTU"));
});
