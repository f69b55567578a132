import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  hasCode,
  messageOf,
  writeAtomically
} from "./chunk-J6UCEAK3.mjs";

// src/server/secrets.ts
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  timingSafeEqual
} from "node:crypto";
import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
async function openSecrets(dataDir) {
  const token = await readOrMake(tokenFile(dataDir), () => randomBytes(32).toString("base64url"));
  if (!/^[\w-]{32,128}$/.test(token)) {
    throw new Failure("bad-key", `${tokenFile(dataDir)} holds no token: remove it, and a new one is made`);
  }
  const pem = await readOrMake(
    join(dataDir, "signing.key"),
    () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  );
  const link = await readOrMake(join(dataDir, "link.key"), () => randomBytes(32).toString("hex"));
  return { token, signingKey: parseKey(pem, dataDir), linkKey: Buffer.from(link, "hex") };
}
function tokenFile(dataDir) {
  return join(dataDir, "token");
}
function isSame(a, b) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
async function readOrMake(path, make) {
  try {
    const text = (await readFile(path, "utf8")).trim();
    await chmod(path, 384);
    if (text) return text;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  const made = make().trim();
  await writeAtomically(path, `${made}
`, 384);
  return made;
}
function parseKey(pem, dataDir) {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const message = `${join(dataDir, "signing.key")} holds no key (${messageOf(error)}): remove it, and devices ask for new tokens`;
    throw new Failure("bad-key", message, { cause: error });
  }
}

export {
  openSecrets,
  tokenFile,
  isSame
};
