/** Tests stand beside what they test; those of many parts together, in `test/`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{src,fleet,test,sim}/**/*.test.ts", "ui/src/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      // The core: plain files that decide. The rest runs in the tests that touch the world.
      include: ["src/**/*.ts"],
      exclude: [
        "**/*.test.ts",
        "**/*.store.ts",
        "**/*.flow.ts",
        "**/*.routes.ts",
        "**/adapters/**",
        "src/io/**",
        "src/programs/**",
      ],
      thresholds: { lines: 85 },
      reporter: ["text-summary"],
    },
  },
});
