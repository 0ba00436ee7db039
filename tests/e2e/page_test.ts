import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import { renderHtml } from "../../lib/report/html.ts";
import { childsPart } from "../../lib/report/seen_by.ts";
import { type OpenPage, withPage } from "../../scripts/browser.ts";
import { BROWSER, poorContrasts } from "../support/browser.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { spoilt, storedEvidence, storedInspection } from "../support/stored.ts";

const tests = new TestsAhead();

function testPage(
  name: string,
  evidence: () => Evidence,
  look: (open: OpenPage) => Promise<void>,
): void {
  tests.add(BROWSER, name, async () => {
    await withPage(renderHtml(evidence()), async (open) => {
      await look(open);
      assertEquals([open.complaints, open.requests], [[], []]);
    });
  });
}

/** The texts of all elements that match, with single spaces. */
function texts({ page }: OpenPage, selector: string): Promise<string[]> {
  return page.locator(selector).evaluateAll((elements: { textContent: string | null }[]) =>
    elements.map(({ textContent }) => (textContent ?? "").replaceAll(/\s+/g, " ").trim())
  );
}

testPage("The page shows what the evidence says", storedEvidence, async (open) => {
  const { experiments, verdict } = storedEvidence();
  const checks = experiments.flatMap((each) => each.checks);
  assertEquals(await texts(open, ".banner .verdict"), [verdict]);
  assertEquals(
    await texts(open, "nav .verdict"),
    experiments.map((each) => each.verdict as string),
  );
  assertEquals(await texts(open, ".checks .id"), checks.map(({ id }) => id as string));
  const words = { pass: "holds", fail: "refuted", skip: "skipped" };
  assertEquals(
    await texts(open, ".checks th[scope=row] .hidden"),
    checks.map(({ status }) => words[status]),
  );
  assertEquals(
    await texts(open, ".checks td[data-name=Observed]"),
    checks.map(({ observed, seen_by }) => {
      const part = childsPart(seen_by);
      return part === undefined ? observed : `${observed} (${part})`;
    }),
  );
  const { matrix } = experiments.find((each) => each.matrix !== null)!;
  assertEquals(
    await texts(open, ".matrix tbody th"),
    matrix!.rows.map(({ operation }) => operation),
  );
  assertEquals(
    (await texts(open, ".matrix thead th")).sort(),
    ["Operation", ...matrix!.columns].sort(),
  );
  assertEquals(
    (await texts(open, ".matrix tbody td")).length,
    matrix!.rows.length * matrix!.columns.length,
  );
  const packets = experiments.flatMap((each) => each.packets.slice(0, 100));
  assertEquals((await texts(open, ".packets tbody tr")).length, packets.length);
});

testPage("The page shows what an inspection has seen", storedInspection, async (open) => {
  const { experiments } = storedInspection();
  const processes = experiments.flatMap(({ process }) => process ?? []);
  assertEquals(await texts(open, "nav a"), experiments.map(({ title }) => title));
  const checks = experiments.flatMap((each) => each.checks);
  assertEquals(await texts(open, ".checks .id"), checks.map(({ id }) => id as string));
  const [warning, differences] = await texts(open, ".notice.skip");
  assertEquals(warning, "NoNewPrivs is 0: a set-uid file is a way back to root");
  for (const each of processes[1].differences) assert(differences.includes(each), each);
  const sockets = processes.flatMap(({ packet_sockets }) => packet_sockets);
  const links = await texts(open, "h4 .mono");
  assertEquals(links, sockets.map(({ link }) => link));
  for (const [i, { matrix }] of experiments.slice(0, 2).entries()) {
    const table = `#experiment-${i + 1} .matrix`;
    assertEquals(await texts(open, `${table} thead th`), ["Operation", ...matrix!.columns, "Why"]);
    const cells = await texts(open, `${table} tbody td:not(.why)`);
    matrix!.rows.flatMap(({ cells: row }) => matrix!.columns.map((column) => row[column]))
      .forEach(({ outcome, wall }, cell) => {
        assert(cells[cell].startsWith(outcome), cells[cell]);
        assert(cells[cell].endsWith(wall ?? ""), cells[cell]);
      });
  }
  const must = await texts(open, "#experiment-2 .matrix .otherwise");
  assertEquals(new Set(must), new Set(["allowed (expected: refused)"]));
  assertEquals(await open.page.locator("#experiment-1 .matrix .otherwise").count(), 0);
  const holes = processes.flatMap(({ known_holes }) => known_holes.map(({ cve }) => cve));
  const heads = await texts(open, ".facts tbody th");
  assertEquals(heads.filter((head) => head.startsWith("CVE-")), holes);
  const captions = (await texts(open, ".facts caption")).join(" ");
  assert(captions.includes("A version is not a proof"), captions);
});

testPage("The diagram shows who did what, and the drop across", storedEvidence, async (open) => {
  const first = "#experiment-1 .diagram";
  assertEquals(await texts(open, `${first} .head`), ["parent", "kernel", "child"]);
  assertEquals(await open.page.locator(`${first} line.drop`).count(), 1);
  const steps = storedEvidence().experiments[0].steps.map(({ title }) => title);
  const drawn = (await texts(open, `${first} text.step`)).join(" ");
  for (const title of steps) assert(drawn.includes(title), title);
  const labels = await texts(open, `${first} text.mono`);
  const wanted = ["setresuid(65534, 65534, 65534) = 0", "setresuid(0, 0, 0) = EPERM"];
  for (const label of [...wanted, "“socket”, SCM_RIGHTS: 1 descriptor"]) {
    assert(labels.includes(label), `${label} in ${labels.join("; ")}`);
  }

  // By their positions on the page, "before" stands above "after".
  const y = async (selector: string) =>
    (await open.page.locator(selector).first().boundingBox())!.y;
  const drop = await y(`${first} line.drop`);
  assert(await y(`${first} text:has-text("setresuid")`) < drop, "the call is above the line");
  assert(await y(`${first} text:has-text("DROP-03")`) > drop, "its proof is below");
  assert(await y(`${first} text:has-text("EPERM")`) > drop, "the refusal is below");
  // Each call is in the list below the picture, with its time.
  const { list } = storedEvidence().experiments[0].calls!;
  const log = await open.page.locator("#experiment-1 figure pre").textContent() ?? "";
  const rows = log.split("\n");
  assertEquals(rows.length, list.length);
  list.forEach(({ at_ms, side, text }, i) => {
    assert(rows[i].trim().startsWith(`${at_ms.toFixed(3)}  ${side}`), rows[i]);
    assert(rows[i].includes(text), rows[i]);
  });
  // The text beside the picture says the same.
  const [inWords] = await texts(open, "#experiment-1 .words");
  for (const title of steps) assert(inWords.includes(title), title);
});

/** Tests the page of a run, and that of an inspection. */
function testBoth(name: string, look: (open: OpenPage) => Promise<void>): void {
  testPage(name, storedEvidence, look);
  testPage(`${name}: of an inspection`, storedInspection, look);
}

for (const width of [1280, 390]) {
  for (const colorScheme of ["light", "dark"] as const) {
    const where = `${width} wide, ${colorScheme}`;

    testBoth(
      `Nothing is cut off, and everything can be read: ${where}`,
      async ({ page }) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        for (const open of [false, true]) {
          await page.evaluate(
            `document.querySelectorAll("details").forEach((each) => each.open = ${open})`,
          );
          const [content, window] = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
          ) as number[];
          assertEquals(content, window, `details ${open ? "open" : "closed"}`);
          assertEquals(await poorContrasts(page), []);
        }
      },
    );

    testBoth(`axe finds nothing to complain about: ${where}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await page.evaluate(axe.source);
      const violations = await page.evaluate(
        `axe.run(document, { resultTypes: ["violations"] }).then(
        ({ violations }) => violations.map(({ id, help, nodes }) => id + ": " + help + ": " + nodes[0].html)
      )`,
      );
      assertEquals(violations, []);
    });
  }
}

testBoth(
  "Headings go down one by one, tables have captions and scopes",
  async ({ page }) => {
    const levels = await page.locator("h1, h2, h3, h4, h5, h6").evaluateAll(
      (headings: { tagName: string }[]) => headings.map(({ tagName }) => Number(tagName[1])),
    );
    assertEquals(levels.filter((level) => level === 1).length, 1);
    levels.forEach((level, i) => assert(i === 0 ? level === 1 : level <= levels[i - 1] + 1));
    const poor = await page.evaluate(`[
    ...[...document.querySelectorAll("table")].filter((each) => !each.caption?.textContent.trim()),
    ...document.querySelectorAll("th:not([scope])"),
    ...[...document.querySelectorAll("svg")].filter((each) => each.getAttribute("role") !== "img" ||
      !each.querySelector("title")?.textContent || !each.querySelector("desc")?.textContent),
  ].length`);
    assertEquals(poor, 0);
    assertEquals(await page.locator("html").getAttribute("lang"), "en");
  },
);

testBoth("On paper it is light, and what was folded is there", async ({ page }) => {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const [background, folded] = await page.evaluate(`[
    getComputedStyle(document.body).backgroundColor,
    document.querySelector(".checks details dl").getBoundingClientRect().height,
  ]`) as [string, number];
  assertEquals(background, "rgb(255, 255, 255)");
  assert(folded > 0, "the reasons are printed");
  assertEquals(await poorContrasts(page), []);
});

testPage(
  "Hostile texts in the evidence stay texts",
  () => spoilt(storedEvidence()),
  async (open) => {
    const { page } = open;
    assertEquals(await page.locator("script, img, iframe, object, embed, form, input").count(), 0);
    const handlers = await page.evaluate(`[...document.querySelectorAll("*")].filter((each) =>
    [...each.attributes].some(({ name }) => /^on|^href$|^src$/.test(name)) &&
    !/^#experiment-\\d+$|^data:,$/.test(each.getAttribute("href"))).length`);
    assertEquals(handlers, 0);
    const checks = storedEvidence().experiments.flatMap((each) => each.checks);
    assertEquals(await texts(open, ".checks .id"), checks.map(({ id }) => id as string));
    const [said] = await texts(open, ".checks td[data-name=Observed]");
    assert(said.includes("<script>alert(1)</script>"), said);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
    }
  },
);

testPage(
  "Hostile texts of an inspected process stay texts",
  () => spoilt(storedInspection()),
  async ({ page }) => {
    assertEquals(await page.locator("script, img, iframe, object, embed, form, input").count(), 0);
    await page.evaluate(`document.querySelectorAll("details").forEach((each) => each.open = true)`);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
    }
  },
);

testPage("A run without any experiment has a page as well", () => ({
  ...storedEvidence(),
  experiments: [],
  verdict: "INCONCLUSIVE",
  exit: 4,
  error: { message: "Not root (uid 1000)", remedy: "Run it with sudo" },
}), async (open) => {
  assertEquals(await texts(open, ".banner .verdict"), ["INCONCLUSIVE"]);
  assertEquals(await texts(open, ".notice p"), ["Not root (uid 1000)", "Run it with sudo"]);
});
