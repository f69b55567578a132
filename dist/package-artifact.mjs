import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  packageArtifact
} from "./chunks/chunk-BOAVFDHL.mjs";
import {
  runAction
} from "./chunks/chunk-JMANRWDO.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// actions/package-artifact/main.ts
await runAction("package-artifact", async (action) => {
  const { input } = action;
  input.choice("format", ["mender"]);
  const options = {
    source: input.path("source") ?? input.required("source"),
    deviceTypes: input.list("device-types"),
    compression: input.choice("compression", ["gzip", "none"]),
    name: input.optional("name"),
    output: input.path("output"),
    signingKey: input.key("signing-key"),
    optionsFile: input.path("options")
  };
  const { path, name, sha256, contentDigest, sizeBytes } = await action.log.group(
    `Packing ${options.source}`,
    () => packageArtifact(options, action)
  );
  await action.summary(
    [
      `### Packaged ${escapeMarkdown(name)}`,
      "",
      "| artifact | size | sha256 | content digest |",
      "|---|---|---|---|",
      `| ${escapeMarkdown(path)} | ${sizeBytes} bytes | ${sha256} | ${contentDigest} |`,
      ""
    ].join("\n")
  );
  return { artifact: path, name, sha256, "content-digest": contentDigest, size: sizeBytes, changed: true };
});
