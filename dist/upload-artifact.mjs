import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  openServer,
  serverTypes
} from "./chunks/chunk-RHKVDADJ.mjs";
import "./chunks/chunk-BOAVFDHL.mjs";
import {
  runAction
} from "./chunks/chunk-JMANRWDO.mjs";
import {
  escapeMarkdown
} from "./chunks/chunk-PWZ4J5Q2.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

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
  const key = input.key("verify-key");
  const path = input.path("artifact") ?? input.required("artifact");
  const keys = key === void 0 ? [] : [key];
  const uploaded = await action.log.group(`Uploading ${path}`, () => server.upload(path, keys));
  await action.summary(
    `**${uploaded.isNew ? "Uploaded" : "Already there"}:** release ${escapeMarkdown(uploaded.release)}, artifact \`${uploaded.artifactId}\`, content \`${uploaded.contentDigest}\`
`
  );
  return {
    release: uploaded.release,
    "artifact-id": uploaded.artifactId,
    sha256: uploaded.sha256,
    "content-digest": uploaded.contentDigest,
    url: uploaded.url,
    changed: uploaded.isNew
  };
});
