import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** An object of Kubernetes, as its manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

const COMPILER = { noEmit: true, strict: true, types: [], module: "esnext", moduleResolution: "bundler" };

/**
 * What the types that are made from Kubernetes's OpenAPI say against these manifests, as the compiler words it; empty when nothing.
 * A field that Kubernetes does not know is an error, since a literal may have none that its type lacks.
 */
export function complaintsOf(manifests: readonly Manifest[]): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-manifests-"));
  try {
    symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
    const file = join(folder, "manifests.ts");
    writeFileSync(file, manifests.map(declaration).join("\n"));
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: COMPILER, files: [file] }),
    );
    const { stdout, status } = spawnSync("node_modules/.bin/tsc", ["-p", folder], { encoding: "utf8" });
    return status === 0 ? "" : stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function declaration(manifest: Manifest, index: number): string {
  const { apiVersion, kind } = manifest;
  const module = apiVersion === "v1" ? "core/v1" : apiVersion;
  const value = JSON.stringify(manifest, undefined, 2);
  return `export const _${index}: import("kubernetes-types/${module}").${kind} = ${value};`;
}
