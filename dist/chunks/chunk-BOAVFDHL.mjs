import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  array,
  canonicalJson,
  check,
  custom,
  description,
  digestOf,
  digestOfFile,
  getDotPath,
  hasCode,
  hexOf,
  isDigest,
  maxLength,
  messageOf,
  minLength,
  nonEmpty,
  nullable,
  nullish,
  number,
  object,
  objectWithRest,
  optional,
  pipe,
  readYaml,
  record,
  safeParse,
  storageFailure,
  strictObject,
  string,
  syncFolder,
  union,
  unknown
} from "./chunk-PWZ4J5Q2.mjs";
import {
  __callDispose,
  __using
} from "./chunk-TNMH4EKQ.mjs";

// src/artifact/package-artifact.ts
import { basename as basename3, dirname as dirname4, parse as parse2 } from "node:path";

// src/artifact/artifact-options.ts
import { basename, dirname, resolve } from "node:path";

// src/artifact/mender-facts.ts
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";

// src/artifact/content-digest.ts
var scriptsProvide = "rootfs-image.state-scripts";
function contentDigestOf(content) {
  return digestOf(
    canonicalJson({
      deviceTypes: [...new Set(content.deviceTypes)].sort(compare),
      payloads: content.payloads.map(({ type, metaData, files }) => ({
        type,
        metaData: metaData ?? {},
        files: files.map(({ name: name2, checksum }) => ({ name: name2, checksum: checksum.toLowerCase() })).sort((a, b) => compare(a.name, b.name))
      })),
      scripts: content.scriptsDigest
    })
  );
}
function scriptsDigestOf(scripts) {
  if (scripts.length === 0) return void 0;
  const list = scripts.map(({ name: name2, checksum }) => [name2, checksum]);
  return digestOf(canonicalJson(list.sort(([a], [b]) => compare(a, b))));
}
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// src/artifact/state-scripts.ts
var scriptName = /^(?:Artifact(?:Install|Reboot|Commit)_(?:Enter|Leave|Error)|Artifact(?:Rollback|RollbackReboot|Failure)_(?:Enter|Leave))_\d\d(?:_[^\s/]+)?$/;
function isScriptName(name2) {
  return Buffer.byteLength(name2) <= 255 && scriptName.test(name2);
}

// src/artifact/mender-facts.ts
var maxScriptBytes = 1 << 20;
var deviceType = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
var releaseName = /^[^\s/\\\u0000-\u001f\u007f-\u009f]{1,256}$/u;
var ownProvides = [
  "artifact_name",
  "artifact_group",
  "device_type",
  "rootfs-image.checksum",
  "rootfs-image.version",
  scriptsProvide
];
function isOwnProvide(name2) {
  return ownProvides.includes(name2);
}
function checkFacts(facts) {
  checkName(typeof facts.name === "string" ? facts.name : facts.name.prefix);
  if (facts.deviceTypes.length === 0) throw new Failure("bad-input", "no device type: name at least one");
  for (const type of facts.deviceTypes) {
    if (deviceType.test(type)) continue;
    const rule = "letters, digits and ._+- only, at most 128, the first a letter or digit";
    throw new Failure("bad-input", `${JSON.stringify(type)} can't be a device type: ${rule}`);
  }
  for (const key of Object.keys(facts.provides ?? {})) {
    if (!isOwnProvide(key)) continue;
    throw new Failure("bad-input", `provides may not have ${key}: it is set from what the artifact holds`);
  }
  if (facts.depends !== void 0 && "device_type" in facts.depends) {
    throw new Failure("bad-input", "depends may not have device_type: give the device types as such");
  }
}
function checkName(name2) {
  if (releaseName.test(name2)) return;
  const rule = "at most 256 characters, without white space and slashes";
  throw new Failure("bad-input", `${JSON.stringify(name2)} can't be a release's name: ${rule}`);
}
async function readScripts(given) {
  const scripts = [];
  for (const { name: name2, path } of given ?? []) {
    if (!isScriptName(name2) || name2.length > 90) {
      const example = "such as ArtifactInstall_Leave_10_check";
      throw new Failure("bad-input", `${JSON.stringify(name2)} can't be a state script's name, ${example}`);
    }
    if (scripts.some((script2) => script2.name === name2)) {
      throw new Failure("bad-input", `two state scripts have the name ${name2}`);
    }
    const content = await readScript(path);
    scripts.push({ name: name2, content, checksum: createHash("sha256").update(content).digest("hex") });
  }
  return scripts.sort((a, b) => a.name < b.name ? -1 : 1);
}
async function readScript(path) {
  try {
    const { size } = await stat(path);
    if (size > 0 && size <= maxScriptBytes) return await readFile(path);
    throw new Failure(
      "bad-input",
      `the state script ${path} has ${size} bytes; it can have 1 to ${maxScriptBytes}`
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    const why = hasCode(error, "ENOENT") ? "there is no such file" : messageOf(error);
    throw new Failure("file-missing", `can't read the state script ${path}: ${why}`, { cause: error });
  }
}
function headerDocuments(facts, known) {
  const { artifact_name, artifact_group, ...depends } = facts.depends ?? {};
  const group = facts.artifactGroup === void 0 ? {} : { artifact_group: facts.artifactGroup };
  const scripts = scriptsDigestOf(known.scripts);
  return {
    headerInfo: JSON.stringify({
      payloads: [{ type: "rootfs-image" }],
      artifact_provides: { artifact_name: known.name, ...group },
      artifact_depends: {
        ...artifact_name === void 0 ? {} : { artifact_name: listOf(artifact_name) },
        device_type: [...new Set(facts.deviceTypes)],
        ...artifact_group === void 0 ? {} : { artifact_group: listOf(artifact_group) }
      }
    }),
    typeInfo: JSON.stringify({
      type: "rootfs-image",
      ...Object.keys(depends).length === 0 ? {} : { artifact_depends: sorted(depends) },
      artifact_provides: sorted({
        ...facts.provides,
        "rootfs-image.checksum": known.checksum,
        "rootfs-image.version": known.name,
        ...scripts === void 0 ? {} : { [scriptsProvide]: scripts }
      }),
      clears_artifact_provides: ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"]
    })
  };
}
function listOf(value) {
  return typeof value === "string" ? [value] : value;
}
function sorted(record2) {
  return Object.fromEntries(Object.entries(record2).sort(([a], [b]) => a < b ? -1 : 1));
}

// src/artifact/artifact-options.ts
var text = pipe(
  string("write it as text, in quotes where it looks like a number"),
  nonEmpty("it is empty"),
  maxLength(1024)
);
var provided = pipe(
  text,
  check((key) => !isOwnProvide(key), "it is set from what the artifact holds and can’t be given")
);
var needed = pipe(
  text,
  check((key) => key !== "device_type", "the device types are an input of their own")
);
var script = pipe(
  text,
  check(
    (path) => isScriptName(basename(path)),
    "a state script is named <State>_<Enter|Leave|Error>_NN[_text], such as ArtifactInstall_Leave_10_check"
  )
);
var artifactOptionsSchema = strictObject({
  "state-scripts": optional(
    pipe(
      array(script),
      description(
        "Scripts that a device runs around the states of the update; paths relative to this file."
      )
    )
  ),
  provides: optional(
    pipe(
      record(provided, text),
      description("What a device has after the update, besides the release.")
    )
  ),
  depends: optional(
    pipe(
      record(needed, union([text, pipe(array(text), minLength(1))])),
      description("What a device must have to install it: one value, or a list of which it has one.")
    )
  ),
  "artifact-group": optional(
    pipe(text, description("The artifact group that a device is in after the update."))
  )
});
async function readArtifactOptions(path) {
  const { value } = await readYaml(path, artifactOptionsSchema);
  return {
    stateScripts: value["state-scripts"]?.map((given) => ({
      name: basename(given),
      path: resolve(dirname(path), given)
    })),
    provides: value.provides,
    depends: value.depends,
    artifactGroup: value["artifact-group"]
  };
}

// src/artifact/write-mender.ts
import { createHash as createHash6 } from "node:crypto";
import { stat as stat4 } from "node:fs/promises";
import { dirname as dirname3, join as join2, resolve as resolve2 } from "node:path";

// src/artifact/gzip.ts
import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { availableParallelism } from "node:os";
var deflate = promisify(deflateRaw);
var dictionaryBytes = 32 << 10;
var effort = { level: 4, memLevel: 9 };
var header = Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]);
var lastBlock = Buffer.from([3, 0]);
var blocksInFlight = 2 * Math.min(availableParallelism(), 4) + 2;
async function* gzip(blocks, inFlight = blocksInFlight) {
  let crc = 0;
  let sizeBytes = 0;
  let dictionary = Buffer.alloc(0);
  const queue = [];
  yield header;
  for await (const block of blocks) {
    crc = crc32(block, crc);
    sizeBytes += block.length;
    const piece = deflateBlock(block, dictionary);
    piece.catch(() => {
    });
    queue.push(piece);
    dictionary = Buffer.from(block.subarray(-dictionaryBytes));
    const first = queue.length < inFlight ? void 0 : queue.shift();
    if (first !== void 0) yield await first;
  }
  for (const piece of queue) yield await piece;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4);
  yield Buffer.concat([lastBlock, trailer]);
}
var zeroPieces = /* @__PURE__ */ new Map();
var zeros = Buffer.alloc(1 << 20);
function deflateBlock(block, dictionary) {
  if (block.length > zeros.length || !zeros.subarray(0, block.length).equals(block)) {
    return deflatePiece(block, dictionary);
  }
  const known = zeroPieces.get(block.length) ?? deflatePiece(Buffer.from(block), Buffer.alloc(0));
  zeroPieces.set(block.length, known);
  return known;
}
async function deflatePiece(block, dictionary) {
  return deflate(block, {
    ...effort,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: block.length + 1024,
    ...dictionary.length === 0 ? {} : { dictionary }
  });
}
function gzipStored(content) {
  const pieces = [header];
  for (let at = 0; at < content.length || at === 0; at += 65535) {
    const block = content.subarray(at, at + 65535);
    const head = Buffer.alloc(5);
    head[0] = at + block.length >= content.length ? 1 : 0;
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(block.length ^ 65535, 3);
    pieces.push(head, block);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length, 4);
  return Buffer.concat([...pieces, trailer]);
}

// src/artifact/keys.ts
import { createPrivateKey, createPublicKey as createPublicKey2, sign, verify as verify2 } from "node:crypto";

// src/artifact/ecdsa.ts
import {
  createECDH,
  createHash as createHash2,
  createHmac,
  createPublicKey,
  randomBytes,
  verify
} from "node:crypto";
var order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
function signEcdsa(data, key) {
  const secret = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
  const digest = createHash2("sha256").update(data).digest();
  for (const nonce of nonces(secret, digest)) {
    const r = pointX(nonce) % order;
    const s = r === 0n ? 0n : multiplied(nonce, numberOf(digest), r, numberOf(secret));
    if (s === 0n) continue;
    const signature = Buffer.concat([bytesOf(r), bytesOf(s)]);
    const isValid = verify(
      "sha256",
      data,
      { key: createPublicKey(key), dsaEncoding: "ieee-p1363" },
      signature
    );
    if (!isValid) throw new Error("the ECDSA signature does not verify");
    return signature;
  }
  throw new Error("no nonce");
}
function* nonces(secret, digest) {
  const hashed = bytesOf(numberOf(digest) % order);
  let v = Buffer.alloc(32, 1);
  let k = Buffer.alloc(32, 0);
  const step = (...parts) => {
    k = hmac(k, v, ...parts);
    v = hmac(k, v);
  };
  step(Buffer.of(0), secret, hashed);
  step(Buffer.of(1), secret, hashed);
  for (; ; ) {
    v = hmac(k, v);
    const nonce = numberOf(v);
    if (nonce > 0n && nonce < order) yield nonce;
    step(Buffer.of(0));
  }
}
function pointX(nonce) {
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(bytesOf(nonce));
  return numberOf(curve.getPublicKey().subarray(1, 33));
}
function multiplied(nonce, digest, r, secret) {
  const blind = numberOf(randomBytes(40)) % (order - 1n) + 1n;
  const blindedSecret = blind * secret % order;
  return inverse(blind * nonce % order) * (blind * digest % order + r * blindedSecret % order) % order;
}
function inverse(value) {
  let [a, b, x, y] = [value, order, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return (x % order + order) % order;
}
function hmac(key, ...parts) {
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
function numberOf(bytes) {
  return BigInt(`0x${bytes.toString("hex")}`);
}
function bytesOf(number2) {
  return Buffer.from(number2.toString(16).padStart(64, "0"), "hex");
}

// src/artifact/keys.ts
var howToMake = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
function publicKeyOf(pem) {
  return readPublicKey(pem).export({ type: "spki", format: "pem" }).toString();
}
function signerOf(pem) {
  const what = "the signing key";
  const key = checked(parse(pem, createPrivateKey, what), what);
  return key.asymmetricKeyType === "ec" ? ecdsaSigner(key) : rsaSigner(key);
}
function checkSignature(data, signature, keys) {
  if (keys.length === 0) return "unverified";
  const isValid = (key) => verify2("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
  if (keys.map(readPublicKey).some(isValid)) return "verified";
  const which = keys.length === 1 ? "the given key" : `any of the ${keys.length} given keys`;
  throw new Failure(
    "artifact-unsigned",
    `the artifact's signature is not by ${which}: it was changed after signing, or signed with another key`
  );
}
function rsaSigner(key) {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return { signatureBytes: Math.ceil(bits / 8), sign: (data) => sign("sha256", data, key) };
}
function ecdsaSigner(key) {
  return { signatureBytes: 64, sign: (data) => signEcdsa(data, key) };
}
function readPublicKey(pem) {
  const what = "the key to verify with";
  return checked(parse(pem, createPublicKey2, what), what);
}
function parse(pem, read, what) {
  if (/BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/.test(pem)) {
    throw new Failure("bad-key", `${what} is encrypted: give it without a passphrase`);
  }
  try {
    return read(pem);
  } catch {
    throw new Failure("bad-key", `${what} is no PEM key that can be read: ${howToMake}`);
  }
}
function checked(key, what) {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa" && (details?.modulusLength ?? 0) >= 2048) return key;
  if (type === "ec" && details?.namedCurve === "prime256v1") return key;
  const found = type === "rsa" ? `RSA with ${details?.modulusLength} bits` : `${type}${details?.namedCurve === void 0 ? "" : ` (${details.namedCurve})`}`;
  throw new Failure(
    "bad-key",
    `${what} is ${found}; artifacts are signed with RSA of 2048 bits or more or with ECDSA on P-256: ${howToMake}`
  );
}

// src/artifact/byte-reader.ts
function damaged(place, offset, why, cause) {
  return new Failure(
    "artifact-damaged",
    `${place}, byte ${offset}: ${why}. Nothing of it can be trusted: build or fetch it again.`,
    { cause }
  );
}
var ByteReader = class {
  place;
  /** Bytes handed out so far. */
  offset = 0;
  #iterator;
  #options;
  #received = 0;
  #rest = new Uint8Array();
  constructor(source, options) {
    this.place = options.place;
    this.#iterator = source[Symbol.asyncIterator]();
    this.#options = options;
  }
  /** The next `count` bytes, in as many chunks as they come; throws where the stream ends before. */
  async *take(count) {
    let left = count;
    while (left > 0) {
      const piece = await this.#some(left);
      if (piece === void 0) throw damaged(this.place, this.#received, "it ends too early");
      left -= piece.length;
      yield piece;
    }
  }
  /** The next `count` bytes as one; the caller has checked that they fit in memory. */
  async exactly(count) {
    const pieces = [];
    for await (const piece of this.take(count)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  /** Reads to the end, which at most `limit` zero bytes may precede. */
  async zerosToEnd(limit) {
    const start = this.offset;
    for (; ; ) {
      const piece = await this.#some(1 << 20);
      if (piece === void 0) return;
      if (this.offset - start > limit || piece.some((byte) => byte !== 0)) {
        throw damaged(this.place, start, "something follows its end");
      }
    }
  }
  async [Symbol.asyncDispose]() {
    await this.#iterator.return?.();
  }
  async #some(atMost) {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#iterator.next();
      if (done === true) return void 0;
      this.#received += value.length;
      if (this.#received > this.#options.limitBytes) {
        throw damaged(this.place, this.#received, `it has more than ${this.#options.limitBytes} bytes`);
      }
      this.#options.onChunk?.(value);
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(piece.length);
    this.offset += piece.length;
    return piece;
  }
};

// src/artifact/manifest.ts
var line = /^([0-9a-f]{64}) {2}(\S(?:.*\S)?)$/;
var dataName = /^data\/(\d{4})\/([^/]+)$/;
var headerName = /^header\.tar(?:\.(?:gz|xz|zst))?$/;
var unsafe = /[\u0000-\u001f\u007f-\u009f/\\]|^\.{1,2}$| {2}|^\s|\s$/;
function isSafeFileName(name2) {
  return name2 !== "" && Buffer.byteLength(name2) <= 255 && !unsafe.test(name2);
}
function parseManifest(content, place) {
  const seen = /* @__PURE__ */ new Map();
  let offset = 0;
  for (const text3 of content.toString("utf8").replace(/\n$/, "").split("\n")) {
    const [, checksum, name2] = line.exec(text3) ?? [];
    if (checksum === void 0 || name2 === void 0) throw damaged(place, offset, "a line is malformed");
    if (seen.has(name2)) throw damaged(place, offset, `it names ${JSON.stringify(name2)} twice`);
    if (!isKnown(name2))
      throw damaged(place, offset, `it names ${JSON.stringify(name2)}, which may not be there`);
    seen.set(name2, checksum);
    offset += Buffer.byteLength(text3) + 1;
  }
  const headers = [...seen].filter(([name2]) => headerName.test(name2));
  const version = seen.get("version");
  const [header2] = headers;
  if (version === void 0 || header2 === void 0 || headers.length > 1) {
    throw damaged(place, offset, "it has to name version and one header");
  }
  return { version, header: { name: header2[0], checksum: header2[1] }, payloads: payloadsOf(seen) };
}
function formatManifest(entries) {
  return entries.map(({ name: name2, checksum }) => `${checksum}  ${name2}
`).join("");
}
function isKnown(name2) {
  const file = dataName.exec(name2)?.[2];
  return name2 === "version" || headerName.test(name2) || file !== void 0 && isSafeFileName(file);
}
function payloadsOf(entries) {
  const payloads = [];
  for (const [name2, checksum] of entries) {
    const [, index, file] = dataName.exec(name2) ?? [];
    if (index === void 0 || file === void 0) continue;
    const at = Number(index);
    while (payloads.length <= at) payloads.push(/* @__PURE__ */ new Map());
    payloads[at]?.set(file, checksum);
  }
  return payloads;
}

// src/artifact/partial-file.ts
import { randomBytes as randomBytes2 } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat as stat2 } from "node:fs/promises";
import { dirname as dirname2, join } from "node:path";
var abandonedAfterMs = 10 * 6e4;
var partialName = /^\.drover-(\d+)-[0-9a-f]{8}\.part$/;
var PartialFile = class _PartialFile {
  path;
  #handle;
  #isKept = false;
  constructor(path, handle) {
    this.path = path;
    this.#handle = handle;
  }
  /** Makes `folder` where it is missing. Throws `disk-full`, `missing-rights`, or `bad-input` where it can't be a folder. */
  static async create(folder) {
    try {
      await mkdir(folder, { recursive: true });
      await removeAbandoned(folder);
      const path = join(folder, `.drover-${process.pid}-${randomBytes2(4).toString("hex")}.part`);
      return new _PartialFile(path, await open(path, "wx+", 420));
    } catch (error) {
      throw folderFailure(error, folder);
    }
  }
  /** Writes all of `data` at `position`. */
  async write(data, position) {
    try {
      for (let at = 0; at < data.length; ) {
        const { bytesWritten } = await this.#handle.write(data, at, data.length - at, position + at);
        at += bytesWritten;
      }
    } catch (error) {
      throw storageFailure(error, this.path);
    }
  }
  /** Brings it to the disk and gives it its name, where it replaces what was there. */
  async keepAs(path) {
    try {
      await this.#handle.sync();
      await rename(this.path, path);
      this.#isKept = true;
      await syncFolder(dirname2(path));
    } catch (error) {
      throw storageFailure(error, path);
    }
  }
  async [Symbol.asyncDispose]() {
    await this.#handle.close();
    if (!this.#isKept) await rm(this.path, { force: true });
  }
};
function folderFailure(error, folder) {
  const options = { cause: error };
  if (["EACCES", "EPERM", "EROFS"].some((code) => hasCode(error, code))) {
    const what = `may not write in ${folder} (${messageOf(error)})`;
    return new Failure(
      "missing-rights",
      `${what}: choose another output, or give the right to write there`,
      options
    );
  }
  if (["EEXIST", "ENOTDIR"].some((code) => hasCode(error, code))) {
    return new Failure(
      "bad-input",
      `${folder} can't be a folder, a file is in the way: choose another output`,
      options
    );
  }
  return storageFailure(error, folder);
}
async function removeAbandoned(folder) {
  for (const name2 of await readdir(folder)) {
    const pid = partialName.exec(name2)?.[1];
    if (pid === void 0 || isRunning(Number(pid))) continue;
    const path = join(folder, name2);
    const { mtimeMs } = await stat2(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > abandonedAfterMs) await rm(path, { force: true });
  }
}
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// src/artifact/read.ts
import { createReadStream } from "node:fs";
import { stat as stat3 } from "node:fs/promises";

// src/artifact/read-mender.ts
import { createHash as createHash4 } from "node:crypto";

// src/artifact/decompress.ts
import { pipeline } from "node:stream/promises";
import { constants as constants2, createGunzip, createZstdDecompress } from "node:zlib";
var chunkBytes = 1 << 18;
function compressionOf(name2, stem) {
  if (!name2.startsWith(stem)) return void 0;
  return { "": "none", ".gz": "gzip", ".zst": "zstd", ".xz": "xz" }[name2.slice(stem.length)];
}
async function* decompressed(source, compression, place) {
  if (compression === "none") return yield* source;
  let fed = 0;
  let isSourceBroken = false;
  const counted = async function* () {
    try {
      for await (const chunk of source) {
        fed += chunk.length;
        yield chunk;
      }
    } catch (error) {
      isSourceBroken = true;
      throw error;
    }
  };
  const engine = engineOf(compression, place);
  const pumped = pipeline(counted(), engine);
  pumped.catch(() => {
  });
  try {
    for await (const chunk of engine) yield asBytes(chunk);
    await pumped;
  } catch (error) {
    if (isSourceBroken || !(error instanceof Error && "code" in error)) throw error;
    const isEnded = error.code === "ERR_STREAM_PREMATURE_CLOSE";
    const why = isEnded ? "something follows its end" : `it can't be uncompressed (${messageOf(error)})`;
    throw damaged(place, engine.bytesWritten, why, error);
  }
  if (engine.bytesWritten !== fed) throw damaged(place, engine.bytesWritten, "something follows its end");
}
function engineOf(compression, place) {
  switch (compression) {
    case "gzip":
      return createGunzip({ chunkSize: chunkBytes });
    case "zstd":
      return createZstdDecompress({
        chunkSize: chunkBytes,
        params: { [constants2.ZSTD_d_windowLogMax]: 27 }
      });
    case "xz":
      throw new Failure(
        "bad-input",
        `${place} is compressed with xz, which can't be read: write the artifact with gzip or none`
      );
  }
}
function asBytes(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("a stream of bytes gave something else");
}

// src/artifact/mender-header.ts
import { createHash as createHash3 } from "node:crypto";

// src/artifact/mender-schema.ts
var text2 = pipe(string(), maxLength(1024));
var name = pipe(text2, nonEmpty());
var values = union([text2, array(text2)]);
var versionSchema = object({ format: string(), version: number() });
var headerInfoSchema = object({
  payloads: pipe(array(object({ type: nullable(name) })), minLength(1)),
  artifact_provides: object({ artifact_name: name, artifact_group: optional(text2) }),
  artifact_depends: objectWithRest(
    { device_type: pipe(array(name), minLength(1)) },
    nullish(union([text2, array(text2)]))
  )
});
var typeInfoSchema = object({
  type: nullish(text2),
  artifact_provides: nullish(record(text2, text2), {}),
  artifact_depends: nullish(record(text2, values), {}),
  clears_artifact_provides: nullish(array(text2), [])
});
var metaDataSchema = record(string(), unknown());
function parseJson(content, schema, place) {
  let raw;
  try {
    raw = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (error) {
    throw damaged(place, 0, `it is not JSON (${messageOf(error)})`, error);
  }
  const result = safeParse(schema, raw);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = getDotPath(issue);
  throw damaged(place, 0, `${key === null ? "" : `${key}: `}${issue.message}`);
}

// src/artifact/tar-reader.ts
var blockBytes = 512;
var maxExtendedBytes = 64 << 10;
var maxTrailingZeros = 20 * blockBytes;
var TarReader = class {
  #bytes;
  /** Bytes of the current member that nobody has read, with its padding. */
  #unread = 0;
  constructor(bytes) {
    this.#bytes = bytes;
  }
  /** The next member, once the one before was read; undefined at the archive's end, after which nothing follows. */
  async next() {
    if (this.#unread > 0) throw new Error("the member before was not read");
    const extended = {};
    for (; ; ) {
      const offset = this.#bytes.offset;
      const block = await this.#bytes.exactly(blockBytes);
      if (isZero(block)) {
        if (Object.keys(extended).length > 0) throw this.#damaged(offset, "a member has no content");
        return this.#finish(offset);
      }
      const type = this.#checkHeader(block, offset);
      const sizeBytes = this.#number(block, 124, 12, offset);
      if (type === "x" || type === "L") {
        Object.assign(extended, await this.#extension(type, sizeBytes, offset));
        continue;
      }
      const member = {
        name: extended.name ?? this.#name(block, offset),
        sizeBytes: extended.sizeBytes ?? sizeBytes,
        offset,
        modifiedAt: new Date((extended.modifiedAt ?? this.#number(block, 136, 12, offset)) * 1e3)
      };
      this.#unread = member.sizeBytes + paddingOf(member.sizeBytes);
      if (Number.isNaN(member.modifiedAt.getTime())) throw this.#damaged(offset, "its date is impossible");
      return member;
    }
  }
  /** The content of the member that `next` gave; to be read once, to its end. */
  async *body(member) {
    for await (const piece of this.#bytes.take(member.sizeBytes)) {
      this.#unread -= piece.length;
      yield piece;
    }
    await this.#skipPadding(member.sizeBytes);
    this.#unread = 0;
  }
  /** The content as one; a member over `limitBytes` is refused before it is read. */
  async content(member, limitBytes) {
    if (member.sizeBytes > limitBytes) {
      throw this.#damaged(member.offset, `${member.name} has ${member.sizeBytes} bytes, over ${limitBytes}`);
    }
    const pieces = [];
    for await (const piece of this.body(member)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  async #finish(offset) {
    if (!isZero(await this.#bytes.exactly(blockBytes))) throw this.#damaged(offset, "its end is half there");
    await this.#bytes.zerosToEnd(maxTrailingZeros);
    if (this.#bytes.offset % blockBytes !== 0) throw this.#damaged(this.#bytes.offset, "its end is cut off");
    return void 0;
  }
  #checkHeader(block, offset) {
    const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
    if (this.#number(block, 148, 8, offset) !== sum) {
      throw this.#damaged(offset, "a header has a wrong checksum");
    }
    const type = String.fromCharCode(block[156] ?? 0);
    if (type === "0" || type === "\0") return "0";
    if (type === "x" || type === "L") return type;
    throw this.#damaged(offset, "a member is not a plain file");
  }
  async #extension(type, sizeBytes, offset) {
    if (sizeBytes > maxExtendedBytes) throw this.#damaged(offset, "an extended header is too large");
    const content = await this.#bytes.exactly(sizeBytes);
    await this.#skipPadding(sizeBytes);
    if (type === "L") return { name: this.#text(content, 0, sizeBytes, offset) };
    const read = parsePax(content);
    if (read === void 0) throw this.#damaged(offset, "an extended header is malformed");
    return read;
  }
  async #skipPadding(sizeBytes) {
    const offset = this.#bytes.offset;
    if (!isZero(await this.#bytes.exactly(paddingOf(sizeBytes)))) {
      throw this.#damaged(offset, "something stands between two members");
    }
  }
  #name(block, offset) {
    const name2 = this.#text(block, 0, 100, offset);
    const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
    const prefix = isPosix ? this.#text(block, 345, 155, offset) : "";
    return prefix === "" ? name2 : `${prefix}/${name2}`;
  }
  #text(block, start, length, offset) {
    const field = block.subarray(start, start + length);
    const end = field.indexOf(0);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(end < 0 ? field : field.subarray(0, end));
    } catch {
      throw this.#damaged(offset, "a name is not UTF-8");
    }
  }
  #number(block, start, length, offset) {
    const value = parseNumber(block.subarray(start, start + length));
    if (value === void 0) throw this.#damaged(offset, "a number in a header is malformed");
    return value;
  }
  #damaged(offset, why) {
    return damaged(this.#bytes.place, offset, why);
  }
};
function paddingOf(sizeBytes) {
  return (blockBytes - sizeBytes % blockBytes) % blockBytes;
}
function parseNumber(field) {
  const first = field[0] ?? 0;
  if (first === 128) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : void 0;
  }
  const text3 = field.toString("latin1");
  const digits = /^ *([0-7]*)[ \0]*$/.exec(text3)?.[1];
  return digits === void 0 ? void 0 : digits === "" ? 0 : parseInt(digits, 8);
}
function parsePax(content) {
  const read = {};
  for (let at = 0; at < content.length; ) {
    const length = /^(\d{1,6}) /.exec(content.toString("latin1", at, at + 7))?.[1];
    const end = at + Number(length ?? 0);
    if (length === void 0 || end > content.length || content[end - 1] !== 10) return void 0;
    const record2 = content.toString("utf8", at + length.length + 1, end - 1);
    const equals = record2.indexOf("=");
    if (equals < 1) return void 0;
    const [key, value] = [record2.slice(0, equals), record2.slice(equals + 1)];
    if (key.startsWith("GNU.sparse")) return void 0;
    if (key === "path") read.name = value;
    if (key === "mtime") read.modifiedAt = Math.floor(Number(value));
    if (key === "size") {
      if (!/^\d{1,15}$/.test(value)) return void 0;
      read.sizeBytes = Number(value);
    }
    at = end;
  }
  return read;
}
function isZero(bytes) {
  return bytes.every((byte) => byte === 0);
}

// src/artifact/mender-header.ts
async function readHeader(bytes) {
  const members = await allMembers(bytes);
  const info = parseJson(members.take("header-info"), headerInfoSchema, `${bytes.place}, header-info`);
  const scripts = takeScripts(members);
  const payloads = info.payloads.map(({ type }, i) => takePayload(members, i, type));
  members.finish();
  checkScriptsProvide(scripts, payloads, bytes.place);
  const { artifact_name, artifact_group } = info.artifact_provides;
  return {
    name: artifact_name,
    ...artifact_group === void 0 ? {} : { group: artifact_group },
    deviceTypes: info.artifact_depends.device_type,
    provides: { artifact_name, ...artifact_group === void 0 ? {} : { artifact_group } },
    depends: withoutNulls(info.artifact_depends),
    scripts: scripts.map(({ name: name2 }) => name2),
    payloads
  };
}
async function allMembers(bytes) {
  const tar = new TarReader(bytes);
  const all = [];
  for (; ; ) {
    const member = await tar.next();
    if (member === void 0) break;
    all.push({ member, content: await tar.content(member, Infinity) });
  }
  let at = 0;
  return {
    place: bytes.place,
    peek: () => all[at]?.member.name,
    take: (name2) => {
      const next = all[at++];
      if (next?.member.name === name2) return next.content;
      const found = next === void 0 ? "its end" : JSON.stringify(next.member.name);
      throw damaged(
        bytes.place,
        next?.member.offset ?? bytes.offset,
        `${found} stands where ${name2} should be`
      );
    },
    finish: () => {
      const next = all[at]?.member;
      if (next === void 0) return;
      throw damaged(bytes.place, next.offset, `${JSON.stringify(next.name)} stands where its end should be`);
    }
  };
}
function takeScripts(members) {
  const scripts = /* @__PURE__ */ new Map();
  for (let next = members.peek(); next?.startsWith("scripts/") === true; next = members.peek()) {
    const name2 = next.slice("scripts/".length);
    if (!isScriptName(name2))
      throw damaged(members.place, 0, `${JSON.stringify(next)} is no state script's name`);
    if (scripts.has(name2)) {
      throw damaged(members.place, 0, `${next} is there twice`);
    }
    scripts.set(name2, createHash3("sha256").update(members.take(next)).digest("hex"));
  }
  return [...scripts].map(([name2, checksum]) => ({ name: name2, checksum }));
}
function takePayload(members, index, type) {
  const folder = `headers/${String(index).padStart(4, "0")}`;
  const place = `${members.place}, ${folder}`;
  const info = parseJson(members.take(`${folder}/type-info`), typeInfoSchema, `${place}/type-info`);
  if (info.type != null && info.type !== "" && info.type !== type) {
    throw damaged(`${place}/type-info`, 0, "its type is not the one in header-info");
  }
  const content = members.peek() === `${folder}/meta-data` ? members.take(`${folder}/meta-data`) : void 0;
  return {
    type: type ?? "",
    metaData: content?.length ? parseJson(content, metaDataSchema, `${place}/meta-data`) : {},
    provides: info.artifact_provides ?? {},
    depends: info.artifact_depends ?? {},
    clearsProvides: info.clears_artifact_provides ?? []
  };
}
function checkScriptsProvide(scripts, payloads, place) {
  const actual = scriptsDigestOf(scripts);
  for (const { provides } of payloads) {
    const claimed = provides[scriptsProvide];
    if (claimed !== void 0 && claimed !== actual) {
      throw damaged(place, 0, `the provide ${scriptsProvide} is not the digest of its state scripts`);
    }
  }
}
function withoutNulls(values2) {
  const entries = Object.entries(values2).flatMap(
    ([key, value]) => value == null ? [] : [[key, value]]
  );
  return Object.fromEntries(entries);
}

// src/artifact/read-mender.ts
var defaultLimits = {
  artifactBytes: 64 * 2 ** 30,
  headerBytes: 16 * 2 ** 20,
  payloadBytes: 256 * 2 ** 30
};
var maxManifestBytes = 1 << 20;
var maxSignatureBytes = 4096;
var tarOverheadBytes = 16 << 20;
async function readMender(source, options) {
  var _stack = [];
  try {
    const limits = { ...defaultLimits, ...options.limits };
    const whole = createHash4("sha256");
    const bytes = __using(_stack, new ByteReader(source, {
      place: "the artifact",
      limitBytes: limits.artifactBytes,
      onChunk: (chunk) => {
        options.signal?.throwIfAborted();
        whole.update(chunk);
      }
    }), true);
    const tar = new TarReader(bytes);
    const facts = await new MenderReader(tar, limits, options.verifyKeys ?? []).read();
    const sha256 = `sha256:${whole.digest("hex")}`;
    return { ...facts, sizeBytes: bytes.offset, sha256 };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
var MenderReader = class {
  #tar;
  #limits;
  #verifyKeys;
  #payloadBytesLeft;
  constructor(tar, limits, verifyKeys) {
    this.#tar = tar;
    this.#limits = limits;
    this.#verifyKeys = verifyKeys;
    this.#payloadBytesLeft = limits.payloadBytes;
  }
  async read() {
    const versionChecksum = await this.#version();
    const { manifest, raw } = await this.#manifest();
    if (manifest.version !== versionChecksum)
      throw damaged("version", 0, "its checksum is not the manifest’s");
    let member = await this.#expect("manifest.sig or a header");
    const signature = await this.#signature(member, raw);
    if (signature !== "none") member = await this.#expect("a header");
    const header2 = await this.#header(member, manifest);
    if (manifest.payloads.length > header2.payloads.length) {
      throw damaged("manifest", 0, "it names a file of a payload that the header doesn’t have");
    }
    const payloads = [];
    let compression = header2.compression;
    for (const [i, { type, ...facts }] of header2.payloads.entries()) {
      const read = await this.#payload(i, manifest.payloads[i] ?? /* @__PURE__ */ new Map());
      compression = read.compression;
      payloads.push({ type, files: read.files, ...facts });
    }
    const extra = await this.#tar.next();
    if (extra !== void 0) throw unexpected(extra, "the end");
    return factsOf(header2, payloads, signature, compression);
  }
  async #expect(what) {
    const member = await this.#tar.next();
    if (member === void 0) throw damaged("the artifact", 0, `it ends where ${what} should be`);
    return member;
  }
  /** Checks the member `version` and gives its checksum. */
  async #version() {
    const member = await this.#expect("version");
    if (member.name !== "version") throw unexpected(member, "version");
    const content = await this.#tar.content(member, 1024);
    const { format, version } = parseJson(content, versionSchema, "version");
    if (format !== "mender" || version !== 3) {
      const found = `${JSON.stringify(format)}, version ${version}`;
      throw new Failure("bad-input", `the artifact has format ${found}; only "mender", version 3 can be read`);
    }
    return sha256Of(content);
  }
  async #manifest() {
    const member = await this.#expect("manifest");
    if (member.name !== "manifest") throw unexpected(member, "manifest");
    const raw = await this.#tar.content(member, maxManifestBytes);
    return { manifest: parseManifest(raw, "manifest"), raw };
  }
  async #signature(member, manifest) {
    if (member.name !== "manifest.sig") {
      if (this.#verifyKeys.length === 0) return "none";
      throw new Failure(
        "artifact-unsigned",
        "the artifact has no signature, but a key to verify it with was given: sign it, or give no key"
      );
    }
    const content = (await this.#tar.content(member, maxSignatureBytes)).toString("latin1").trim();
    const signature = Buffer.from(content, "base64");
    if (content === "" || signature.toString("base64") !== content) {
      throw damaged("manifest.sig", 0, "it is not base64");
    }
    return checkSignature(manifest, signature, this.#verifyKeys);
  }
  async #header(member, manifest) {
    var _stack = [];
    try {
      if (member.name.startsWith("manifest-augment")) {
        throw new Failure(
          "bad-input",
          "the artifact has manifest-augment, additions that no signature covers; such artifacts can’t be read"
        );
      }
      const compression = compressionOf(member.name, "header.tar");
      if (compression === void 0) throw unexpected(member, "a header");
      if (member.name !== manifest.header.name) throw unexpected(member, manifest.header.name);
      const content = await this.#tar.content(member, this.#limits.headerBytes);
      if (sha256Of(content) !== manifest.header.checksum) {
        throw damaged(member.name, 0, "its checksum is not the manifest’s");
      }
      const source = decompressed(once(content), compression, member.name);
      const bytes = __using(_stack, new ByteReader(source, { place: member.name, limitBytes: this.#limits.headerBytes }), true);
      return { ...await readHeader(bytes), compression };
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  async #payload(index, expected) {
    var _stack = [];
    try {
      const stem = `data/${String(index).padStart(4, "0")}.tar`;
      const member = await this.#expect(stem);
      const compression = compressionOf(member.name, stem);
      if (compression === void 0) throw unexpected(member, stem);
      const source = decompressed(this.#tar.body(member), compression, member.name);
      const bytes = __using(_stack, new ByteReader(source, {
        place: member.name,
        limitBytes: this.#payloadBytesLeft + tarOverheadBytes
      }), true);
      return { files: await this.#files(bytes, expected), compression };
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  async #files(bytes, expected) {
    const tar = new TarReader(bytes);
    const files = /* @__PURE__ */ new Map();
    for (; ; ) {
      const member = await tar.next();
      if (member === void 0) break;
      const { name: name2, sizeBytes, offset } = member;
      const shown = `${bytes.place}, ${JSON.stringify(name2)}`;
      const wanted = expected.get(name2);
      if (wanted === void 0) throw damaged(shown, offset, "the manifest doesn’t name it");
      if (files.has(name2)) throw damaged(shown, offset, "it is there twice");
      this.#payloadBytesLeft -= sizeBytes;
      if (this.#payloadBytesLeft < 0) {
        throw damaged(shown, offset, `the payloads have more than ${this.#limits.payloadBytes} bytes`);
      }
      const hash = createHash4("sha256");
      for await (const chunk of tar.body(member)) hash.update(chunk);
      const checksum = hash.digest("hex");
      if (checksum !== wanted) throw damaged(shown, offset, "its checksum is not the manifest’s");
      files.set(name2, { name: name2, sizeBytes, checksum, date: member.modifiedAt.toISOString() });
    }
    const missing = [...expected.keys()].find((name2) => !files.has(name2));
    if (missing !== void 0)
      throw damaged(bytes.place, bytes.offset, `${JSON.stringify(missing)} is missing`);
    return [...files.values()];
  }
};
function factsOf(header2, payloads, signature, compression) {
  const provides = Object.assign({}, header2.provides, ...payloads.map((payload) => payload.provides));
  const scriptsDigest = provides[scriptsProvide];
  const { name: name2, group, deviceTypes } = header2;
  return {
    format: "mender",
    version: 3,
    name: name2,
    ...group === void 0 ? {} : { group },
    deviceTypes,
    depends: Object.assign({}, header2.depends, ...payloads.map((payload) => payload.depends)),
    provides,
    clearsProvides: [...new Set(payloads.flatMap((payload) => payload.clearsProvides))],
    payloads,
    scripts: header2.scripts,
    signature,
    compression,
    contentDigest: contentDigestOf({ deviceTypes, payloads, scriptsDigest })
  };
}
function unexpected(member, instead) {
  return damaged(
    "the artifact",
    member.offset,
    `the member ${JSON.stringify(member.name)} stands where ${instead} should be`
  );
}
async function* once(content) {
  yield content;
}
function sha256Of(content) {
  return createHash4("sha256").update(content).digest("hex");
}

// src/artifact/read.ts
async function inspectArtifact(source, options = {}) {
  return readMender(source, options);
}
async function openArtifact(path, options = {}) {
  await checkFile(path);
  try {
    return await inspectArtifact(
      createReadStream(path, { highWaterMark: 1 << 18, signal: options.signal }),
      options
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof Failure) || error.reason === "bad-key") throw error;
    throw new Failure(error.reason, `${path}: ${error.message}`, { cause: error });
  }
}
async function checkFile(path) {
  try {
    if ((await stat3(path)).isFile()) return;
  } catch (error) {
    const why = hasCode(error, "ENOENT") ? "there is no such file" : messageOf(error);
    throw new Failure("file-missing", `can't read the artifact ${path}: ${why}`, { cause: error });
  }
  throw new Failure("file-missing", `${path} is not a file: give the path of an artifact`);
}

// src/artifact/source-image.ts
import { createHash as createHash5 } from "node:crypto";
import { constants as constants3 } from "node:fs";
import { open as open2 } from "node:fs/promises";
import { basename as basename2 } from "node:path";
var blockBytes2 = 1 << 20;
var SourceImage = class _SourceImage {
  path;
  /** The file's own name, which it has in the artifact too. */
  name;
  sizeBytes;
  #handle;
  #modifiedMs;
  #hash = createHash5("sha256");
  constructor(path, handle, facts) {
    this.path = path;
    this.name = basename2(path);
    this.#handle = handle;
    this.sizeBytes = facts.size;
    this.#modifiedMs = facts.mtimeMs;
  }
  /** Throws `file-missing`, or `bad-input` where it is a folder, empty, or has a name that an artifact can't hold. */
  static async open(path) {
    const handle = await open2(path, constants3.O_RDONLY | constants3.O_NONBLOCK).catch((error) => {
      const why = hasCode(error, "ENOENT") ? "there is no such file" : messageOf(error);
      throw new Failure("file-missing", `can't read the source ${path}: ${why}`, { cause: error });
    });
    try {
      const facts = await handle.stat();
      const why = !facts.isFile() ? "is not a plain file" : facts.size === 0 ? "is empty" : whyUnfit(path);
      if (why === void 0) return new _SourceImage(path, handle, facts);
      throw new Failure("bad-input", `the source ${path} ${why}: give the path of a root file system image`);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
  /**
   * All of it, in blocks of `blockBytes` (the last may be shorter). A block is overwritten once `blocksKept` more were
   * asked for. Throws `bad-input` where the file changes meanwhile.
   */
  async *blocks(blocksKept, signal) {
    const buffers = Array.from({ length: blocksKept + 2 }, () => Buffer.allocUnsafeSlow(blockBytes2));
    for (let at = 0, i = 0; at < this.sizeBytes; i++) {
      signal.throwIfAborted();
      const buffer = buffers[i % buffers.length] ?? Buffer.alloc(blockBytes2);
      const block = buffer.subarray(0, Math.min(blockBytes2, this.sizeBytes - at));
      await this.#fill(block, at);
      this.#hash.update(block);
      at += block.length;
      yield block;
    }
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.sizeBytes || mtimeMs !== this.#modifiedMs) throw this.#changed();
  }
  /** SHA-256 of what `blocks` gave, 64 hex digits; to be asked once, after all of them. */
  checksum() {
    return this.#hash.digest("hex");
  }
  async [Symbol.asyncDispose]() {
    await this.#handle.close();
  }
  async #fill(block, position) {
    for (let at = 0; at < block.length; ) {
      const { bytesRead } = await this.#handle.read(block, at, block.length - at, position + at);
      if (bytesRead === 0) throw this.#changed();
      at += bytesRead;
    }
  }
  #changed() {
    return new Failure(
      "bad-input",
      `the source ${this.path} changed while it was read: run again when it is done`
    );
  }
};
function whyUnfit(path) {
  const name2 = basename2(path);
  if (/^[A-Za-z0-9_.+~@=,-]{1,100}$/.test(name2) && !/^\.{1,2}$/.test(name2)) return void 0;
  return "has a name that an artifact can’t hold (100 characters at most, of letters, digits and _.+~@=,-)";
}

// src/artifact/tar-header.ts
var maxOctal = 8 ** 11;
function tarHeader(name2, sizeBytes, mode = 420) {
  const block = Buffer.alloc(512);
  if (Buffer.byteLength(name2) > 100) throw new RangeError(`too long for a tar header: ${name2}`);
  block.write(name2, 0);
  block.write(octal(mode, 8), 100, "latin1");
  block.write(octal(0, 8), 108, "latin1");
  block.write(octal(0, 8), 116, "latin1");
  if (sizeBytes < maxOctal) {
    block.write(octal(sizeBytes, 12), 124, "latin1");
  } else {
    block[124] = 128;
    block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  block.write(octal(0, 12), 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write("0", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
function tarMember(name2, content, mode) {
  const bytes = Buffer.from(content);
  return Buffer.concat([tarHeader(name2, bytes.length, mode), bytes, Buffer.alloc(paddingOf(bytes.length))]);
}
var tarEnd = Buffer.alloc(1024);
function octal(value, fieldBytes) {
  return `${value.toString(8).padStart(fieldBytes - 1, "0")}\0`;
}

// src/artifact/write-mender.ts
async function writeMender(options, context) {
  var _stack = [];
  try {
    checkFacts(options);
    const signer = options.signingKey === void 0 ? void 0 : signerOf(options.signingKey);
    const scripts = await readScripts(options.stateScripts);
    const source = __using(_stack, await SourceImage.open(options.source), true);
    const { output } = options;
    if (typeof output === "string") await checkOutput(output, source.path);
    const file = __using(_stack, await PartialFile.create(typeof output === "string" ? dirname3(output) : output.folder), true);
    const layout = new Layout(options, source.name, scripts, signer);
    const dataBytes = await writeData(source, options, file, layout.prefixBytes, context);
    const facts = layout.factsOf(source.checksum());
    checkDigest(facts.checksum, options);
    await file.write(layout.prefix(facts, dataBytes), 0);
    const path = typeof output === "string" ? output : join2(output.folder, `${facts.name}.mender`);
    const sha256 = await digestOfWritten(file.path, options, context.signal);
    context.signal.throwIfAborted();
    await file.keepAs(path);
    const sizeBytes = layout.prefixBytes + dataBytes + paddingOf(dataBytes) + tarEnd.length;
    context.log.info(`wrote ${path}: ${megabytes(source.sizeBytes)} in ${megabytes(sizeBytes)}`);
    return { path, name: facts.name, sha256, contentDigest: facts.contentDigest, sizeBytes };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
var Layout = class {
  prefixBytes;
  #options;
  #fileName;
  #scripts;
  #signer;
  constructor(options, fileName, scripts, signer) {
    this.#options = options;
    this.#fileName = fileName;
    this.#scripts = scripts;
    this.#signer = signer;
    const unsigned = signer && { ...signer, sign: () => Buffer.alloc(signer.signatureBytes) };
    this.prefixBytes = this.#parts(this.factsOf("0".repeat(64)), 0, unsigned).length;
  }
  /** What follows from the payload's checksum. */
  factsOf(checksum) {
    const { deviceTypes, name: name2 } = this.#options;
    const files = [{ name: this.#fileName, checksum }];
    const scriptsDigest = scriptsDigestOf(this.#scripts);
    const contentDigest = contentDigestOf({
      deviceTypes,
      payloads: [{ type: "rootfs-image", files }],
      scriptsDigest
    });
    const derived = () => `${typeof name2 === "string" ? name2 : name2.prefix}-${hexOf(contentDigest).slice(0, 12)}`;
    return { name: typeof name2 === "string" ? name2 : derived(), checksum, contentDigest };
  }
  prefix(facts, dataBytes) {
    const bytes = this.#parts(facts, dataBytes, this.#signer);
    if (bytes.length !== this.prefixBytes) throw new Error("the header has another size than was planned");
    return bytes;
  }
  #parts(facts, dataBytes, signer) {
    const suffix = this.#options.compression === "gzip" ? ".gz" : "";
    const version = '{"format":"mender","version":3}';
    const header2 = this.#header(facts);
    const manifest = formatManifest([
      { name: `data/0000/${this.#fileName}`, checksum: facts.checksum },
      { name: `header.tar${suffix}`, checksum: sha256Of2(header2) },
      { name: "version", checksum: sha256Of2(version) }
    ]);
    const signature = signer?.sign(Buffer.from(manifest)).toString("base64");
    return Buffer.concat([
      tarMember("version", version),
      tarMember("manifest", manifest),
      ...signature === void 0 ? [] : [tarMember("manifest.sig", signature)],
      tarMember(`header.tar${suffix}`, header2),
      tarHeader(`data/0000.tar${suffix}`, dataBytes)
    ]);
  }
  #header(facts) {
    const { headerInfo, typeInfo } = headerDocuments(this.#options, { ...facts, scripts: this.#scripts });
    const tar = Buffer.concat([
      tarMember("header-info", headerInfo),
      ...this.#scripts.map(({ name: name2, content }) => tarMember(`scripts/${name2}`, content, 493)),
      tarMember("headers/0000/type-info", typeInfo),
      tarEnd
    ]);
    return this.#options.compression === "gzip" ? gzipStored(tar) : tar;
  }
};
async function writeData(source, options, file, start, context) {
  const inFlight = options.inFlight ?? blocksInFlight;
  const tar = payloadTar(source, inFlight, context);
  let position = start;
  for await (const piece of options.compression === "gzip" ? gzip(tar, inFlight) : tar) {
    context.signal.throwIfAborted();
    await file.write(piece, position);
    position += piece.length;
  }
  const dataBytes = position - start;
  await file.write(Buffer.concat([Buffer.alloc(paddingOf(dataBytes)), tarEnd]), position);
  return dataBytes;
}
async function* payloadTar(source, inFlight, context) {
  yield tarHeader(source.name, source.sizeBytes);
  let read = 0;
  let toldAt = context.clock.now().getTime();
  for await (const block of source.blocks(inFlight, context.signal)) {
    yield block;
    read += block.length;
    const now = context.clock.now().getTime();
    if (now - toldAt < 5e3) continue;
    toldAt = now;
    context.log.info(`${megabytes(read)} of ${megabytes(source.sizeBytes)} packed`);
  }
  yield Buffer.concat([Buffer.alloc(paddingOf(source.sizeBytes)), tarEnd]);
}
async function checkOutput(output, source) {
  const what = resolve2(output) === resolve2(source) ? "the source itself" : (await stat4(output).catch(() => void 0))?.isDirectory() === true ? "a folder" : void 0;
  if (what === void 0) return;
  throw new Failure("bad-input", `the output ${output} is ${what}: give the path of the file to write`);
}
function checkDigest(checksum, { source, sourceDigest }) {
  if (sourceDigest === void 0 || hexOf(sourceDigest) === checksum) return;
  throw new Failure(
    "bad-input",
    `${source} has the digest sha256:${checksum}, not ${sourceDigest} as it should: build it again, or give a name of its own`
  );
}
async function digestOfWritten(path, options, signal) {
  if (options.verify !== true) return digestOfFile(path, signal);
  const verifyKeys = options.signingKey === void 0 ? [] : [publicKeyOf(options.signingKey)];
  return (await openArtifact(path, { verifyKeys, signal })).sha256;
}
function megabytes(sizeBytes) {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`;
}
function sha256Of2(content) {
  return createHash6("sha256").update(content).digest("hex");
}

// src/artifact/package-artifact.ts
var releaseSchema = object({
  release: pipe(string(), nonEmpty()),
  sha256: custom((value) => typeof value === "string" && isDigest(value), "it is not sha256:…")
});
async function packageArtifact(options, context) {
  const { source, output, optionsFile, ...chosen } = options;
  const extra = optionsFile === void 0 ? {} : await readArtifactOptions(optionsFile);
  const release = await releaseOf(source);
  if (release && chosen.name && chosen.name !== release.release) {
    context.log.warn(
      `the artifact is named ${chosen.name}, but the image calls itself ${release.release} and devices will report that: leave the name empty`
    );
  }
  return writeMender(
    {
      ...chosen,
      ...extra,
      source,
      name: chosen.name ?? release?.release ?? { prefix: parse2(basename3(source)).name },
      sourceDigest: release?.sha256,
      output: output ?? { folder: dirname4(source) },
      verify: true
    },
    context
  );
}
async function releaseOf(source) {
  try {
    return (await readYaml(`${source}.release.json`, releaseSchema)).value;
  } catch (error) {
    if (error instanceof Failure && error.reason === "file-missing") return void 0;
    throw error;
  }
}

export {
  scriptsProvide,
  contentDigestOf,
  inspectArtifact,
  openArtifact,
  packageArtifact
};
