import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  packageArtifact
} from "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/package-artifact/main.ts
await runAction("package-artifact", async (action) => {
  const { input } = action;
  const options = {
    format: input.choice("format", ["mender", "swupdate", "rauc"]),
    source: input.path("source") ?? input.path("options") ?? input.required("source"),
    deviceTypes: input.list("device-types"),
    compression: input.choice("compression", ["gzip", "none", "zstd", "xz"]),
    name: input.optional("name"),
    output: input.path("output"),
    signing: { key: input.key("signing-key"), passphrase: input.passphrase("signing-key") },
    optionsFile: input.path("options")
  };
  const made = await action.log.group(`Packing ${options.source}`, () => packageArtifact(options, action));
  const { path, name, sha256, contentDigest, sizeBytes: size, isChanged: changed = true } = made;
  await action.summary(
    [
      `### Packaged ${escapeMarkdown(name)}`,
      "",
      "| artifact | size | sha256 | content digest |",
      "|---|---|---|---|",
      `| ${escapeMarkdown(path)} | ${size} bytes | ${sha256} | ${contentDigest} |`,
      ""
    ].join("\n")
  );
  return { artifact: path, name, sha256, "content-digest": contentDigest, size, changed };
});
