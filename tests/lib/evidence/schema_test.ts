import { assert, assertEquals } from "@std/assert";
import { CHECKS } from "../../../lib/evidence/checks.ts";
import { environment, evidenceOfFailure } from "../../../lib/harness/run.ts";
import { UsageError } from "../../../lib/evidence/errors.ts";
import { SCHEMA, schemaErrors } from "../../support/schema.ts";
import { spoilt, storedEvidence, storedInspection } from "../../support/stored.ts";

Deno.test("A stored report matches the schema, and so does one with hostile texts", () => {
  for (const stored of [storedEvidence(), storedInspection()]) {
    assertEquals(schemaErrors(stored), []);
    assertEquals(schemaErrors(spoilt(stored)), []);
  }
});

Deno.test("The report of an error matches the schema", () => {
  const evidence = evidenceOfFailure(environment(null, null), new UsageError("wrong"));
  assertEquals(schemaErrors(JSON.parse(JSON.stringify(evidence))), []);
});

type Node = Record<string, unknown>;

/** Returns every object in a report that the schema describes: all but the evidence of checks. */
function objects(value: unknown, found: Node[] = []): Node[] {
  if (Array.isArray(value)) value.forEach((each) => objects(each, found));
  else if (typeof value === "object" && value !== null) {
    found.push(value as Node);
    for (const [name, each] of Object.entries(value)) if (name !== "evidence") objects(each, found);
  }
  return found;
}

/** Returns one object of each kind, by the names of its properties. */
function kinds(report: unknown): Node[] {
  const byShape = new Map<string, Node>();
  for (const each of objects(report)) byShape.set(Object.keys(each).sort().join(), each);
  return [...byShape.values()];
}

const isNumberOrCell = (value: unknown) =>
  typeof value === "number" || (typeof value === "object" && value !== null && "known" in value);

/** Whether the schema leaves the properties of an object open: figures, and the cells of a row. */
const isOpen = (node: Node) => "frames" in node || Object.values(node).every(isNumberOrCell);

/** The properties that the schema does not require. */
const OPTIONAL = ["left_out", "refusal", "wall"];

for (
  const [what, stored, least] of [
    ["a run", storedEvidence, 12],
    ["an inspection", storedInspection, 22],
  ] as const
) {
  Deno.test(`An additional, missing or mistyped property violates the schema, everywhere in ${what}`, () => {
    const report = stored();
    const nodes = kinds(report).filter((node) => Object.keys(node).length > 0 && !isOpen(node));
    assert(nodes.length >= least, `${nodes.length} kinds of object`);
    for (const node of nodes) {
      const names = Object.keys(node).join();
      node.more = 1;
      assert(schemaErrors(report).length > 0, `more in ${names}`);
      delete node.more;
      for (const [name, value] of Object.entries(node)) {
        delete node[name];
        const isMissed = schemaErrors(report).length > 0;
        assertEquals(isMissed, !OPTIONAL.includes(name), `${name} missing in ${names}`);
        node[name] = value !== null && typeof value === "object" ? 1 : { wrong: true };
        assert(schemaErrors(report).length > 0, `${name} wrong in ${names}`);
        node[name] = value;
      }
    }
    assertEquals(schemaErrors(report), []);
  });
}

Deno.test("Whatever cannot be read of a process may be null, and nothing else", () => {
  const report = storedInspection();
  const process = report.experiments[0].process!;
  const parts: readonly [Node, nullable: readonly string[]][] = [
    [process as unknown as Node, [
      ...["executable", "parent", "root", "dumpable", "wx_mappings", "filters"],
    ]],
    [process.threads[0] as unknown as Node, ["filters"]],
    [process.descriptors[0] as unknown as Node, ["access"]],
    [process.packet_sockets[0] as unknown as Node, [
      ...["interface", "namespace", "filter", "fanout", "rings", "memberships"],
    ]],
    [process.known_holes[0] as unknown as Node, ["reachable"]],
  ];
  for (const [part, nullable] of parts) {
    for (const [name, value] of Object.entries(part)) {
      part[name] = null;
      assertEquals(schemaErrors(report).length === 0, nullable.includes(name), name);
      part[name] = value;
    }
  }
});

Deno.test("A PASS without an experiment, with an error, or with another exit status violates the schema", () => {
  const report = storedEvidence();
  for (
    const change of [
      { verdict: "PASS" },
      { exit: 0 },
      { verdict: "PASS", exit: 0, experiments: [] },
      { verdict: "PASS", exit: 0, error: { message: "no", remedy: null } },
      { exit: 3 },
    ]
  ) {
    assert(schemaErrors({ ...report, ...change }).length > 0, JSON.stringify(change));
  }
});

Deno.test("Every id of the catalogue matches the schema", () => {
  const pattern = new RegExp(SCHEMA.$defs.id.pattern);
  assertEquals(Object.keys(CHECKS).filter((id) => !pattern.test(id)), []);
});
