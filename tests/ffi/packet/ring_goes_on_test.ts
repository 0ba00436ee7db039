import { testRingGoesOn } from "./ring_goes_on.ts";

testRingGoesOn("wherever the previous reader stopped, at every fourth frame", 4, 80);
