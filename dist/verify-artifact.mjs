import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  readReceipt,
  receiptKeys
} from "./chunks/chunk-47DM5MAT.mjs";
import {
  readSwitches
} from "./chunks/chunk-YSTPRWQ3.mjs";
import "./chunks/chunk-HEAYTRHI.mjs";
import "./chunks/chunk-W7R4KM5Y.mjs";
import {
  requireAccepted,
  verdictSummary,
  verifyArtifact
} from "./chunks/chunk-B6OXDB4Q.mjs";
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import {
  Failure
} from "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// src/operate/verify.ts
async function verifyUpdate(update, context) {
  const receipts = await testedBy(update, context);
  const knownBad = update.fleet === void 0 ? void 0 : await knownBadOf(update.fleet, context);
  const { artifact, verifyKeys: keys, deviceTypes, minVersion } = update;
  const policy = {
    keys,
    deviceTypes,
    minVersion,
    receipts,
    knownBad
  };
  const verdict = await context.log.group(
    `Verifying ${artifact}`,
    () => verifyArtifact(artifact, policy, context)
  );
  for (const { what, result, detail } of verdict.checks) {
    const line = `${what}: ${detail}`;
    if (result === "ok") context.log.info(line);
    else if (result === "not-checked" && what !== "signature") context.log.info(`${line} (not checked)`);
    else context.log.warn(result === "refused" ? line : `${line}: anybody may have made this file`);
  }
  return verdict;
}
async function knownBadOf(fleet, context) {
  const { switches, from } = await readSwitches(fleet, context);
  context.log.info(`known-bad of ${from}: ${switches.knownBad.size} entries`);
  return switches.knownBad;
}
async function testedBy({ receipts, receiptKeys: pems }, context) {
  if (pems.length === 0) {
    if (receipts.length === 0) return void 0;
    throw new Failure(
      "bad-input",
      "receipt needs receipt-key: a receipt that nobody is known to have signed proves nothing"
    );
  }
  const keys = pems.flatMap(receiptKeys);
  const tested = [];
  for (const file of receipts) {
    context.signal.throwIfAborted();
    tested.push(await testedOf(file, keys));
  }
  return tested;
}
async function testedOf(file, keys) {
  try {
    return { file, ...await readReceipt(file, keys) };
  } catch (error) {
    if (!(error instanceof Failure) || !error.reason.startsWith("receipt-")) throw error;
    return { file, failure: error };
  }
}

// actions/verify-artifact/main.ts
await runAction("verify-artifact", async (action) => {
  const { input } = action;
  const verdict = await verifyUpdate(
    {
      artifact: input.path("artifact") ?? input.required("artifact"),
      verifyKeys: input.keys("verify-key"),
      deviceTypes: input.list("device-types"),
      minVersion: input.optional("min-version"),
      receipts: input.paths("receipt"),
      receiptKeys: input.keys("receipt-key"),
      fleet: input.path("fleet")
    },
    action
  );
  await action.output({ verdict: verdict.verdict, reasons: verdict.reasons.join(",") });
  await action.summary(verdictSummary(verdict));
  requireAccepted(verdict);
  return {};
});
