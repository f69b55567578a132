import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  array,
  canonicalJson,
  description,
  getDotPath,
  hexOf,
  integer,
  isDigest,
  isoTimestamp,
  literal,
  maxLength,
  maxValue,
  minLength,
  minValue,
  nonEmpty,
  number,
  optional,
  picklist,
  pipe,
  readText,
  record,
  regex,
  safeParse,
  strictObject,
  strictTuple,
  string,
  summarize
} from "./chunk-J6UCEAK3.mjs";

// src/receipt/receipt-keys.ts
import { createPrivateKey, createPublicKey } from "node:crypto";
function receiptSigningKey(pem, passphrase) {
  const what = "the signing key of receipts";
  if (isEncrypted.test(pem) && passphrase === void 0) {
    const where = "give its passphrase in the environment variable DROVER_SIGNING_KEY_PASSPHRASE";
    throw new Failure("bad-key", `${what} is encrypted: ${where}`);
  }
  const read = (key) => createPrivateKey({ key, ...passphrase === void 0 ? {} : { passphrase } });
  return checked(parse(pem, read, what), what);
}
var isEncrypted = /BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/;
function checkReceiptKey(pem, passphrase) {
  receiptSigningKey(pem, passphrase);
}
function receiptKeys(text2) {
  const what = "a key to verify receipts with";
  const blocks = text2.match(/-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  if (blocks.length === 0) throw new Failure("bad-key", `${what} is no PEM text`);
  return blocks.map((pem) => {
    if (isEncrypted.test(pem)) throw new Failure("bad-key", `${what} is encrypted: give its public half`);
    return checked(parse(pem, createPublicKey, what), what);
  });
}
function parse(pem, read, what) {
  try {
    return read(pem);
  } catch {
    throw new Failure("bad-key", `${what} is no PEM key that can be read`);
  }
}
function checked(key, what) {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa" && (details?.modulusLength ?? 0) >= 2048) return key;
  if (type === "ec" && details?.namedCurve === "prime256v1") return key;
  throw new Failure(
    "bad-key",
    `${what} is ${type}; receipts are signed with RSA of 2048 bits or more, or ECDSA on P-256`
  );
}

// src/receipt/envelope.ts
import { createHash, sign, verify } from "node:crypto";

// src/receipt/statement.ts
var maxReceiptBytes = 1 << 20;
var payloadType = "application/vnd.in-toto+json";
var statementType = "https://in-toto.io/Statement/v1";
var predicateType = "https://github.com/drover-fleet/drover/receipt/v1";
var text = (limit) => pipe(string(), nonEmpty(), maxLength(limit));
var count = pipe(number(), integer(), minValue(0), maxValue(1e6));
var base64 = (limit) => pipe(
  text(limit),
  regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, "must be base64")
);
var receiptFile = strictObject({
  payloadType: pipe(literal(payloadType), description("The payload is an in-toto statement.")),
  payload: pipe(
    base64(maxReceiptBytes),
    description("The statement as JSON, base64: see receipt-statement.json.")
  ),
  signatures: pipe(
    array(
      strictObject({
        keyid: pipe(
          optional(pipe(string(), maxLength(256))),
          description("SHA-256 of the public key (SPKI, DER), a hint that nothing depends on.")
        ),
        sig: pipe(
          base64(4096),
          description(
            "Signature of the pre-authentication encoding: ECDSA (DER) or RSA (PKCS#1 v1.5), SHA-256."
          )
        )
      })
    ),
    minLength(1),
    maxLength(16)
  )
});
var statementFile = strictObject({
  _type: literal(statementType),
  subject: pipe(
    strictTuple([
      strictObject({
        name: pipe(text(256), description("The release.")),
        digest: strictObject({
          drover_content_sha256: pipe(
            string(),
            regex(/^[0-9a-f]{64}$/, "must be 64 hex digits"),
            description("The content digest: what the artifact brings, whatever it is signed with.")
          )
        })
      })
    ]),
    description("The one content that was tested.")
  ),
  predicateType: literal(predicateType),
  predicate: strictObject({
    deviceType: pipe(text(256), description("The type of the device that it was tested on.")),
    result: picklist(["pass", "fail"]),
    tests: strictObject({
      passed: count,
      failed: count,
      skipped: count,
      flaky: pipe(
        optional(count),
        description("How many of those that passed failed at first, and passed on another try.")
      )
    }),
    facts: pipe(
      record(text(256), pipe(string(), maxLength(4096))),
      description("What the device said about itself.")
    ),
    reported: pipe(
      optional(
        strictObject({
          release: pipe(text(256), description("The release that it said it runs.")),
          provides: pipe(
            record(text(256), pipe(string(), maxLength(4096))),
            description("What its update client says that it installed, such as rootfs-image.checksum.")
          )
        })
      ),
      description("The device's own report of what was tested.")
    ),
    report: pipe(
      optional(pipe(string(), regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits"))),
      description("Digest of the JUnit report.")
    ),
    testedAt: pipe(string(), isoTimestamp(), description("When the tests ended."))
  })
});

// src/receipt/envelope.ts
function preAuthenticationEncoding(type, payload) {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}
function signPayload(payload, privateKey) {
  return sign("sha256", preAuthenticationEncoding(payloadType, payload), privateKey);
}
function isSignedBy(payload, signature, publicKey) {
  return verify("sha256", preAuthenticationEncoding(payloadType, payload), publicKey, signature);
}
function keyIdOf(publicKey) {
  return createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("hex");
}

// src/receipt/make-receipt.ts
import { createPublicKey as createPublicKey2 } from "node:crypto";
function makeReceipt(receipt, signingKey, passphrase) {
  const key = receiptSigningKey(signingKey, passphrase);
  const { contentDigest, release, testedAt, ...predicate } = receipt;
  const statement = safeParse(statementFile, {
    _type: statementType,
    subject: [{ name: release, digest: { drover_content_sha256: hexOf(contentDigest) } }],
    predicateType,
    predicate: { ...predicate, testedAt: testedAt.toISOString() }
  });
  if (!statement.success)
    throw new Failure("bad-input", `no receipt can say that: ${summarize(statement.issues)}`);
  const problem = contradictionIn(receipt);
  if (problem !== void 0) throw new Failure("bad-input", `no receipt can say that: ${problem}`);
  const payload = Buffer.from(canonicalJson(statement.output));
  const envelope = {
    payloadType,
    payload: payload.toString("base64"),
    signatures: [{ keyid: keyIdOf(createPublicKey2(key)), sig: signPayload(payload, key).toString("base64") }]
  };
  return `${JSON.stringify(envelope, void 0, 2)}
`;
}
function contradictionIn({ result, tests }) {
  if (result === "pass" && tests.failed > 0) return `it is a pass with ${tests.failed} failed tests`;
  if (result === "pass" && tests.passed === 0) return "it is a pass without a test that passed";
  return void 0;
}

// src/receipt/verify-receipt.ts
async function readReceipt(path, keys) {
  let text2;
  try {
    text2 = await readText(path, maxReceiptBytes);
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== "invalid-file") throw error;
    throw invalid(path, error.message, error);
  }
  return verifyReceipt(text2, keys, path);
}
function verifyReceipt(text2, keys, file = "the receipt") {
  if (Buffer.byteLength(text2) > maxReceiptBytes) throw invalid(file, `it has over ${maxReceiptBytes} bytes`);
  const envelope = parse2(text2, receiptFile, file);
  const payload = Buffer.from(envelope.payload, "base64");
  const signatures = envelope.signatures.map(({ sig }) => Buffer.from(sig, "base64"));
  if (!keys.some((key) => signatures.some((signature) => isSignedBy(payload, signature, key)))) {
    throw new Failure(
      "receipt-wrong-key",
      `${file}: no accepted key has signed this receipt, or it was changed since: take the one that test-device wrote, and the public half of its signing key`
    );
  }
  return receiptOf(parse2(decode(payload, file), statementFile, file), file);
}
function receiptOf({ subject, predicate }, file) {
  const [{ name, digest }] = subject;
  const contentDigest = `sha256:${digest.drover_content_sha256}`;
  if (!isDigest(contentDigest)) throw invalid(file, "its digest is none");
  const { report, ...stated } = predicate;
  if (report !== void 0 && !isDigest(report)) throw invalid(file, "the digest of its report is none");
  const problem = contradictionIn(predicate);
  if (problem !== void 0) throw invalid(file, problem);
  const known = { ...stated, contentDigest, release: name, testedAt: new Date(stated.testedAt) };
  return report === void 0 ? known : { ...known, report };
}
function decode(payload, file) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch (error) {
    throw invalid(file, "its statement is not UTF-8", error);
  }
}
function parse2(text2, schema, file) {
  let raw;
  try {
    raw = JSON.parse(text2);
  } catch (error) {
    throw invalid(file, "it is not JSON", error);
  }
  const result = safeParse(schema, raw);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(file, `${getDotPath(issue) ?? "it"}: ${issue.message}`);
}
function invalid(file, why, cause) {
  const reason = "receipt-invalid";
  return new Failure(
    reason,
    `${file} is no receipt: ${why}. Take the file that test-device wrote, unchanged.`,
    {
      cause
    }
  );
}

export {
  checkReceiptKey,
  receiptKeys,
  makeReceipt,
  readReceipt
};
