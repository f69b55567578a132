import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  openServer,
  serverTypes,
  uploadRelease
} from "./chunks/chunk-5FZYLKFJ.mjs";
import "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/upload-artifact/main.ts
await runAction("upload-artifact", async (action) => {
  const { input } = action;
  const server = openServer(
    {
      type: input.choice("server-type", serverTypes),
      url: input.required("server"),
      token: input.secret("token") ?? input.required("token")
    },
    action
  );
  const files = { paths: await input.files("artifact"), verifyKeys: input.keys("verify-key") };
  const tell = (soFar) => action.output(outputsOf(soFar));
  const uploaded = await uploadRelease(server, files, tell, action);
  const lines = uploaded.artifacts.map(
    ({ isNew, artifactId, contentDigest }) => `**${isNew ? "Uploaded" : "Already there"}:** release ${escapeMarkdown(uploaded.release)}, artifact \`${artifactId}\`, content \`${contentDigest}\`
`
  );
  await action.summary(lines.join("\n"));
  return outputsOf(uploaded);
});
function outputsOf({ release, url, artifacts, isNew }) {
  return {
    release,
    "artifact-id": artifacts.map(({ artifactId }) => artifactId).join("\n"),
    sha256: artifacts.map(({ sha256 }) => sha256).join("\n"),
    "content-digest": artifacts.map(({ contentDigest }) => contentDigest).join("\n"),
    url,
    changed: isNew
  };
}
