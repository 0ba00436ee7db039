import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CannotAnswer, UsageError } from "../../../lib/evidence/errors.ts";
import { ViewFiles } from "../../../lib/cli/view_files.ts";
import { storedEvidence } from "../../support/stored.ts";

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

function inFolder(name: string, test: (folder: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

inFolder("ViewFiles writes each view to its file", (folder) => {
  const paths = { pcap: `${folder}/run.pcapng`, report: `${folder}/run.html` };
  using files = new ViewFiles(paths, { force: false });
  files.write(storedEvidence());
  assertStringIncludes(Deno.readTextFileSync(paths.report), "<!DOCTYPE html>");
  assertEquals(Deno.readFileSync(paths.pcap).subarray(0, 4), new Uint8Array([10, 13, 13, 10]));
  assertEquals(names(folder), ["run.html", "run.pcapng"]);
});

inFolder("ViewFiles opens no file if one cannot be opened, or two are the same", (folder) => {
  for (const [pcap, report] of [["a", "nosuch/b"], ["a", "a"], ["a", "./a"]]) {
    const paths = { pcap: `${folder}/${pcap}`, report: `${folder}/${report}` };
    assertThrows(() => new ViewFiles(paths, { force: true }), UsageError);
    assertEquals(names(folder), []);
  }
});

inFolder("ViewFiles writes the others if one cannot be put in place", (folder) => {
  const paths = { pcap: `${folder}/run.pcapng`, report: `${folder}/run.html` };
  using files = new ViewFiles(paths, { force: false });
  Deno.writeTextFileSync(paths.pcap, "somebody else's");
  assertThrows(() => files.write(storedEvidence()), CannotAnswer, "run.pcapng");
  assertStringIncludes(Deno.readTextFileSync(paths.report), "</html>");
  assertEquals(Deno.readTextFileSync(paths.pcap), "somebody else's");
});

inFolder("ViewFiles replaces no file if no experiment ran", (folder) => {
  const report = `${folder}/run.html`;
  Deno.writeTextFileSync(report, "precious");
  {
    using files = new ViewFiles({ report }, { force: true });
    files.write({ ...storedEvidence(), experiments: [] });
  }
  assertEquals([Deno.readTextFileSync(report), names(folder)], ["precious", ["run.html"]]);
});
