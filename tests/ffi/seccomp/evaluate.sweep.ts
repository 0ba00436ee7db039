import { testNeeding } from "../../support/needs.ts";
import { compareWithKernel } from "./kernel_answers.ts";
import { randomCases } from "./random_filters.ts";

for (let seed = 1; seed <= 10; seed++) {
  testNeeding(
    { programs: { cc: "gcc" } },
    `evaluateFilters() agrees with the kernel over 2000 random stacks of filters, seed ${seed}`,
    async () => void await compareWithKernel(randomCases(seed, 2000)),
  );
}
