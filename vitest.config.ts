import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "sim/**/*.test.ts", "ui/src/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      // The core: plain files that decide. Files that touch the world are covered by the tests that run it.
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
