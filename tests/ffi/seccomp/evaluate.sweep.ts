import { compareWithKernel } from "./random_filters.ts";
import { testNeeding } from "../../support/needs.ts";

for (let seed = 1; seed <= 10; seed++) {
  testNeeding(
    { programs: { cc: "gcc" } },
    `evaluateFilters() agrees with the kernel over 2000 random stacks of filters, seed ${seed}`,
    async () => void await compareWithKernel(seed, 2000),
  );
}
