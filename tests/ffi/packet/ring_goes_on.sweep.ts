import { testRingGoesOn } from "./ring_goes_on.ts";

testRingGoesOn("wherever the previous reader stopped", 1, 200);
