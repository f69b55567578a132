import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  verifyUpdate
} from "./chunks/chunk-FGAU5WLP.mjs";
import "./chunks/chunk-BV5EGKDN.mjs";
import "./chunks/chunk-MZND4F6A.mjs";
import "./chunks/chunk-3EHZS56L.mjs";
import "./chunks/chunk-RTAWKCSZ.mjs";
import "./chunks/chunk-5FZYLKFJ.mjs";
import {
  requireAccepted,
  verdictSummary
} from "./chunks/chunk-OCPNMXBO.mjs";
import {
  runAction
} from "./chunks/chunk-AWI2SVCX.mjs";
import "./chunks/chunk-J6UCEAK3.mjs";
import "./chunks/chunk-A3BQXR3L.mjs";

// actions/verify-artifact/main.ts
await runAction("verify-artifact", async (action) => {
  const { input } = action;
  const verdict = await verifyUpdate(
    {
      artifact: input.path("artifact") ?? input.required("artifact"),
      verifyKeys: input.keys("verify-key"),
      deviceTypes: input.list("device-types"),
      variant: input.optional("variant"),
      minVersion: input.optional("min-version"),
      receipts: input.paths("receipt"),
      receiptKeys: input.keys("receipt-key"),
      allowUnsigned: input.flag("allow-unsigned"),
      fleet: input.path("fleet")
    },
    action
  );
  await action.output({ verdict: verdict.verdict, reasons: verdict.reasons.join(",") });
  await action.summary(verdictSummary(verdict));
  requireAccepted(verdict);
  return {};
});
