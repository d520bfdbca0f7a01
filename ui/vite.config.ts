/**
 * Builds the web app into `ui/dist`: hashed files under /assets, nothing inline, so that a strict
 * Content-Security-Policy holds.
 */
import { fileURLToPath } from "node:url";
import { lingui } from "@lingui/vite-plugin";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  root: here,
  base: "/",
  publicDir: false,
  plugins: [react(), lingui({ configPath: `${here}lingui.config.ts`, failOnMissing: true })],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // A data: URL would need an exception in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Largest chunk in KB, uncompressed; the real budget is measured gzipped by test/ui.
    chunkSizeWarningLimit: 500,
  },
});
