// Reads a JSON array of custom resources; prints a JSON array with the faults of each.
//
// A model's validate() knows types, enums and patterns, but lets unknown keys pass. Those are what TypeScript refuses in
// an object literal of the model's interface, at any depth.
import { readFileSync } from "node:fs";
import ts from "typescript";

const MODELS = {
  "cert-manager.io": "cert-manager",
  "gateway.networking.k8s.io": "gateway-api",
  "keda.sh": "keda",
  "monitoring.coreos.com": "prometheus-operator",
  "security.istio.io": "istio",
};

const resources = JSON.parse(readFileSync(0, "utf8"));
const faults = resources.map(() => []);
const modules = resources.map(({ apiVersion, kind }) => {
  const [group, version] = apiVersion.split("/");
  return `@kubernetes-models/${MODELS[group]}/${group}/${version}/${kind}`;
});

await Promise.all(
  resources.map(async (resource, index) => {
    const model = (await import(modules[index]))[resource.kind];
    try {
      new model(resource).validate();
    } catch (error) {
      faults[index].push(error.message);
    }
  }),
);

const lines = resources.map(({ kind }, index) => [
  `import type { I${kind} as I${index} } from ${JSON.stringify(modules[index])};`,
  `export const r${index}: I${index} = ${JSON.stringify(resources[index])};`,
]);
const name = new URL("resources.ts", import.meta.url).pathname;
const source = ts.createSourceFile(name, lines.flat().join("\n"), ts.ScriptTarget.ESNext);
const options = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ESNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.getSourceFile = (path, ...rest) => (path === name ? source : getSourceFile(path, ...rest));
host.fileExists = (path) => path === name || fileExists(path);
const program = ts.createProgram([name], options, host);
for (const found of ts.getPreEmitDiagnostics(program)) {
  const line = source.getLineAndCharacterOfPosition(found.start ?? 0).line;
  faults[Math.floor(line / 2)]?.push(ts.flattenDiagnosticMessageText(found.messageText, " "));
}
console.log(JSON.stringify(faults));
