import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  Failure,
  HashedFile,
  array,
  boolean,
  canonicalJson,
  check,
  custom,
  description,
  digestOf,
  digestOfFile,
  escapeMarkdown,
  failOn,
  getDotPath,
  hasCode,
  hashHere,
  hashedChunkBytes,
  hexOf,
  is,
  isDigest,
  isWorthThread,
  lastWords,
  lazy,
  looseObject,
  maxLength,
  messageOf,
  minLength,
  nonEmpty,
  nullable,
  nullish,
  number,
  object,
  oneLine,
  optional,
  parse,
  parseDuration,
  parseYaml,
  picklist,
  pipe,
  piped,
  plainContext,
  rawTransform,
  readText,
  readYaml,
  readingFailure,
  record,
  regex,
  requirePrograms,
  runOk,
  safeParse,
  seconds,
  shorten,
  start,
  storageFailure,
  strictObject,
  string,
  syncFolder,
  systemClock,
  temporaryFolder,
  union,
  unknown
} from "./chunk-J6UCEAK3.mjs";
import {
  __callDispose,
  __using
} from "./chunk-A3BQXR3L.mjs";

// src/artifact/artifact-text.ts
var maxValue = 400;
function artifactText(info) {
  const rows = [...summaryOf(info), ...info.payloads.flatMap(rowsOfPayload), ...additionsOf(info)];
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return rows.map(([label, value]) => `${label.padEnd(width)}${shown(value)}
`).join("");
}
function summaryOf(info) {
  const { format, version, bundle } = info;
  return [
    ["name", info.name],
    ["format", `${format}, version ${version}${bundle === void 0 ? "" : `, ${bundle.format}`}`],
    ["device types", info.deviceTypes.join(", ")],
    ["signature", signatureOf(info)],
    ["size", sizeOf(info.sizeBytes)],
    ["compression", info.compression],
    ["content digest", info.contentDigest],
    ["file digest", info.sha256],
    ...under("certificate", (info.certificates ?? []).map(certificateOf)),
    ...info.group === void 0 ? [] : [["group", info.group]],
    ...bundle?.description === void 0 ? [] : [["description", bundle.description]],
    ...bundle?.build === void 0 ? [] : [["build", bundle.build]],
    ...under("provides", pairs(info.provides)),
    ...under("depends", pairs(info.depends)),
    ...under("clears provides", info.clearsProvides),
    ...under("state scripts", info.scripts)
  ];
}
function rowsOfPayload({ type, files, metaData }, index) {
  const settings2 = Object.keys(metaData).length === 0 ? [] : [JSON.stringify(metaData)];
  return [
    [`payload ${index}`, type === "" ? "none: it only changes what the device provides" : type],
    ...files.map(({ name: name3, sizeBytes, checksum, date }) => {
      const when = date === void 0 || date.startsWith("1970-01-01T00:00:00") ? "" : `, ${date}`;
      return ["  file", `${shown(name3)}, ${sizeOf(sizeBytes)}, sha256 ${checksum}${when}`];
    }),
    ...settings2.map((text3) => ["  meta-data", text3])
  ];
}
function additionsOf({ augmented = [] }) {
  return augmented.flatMap(({ files, metaData, provides, depends }, index) => {
    const parts = [
      ...files.map((name3) => `file ${name3}`),
      ...Object.keys(metaData).map((key) => `meta-data ${key}`),
      ...pairs(provides),
      ...pairs(depends)
    ];
    return under(`added to ${index}`, parts.length === 0 ? [] : [...parts, "no signature covers these"]);
  });
}
function signatureOf({ signature, signedBy, augmented = [] }) {
  const but = augmented.length === 0 ? "" : ", which does not cover what was added to the payloads";
  switch (signature) {
    case "none":
      return "none";
    case "unverified":
      return `there is one; nobody checked it: give the key with --verify-key${but}`;
    case "verified":
      return `valid${signedBy === void 0 ? "" : `, by the key ${signedBy}`}${but}`;
  }
}
function certificateOf({ subject, issuer, until }) {
  return `${subject}, ${issuer === subject ? "self-signed" : `issued by ${issuer}`}, until ${until.slice(0, 10)}`;
}
function under(label, values2) {
  return values2.map((value, i) => [i === 0 ? label : "", value]);
}
function pairs(values2) {
  return Object.entries(values2).map(([key, value]) => {
    const text3 = typeof value === "string" ? value : value.join(", ");
    return `${key}: ${text3}`;
  });
}
var units = ["KiB", "MiB", "GiB"];
function sizeOf(bytes) {
  let [size, unit] = [bytes, ""];
  for (const next of units) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return unit === "" ? `${bytes} bytes` : `${size.toFixed(1)} ${unit} (${bytes} bytes)`;
}
var shown = (text3) => shorten(oneLine(text3), maxValue);

// src/artifact/read.ts
import { createReadStream } from "node:fs";
import { open as open3, stat as stat2 } from "node:fs/promises";

// src/artifact/mender/read-mender.ts
import { createHash as createHash4 } from "node:crypto";

// src/artifact/archive/byte-reader.ts
function damaged(place3, offset, why, cause, damage) {
  return new Failure(
    "artifact-damaged",
    `${printable(`${place3}, byte ${offset}: ${why}`)}. Nothing of it can be trusted: build or fetch it again.`,
    { cause, detail: damage }
  );
}
function printable(text3) {
  const shown3 = text3.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "�");
  return shown3.length <= 1e3 ? shown3 : `${shown3.slice(0, 1e3)}…`;
}
var wrongChecksum = (place3, offset, why) => damaged(place3, offset, why, void 0, "artifact-checksum");
var wrongMember = (place3, offset, why, name3 = "") => leavesFolder.test(name3) ? unsafePath(place3, offset, why) : damaged(place3, offset, why, void 0, "artifact-members");
var leavesFolder = /(^|[/\\])\.\.?([/\\]|$)|^[/\\]|[/\\]{2}|[\u0000-\u001f\u007f]/;
var unsafePath = (place3, offset, why) => damaged(place3, offset, why, void 0, "artifact-path");
var tooLarge = (place3, offset, why) => damaged(place3, offset, why, void 0, "artifact-too-large");
var ByteReader = class {
  place;
  /** Bytes handed out so far. */
  offset = 0;
  #iterator;
  #options;
  #received = 0;
  #rest = new Uint8Array();
  constructor(source2, options) {
    this.place = options.place;
    this.#iterator = source2[Symbol.asyncIterator]();
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
    const start2 = this.offset;
    for (; ; ) {
      const piece = await this.#some(1 << 20);
      if (piece === void 0) return;
      if (this.offset - start2 > limit || piece.some((byte) => byte !== 0)) {
        throw wrongMember(this.place, start2, "something follows its end");
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
        throw tooLarge(this.place, this.#received, `it has more than ${this.#options.limitBytes} bytes`);
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

// src/artifact/content-digest.ts
var scriptsProvide = "rootfs-image.state-scripts";
function contentDigestOf(content) {
  return digestOf(
    canonicalJson({
      deviceTypes: [...new Set(content.deviceTypes)].sort(compare),
      payloads: content.payloads.map(({ type, metaData, files }) => ({
        type,
        metaData: metaData ?? {},
        files: files.map(({ name: name3, checksum }) => ({ name: name3, checksum: checksum.toLowerCase() })).sort((a, b) => compare(a.name, b.name))
      })),
      scripts: content.scriptsDigest
    })
  );
}
function scriptsDigestOf(scripts) {
  if (scripts.length === 0) return void 0;
  const list = scripts.map(({ name: name3, checksum }) => [name3, checksum]);
  return digestOf(canonicalJson(list.sort(([a], [b]) => compare(a, b))));
}
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// src/artifact/archive/decompress.ts
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";

// src/artifact/archive/zstd-frames.ts
var magic = 4247762216;
var isSkippable = (value) => value >>> 4 === 25481893;
async function* cutAtFrames(source2) {
  const walk = new FrameWalk();
  for await (const chunk of source2) {
    let start2 = 0;
    for (let at = 0; at < chunk.length; ) {
      at += walk.pass(chunk.subarray(at));
      if (!walk.isAtEnd) continue;
      yield chunk.subarray(start2, at);
      start2 = at;
    }
    if (start2 < chunk.length) yield chunk.subarray(start2);
  }
}
var FrameWalk = class {
  /** Whether the bytes so far end with a whole frame. */
  isAtEnd = false;
  #next = "magic";
  #gathered = [];
  #wanted = 4;
  #skip = 0;
  #checksumBytes = 0;
  /** Takes some bytes from the front of `bytes`, at least one; gives how many. */
  pass(bytes) {
    this.isAtEnd = false;
    const count = Math.min(bytes.length, this.#skip > 0 ? this.#skip : this.#wanted - this.#gathered.length);
    if (this.#skip > 0) {
      this.#skip -= count;
    } else {
      this.#gathered.push(...bytes.subarray(0, count));
      if (this.#gathered.length === this.#wanted) this.#step(numberOf(this.#gathered));
    }
    if (this.#next === "end" && this.#skip === 0) {
      this.isAtEnd = true;
      this.#expect("magic", 4);
    }
    return count;
  }
  #expect(next, wanted) {
    this.#next = next;
    this.#wanted = wanted;
    this.#gathered = [];
  }
  #step(value) {
    switch (this.#next) {
      case "magic":
        if (value === magic) return this.#expect("descriptor", 1);
        if (isSkippable(value)) return this.#expect("skippable", 4);
        this.#skip = Infinity;
        return;
      case "descriptor":
        this.#skip = headerRest(value);
        this.#checksumBytes = (value & 4) === 0 ? 0 : 4;
        return this.#expect("block", 3);
      case "block": {
        const isLast = (value & 1) === 1;
        this.#skip = ((value >> 1 & 3) === 1 ? 1 : value >> 3) + (isLast ? this.#checksumBytes : 0);
        return this.#expect(isLast ? "end" : "block", 3);
      }
      case "skippable":
        this.#skip = value;
        return this.#expect("end", 0);
      case "end":
        return;
    }
  }
};
function headerRest(descriptor) {
  const isSingle = (descriptor & 32) !== 0;
  const dictionary2 = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingle ? 0 : 1) + dictionary2 + contentSize;
}
function numberOf(littleEndian) {
  return littleEndian.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);
}

// src/artifact/archive/xz.ts
import { crc32 } from "node:zlib";
var env = { XZ_DEFAULTS: "", XZ_OPT: "" };
var maxChunkBytes = 1 << 16;
function xz(blocks, signal) {
  const args = ["--compress", "--stdout", "--format=xz", "--check=crc64", "--threads=1", "-6"];
  return piped("xz", args, blocks, { what: "compressing with xz", env, signal });
}
var maxMemoryBytes = 128 << 20;
function unxz(source2, signal) {
  const limit = `--memlimit-decompress=${maxMemoryBytes}`;
  const args = ["--decompress", "--stdout", "--format=xz", "--threads=1", limit];
  return piped("xz", args, source2, { what: "uncompressing with xz", env, signal });
}
function xzStored(content) {
  const flags = Buffer.from([0, 1]);
  const head = Buffer.concat([Buffer.from([253, 55, 122, 88, 90, 0]), flags, crcOf(flags)]);
  const fields = Buffer.from([12 / 4 - 1, 0, 33, 1, 8, 0, 0, 0]);
  const chunks = lzma2Stored(content);
  const block = Buffer.concat([fields, crcOf(fields), chunks]);
  const unpaddedBytes = block.length + 4;
  const index = padded(Buffer.concat([Buffer.from([0, 1]), varint(unpaddedBytes), varint(content.length)]));
  const tail = Buffer.alloc(6);
  tail.writeUInt32LE((index.length + 4) / 4 - 1, 0);
  flags.copy(tail, 4);
  const footer = [crcOf(tail), tail, Buffer.from("YZ")];
  return Buffer.concat([head, padded(block), crcOf(content), index, crcOf(index), ...footer]);
}
function lzma2Stored(content) {
  const pieces = [];
  for (let at = 0; at < content.length; at += maxChunkBytes) {
    const chunk = content.subarray(at, at + maxChunkBytes);
    const head = Buffer.from([at === 0 ? 1 : 2, 0, 0]);
    head.writeUInt16BE(chunk.length - 1, 1);
    pieces.push(head, chunk);
  }
  return Buffer.concat([...pieces, Buffer.from([0])]);
}
function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 | 128);
  return Buffer.from([...bytes, rest]);
}
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc((4 - bytes.length % 4) % 4)]);
}
function crcOf(bytes) {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(bytes));
  return crc;
}

// src/artifact/archive/decompress.ts
var buffers = { chunkSize: 1 << 20, readableHighWaterMark: 4 << 20 };
function compressionOf(name3, stem) {
  if (!name3.startsWith(stem)) return void 0;
  return { "": "none", ".gz": "gzip", ".zst": "zstd", ".xz": "xz" }[name3.slice(stem.length)];
}
async function* decompressed(source2, compression, place3) {
  if (compression === "none") return yield* source2;
  if (compression === "xz") return yield* unxzWhole(source2, place3);
  let fed = 0;
  let isSourceBroken = false;
  const counted = async function* () {
    try {
      for await (const chunk of compression === "zstd" ? cutAtFrames(source2) : source2) {
        fed += chunk.length;
        yield chunk;
      }
    } catch (error) {
      isSourceBroken = true;
      throw error;
    }
  };
  const engine = engineOf(compression);
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
    const isChecksum = /incorrect (data|length) check|checksum/.test(error.message);
    throw damaged(place3, engine.bytesWritten, why, error, isChecksum ? "artifact-checksum" : void 0);
  }
  if (engine.bytesWritten !== fed) throw wrongMember(place3, engine.bytesWritten, "something follows its end");
}
function engineOf(compression) {
  if (compression === "gzip") return createGunzip(buffers);
  const params2 = { [constants.ZSTD_d_windowLogMax]: 27 };
  return createZstdDecompress({ ...buffers, params: params2 });
}
async function* unxzWhole(source2, place3) {
  let fed = 0;
  let end = Buffer.alloc(0);
  let sourceError;
  const counted = async function* () {
    try {
      for await (const chunk of source2) {
        fed += chunk.length;
        end = Buffer.concat([end, chunk.subarray(-2)]).subarray(-2);
        yield chunk;
      }
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  try {
    yield* unxz(counted());
  } catch (error) {
    if (error === sourceError || !(error instanceof Failure) || error.reason !== "internal") throw error;
    throw damaged(place3, fed, `it can't be uncompressed (${error.message})`, error);
  }
  if (end.toString("latin1") !== "YZ") throw damaged(place3, fed, "something follows its end");
}
function asBytes(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("a stream of bytes gave something else");
}

// src/artifact/keys.ts
import { X509Certificate, createPrivateKey, createPublicKey as createPublicKey2, sign, verify as verify2 } from "node:crypto";

// src/artifact/ecdsa.ts
import {
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  randomBytes,
  verify
} from "node:crypto";
var order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
function signEcdsa(data, key) {
  const secret = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
  const digest = createHash("sha256").update(data).digest();
  for (const nonce of nonces(secret, digest)) {
    const r = pointX(nonce) % order;
    const s = r === 0n ? 0n : multiplied(nonce, numberOf2(digest), r, numberOf2(secret));
    if (s === 0n) continue;
    const signature = Buffer.concat([bytesOf(r), bytesOf(s)]);
    const isValid2 = verify(
      "sha256",
      data,
      { key: createPublicKey(key), dsaEncoding: "ieee-p1363" },
      signature
    );
    if (!isValid2) throw new Error("the ECDSA signature does not verify");
    return signature;
  }
  throw new Error("no nonce");
}
function* nonces(secret, digest) {
  const hashed = bytesOf(numberOf2(digest) % order);
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
    const nonce = numberOf2(v);
    if (nonce > 0n && nonce < order) yield nonce;
    step(Buffer.of(0));
  }
}
function pointX(nonce) {
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(bytesOf(nonce));
  return numberOf2(curve.getPublicKey().subarray(1, 33));
}
function multiplied(nonce, digest, r, secret) {
  const blind = numberOf2(randomBytes(40)) % (order - 1n) + 1n;
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
  const hash2 = createHmac("sha256", key);
  for (const part of parts) hash2.update(part);
  return hash2.digest();
}
function numberOf2(bytes) {
  return BigInt(`0x${bytes.toString("hex")}`);
}
function bytesOf(number4) {
  return Buffer.from(number4.toString(16).padStart(64, "0"), "hex");
}

// src/artifact/made-by.ts
import { constants as constants2, publicDecrypt } from "node:crypto";
var sha256Prefix = Buffer.from("3031300d060960864801650304020105000420", "hex");
function isMadeBy(key, signature) {
  if (key.asymmetricKeyType !== "rsa") return false;
  try {
    const signed = publicDecrypt({ key, padding: constants2.RSA_PKCS1_PADDING }, signature);
    return signed.length === sha256Prefix.length + 32 && signed.indexOf(sha256Prefix) === 0;
  } catch {
    return false;
  }
}

// src/artifact/pem.ts
function pemBlocks(text3) {
  const blocks = [...text3.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g)];
  const begun = text3.split("-----BEGIN ").length - 1;
  const isWhole = blocks.every(([block]) => block.lastIndexOf("-----BEGIN ") === 0);
  if (!isWhole || blocks.length !== begun) return void 0;
  return blocks.map(([block, label = ""]) => ({ label, text: `${block}
` }));
}
function certificatesOf(text3) {
  return (pemBlocks(text3) ?? []).filter(isCertificate).map((block) => block.text);
}
function isPrivateKey({ label }) {
  return label === "PRIVATE KEY" || label.endsWith(" PRIVATE KEY");
}
function isCertificate({ label }) {
  return label === "CERTIFICATE" || label === "TRUSTED CERTIFICATE" || label === "X509 CERTIFICATE";
}
function isPublicKey({ label }) {
  return label === "PUBLIC KEY" || label === "RSA PUBLIC KEY";
}
function isEncrypted({ label, text: text3 }) {
  return label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type:.*ENCRYPTED/m.test(text3);
}
function otherFormOf(text3) {
  if (text3.trim() === "") return "it is empty: is there a secret or a file of this name?";
  if (text3.includes("-----BEGIN OPENSSH PRIVATE KEY-----")) {
    return "it is in the form of OpenSSH: write an RSA or ECDSA key as PEM with `ssh-keygen -p -m PEM -f COPY`, which changes the file";
  }
  if (/^(ssh-|ecdsa-sha2-)\S+ AAAA/m.test(text3)) {
    return "it is a public key in the form of OpenSSH: write it as PEM with `ssh-keygen -e -m PKCS8 -f FILE`";
  }
  if (text3.includes("-----BEGIN CERTIFICATE REQUEST-----")) return "it is a request for a certificate";
  if (text3.startsWith("0") && /[\u0000-\u0008\ufffd]/.test(text3)) {
    return "it is DER: write it as PEM with `openssl pkey -inform DER -in FILE -out key.pem`, a public key with -pubin, a certificate with `openssl x509`";
  }
  return void 0;
}

// src/artifact/keys.ts
var howToMake = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
var passphraseVariable = "DROVER_SIGNING_KEY_PASSPHRASE";
function privateKeyOf(pem, passphrase) {
  const what = "the signing key";
  const block = onlyPrivateKey(pem, what);
  return checked(isEncrypted(block) ? decrypted(block, passphrase, what) : read(block, what), what);
}
function signerOf(pem, passphrase) {
  const key = privateKeyOf(pem, passphrase);
  const isEc = key.asymmetricKeyType === "ec";
  return {
    publicKey: spki(key),
    signatureBytes: signatureBytesOf(key),
    sign: async (data) => isEc ? signEcdsa(data, key) : sign("sha256", data, key)
  };
}
function publicKeysOf(pem, what = "the key to verify with") {
  const blocks = blocksOf(pem, what).filter(
    (block) => isPublicKey(block) || isCertificate(block) || isPrivateKey(block)
  );
  if (blocks.length === 0) throw notReadable(what, pem);
  return blocks.map((block) => {
    if (!isPrivateKey(block)) return checked(read(block, what), what);
    if (!isEncrypted(block)) return checked(createPublicKey2(read(block, what)), what);
    throw new Failure("bad-key", `${what} is an encrypted private key: give the public key instead`);
  });
}
function fingerprintOf(key) {
  const half = key.type === "private" ? createPublicKey2(key) : key;
  return digestOf(half.export({ type: "spki", format: "der" }));
}
function checkSignature(data, signature, keys) {
  if (keys.length === 0) return { signature: "unverified" };
  const accepted = keys.flatMap((pem) => publicKeysOf(pem));
  const by = accepted.find((key) => isValid(key, data, signature));
  if (by !== void 0) return { signature: "verified", signedBy: fingerprintOf(by) };
  if (accepted.some((key) => isMadeBy(key, signature))) {
    throw new Failure(
      "artifact-unsigned",
      "the artifact’s signature is by an accepted key, but not of what the artifact holds: it was changed after signing",
      { detail: "artifact-signature" }
    );
  }
  const which = accepted.length === 1 ? "the given key" : `any of the ${accepted.length} given keys`;
  throw new Failure(
    "artifact-unsigned",
    `the artifact's signature is not by ${which}: it was changed after signing, or signed with another key`,
    { detail: "artifact-wrong-key" }
  );
}
function isValid(key, data, signature) {
  return verify2("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
}
function signatureBytesOf(key) {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits === void 0 ? 64 : Math.ceil(bits / 8);
}
function spki(key) {
  const half = key.type === "private" ? createPublicKey2(key) : key;
  return half.export({ type: "spki", format: "pem" }).toString();
}
function blocksOf(pem, what) {
  const blocks = pemBlocks(pem);
  if (blocks !== void 0) return blocks;
  throw new Failure(
    "bad-key",
    `${what} is cut off: a PEM block begins and doesn't end; copy all of its lines`
  );
}
function onlyPrivateKey(pem, what) {
  const blocks = blocksOf(pem, what);
  const [key, ...others] = blocks.filter(isPrivateKey);
  if (others.length > 0) {
    throw new Failure("bad-key", `${what} holds ${others.length + 1} private keys: give the one to sign with`);
  }
  if (key !== void 0) return key;
  if (pem.trimStart().startsWith("pkcs11:")) {
    throw new Failure(
      "bad-key",
      `${what} is a PKCS#11 URI, which only RAUC bundles are signed with: for other formats name a command in the options file, signing.command`
    );
  }
  const found = blocks.some(isPublicKey) ? "a public key" : blocks.some(isCertificate) ? "a certificate" : "";
  if (found === "") throw notReadable(what, pem);
  throw new Failure("bad-key", `${what} is ${found}: give the private key that belongs to it`);
}
function read(block, what) {
  try {
    if (isPrivateKey(block)) return createPrivateKey(block.text);
    return isCertificate(block) ? new X509Certificate(block.text).publicKey : createPublicKey2(block.text);
  } catch {
    throw notReadable(what, block.text);
  }
}
function decrypted(block, passphrase, what) {
  if (passphrase === void 0 || passphrase === "") {
    throw new Failure(
      "bad-key",
      `${what} is encrypted: give its passphrase in the environment variable ${passphraseVariable}`
    );
  }
  const key = opened(block, passphrase);
  if (typeof key === "object") return key;
  const isOld = [passphrase, `${passphrase}-`, `${passphrase}+`].every(
    (one) => opened(block, one) === "ERR_OSSL_UNSUPPORTED"
  );
  const why = isOld ? "is encrypted in a way that is no longer supported: encrypt it again with `openssl pkcs8 -topk8 -v2 aes-256-cbc`" : `can't be opened with the passphrase in ${passphraseVariable}: it is another key's, or the key is damaged`;
  throw new Failure("bad-key", `${what} ${why}`);
}
function opened(block, passphrase) {
  try {
    return createPrivateKey({ key: block.text, format: "pem", passphrase });
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "";
  }
}
function notReadable(what, text3) {
  return new Failure("bad-key", `${what} is no PEM key that can be read: ${otherFormOf(text3) ?? howToMake}`);
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

// src/artifact/mender/augment.ts
function augmentedPayloads(payloads, added) {
  return payloads.map((payload2, i) => {
    const more = added[i];
    if (more === void 0) return payload2;
    const place3 = `header-augment.tar, headers/${String(i).padStart(4, "0")}`;
    if (payload2.type === "") throw damaged(place3, 0, "an empty payload can’t be augmented");
    if (more.type === "rootfs-image") throw damaged(place3, 0, "a rootfs-image can’t augment a payload");
    return {
      type: more.type,
      metaData: merged(payload2.metaData, more.metaData, place3),
      provides: { ...payload2.provides, ...more.provides },
      depends: { ...payload2.depends, ...more.depends },
      clearsProvides: more.clearsProvides.length > 0 ? more.clearsProvides : payload2.clearsProvides
    };
  });
}
function augmentedFiles(manifest, added) {
  return Array.from({ length: Math.max(manifest.length, added.length) }, (_, i) => {
    const files = new Map(manifest[i]);
    for (const [name3, checksum] of added[i] ?? []) {
      if (files.has(name3)) {
        throw wrongMember(
          "manifest-augment",
          0,
          `it names ${JSON.stringify(name3)}, as the manifest does`,
          name3
        );
      }
      files.set(name3, checksum);
    }
    return files;
  });
}
function augmentationOf(added, files) {
  return added.map((payload2, i) => ({ ...payload2, files: [...files[i]?.keys() ?? []] }));
}
function merged(settings2, added, place3) {
  for (const value of [...Object.values(settings2), ...Object.values(added)]) {
    if (Array.isArray(value) && value.some((one) => kindOf(one) !== "value")) {
      throw damaged(`${place3}/meta-data`, 0, "a list has lists or objects in it, which can’t be merged");
    }
  }
  const result = { ...settings2 };
  for (const [key, value] of Object.entries(added)) {
    const before = Object.hasOwn(settings2, key) ? settings2[key] : void 0;
    if (before === void 0) result[key] = value;
    else if (kindOf(before) !== kindOf(value)) {
      throw damaged(
        `${place3}/meta-data`,
        0,
        `${JSON.stringify(key)} is of another type than what it replaces`
      );
    } else result[key] = isSettings(before) && isSettings(value) ? merged(before, value, place3) : value;
  }
  return result;
}
function kindOf(value) {
  return Array.isArray(value) ? "list" : isSettings(value) ? "object" : "value";
}
function isSettings(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// src/artifact/mender/manifest.ts
var line = /^([0-9a-f]{64}) {2}(\S(?:.*\S)?)$/;
var dataName = /^data\/(\d{4})\/([^/]+)$/;
var payloadFileName = /^(?!\.{1,2}$)[A-Za-z0-9._,-]{1,255}$/;
var headerName = /^header\.tar(?:\.(?:gz|xz|zst))?$/;
var augmentName = /^header-augment\.tar(?:\.(?:gz|xz|zst))?$/;
function parseManifest(content, place3) {
  const seen = linesOf(content, place3, (name3) => name3 === "version" || headerName.test(name3));
  const version = seen.get("version");
  const header2 = onlyHeader(seen, headerName);
  if (version === void 0 || header2 === void 0) {
    throw wrongMember(place3, content.length, "it has to name version and one header");
  }
  return { version, header: header2, payloads: payloadsOf(seen) };
}
function parseManifestAugment(content, place3) {
  const seen = linesOf(content, place3, (name3) => augmentName.test(name3));
  const header2 = onlyHeader(seen, augmentName);
  if (header2 === void 0) throw wrongMember(place3, content.length, "it has to name one header-augment");
  return { header: header2, payloads: payloadsOf(seen) };
}
function linesOf(content, place3, isOther) {
  const seen = /* @__PURE__ */ new Map();
  let offset = 0;
  const lines = decoded(content, place3).split("\n");
  if (lines.pop() !== "") throw damaged(place3, content.length, "its last line has no end");
  for (const text3 of lines) {
    const [, checksum, name3] = line.exec(text3) ?? [];
    if (checksum === void 0 || name3 === void 0) throw damaged(place3, offset, "a line is malformed");
    if (seen.has(name3)) throw wrongMember(place3, offset, `it names ${JSON.stringify(name3)} twice`);
    if (!isOther(name3) && !isPayloadFile(name3))
      throw wrongMember(place3, offset, `it names ${JSON.stringify(name3)}, which may not be there`, name3);
    seen.set(name3, checksum);
    offset += Buffer.byteLength(text3) + 1;
  }
  return seen;
}
function onlyHeader(seen, pattern) {
  const [header2, second] = [...seen].filter(([name3]) => pattern.test(name3));
  return header2 === void 0 || second !== void 0 ? void 0 : { name: header2[0], checksum: header2[1] };
}
function decoded(content, place3) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw damaged(place3, 0, "it is not UTF-8", error);
  }
}
function formatManifest(entries) {
  return entries.map(({ name: name3, checksum }) => `${checksum}  ${name3}
`).join("");
}
function isPayloadFile(name3) {
  const file = dataName.exec(name3)?.[2];
  return file !== void 0 && payloadFileName.test(file);
}
function payloadsOf(entries) {
  const payloads = [];
  for (const [name3, checksum] of entries) {
    const [, index, file] = dataName.exec(name3) ?? [];
    if (index === void 0 || file === void 0) continue;
    const at = Number(index);
    while (payloads.length <= at) payloads.push(/* @__PURE__ */ new Map());
    payloads[at]?.set(file, checksum);
  }
  return payloads;
}

// src/artifact/mender/mender-header.ts
import { createHash as createHash3 } from "node:crypto";

// src/artifact/strict-json.ts
var maxDepth = 100;
var AmbiguousJson = class extends Error {
  offset;
  constructor(message, offset) {
    super(message);
    this.offset = offset;
  }
};
function parseStrictJson(content) {
  const text3 = decoded2(content);
  checkDepth(text3);
  let value;
  try {
    value = JSON.parse(text3);
  } catch (error) {
    throw new AmbiguousJson(`it is not JSON (${messageOf(error)})`, 0);
  }
  checkTokens(text3);
  return value;
}
function decoded2(content) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw new AmbiguousJson(`it is not JSON (${messageOf(error)})`, 0);
  }
}
function checkDepth(text3) {
  let depth = 0;
  for (const { kind, start: start2 } of tokens(text3)) {
    if (kind === "close") depth--;
    if (kind === "open" && ++depth > maxDepth) {
      throw new AmbiguousJson(`it is nested more than ${maxDepth} deep`, start2);
    }
  }
}
function checkTokens(text3) {
  const open15 = [];
  for (const { kind, start: start2, end } of tokens(text3)) {
    if (kind === "open") open15.push(text3[start2] === "{" ? /* @__PURE__ */ new Set() : void 0);
    else if (kind === "close") open15.pop();
    else if (kind === "number") checkNumber(text3.slice(start2, end), start2);
    else if (kind === "string") {
      const value = JSON.parse(text3.slice(start2, end));
      if (typeof value !== "string" || !value.isWellFormed()) {
        throw new AmbiguousJson("a string is not Unicode", start2);
      }
      if (value.includes("\0")) throw new AmbiguousJson("a string has a zero byte", start2);
      if (isKey(text3, end)) checkKey(value, open15.at(-1), start2);
    }
  }
}
function checkKey(key, seen, start2) {
  if (key === "__proto__") throw new AmbiguousJson("a key may not be __proto__", start2);
  if (seen?.has(key) === true) throw new AmbiguousJson(`the key ${JSON.stringify(key)} is there twice`, start2);
  seen?.add(key);
}
function checkNumber(literal, start2) {
  const value = Number(literal);
  if (Number.isFinite(value) && normalized(literal) === normalized(String(value))) return;
  throw new AmbiguousJson(
    `the number ${literal.slice(0, 50)} can't be kept as it is: write it as text`,
    start2
  );
}
function normalized(literal) {
  const [, whole3 = "", fraction = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = `${whole3}${fraction}`.replace(/^0+/, "");
  if (digits === "") return "0";
  const significant = digits.replace(/0+$/, "");
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
function* tokens(text3) {
  for (let at = 0; at < text3.length; ) {
    const start2 = at;
    const char = text3[at++] ?? "";
    if (char === "{" || char === "[") yield { kind: "open", start: start2, end: at };
    else if (char === "}" || char === "]") yield { kind: "close", start: start2, end: at };
    else if (char === '"') {
      while (at < text3.length && text3[at] !== '"') at += text3[at] === "\\" ? 2 : 1;
      yield { kind: "string", start: start2, end: ++at };
    } else if (char === "-" || isDigit(char)) {
      while (at < text3.length && /[\d.eE+-]/.test(text3[at] ?? "")) at++;
      yield { kind: "number", start: start2, end: at };
    }
  }
}
function isDigit(char) {
  return char >= "0" && char <= "9";
}
function isKey(text3, end) {
  let at = end;
  while (" 	\n\r".includes(text3[at] ?? "x")) at++;
  return text3[at] === ":";
}

// src/artifact/mender/mender-schema.ts
var maxDocumentBytes = 1 << 20;
var visible = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/;
var unseen = "it has characters that can’t be seen";
var isPath = "it is a path";
var text = pipe(string(), maxLength(1024), regex(visible, unseen));
var name = pipe(text, nonEmpty());
var payloadType = pipe(name, regex(/^(?!\.{1,2}$)[^/\\]+$/, isPath));
var values = union([text, array(text)]);
var versionSchema = strictObject({ format: string(), version: number() });
var artifactProvides = strictObject({ artifact_name: name, artifact_group: nullish(text) });
var artifactDepends = strictObject({
  device_type: pipe(array(name), minLength(1)),
  artifact_name: nullish(array(text)),
  artifact_group: nullish(array(text))
});
var headerInfoSchema = strictObject({
  payloads: pipe(array(strictObject({ type: nullable(payloadType) })), minLength(1)),
  artifact_provides: artifactProvides,
  artifact_depends: artifactDepends
});
var headerAugmentSchema = strictObject({
  payloads: pipe(array(strictObject({ type: payloadType })), minLength(1)),
  artifact_provides: nullish(artifactProvides),
  artifact_depends: nullish(artifactDepends)
});
var typeInfoEntries = {
  type: nullish(text),
  artifact_provides: nullish(dictionary(text), {}),
  artifact_depends: nullish(dictionary(values), {}),
  clears_artifact_provides: nullish(array(text), [])
};
var typeInfoSchema = pipe(
  looseObject(typeInfoEntries),
  check(
    (found) => Object.keys(found).every((key) => !isAlmost(key, Object.keys(typeInfoEntries))),
    "another parser takes one of its keys for a known one"
  )
);
var metaDataSchema = dictionary(unknown());
function parseJson(content, schema, place3) {
  if (content.length > maxDocumentBytes) {
    throw tooLarge(place3, maxDocumentBytes, `it has ${content.length} bytes, over ${maxDocumentBytes}`);
  }
  const result = safeParse(schema, parsed(content, place3));
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = getDotPath(issue);
  const why = `${key === null ? "" : `${key}: `}${issue.message}`;
  throw issue.message.endsWith(unseen) || issue.message === isPath ? unsafePath(place3, 0, why) : damaged(place3, 0, why);
}
function parsed(content, place3) {
  try {
    return parseStrictJson(content);
  } catch (error) {
    if (!(error instanceof AmbiguousJson)) throw error;
    throw damaged(place3, error.offset, error.message, error);
  }
}
function dictionary(schema) {
  return pipe(
    custom(
      (value) => typeof value === "object" && value !== null && !Array.isArray(value),
      "it is not an object"
    ),
    rawTransform(({ dataset, addIssue, NEVER }) => {
      const entries = [];
      for (const [key, value] of Object.entries(dataset.value)) {
        const result = safeParse(schema, value);
        const problem = is(text, key) ? result.issues?.[0].message : unseen;
        if (problem !== void 0 || !result.success) {
          addIssue({ message: `${key.slice(0, 100)}: ${problem}` });
          return NEVER;
        }
        entries.push([key, result.output]);
      }
      return Object.fromEntries(entries);
    })
  );
}
function isAlmost(key, known) {
  return !known.includes(key) && known.includes(key.toUpperCase().toLowerCase());
}

// src/artifact/mender/state-scripts.ts
import { createHash as createHash2 } from "node:crypto";
import { readFile, stat } from "node:fs/promises";

// src/artifact/findings.ts
var Findings = class {
  #failures = [];
  /** Whether nothing was found so far. */
  get isClean() {
    return this.#failures.length === 0;
  }
  /** Keeps a failure for `fail`. */
  add(failure) {
    this.#failures.push(failure);
  }
  /** What `find` gives, or undefined where it threw a failure, which is kept; anything else that it throws is thrown. */
  async from(find) {
    try {
      return await find();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.add(error);
      return void 0;
    }
  }
  /** Throws one failure for all that was found, with the first one's reason; does nothing where nothing was. */
  fail() {
    const [first, ...rest] = this.#failures;
    if (first === void 0) return;
    if (rest.length === 0) throw first;
    const problems = this.#failures.flatMap((failure) => problemsOf(failure));
    const shown3 = problemsOf(first).length;
    const more = first.problems.length > 0 ? problems.length - shown3 : rest.length;
    throw new Failure(first.reason, `${first.message} (and ${more} more)`, { cause: first, problems });
  }
  /** What `from` gave, once it is clear that nothing was found; throws as `fail` does. */
  orFail(found) {
    this.fail();
    if (found === void 0) throw new Error("nothing is wrong, but something is missing");
    return found;
  }
};
function problemsOf(failure) {
  return failure.problems.length > 0 ? failure.problems : [{ file: "inputs", message: failure.message }];
}

// src/artifact/mender/state-scripts.ts
var maxScriptBytes = 1 << 20;
var scriptName = /^(?:Artifact(?:Install|Reboot|Commit)_(?:Enter|Leave|Error)|Artifact(?:Rollback|RollbackReboot|Failure)_(?:Enter|Leave))_\d\d(?:_[^\s/]+)?$/;
function isScriptName(name3) {
  return Buffer.byteLength(name3) <= 255 && scriptName.test(name3);
}
async function readScripts(given) {
  const findings = new Findings();
  const scripts = [];
  for (const { name: name3, path: path2 } of given ?? []) {
    const script2 = await findings.from(async () => {
      if (!isScriptName(name3)) {
        const example = "such as ArtifactInstall_Leave_10_check";
        throw new Failure("bad-input", `${JSON.stringify(name3)} can't be a state script's name, ${example}`);
      }
      if (scripts.some((other) => other.name === name3)) {
        throw new Failure("bad-input", `two state scripts have the name ${name3}`);
      }
      const content = await readScript(path2);
      return { name: name3, content, checksum: createHash2("sha256").update(content).digest("hex") };
    });
    if (script2 !== void 0) scripts.push(script2);
  }
  findings.fail();
  return scripts.sort((a, b) => a.name < b.name ? -1 : 1);
}
async function readScript(path2) {
  try {
    const { size } = await stat(path2);
    if (size > 0 && size <= maxScriptBytes) return await readFile(path2);
    throw new Failure(
      "bad-input",
      `the state script ${path2} has ${size} bytes; it can have 1 to ${maxScriptBytes}`
    );
  } catch (error) {
    throw readingFailure(error, `the state script ${path2}`);
  }
}

// src/artifact/archive/tar-pax.ts
function readPax(content) {
  const values2 = /* @__PURE__ */ new Map();
  for (let at = 0; at < content.length; ) {
    const length = /^(\d{1,6}) /.exec(content.toString("latin1", at, at + 7))?.[1];
    const end = at + Number(length ?? 0);
    if (length === void 0 || end > content.length || content[end - 1] !== 10) return void 0;
    const record2 = textOf(content.subarray(at + length.length + 1, end - 1)) ?? "";
    const equals = record2.indexOf("=");
    const key = record2.slice(0, equals);
    if (equals < 1 || values2.has(key) || key.startsWith("GNU.sparse")) return void 0;
    values2.set(key, record2.slice(equals + 1));
    at = end;
  }
  return understood(values2);
}
function understood(values2) {
  const [name3, size, date] = [values2.get("path"), values2.get("size"), values2.get("mtime")];
  if (name3 !== void 0 && (name3 === "" || name3.includes("\0"))) return void 0;
  if (size !== void 0 && !/^\d{1,15}$/.test(size)) return void 0;
  if (date !== void 0 && !/^-?\d{1,12}(\.\d+)?$/.test(date)) return void 0;
  return {
    ...name3 === void 0 ? {} : { name: name3 },
    ...size === void 0 ? {} : { sizeBytes: Number(size) },
    ...date === void 0 ? {} : { modifiedAt: Math.floor(Number(date)) }
  };
}
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return void 0;
  }
}

// src/artifact/archive/tar-reader.ts
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
    let extended;
    for (; ; ) {
      const offset = this.#bytes.offset;
      const block = await this.#bytes.exactly(blockBytes);
      if (isZero(block)) {
        if (extended !== void 0) throw this.#damaged(offset, "a member has no content");
        return this.#finish(offset);
      }
      const type = this.#checkHeader(block, offset);
      const sizeBytes = this.#number(block, 124, 12, offset);
      if (type === "x" || type === "L") {
        if (extended !== void 0) throw this.#damaged(offset, "a member has two extended headers");
        extended = await this.#extension(type, sizeBytes, offset);
        continue;
      }
      const name3 = this.#name(block, offset);
      const modifiedAt = this.#number(block, 136, 12, offset);
      const member = {
        name: extended?.name ?? name3,
        sizeBytes: extended?.sizeBytes ?? sizeBytes,
        offset,
        modifiedAt: new Date((extended?.modifiedAt ?? modifiedAt) * 1e3)
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
      throw tooLarge(
        this.#bytes.place,
        member.offset,
        `${member.name} has ${member.sizeBytes} bytes, over ${limitBytes}`
      );
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
    for (const at of [100, 108, 116, 329, 337]) this.#number(block, at, 8, offset);
    this.#checkRest(block, offset);
    const type = String.fromCharCode(block[156] ?? 0);
    if (type === "0" || type === "\0") return "0";
    if (type === "x" || type === "L") return type;
    throw unsafePath(this.#bytes.place, offset, "a member is not a plain file");
  }
  /** What belongs to no format, or to links alone, some readers use all the same. */
  #checkRest(block, offset) {
    const format = block.toString("latin1", 257, 265);
    const end = format === "ustar\x0000" ? 500 : format === "ustar  \0" ? 345 : 257;
    if (!isZero(block.subarray(end)) || !isZero(block.subarray(157, 257))) {
      throw this.#damaged(offset, "a header has something where there is nothing");
    }
  }
  async #extension(type, sizeBytes, offset) {
    if (sizeBytes > maxExtendedBytes)
      throw tooLarge(this.#bytes.place, offset, "an extended header is too large");
    const content = await this.#bytes.exactly(sizeBytes);
    await this.#skipPadding(sizeBytes);
    if (type === "L") return { name: this.#text(content, 0, sizeBytes, offset) };
    const read2 = readPax(content);
    if (read2 === void 0) throw this.#damaged(offset, "an extended header is malformed");
    return read2;
  }
  async #skipPadding(sizeBytes) {
    const offset = this.#bytes.offset;
    if (!isZero(await this.#bytes.exactly(paddingOf(sizeBytes)))) {
      throw wrongMember(this.#bytes.place, offset, "something stands between two members");
    }
  }
  #name(block, offset) {
    const name3 = this.#text(block, 0, 100, offset);
    const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
    const prefix = isPosix ? this.#text(block, 345, 155, offset) : "";
    return prefix === "" ? name3 : `${prefix}/${name3}`;
  }
  #text(block, start2, length, offset) {
    const field = block.subarray(start2, start2 + length);
    const end = field.indexOf(0);
    if (end >= 0 && !isZero(field.subarray(end))) throw this.#damaged(offset, "something hides behind a name");
    const text3 = textOf(end < 0 ? field : field.subarray(0, end));
    if (text3 === void 0) throw this.#damaged(offset, "a name is not UTF-8");
    return text3;
  }
  #number(block, start2, length, offset) {
    const value = parseNumber(block.subarray(start2, start2 + length));
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
function isZero(bytes) {
  return bytes.every((byte) => byte === 0);
}

// src/artifact/mender/mender-header.ts
async function readHeader(bytes) {
  const members = await allMembers(bytes);
  const info = parseJson(members.take("header-info"), headerInfoSchema, `${bytes.place}, header-info`);
  const scripts = takeScripts(members);
  const payloads = info.payloads.map(({ type }, i) => takePayload(members, i, type));
  members.finish();
  checkScriptsProvide(scripts, payloads, bytes.place);
  const { artifact_name, artifact_group } = info.artifact_provides;
  const group = artifact_group ? { artifact_group } : {};
  const own = { provides: { artifact_name, ...group }, depends: withoutNulls(info.artifact_depends) };
  checkConflicts(own, payloads, bytes.place);
  return {
    name: artifact_name,
    ...artifact_group ? { group: artifact_group } : {},
    deviceTypes: info.artifact_depends.device_type,
    ...own,
    scripts: scripts.map(({ name: name3 }) => name3),
    payloads
  };
}
async function readHeaderAugment(bytes, header2) {
  const members = await allMembers(bytes);
  const place3 = `${bytes.place}, header-info`;
  const info = parseJson(members.take("header-info"), headerAugmentSchema, place3);
  if (info.payloads.length !== header2.payloads.length) {
    throw damaged(place3, 0, `it has ${info.payloads.length} payloads, the header ${header2.payloads.length}`);
  }
  const payloads = info.payloads.map(({ type }, i) => takePayload(members, i, type));
  members.finish();
  const augmented = augmentedPayloads(header2.payloads, payloads);
  checkConflicts(header2, augmented, bytes.place);
  return { added: payloads, augmented };
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
    take: (name3) => {
      const next = all[at++];
      if (next?.member.name === name3) return next.content;
      const found = next === void 0 ? "its end" : JSON.stringify(next.member.name);
      throw wrongMember(
        bytes.place,
        next?.member.offset ?? bytes.offset,
        `${found} stands where ${name3} should be`,
        next?.member.name
      );
    },
    finish: () => {
      const next = all[at]?.member;
      if (next === void 0) return;
      throw wrongMember(
        bytes.place,
        next.offset,
        `${JSON.stringify(next.name)} stands where its end should be`,
        next.name
      );
    }
  };
}
function takeScripts(members) {
  const scripts = /* @__PURE__ */ new Map();
  for (let next = members.peek(); next?.startsWith("scripts/") === true; next = members.peek()) {
    const name3 = next.slice("scripts/".length);
    if (!isScriptName(name3))
      throw wrongMember(members.place, 0, `${JSON.stringify(next)} is no state script's name`, next);
    if (scripts.has(name3)) {
      throw wrongMember(members.place, 0, `${next} is there twice`);
    }
    scripts.set(name3, createHash3("sha256").update(members.take(next)).digest("hex"));
  }
  return [...scripts].map(([name3, checksum]) => ({ name: name3, checksum }));
}
function takePayload(members, index, type) {
  const folder2 = `headers/${String(index).padStart(4, "0")}`;
  const place3 = `${members.place}, ${folder2}`;
  const info = parseJson(members.take(`${folder2}/type-info`), typeInfoSchema, `${place3}/type-info`);
  if (info.type != null && info.type !== "" && info.type !== type) {
    throw damaged(`${place3}/type-info`, 0, "its type is not the one in header-info");
  }
  const content = members.peek() === `${folder2}/meta-data` ? members.take(`${folder2}/meta-data`) : void 0;
  if (type === null && content !== void 0 && content.length > 0) {
    throw damaged(`${place3}/meta-data`, 0, "an empty payload has none");
  }
  return {
    type: type ?? "",
    metaData: content?.length ? parseJson(content, metaDataSchema, `${place3}/meta-data`) : {},
    provides: info.artifact_provides ?? {},
    depends: info.artifact_depends ?? {},
    clearsProvides: info.clears_artifact_provides ?? []
  };
}
function checkConflicts(header2, payloads, place3) {
  for (const kind of ["provides", "depends"]) {
    const seen = /* @__PURE__ */ new Set();
    for (const key of [header2, ...payloads].flatMap((one) => Object.keys(one[kind]))) {
      if (seen.has(key)) throw damaged(place3, 0, `its ${kind} have ${JSON.stringify(key)} twice`);
      seen.add(key);
    }
  }
}
function checkScriptsProvide(scripts, payloads, place3) {
  const actual = scriptsDigestOf(scripts);
  for (const { provides } of payloads) {
    const claimed = provides[scriptsProvide];
    if (claimed !== void 0 && claimed !== actual) {
      throw wrongChecksum(place3, 0, `the provide ${scriptsProvide} is not the digest of its state scripts`);
    }
  }
}
function withoutNulls(values2) {
  const entries = Object.entries(values2).flatMap(
    ([key, value]) => value == null ? [] : [[key, value]]
  );
  return Object.fromEntries(entries);
}

// src/artifact/read-whole.ts
var defaultLimits = {
  artifactBytes: 64 * 2 ** 30,
  headerBytes: 16 * 2 ** 20,
  payloadBytes: 256 * 2 ** 30
};
async function readWhole(source2, options, hash2 = hashHere(), read2) {
  var _stack = [];
  try {
    const limits = { ...defaultLimits, ...options.limits };
    const bytes = __using(_stack, new ByteReader(source2, {
      place: "the artifact",
      limitBytes: limits.artifactBytes,
      onChunk: (chunk) => {
        options.signal?.throwIfAborted();
        hash2.update(chunk);
      }
    }), true);
    const facts = await read2(bytes, limits);
    return { ...facts, sizeBytes: bytes.offset, sha256: `sha256:${await hash2.digest()}` };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

// src/artifact/mender/read-mender.ts
var maxManifestBytes = 1 << 20;
var maxSignatureBytes = 4096;
var tarOverheadBytes = 16 << 20;
async function readMender(source2, options, hash2) {
  return readWhole(
    source2,
    options,
    hash2,
    (bytes, limits) => new MenderReader(new TarReader(bytes), limits, options).read()
  );
}
var MenderReader = class {
  #tar;
  #limits;
  #verifyKeys;
  #signal;
  #payloadBytesLeft;
  constructor(tar, limits, { verifyKeys, signal }) {
    this.#tar = tar;
    this.#limits = limits;
    this.#verifyKeys = verifyKeys ?? [];
    this.#signal = signal;
    this.#payloadBytesLeft = limits.payloadBytes;
  }
  async read() {
    const versionChecksum = await this.#version();
    const { manifest, raw } = await this.#manifest();
    if (manifest.version !== versionChecksum)
      throw wrongChecksum("version", 0, "its checksum is not the manifest’s");
    let member = await this.#expect("manifest.sig or a header");
    const signature = await this.#signature(member, raw);
    if (signature.signature !== "none") member = await this.#expect("a header");
    const augment = await this.#manifestAugment(member);
    if (augment !== void 0) member = await this.#expect("a header");
    const header2 = await this.#header(member, manifest);
    const additions = augment && await this.#headerAugment(augment.header, header2);
    const described2 = additions?.augmented ?? header2.payloads;
    const files = augment === void 0 ? manifest.payloads : augmentedFiles(manifest.payloads, augment.payloads);
    checkFileCounts(described2, files);
    const { payloads, compression } = await this.#payloads(described2, files);
    return {
      ...factsOf(header2, payloads, signature, compression ?? header2.compression),
      ...additions && augment ? { augmented: augmentationOf(additions.added, augment.payloads) } : {}
    };
  }
  /** All payloads and the end. An empty payload may lack its archive. */
  async #payloads(described2, files) {
    const payloads = [];
    let compression;
    let member = await this.#tar.next();
    for (const [i, { type, ...facts }] of described2.entries()) {
      const stem = `data/${String(i).padStart(4, "0")}.tar`;
      if (type === "" && member?.name.startsWith(stem) !== true) {
        payloads.push({ type, files: [], ...facts });
        continue;
      }
      if (member === void 0) throw wrongMember("the artifact", 0, `it ends where ${stem} should be`);
      const read2 = await this.#payload(member, stem, files[i] ?? /* @__PURE__ */ new Map());
      compression = read2.compression;
      payloads.push({ type, files: read2.files, ...facts });
      member = await this.#tar.next();
    }
    if (member !== void 0) throw unexpected(member, "the end");
    return { payloads, compression };
  }
  async #expect(what) {
    const member = await this.#tar.next();
    if (member === void 0) throw wrongMember("the artifact", 0, `it ends where ${what} should be`);
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
      if (this.#verifyKeys.length === 0) return { signature: "none" };
      throw new Failure(
        "artifact-unsigned",
        "the artifact has no signature, but a key to verify it with was given: sign it, or give no key"
      );
    }
    const content = (await this.#tar.content(member, maxSignatureBytes)).toString("latin1").replace(/\n$/, "");
    const signature = Buffer.from(content, "base64");
    if (content === "" || signature.toString("base64") !== content) {
      throw damaged("manifest.sig", 0, "it is not base64");
    }
    return checkSignature(manifest, signature, this.#verifyKeys);
  }
  /** The manifest-augment, undefined where the artifact has none. What it adds is what no key vouches for. */
  async #manifestAugment(member) {
    if (member.name !== "manifest-augment") return void 0;
    if (this.#verifyKeys.length > 0) {
      throw new Failure(
        "artifact-unsigned",
        "the artifact has manifest-augment, additions that no signature covers, but a key to verify it with was given: anybody could have made them after signing"
      );
    }
    return parseManifestAugment(await this.#tar.content(member, maxManifestBytes), "manifest-augment");
  }
  async #header(member, manifest) {
    var _stack = [];
    try {
      const compression = compressionOf(member.name, "header.tar");
      if (compression === void 0) throw unexpected(member, "a header");
      const bytes = __using(_stack, await this.#headerBytes(member, manifest.header, compression), true);
      return { ...await readHeader(bytes), compression };
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  async #headerAugment(expected, header2) {
    var _stack = [];
    try {
      const member = await this.#expect(expected.name);
      if (compressionOf(member.name, "header-augment.tar") !== header2.compression) {
        throw unexpected(member, "a header-augment, compressed as the header is,");
      }
      const bytes = __using(_stack, await this.#headerBytes(member, expected, header2.compression), true);
      return readHeaderAugment(bytes, header2);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  /** What a header holds, uncompressed, once its checksum was right. */
  async #headerBytes(member, expected, compression) {
    if (member.name !== expected.name) throw unexpected(member, expected.name);
    const content = await this.#tar.content(member, this.#limits.headerBytes);
    if (sha256Of(content) !== expected.checksum) {
      throw wrongChecksum(member.name, 0, "its checksum is not the manifest’s");
    }
    const source2 = decompressed(once(content), compression, member.name);
    return new ByteReader(source2, { place: member.name, limitBytes: this.#limits.headerBytes });
  }
  async #payload(member, stem, expected) {
    var _stack = [];
    try {
      const compression = compressionOf(member.name, stem);
      if (compression === void 0) throw unexpected(member, stem);
      const source2 = decompressed(this.#tar.body(member), compression, member.name);
      const bytes = __using(_stack, new ByteReader(source2, {
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
      const { name: name3, sizeBytes, offset } = member;
      const shown3 = `${bytes.place}, ${JSON.stringify(name3)}`;
      const wanted = expected.get(name3);
      if (wanted === void 0) throw wrongMember(shown3, offset, "the manifest doesn’t name it", name3);
      if (files.has(name3)) throw wrongMember(shown3, offset, "it is there twice");
      this.#payloadBytesLeft -= sizeBytes;
      if (this.#payloadBytesLeft < 0) {
        throw tooLarge(shown3, offset, `the payloads have more than ${this.#limits.payloadBytes} bytes`);
      }
      const hash2 = createHash4("sha256");
      for await (const chunk of tar.body(member)) {
        this.#signal?.throwIfAborted();
        hash2.update(chunk);
      }
      const checksum = hash2.digest("hex");
      if (checksum !== wanted) throw wrongChecksum(shown3, offset, "its checksum is not the manifest’s");
      files.set(name3, { name: name3, sizeBytes, checksum, date: member.modifiedAt.toISOString() });
    }
    const missing = [...expected.keys()].find((name3) => !files.has(name3));
    if (missing !== void 0)
      throw wrongMember(bytes.place, bytes.offset, `${JSON.stringify(missing)} is missing`);
    return [...files.values()];
  }
};
function checkFileCounts(described2, files) {
  if (files.length > described2.length) {
    throw wrongMember("manifest", 0, "it names a file of a payload that the header doesn’t have");
  }
  for (const [i, { type }] of described2.entries()) {
    const count = files[i]?.size ?? 0;
    if (type === "" && count > 0) throw wrongMember("manifest", 0, "it names a file of an empty payload");
    if (type === "rootfs-image" && count > 1) {
      throw wrongMember("manifest", 0, `it names ${count} files of a rootfs-image, which is one file`);
    }
  }
}
function factsOf(header2, payloads, signature, compression) {
  const provides = Object.assign({}, header2.provides, ...payloads.map((payload2) => payload2.provides));
  const scriptsDigest = provides[scriptsProvide];
  const { name: name3, group, deviceTypes } = header2;
  return {
    format: "mender",
    version: 3,
    name: name3,
    ...group === void 0 ? {} : { group },
    deviceTypes,
    depends: Object.assign({}, header2.depends, ...payloads.map((payload2) => payload2.depends)),
    provides,
    clearsProvides: [...new Set(payloads.flatMap((payload2) => payload2.clearsProvides))],
    payloads,
    scripts: header2.scripts,
    ...signature,
    compression,
    contentDigest: contentDigestOf({ deviceTypes, payloads, scriptsDigest })
  };
}
function unexpected(member, instead) {
  return wrongMember(
    "the artifact",
    member.offset,
    `the member ${JSON.stringify(member.name)} stands where ${instead} should be`,
    member.name
  );
}
async function* once(content) {
  yield content;
}
function sha256Of(content) {
  return createHash4("sha256").update(content).digest("hex");
}

// src/artifact/progress.ts
var tellEveryMs = 5e3;
function packingProgress(wholeBytes, context) {
  return progress("packed", wholeBytes, context);
}
async function* readingProgress(source2, wholeBytes, log) {
  const tell = progress("read", wholeBytes, { log, clock: systemClock });
  for await (const chunk of source2) {
    tell(chunk.length);
    yield chunk;
  }
}
function progress(done, wholeBytes, { log, clock }) {
  let count = 0;
  let toldAt = clock.now().getTime();
  return (bytes) => {
    count += bytes;
    const now = clock.now().getTime();
    if (now - toldAt < tellEveryMs) return;
    toldAt = now;
    log.info(`${megabytes(count)} of ${megabytes(wholeBytes)} ${done}`);
  };
}
function megabytes(sizeBytes) {
  return sizeBytes < 1e5 ? `${sizeBytes} bytes` : `${(sizeBytes / 1e6).toFixed(1)} MB`;
}

// src/artifact/rauc/read-rauc.ts
import { createHash as createHash6 } from "node:crypto";
import { open as open2 } from "node:fs/promises";

// src/artifact/certificate-info.ts
import { X509Certificate as X509Certificate2 } from "node:crypto";
function certificateInfoOf(certificates) {
  return certificates.map((pem) => {
    const { subject, issuer, validFrom, validTo } = new X509Certificate2(pem);
    return { subject: inLine(subject), issuer: inLine(issuer), from: time(validFrom), until: time(validTo) };
  });
}
var inLine = (name3) => (name3 ?? "").replaceAll("\n", ", ");
function time(text3) {
  const at = new Date(text3);
  return Number.isNaN(at.getTime()) ? text3 : at.toISOString();
}

// src/artifact/cms.ts
import { X509Certificate as X509Certificate3 } from "node:crypto";
import { readFile as readFile2, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

// src/artifact/der.ts
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.of(tag, length), content]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return Buffer.concat([Buffer.of(tag, 128 + bytes.length), bytes, content]);
}
function derSet(tag, values2) {
  return der(tag, ...[...values2].sort((a, b) => Buffer.compare(a, b)));
}
function derOid(dotted) {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift(left % 128 + 128);
    }
    return groups;
  });
  return der(6, Buffer.from(bytes));
}
function derValues(bytes) {
  const values2 = [];
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at);
    const head = headOf(rest);
    if (head === void 0 || head.end > rest.length) return void 0;
    values2.push({
      tag: head.tag,
      content: rest.subarray(head.start, head.end),
      whole: rest.subarray(0, head.end)
    });
    at += head.end;
  }
  return values2;
}
function headOf(bytes) {
  const [tag, first] = bytes;
  if (tag === void 0 || first === void 0) return void 0;
  if (first < 128) return { tag, start: 2, end: 2 + first };
  const count = first - 128;
  if (count < 1 || count > 4 || bytes.length < 2 + count) return void 0;
  return { tag, start: 2 + count, end: 2 + count + bytes.readUIntBE(2, count) };
}

// src/artifact/named-pipe.ts
import { constants as constants3 } from "node:fs";
import { open } from "node:fs/promises";
async function feed(path2, content, program) {
  let isOpen = false;
  const opening = open(path2, "w").then((pipe2) => {
    isOpen = true;
    return pipe2;
  });
  const released2 = program.catch(() => {
  }).then(async () => {
    if (isOpen) return;
    const reader = await open(path2, constants3.O_RDONLY | constants3.O_NONBLOCK);
    await opening.catch(() => {
    });
    await reader.close();
  });
  try {
    var _stack = [];
    try {
      const pipe2 = __using(_stack, await opening, true);
      await pour(content, pipe2);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } catch (error) {
    if (!hasCode(error, "EPIPE")) throw error;
  }
  await released2;
}
async function pour(content, pipe2) {
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; ) at += (await pipe2.write(chunk, at)).bytesWritten;
  }
}

// src/artifact/cms.ts
async function verifyCms(signature, content, accepted, signal) {
  const trust = trustOf(accepted);
  if (derValues(Buffer.from(signature))?.length !== 1) {
    throw damaged("the signature", 0, "it is not one whole CMS and nothing else");
  }
  const folder2 = await temporaryFolder("drover-cms", plainContext(signal ? { signal } : {}));
  try {
    await writeFile(join(folder2, "signature"), signature);
    const openssl = async (...args) => await start("openssl", ["cms", ...checkArgs, ...args], { cwd: folder2, ...signal ? { signal } : {} }).done;
    const facts = await fitting(openssl, folder2, content);
    if (accepted.length === 0) return { ...facts, signature: "unverified" };
    const isStream = content !== void 0 && !(content instanceof Uint8Array);
    const again = isStream ? ["-content", "/dev/null", "-no_content_verify"] : contentArgs(content);
    await checkTrust(openssl, folder2, facts.signers, trust, again);
    const [first = ""] = facts.signers;
    return { ...facts, signature: "verified", signedBy: digestOf(keyOf(first)) };
  } finally {
    await rm(folder2, { recursive: true, force: true });
  }
}
var checkArgs = ["-verify", "-binary", "-inform", "DER", "-in", "signature"];
function contentArgs(content) {
  return content === void 0 ? ["-out", "verified"] : ["-content", "content", "-out", "/dev/null"];
}
async function fitting(openssl, folder2, content) {
  const path2 = join(folder2, "content");
  const isStream = content !== void 0 && !(content instanceof Uint8Array);
  if (isStream) await runOk("mkfifo", [path2], { what: "making a pipe for openssl" });
  else await writeFile(path2, content ?? "");
  const running = openssl("-noverify", "-signer", "signers.pem", ...contentArgs(content));
  if (isStream) await feed(path2, content, running);
  const fits = await running;
  if (fits.code !== 0) throw unfit(fits.stderr);
  const signers = certificatesOf(await readFile2(join(folder2, "signers.pem"), "latin1"));
  if (signers.length === 0) throw damaged("the signature", 0, "nobody signed");
  const carried = content === void 0 ? await readFile2(join(folder2, "verified")) : Buffer.alloc(0);
  return { content: carried, signers };
}
async function checkTrust(openssl, folder2, signers, { certificates, keys }, content) {
  if (signers.every((signer) => keys.some((key) => key.equals(keyOf(signer))))) return;
  const count = certificates.length + keys.length;
  if (certificates.length === 0) throw notAccepted(signers, count, "");
  await writeFile(join(folder2, "accepted.pem"), certificates.join("\n"));
  const chain = ["-purpose", "any", "-CAfile", "accepted.pem", "-no-CApath", "-no-CAstore"];
  const leads = await openssl(...content, ...chain);
  if (leads.code !== 0) throw notAccepted(signers, count, leads.stderr);
}
function trustOf(accepted) {
  const what = "the key to verify with";
  const blocks = accepted.flatMap((pem) => {
    const found = pemBlocks(pem);
    return found === void 0 || found.length === 0 ? [{ label: "", text: pem }] : found;
  });
  const certificates = blocks.filter(isCertificate).map(({ text: text3 }) => text3);
  try {
    certificates.forEach(keyOf);
  } catch {
    throw new Failure("bad-key", `${what} has a certificate that can’t be read: give it as PEM`);
  }
  const bare = blocks.filter((block) => !isCertificate(block) && !block.label.endsWith("PARAMETERS"));
  return { certificates, keys: bare.flatMap(({ text: text3 }) => publicKeysOf(text3, what)).map(derOfKey) };
}
function keyOf(certificate) {
  return derOfKey(new X509Certificate3(certificate).publicKey);
}
function derOfKey(key) {
  return key.export({ type: "spki", format: "der" });
}
function unfit(said) {
  if (/bad signature|verification failure|CMS_SignerInfo_verify|digest/i.test(said)) {
    return new Failure(
      "artifact-unsigned",
      "the artifact’s signature doesn’t fit what it signs: it was changed after it was signed",
      { detail: "artifact-signature" }
    );
  }
  return damaged("the signature", 0, `it can't be read as CMS (${lastWords(said, "openssl", 1)})`);
}
function notAccepted(signers, count, said) {
  const who = signers.map((pem) => new X509Certificate3(pem).subject.replaceAll("\n", ", ")).join("; ");
  const which = count === 1 ? "the given certificate or key" : `any of the ${count} given certificates and keys`;
  const why = /Verify error: *(.+)/.exec(said)?.[1];
  return new Failure(
    "artifact-unsigned",
    `the artifact is signed by ${who}, which ${which} doesn't accept${why === void 0 ? "" : ` (${why})`}`,
    { detail: "artifact-wrong-key" }
  );
}

// src/artifact/rauc/bundle-layout.ts
var trailerBytes = 8;
var maxSignatureBytes2 = 1 << 16;
var blockBytes2 = 4096;
var superblockBytes = 96;
function parseTrailer(trailer, fileBytes) {
  const at = fileBytes - trailerBytes;
  if (at < superblockBytes || trailer.length !== trailerBytes)
    throw damaged("the bundle", Math.max(0, at), "it is too short for a bundle");
  const size = Buffer.from(trailer).readBigUInt64BE();
  if (size === 0n) throw wrongMember("the bundle", at, "its last 8 bytes say that it has no signature");
  if (size > BigInt(maxSignatureBytes2)) {
    const why = `its last 8 bytes say that the signature has ${size} bytes, over ${maxSignatureBytes2}: it was cut off, or something follows its end`;
    throw damaged("the bundle", at, why);
  }
  const payloadBytes2 = at - Number(size);
  if (payloadBytes2 < superblockBytes) throw damaged("the bundle", at, "its signature is larger than itself");
  return { payloadBytes: payloadBytes2, signatureBytes: Number(size) };
}
var compressions = [void 0, "gzip", "lzma", "lzo", "xz", "lz4", "zstd"];
var dataIsStored = 2;
function parseSuperblock(bytes, payloadBytes2) {
  const wrong = (at, why) => damaged("the squashfs", at, why);
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (block.length < superblockBytes) throw wrong(0, "it is too short");
  if (block.toString("latin1", 0, 4) !== "hsqs") throw wrong(0, "it is no squashfs");
  const version = `${block.readUInt16LE(28)}.${block.readUInt16LE(30)}`;
  if (version !== "4.0") throw wrong(28, `its version is ${version}, not 4.0`);
  const id = block.readUInt16LE(20);
  const named = compressions[id];
  if (named === void 0) throw wrong(20, `its compression ${id} is none that exists`);
  const used = block.readBigUInt64LE(40);
  if (used < BigInt(superblockBytes) || used > BigInt(payloadBytes2))
    throw wrong(40, `it says that it has ${used} bytes, but ${payloadBytes2} are there`);
  const isStored = (block.readUInt16LE(24) & dataIsStored) !== 0;
  return {
    compression: isStored ? "none" : named,
    inodes: block.readUInt32LE(4),
    usedBytes: Number(used)
  };
}
var signedData = derOid("1.2.840.113549.1.7.2");
var envelopedData = derOid("1.2.840.113549.1.7.3");
function signatureKind(bytes) {
  const wrong = (why) => damaged("the signature", 0, why);
  const outer = valuesIn(Buffer.from(bytes), 48);
  const [type, content] = outer ?? [];
  if (type === void 0 || content === void 0)
    throw wrong("it is not one whole CMS in DER and nothing else");
  if (type.whole.equals(envelopedData)) return "crypt";
  if (!type.whole.equals(signedData)) throw wrong("it is no CMS that signs");
  const signed = valuesIn(valuesIn(content.whole, 160)?.[0]?.whole, 48)?.[2];
  const encapsulated = valuesIn(signed?.whole, 48);
  if (encapsulated === void 0) throw wrong("it is no CMS that signs");
  return encapsulated[1]?.tag === 160 ? "verity" : "plain";
}
function valuesIn(bytes, tag) {
  const [value, ...others] = (bytes && derValues(bytes)) ?? [];
  if (value === void 0 || others.length > 0 || value.tag !== tag) return void 0;
  return derValues(value.content);
}

// src/artifact/variant.ts
var variantProvide = "rootfs-image.variant";
var labVariant = "lab";
var fieldVariant = "field";
function isLabVariant(provides) {
  return variantsIn(provides).includes(labVariant);
}
function namesVariant(name3) {
  return name3 === "variant" || name3.endsWith(".variant");
}
function variantsIn(provides) {
  return [
    ...new Set(Object.entries(provides).flatMap(([name3, value]) => namesVariant(name3) ? [value] : []))
  ];
}
function variantProvides(variant2) {
  return variant2 === void 0 ? {} : { [variantProvide]: variant2 };
}
function checkVariant(variant2, findings) {
  if (variant2 === void 0 || word.test(variant2)) return;
  const rule = "letters, digits and ._- only, at most 64, the first a letter or digit";
  findings.add(new Failure("bad-input", `${JSON.stringify(variant2)} can't be a variant: ${rule}`));
}
var word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
function describedWith(description2, variant2) {
  if (variant2 === void 0) return description2;
  return description2 === void 0 ? `variant: ${variant2}` : `${description2} (variant: ${variant2})`;
}
function variantIn(description2) {
  const [, alone, atEnd] = /^variant: ([A-Za-z0-9][A-Za-z0-9._-]{0,63})$| \(variant: ([A-Za-z0-9][A-Za-z0-9._-]{0,63})\)$/.exec(
    description2 ?? ""
  ) ?? [];
  return alone ?? atEnd;
}

// src/artifact/rauc/rauc-content.ts
function contentOf(manifest, files) {
  const { compatible, version = "", description: description2, images } = manifest;
  const depends = { device_type: [compatible] };
  const payloads = images.map(({ slot: slot2, variant: variant2, hooks: hooks2, file, settings: settings2 }) => ({
    type: slot2,
    files: file === void 0 ? [] : [file],
    metaData: {
      ...settings2,
      ...variant2 === void 0 ? {} : { variant: variant2 },
      ...hooks2.length === 0 ? {} : { hooks: [...hooks2].sort() }
    },
    provides: {},
    depends: {},
    clearsProvides: []
  }));
  return {
    format: "rauc",
    version: 1,
    name: version,
    deviceTypes: [compatible],
    depends,
    provides: {
      ...version === "" ? {} : { artifact_name: version },
      ...variantProvides(variantIn(description2))
    },
    clearsProvides: [],
    payloads,
    scripts: files.map(({ name: name3 }) => name3),
    contentDigest: contentDigestOf({
      deviceTypes: [compatible],
      payloads,
      scriptsDigest: programsDigestOf(manifest, files)
    })
  };
}
function programsDigestOf({ hooks: hooks2, handler }, files) {
  if (hooks2 === void 0 && handler === void 0) return void 0;
  const sorted2 = files.toSorted((a, b) => a.name < b.name ? -1 : 1);
  return digestOf(
    canonicalJson({
      files: sorted2.map(({ name: name3, checksum }) => ({ name: name3, checksum })),
      handler: handler && { file: handler.file, args: handler.args ?? "" },
      hooks: hooks2 && { file: hooks2.file, isChecked: hooks2.isChecked }
    })
  );
}

// src/artifact/rauc/key-file.ts
var maxBytes = 1 << 18;
var maxLines = 1e4;
function parseKeyFile(content, place3) {
  if (content.length > maxBytes) throw tooLarge(place3, maxBytes, `it has over ${maxBytes} bytes`);
  const groups = /* @__PURE__ */ new Map();
  let group;
  let offset = 0;
  const lines = textOf2(content, place3).split("\n");
  if (lines.length > maxLines) throw tooLarge(place3, 0, `it has over ${maxLines} lines`);
  for (const line2 of lines) {
    const at = offset;
    offset += Buffer.byteLength(line2) + 1;
    const text3 = line2.trimStart().replace(/\r$/, "");
    if (text3.trimEnd() === "" || text3.startsWith("#")) continue;
    const name3 = /^\[([^[\]\p{Cc}]+)\]\s*$/u.exec(text3)?.[1];
    if (name3 !== void 0) {
      if (groups.has(name3)) throw wrongMember(place3, at, `it has the section ${JSON.stringify(name3)} twice`);
      groups.set(name3, group = /* @__PURE__ */ new Map());
      continue;
    }
    const [, key, value] = /^([A-Za-z0-9-]+)\s*=\s*(.*)$/s.exec(text3) ?? [];
    if (key === void 0 || value === void 0 || group === void 0)
      throw damaged(place3, at, "a line is malformed");
    if (group.has(key)) throw wrongMember(place3, at, `it has the key ${key} twice in a section`);
    group.set(key, unescaped(value, place3, at));
  }
  return groups;
}
function textOf2(content, place3) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw damaged(place3, 0, "it is no text in UTF-8", error);
  }
}
var escapes = { s: " ", n: "\n", t: "	", r: "\r", "\\": "\\", ";": ";" };
function unescaped(value, place3, at) {
  return value.replace(/\\(.?)/gs, (_, letter) => {
    const meant = escapes[letter];
    if (meant === void 0) throw damaged(place3, at, "a value has an escape that doesn’t exist");
    return meant;
  });
}

// src/artifact/rauc/rauc-manifest.ts
var place = "manifest.raucm";
var maxImages = 256;
function parseManifest2(content) {
  const groups = parseKeyFile(content, place);
  const update = take(groups, "update", ["compatible", "version", "description", "build", "min-rauc-version"]);
  const compatible = update.get("compatible");
  if (compatible === void 0) throw damaged(place, 0, "it names no compatible");
  const handler = take(groups, "handler", ["filename", "args"]);
  const handlerFile = handler.get("filename");
  const bundle = take(groups, "bundle", ["format", "verity-hash", "verity-salt", "verity-size", "crypt-key"]);
  const hooks2 = take(groups, "hooks", ["filename", "hooks"]);
  const images = [...groups].flatMap(
    ([name3, values2]) => name3.startsWith("image.") ? [imageOf(name3, values2)] : []
  );
  if (images.length > maxImages) throw damaged(place, 0, `it names more than ${maxImages} images`);
  for (const name3 of groups.keys()) {
    if (!/^(image|meta)\./.test(name3)) throw damaged(place, 0, `it has an unknown section ${shown2(name3)}`);
  }
  return {
    compatible: oneLine2("compatible", compatible),
    version: optionalLine("version", update.get("version")),
    description: update.get("description"),
    build: optionalLine("build", update.get("build")),
    ...bundleOf(bundle),
    hooks: hooksOf(hooks2, images),
    handler: handlerFile === void 0 ? void 0 : { file: fileName(handlerFile), args: handler.get("args") },
    images
  };
}
function bundleOf(bundle) {
  const format = bundle.get("format") ?? "plain";
  if (format !== "plain" && format !== "verity" && format !== "crypt")
    throw damaged(place, 0, `its format ${shown2(format)} is none that exists`);
  const [hash2, salt] = [bundle.get("verity-hash"), bundle.get("verity-salt")];
  if (format !== "verity" || hash2 === void 0 && salt === void 0) return { format };
  const hex = /^[0-9a-f]{64}$/i;
  const sizeBytes = whole("verity-size", bundle.get("verity-size") ?? "");
  if (hash2 === void 0 || salt === void 0 || !hex.test(hash2) || !hex.test(salt))
    throw damaged(place, 0, "verity-hash and verity-salt must have 64 hex digits");
  if (sizeBytes === 0 || sizeBytes % 4096 !== 0) throw damaged(place, 0, "verity-size is no multiple of 4096");
  return { format, verity: { hash: hash2.toLowerCase(), salt: salt.toLowerCase(), sizeBytes } };
}
function hooksOf(hooks2, images) {
  const called = listOf(hooks2.get("hooks"));
  const unknown2 = called.find((hook) => hook !== "install-check");
  if (unknown2 !== void 0) throw damaged(place, 0, `it has an unknown hook ${shown2(unknown2)}`);
  const file = hooks2.get("filename");
  if (file !== void 0) return { file: fileName(file), isChecked: called.length > 0 };
  if (called.length > 0 || images.some((image) => image.hooks.length > 0))
    throw damaged(place, 0, "it has hooks, but names no file for them");
  return void 0;
}
var imageHooks = ["pre-install", "install", "post-install"];
function imageOf(group, values2) {
  const [, slot2 = "", variant2] = /^image\.([^.]+)(?:\.(.+))?$/s.exec(group) ?? [];
  if (slot2 === "") throw damaged(place, 0, `the section ${shown2(group)} names no slot`);
  const { filename, sha256, size, hooks: hooks2, ...settings2 } = Object.fromEntries(values2);
  if ("variant" in settings2) throw damaged(place, 0, `${group} has an unknown key "variant"`);
  const called = listOf(hooks2);
  const unknown2 = called.find((hook) => !imageHooks.some((known) => known === hook));
  if (unknown2 !== void 0) throw damaged(place, 0, `${group} has an unknown hook ${shown2(unknown2)}`);
  const image = { slot: slot2, variant: variant2, hooks: called, settings: settings2 };
  if (filename === void 0) {
    if (called.includes("install")) return image;
    throw damaged(place, 0, `${group} names no file`);
  }
  if (sha256 === void 0 || !/^[0-9a-f]{64}$/i.test(sha256))
    throw damaged(place, 0, `${group} has no sha256 of 64 hex digits`);
  const sizeBytes = size === void 0 && called.includes("install") ? 0 : whole(`${group}: size`, size ?? "");
  return { ...image, file: { name: fileName(filename), sizeBytes, checksum: sha256.toLowerCase() } };
}
function take(groups, name3, known) {
  const group = groups.get(name3) ?? /* @__PURE__ */ new Map();
  groups.delete(name3);
  for (const key of group.keys()) {
    if (!known.includes(key)) throw damaged(place, 0, `the section ${name3} has an unknown key ${shown2(key)}`);
  }
  return group;
}
function listOf(value) {
  return (value ?? "").split(";").filter(Boolean);
}
function whole(what, text3) {
  const number4 = /^\d{1,16}$/.test(text3) ? Number(text3) : Number.NaN;
  if (Number.isSafeInteger(number4)) return number4;
  throw damaged(place, 0, `${what} is ${shown2(text3)}, which is no size`);
}
function fileName(name3) {
  const isPlain = name3.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (isPlain && name3 === oneLine2("a file’s name", name3)) return name3;
  throw unsafePath(place, 0, `it names the file ${shown2(name3)}, which leaves the bundle`);
}
function optionalLine(what, value) {
  return value === void 0 ? void 0 : oneLine2(what, value);
}
function oneLine2(what, value) {
  if (value !== "" && isPrintable(value)) return value;
  throw wrongMember(place, 0, `${what} is ${shown2(value)}, which can't be shown`);
}
function isPrintable(text3) {
  return text3.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text3);
}
function shown2(text3) {
  return JSON.stringify(text3.slice(0, 100));
}

// src/artifact/rauc/squashfs-files.ts
import { createHash as createHash5 } from "node:crypto";
import { readlink, readdir, rm as rm2 } from "node:fs/promises";
import { join as join2, relative } from "node:path";
var maxManifestBytes2 = 1 << 18;
var maxFileBytes = 16 << 20;
var maxInodes = 1e3;
async function manifestIn(path2, signal) {
  const chunks = [];
  await pourOut(path2, "manifest.raucm", maxManifestBytes2, (chunk) => chunks.push(chunk), signal);
  return Buffer.concat(chunks);
}
async function checkImage(path2, { name: name3, sizeBytes, checksum }, signal) {
  const hash2 = createHash5("sha256");
  const size = await pourOut(path2, name3, sizeBytes, (chunk) => hash2.update(chunk), signal);
  if (size !== sizeBytes)
    throw wrongChecksum(name3, size, `it ends here, but the manifest says that it has ${sizeBytes} bytes`);
  if (hash2.digest("hex") !== checksum) throw wrongChecksum(name3, 0, "its checksum is not the manifest’s");
}
async function pourOut(path2, name3, limitBytes, take2, signal) {
  let size = 0;
  const over = new AbortController();
  const stop = signal === void 0 ? over.signal : AbortSignal.any([signal, over.signal]);
  const onData = (chunk) => {
    size += chunk.length;
    if (size <= limitBytes) take2(chunk);
    else over.abort(tooLarge(name3, limitBytes, `it has more than ${limitBytes} bytes`));
  };
  const seconds2 = 120 + Math.ceil(limitBytes / 1e6);
  const args = [...unsquashfs(seconds2), "-no-wildcards", "-cat", path2, name3];
  const { code, stderr } = await start("prlimit", args, { signal: stop, onData }).done;
  if (code === 0) return size;
  if (/no matches for/.test(stderr)) throw wrongMember("the squashfs", 0, `it has no ${JSON.stringify(name3)}`);
  const why = `unsquashfs can't read ${JSON.stringify(name3)}: ${lastWords(stderr, "unsquashfs", code)}`;
  throw damaged("the squashfs", 0, why);
}
function unsquashfs(cpuSeconds, ...limits) {
  const limited = ["--as=4294967296", "--core=0", `--cpu=${cpuSeconds}`, ...limits];
  const quiet = ["-no-progress", "-processors", "4", "-data-queue", "16", "-frag-queue", "16"];
  return [...limited, "unsquashfs", ...quiet];
}
async function filesIn(path2, { inodes, images }, signal) {
  if (inodes > maxInodes) throw tooLarge("the squashfs", 4, `it has ${inodes} files, over ${maxInodes}`);
  return await inFolder(signal, async (folder2) => {
    const left = ["manifest.raucm", ...images];
    await unpack(path2, folder2, left, signal);
    const files = [];
    const root = join2(folder2, "files");
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const at = join2(entry.parentPath, entry.name);
      const name3 = relative(root, at);
      if (entry.isDirectory()) continue;
      if (entry.isFile()) files.push({ name: name3, checksum: hexOf(await digestOfFile(at, signal)) });
      else if (entry.isSymbolicLink())
        files.push({ name: name3, checksum: hexOf(digestOf(`link to ${await readlink(at)}`)) });
      else throw unsafePath("the squashfs", 0, `${JSON.stringify(name3)} is no plain file`);
    }
    return files.sort((a, b) => a.name < b.name ? -1 : 1);
  });
}
async function unpack(path2, folder2, excluded, signal) {
  const options = ["-no-xattrs", "-no-wildcards", "-excludes", "-dest", join2(folder2, "files")];
  const args = [...unsquashfs(120, `--fsize=${maxFileBytes}`), ...options, path2, ...excluded];
  const { code, stderr, stdout } = await start("prlimit", args, signal ? { signal } : {}).done;
  if (code === 0) return;
  const why = `unsquashfs can't unpack it: ${lastWords(stderr || stdout, "unsquashfs", code)}`;
  throw damaged("the squashfs", 0, why);
}
async function inFolder(signal, work) {
  const folder2 = await temporaryFolder("drover-squashfs", plainContext(signal ? { signal } : {}));
  try {
    return await work(folder2);
  } finally {
    await rm2(folder2, { recursive: true, force: true });
  }
}

// src/artifact/rauc/verity.ts
import { hash } from "node:crypto";
var digestBytes = 32;
var digestsPerBlock = blockBytes2 / digestBytes;
function levelOffsets(dataBytes, treeBytes) {
  if (dataBytes % blockBytes2 !== 0 || dataBytes <= blockBytes2)
    throw damaged("the bundle", dataBytes, "the data under the hash tree is not made of blocks");
  const sizes = [];
  for (let blocks = dataBytes / blockBytes2; blocks > 1; ) {
    blocks = Math.ceil(blocks / digestsPerBlock);
    sizes.push(blocks * blockBytes2);
  }
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== treeBytes)
    throw damaged("manifest.raucm", 0, `verity-size is ${treeBytes}, but the hash tree has ${total} bytes`);
  let end = dataBytes + total;
  return sizes.map((size) => end -= size);
}
var VerityCheck = class {
  #file;
  #facts;
  #levels;
  #block;
  #saltBytes;
  #inBlock = 0;
  constructor(file, dataBytes, facts) {
    this.#file = file;
    this.#facts = facts;
    const salt = Buffer.from(facts.salt, "hex");
    this.#saltBytes = salt.length;
    const salted = () => Buffer.concat([salt, Buffer.alloc(blockBytes2)]);
    this.#block = salted();
    this.#levels = levelOffsets(dataBytes, facts.sizeBytes).map((offset) => ({
      offset,
      salted: salted(),
      filled: 0,
      done: 0
    }));
  }
  /** The next bytes of the data. Throws `artifact-damaged`. */
  async add(chunk) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + blockBytes2 - this.#inBlock);
      this.#block.set(piece, this.#saltBytes + this.#inBlock);
      this.#inBlock += piece.length;
      at += piece.length;
      if (this.#inBlock < blockBytes2) return;
      this.#inBlock = 0;
      const isFull = this.#put(0, hash("sha256", this.#block, "buffer"));
      if (isFull) await this.#close(0);
    }
  }
  /** After all of the data. Throws `artifact-damaged`. */
  async finish() {
    for (const [i, level] of this.#levels.entries()) if (level.filled > 0) await this.#close(i);
    const top = this.#levels.at(-1);
    if (top !== void 0 && hash("sha256", top.salted) !== this.#facts.hash)
      throw wrongChecksum("the hash tree", top.offset, "its root is not the one that is signed");
  }
  #put(i, digest) {
    const level = this.#levels[i];
    if (level === void 0) return false;
    level.salted.set(digest, this.#saltBytes + level.filled * digestBytes);
    level.filled += 1;
    return level.filled === digestsPerBlock;
  }
  /** A block of digests is complete: it has to stand in the file, and its own digest belongs to the level above. */
  async #close(i) {
    const level = this.#levels[i];
    if (level === void 0) return;
    level.salted.fill(0, this.#saltBytes + level.filled * digestBytes);
    await this.#compare(i, level);
    level.done += 1;
    level.filled = 0;
    if (i + 1 < this.#levels.length && this.#put(i + 1, hash("sha256", level.salted, "buffer")))
      await this.#close(i + 1);
  }
  async #compare(i, level) {
    const position = level.offset + level.done * blockBytes2;
    const stored2 = Buffer.alloc(blockBytes2);
    const { bytesRead } = await this.#file.read(stored2, 0, blockBytes2, position);
    const computed = level.salted.subarray(this.#saltBytes);
    if (bytesRead === blockBytes2 && stored2.equals(computed)) return;
    const digest = Math.floor(stored2.findIndex((byte, at) => byte !== computed[at]) / digestBytes);
    if (i > 0 || digest >= level.filled)
      throw wrongChecksum("the hash tree", position, "it is not the tree of what is beneath it");
    const offset = (level.done * digestsPerBlock + digest) * blockBytes2;
    throw wrongChecksum("the payload", offset, "the block that starts here is not the one of the hash tree");
  }
};

// src/artifact/rauc/read-rauc.ts
async function readRauc(path2, options) {
  return (await readBundle(path2, options)).info;
}
async function readBundle(path2, options) {
  var _stack = [];
  try {
    requirePrograms(["openssl", "unsquashfs", "prlimit"]);
    const file = __using(_stack, await open2(path2), true);
    const sizeBytes = (await file.stat()).size;
    const limits = { ...defaultLimits, ...options.limits };
    if (sizeBytes > limits.artifactBytes)
      throw tooLarge("the bundle", limits.artifactBytes, `it has more than ${limits.artifactBytes} bytes`);
    const bundle = new Bundle(file, sizeBytes, options);
    const layout = parseTrailer(
      await bundle.part(Math.max(0, sizeBytes - trailerBytes), trailerBytes),
      sizeBytes
    );
    const der2 = await bundle.part(layout.payloadBytes, layout.signatureBytes);
    const kind = signatureKind(der2);
    if (kind === "crypt") throw encrypted();
    const { manifest, verified, superblock, sha256 } = await bundle.check(kind, der2, layout);
    checkSize(manifest, limits.payloadBytes);
    const own = `/proc/${process.pid}/fd/${file.fd}`;
    const images = manifest.images.flatMap(({ file: of }) => of ?? []);
    for (const image of images) if (image.sizeBytes > 0) await checkImage(own, image, options.signal);
    const files = await programsIn(own, manifest, superblock, options.signal);
    const info = {
      ...contentOf(manifest, files),
      bundle: { format: kind, description: manifest.description, build: manifest.build },
      signature: verified.signature,
      ...verified.signedBy === void 0 ? {} : { signedBy: verified.signedBy },
      certificates: certificateInfoOf(verified.signers),
      compression: superblock.compression,
      sizeBytes,
      sha256: `sha256:${sha256}`
    };
    return {
      info,
      payloadBytes: layout.payloadBytes,
      signedManifest: kind === "verity" ? verified.content : void 0,
      signers: verified.signers
    };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function endsAsBundle(path2) {
  var _stack = [];
  try {
    const file = __using(_stack, await open2(path2), true);
    const { size } = await file.stat();
    const end = new Bundle(file, size, {});
    try {
      const trailer = await end.part(Math.max(0, size - trailerBytes), trailerBytes);
      const { payloadBytes: payloadBytes2, signatureBytes } = parseTrailer(trailer, size);
      signatureKind(await end.part(payloadBytes2, signatureBytes));
      return true;
    } catch (error) {
      if (error instanceof Failure) return false;
      throw error;
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
var Bundle = class {
  #file;
  #sizeBytes;
  #options;
  #hash = createHash6("sha256");
  constructor(file, sizeBytes, options) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#options = options;
  }
  /** A small part of the file. */
  async part(offset, length) {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, offset);
    if (bytesRead < length) throw damaged("the bundle", offset + bytesRead, "it ends too early");
    return bytes;
  }
  async check(kind, der2, layout) {
    const checked4 = await (kind === "plain" ? this.#plain(der2, layout) : this.#verity(der2, layout));
    for await (const chunk of this.#chunks(layout.payloadBytes, this.#sizeBytes)) this.#hash.update(chunk);
    return { ...checked4, sha256: this.#hash.digest("hex") };
  }
  async #plain(der2, { payloadBytes: payloadBytes2 }) {
    const superblock = parseSuperblock(await this.part(0, superblockBytes), payloadBytes2);
    const { verifyKeys = [], signal } = this.#options;
    const verified = await verifyCms(der2, this.#hashed(payloadBytes2), verifyKeys, signal);
    const manifest = parseManifest2(await manifestIn(`/proc/${process.pid}/fd/${this.#file.fd}`, signal));
    if (manifest.format === "plain") return { manifest, verified, superblock };
    throw wrongMember("manifest.raucm", 0, `it says ${manifest.format}, but the bundle is signed as plain`);
  }
  async #verity(der2, { payloadBytes: payloadBytes2 }) {
    const { verifyKeys = [], signal } = this.#options;
    const verified = await verifyCms(der2, void 0, verifyKeys, signal);
    const manifest = parseManifest2(verified.content);
    const { verity } = manifest;
    if (manifest.format === "crypt") throw encrypted();
    if (verity === void 0)
      throw wrongMember("manifest.raucm", 0, "it is signed as verity, but has no hash tree");
    const dataBytes = payloadBytes2 - verity.sizeBytes;
    if (dataBytes <= superblockBytes)
      throw damaged("manifest.raucm", 0, "verity-size leaves no place for the squashfs");
    const superblock = parseSuperblock(await this.part(0, superblockBytes), dataBytes);
    const check2 = new VerityCheck(this.#file, dataBytes, verity);
    let left = dataBytes;
    for await (const chunk of this.#hashed(payloadBytes2)) {
      await check2.add(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
    }
    await check2.finish();
    return { manifest, verified, superblock };
  }
  /** The payload, which is hashed on its way. */
  async *#hashed(payloadBytes2) {
    for await (const chunk of this.#chunks(0, payloadBytes2)) {
      this.#hash.update(chunk);
      yield chunk;
    }
  }
  /** In pieces that are overwritten by the next one. */
  async *#chunks(start2, end) {
    const buffer = Buffer.allocUnsafeSlow(1 << 20);
    for (let at = start2; at < end; ) {
      this.#options.signal?.throwIfAborted();
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) throw damaged("the bundle", at, "it ends too early");
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
};
async function programsIn(path2, { hooks: hooks2, handler, images }, { inodes }, signal) {
  const named = [hooks2, handler].flatMap((program) => program?.file ?? []);
  if (named.length === 0) return [];
  const excluded = images.flatMap(({ file }) => file?.name ?? []);
  const files = await filesIn(path2, { inodes, images: excluded }, signal);
  const missing = named.find((name3) => !files.some((file) => file.name === name3));
  if (missing === void 0) return files;
  throw wrongMember("the squashfs", 0, `it has no ${JSON.stringify(missing)}, which the manifest names`);
}
function checkSize({ images }, limitBytes) {
  const total = images.reduce((sum, { file }) => sum + (file?.sizeBytes ?? 0), 0);
  if (total > limitBytes)
    throw tooLarge("manifest.raucm", 0, `its images have ${total} bytes, over ${limitBytes}`);
}
function encrypted() {
  return new Failure(
    "bad-input",
    "the bundle is encrypted (format crypt), and only its devices can read it: give the bundle that it was made from"
  );
}

// src/artifact/swupdate/read-swupdate.ts
import { createHash as createHash7 } from "node:crypto";

// src/artifact/archive/cpio-header.ts
var cpioHeaderBytes = 110;
var cpioTrailer = "TRAILER!!!";
var maxCpioEntryBytes = 2 ** 32 - 1;
function cpioHeader({ name: name3, inode, sizeBytes, sum }) {
  if (sizeBytes > maxCpioEntryBytes) throw new RangeError(`too large for a cpio header: ${name3}`);
  const isEnd = name3 === cpioTrailer;
  const nameBytes = Buffer.byteLength(name3) + 1;
  const fields = [inode, isEnd ? 0 : 33188, 0, 0, 1, 0, sizeBytes, 0, 0, 0, 0, nameBytes, sum];
  const head = `070702${fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("")}${name3}\0`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(cpioPadding(Buffer.byteLength(head)))]);
}
function cpioEntry(name3, inode, content) {
  const header2 = cpioHeader({ name: name3, inode, sizeBytes: content.length, sum: cpioSum(content) });
  return Buffer.concat([header2, content, Buffer.alloc(cpioPadding(content.length))]);
}
function cpioEnd(sizeBytes) {
  const trailer = cpioHeader({ name: cpioTrailer, inode: 0, sizeBytes: 0, sum: 0 });
  const over = (sizeBytes + trailer.length) % 512;
  return Buffer.concat([trailer, Buffer.alloc((512 - over) % 512)]);
}
function cpioPadding(sizeBytes) {
  return (4 - sizeBytes % 4) % 4;
}
function cpioSum(content, sum = 0) {
  const { buffer, byteOffset, length } = content;
  if (length < 8) return sum + sumOfBytes(content) >>> 0;
  const start2 = (4 - byteOffset % 4) % 4;
  const words = new Uint32Array(buffer, byteOffset + start2, length - start2 >>> 2);
  const edges = sumOfBytes(content.subarray(0, start2)) + sumOfBytes(content.subarray(start2 + words.byteLength));
  return sum + edges + sumOfWords(words) >>> 0;
}
function sumOfWords(words) {
  let total = 0;
  for (let i = 0; i < words.length; ) {
    let [even, odd] = [0, 0];
    for (const end = Math.min(i + 256, words.length); i < end; i++) {
      const word3 = words[i] ?? 0;
      even += word3 & 16711935;
      odd += word3 >>> 8 & 16711935;
    }
    total += (even & 65535) + (even >>> 16) + (odd & 65535) + (odd >>> 16);
  }
  return total;
}
function sumOfBytes(bytes) {
  return bytes.reduce((total, byte) => total + byte, 0);
}

// src/artifact/archive/cpio-reader.ts
var maxNameBytes = 256;
var maxTrailingZeros2 = 64 << 10;
var plainFile = 32768;
var CpioReader = class {
  #bytes;
  #names = /* @__PURE__ */ new Set();
  #isRead = true;
  constructor(bytes) {
    this.#bytes = bytes;
  }
  /** The next member, once the one before was read; undefined at the archive's end, after which nothing follows. */
  async next() {
    if (!this.#isRead) throw new Error("the member before was not read");
    const offset = this.#bytes.offset;
    const header2 = (await this.#bytes.exactly(cpioHeaderBytes)).toString("latin1");
    if (!/^07070[12][0-9A-Fa-f]{104}$/.test(header2)) throw this.#damaged(offset, "a header is malformed");
    const field = (index) => parseInt(header2.slice(6 + 8 * index, 14 + 8 * index), 16);
    const [mode, sizeBytes, nameBytes, sum] = [field(1), field(6), field(11), field(12)];
    const hasSums = header2.startsWith("070702");
    if (!hasSums && sum !== 0) throw this.#damaged(offset, "a checksum stands where none may be");
    const name3 = await this.#name(nameBytes, offset);
    if (name3 === cpioTrailer) {
      if (sizeBytes !== 0) throw this.#damaged(offset, "its end has content");
      await this.#bytes.zerosToEnd(maxTrailingZeros2);
      return void 0;
    }
    this.#checkName(name3, offset);
    if ((mode & 61440) !== plainFile)
      throw this.#unsafe(offset, `${JSON.stringify(name3)} is no plain file`);
    this.#isRead = false;
    return { name: name3, sizeBytes, offset, sum: hasSums ? sum : void 0 };
  }
  /** The content of the member that `next` gave; to be read once, to its end, where its checksum is compared. */
  async *body(member) {
    let sum = 0;
    for await (const piece of this.#bytes.take(member.sizeBytes)) {
      sum = cpioSum(piece, sum);
      yield piece;
    }
    await this.#skipPadding(member.sizeBytes);
    if (member.sum !== void 0 && member.sum !== sum) {
      const why = `${JSON.stringify(member.name)} has another checksum than its header says`;
      throw wrongChecksum(this.#bytes.place, member.offset, why);
    }
    this.#isRead = true;
  }
  /** The content as one; a member over `limitBytes` is refused before it is read. */
  async content(member, limitBytes) {
    if (member.sizeBytes > limitBytes) {
      const why = `${member.name} has ${member.sizeBytes} bytes, over ${limitBytes}`;
      throw tooLarge(this.#bytes.place, member.offset, why);
    }
    const pieces = [];
    for await (const piece of this.body(member)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  async #name(nameBytes, offset) {
    if (nameBytes < 2 || nameBytes > maxNameBytes)
      throw this.#damaged(offset, "a name is too short or too long");
    const bytes = await this.#bytes.exactly(nameBytes);
    await this.#skipPadding(cpioHeaderBytes + nameBytes);
    if (bytes.indexOf(0) !== nameBytes - 1) throw this.#damaged(offset, "a name ends where it should not");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, -1));
    } catch {
      throw this.#damaged(offset, "a name is not UTF-8");
    }
  }
  #checkName(name3, offset) {
    if (/[/\\\u0000-\u001f\u007f]|^\.{1,2}$/.test(name3)) {
      throw this.#unsafe(offset, `${JSON.stringify(name3)} can't be a member's name: it has to be flat`);
    }
    if (this.#names.has(name3)) {
      throw wrongMember(this.#bytes.place, offset, `${JSON.stringify(name3)} is there twice`);
    }
    this.#names.add(name3);
  }
  async #skipPadding(sizeBytes) {
    const offset = this.#bytes.offset;
    const padding = await this.#bytes.exactly(cpioPadding(sizeBytes));
    if (padding.some((byte) => byte !== 0)) {
      throw wrongMember(this.#bytes.place, offset, "something stands between two members");
    }
  }
  #damaged(offset, why) {
    return damaged(this.#bytes.place, offset, why);
  }
  #unsafe(offset, why) {
    return unsafePath(this.#bytes.place, offset, why);
  }
};

// src/artifact/swupdate/describe.ts
var compressedBy = {
  none: void 0,
  gzip: "zlib",
  zstd: "zstd",
  xz: "xz"
};
var reserved = /* @__PURE__ */ new Set([
  "version",
  "description",
  "name",
  "hardware-compatibility",
  "images",
  "files",
  "scripts",
  "partitions",
  "bootenv",
  "uboot",
  "embedded-script",
  "bootloader_transaction_marker",
  "bootloader_state_marker",
  "reboot",
  "output",
  "ref",
  "update-type",
  "no-downgrading",
  // our own
  "variant"
]);
var anyRevision = "#RE:^.*$";
function isReserved(deviceType2) {
  return reserved.has(deviceType2);
}
function describe({ deviceTypes, hardwareCompatibility, description: description2, imageVariant, ...content }, name3, sha256Of3) {
  const { slots, selection = "stable", ...rest } = content;
  const node = slots === void 0 ? listsOf(rest, void 0, name3, sha256Of3) : {
    [selection]: Object.fromEntries(
      slots.map((slot2) => [slot2.mode, listsOf(rest, slot2, name3, sha256Of3)])
    )
  };
  const board = { "hardware-compatibility": hardwareCompatibility ?? [anyRevision], ...node };
  const software = {
    version: name3,
    ...description2 === void 0 ? {} : { description: description2 },
    ...imageVariant === void 0 ? {} : { variant: imageVariant },
    ...Object.fromEntries([...new Set(deviceTypes)].map((type) => [type, board]))
  };
  return Buffer.from(`${JSON.stringify({ software })}
`);
}
function listsOf({ files, bootenv }, slot2, release, sha256Of3) {
  const list = (name3) => {
    const items = files.filter((file) => file.list === name3);
    return items.length === 0 ? {} : { [name3]: items.map((file) => itemOf(file, slot2, release, sha256Of3)) };
  };
  const variables = Object.entries({ ...bootenv, ...slot2?.bootenv });
  return {
    ...list("images"),
    ...list("files"),
    ...list("scripts"),
    ...variables.length === 0 ? {} : { bootenv: variables.map(([name3, value]) => ({ name: name3, value })) }
  };
}
function itemOf({ fileName: fileName3, says, compression, isMain }, slot2, release, sha256Of3) {
  const compressed = compressedBy[compression];
  return {
    filename: fileName3,
    ...isMain ? { name: "rootfs", version: release } : {},
    ...says,
    ...isMain && slot2 !== void 0 ? { device: slot2.device } : {},
    ...compressed === void 0 ? {} : { compressed },
    sha256: sha256Of3(fileName3)
  };
}

// src/artifact/swupdate/libconfig.ts
var maxDepth2 = 32;
var name2 = /[A-Za-z*][-A-Za-z0-9_*.]{0,255}/y;
var number2 = /[-+]?(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,4})?)L{0,2}/y;
var marks = "{}()[],;:=";
var white = " 	\r\n\v\f";
function parseLibconfig(content, place3) {
  return new Parser(decoded3(content, place3), place3).file();
}
var Parser = class {
  #text;
  #place;
  #at = 0;
  #kind = "end";
  #value = "";
  constructor(text3, place3) {
    this.#text = text3;
    this.#place = place3;
    this.#advance();
  }
  file() {
    return this.#settings("", 0);
  }
  #advance() {
    this.#at = this.#startOfToken();
    const start2 = this.#at;
    const first = this.#text[start2];
    if (first === void 0) return this.#take("end", start2);
    if (marks.includes(first)) return this.#take("mark", start2 + 1);
    if (first === '"') return this.#take("string", this.#endOfString(start2));
    for (const [kind, pattern] of [
      ["name", name2],
      ["number", number2]
    ]) {
      pattern.lastIndex = start2;
      if (pattern.test(this.#text)) return this.#take(kind, pattern.lastIndex);
    }
    throw this.#damaged("it can’t be read as libconfig");
  }
  #take(kind, end) {
    this.#kind = kind;
    this.#value = this.#text.slice(this.#at, end);
    this.#at = end;
  }
  /** Behind white space and comments. */
  #startOfToken() {
    let at = this.#at;
    for (; ; ) {
      while (at < this.#text.length && white.includes(this.#text[at] ?? "")) at++;
      const two = this.#text.slice(at, at + 2);
      if (two.startsWith("#") || two === "//") at = this.#after("\n", at);
      else if (two !== "/*") return at;
      else if (this.#text.includes("*/", at + 2)) at = this.#after("*/", at + 2);
      else throw this.#damaged("a comment doesn’t end");
    }
  }
  #after(mark, from) {
    const at = this.#text.indexOf(mark, from);
    return at < 0 ? this.#text.length : at + mark.length;
  }
  #endOfString(start2) {
    for (let at = start2 + 1; at < this.#text.length; at++) {
      if (this.#text[at] === '"') return at + 1;
      if (this.#text[at] === "\\") at++;
    }
    throw this.#damaged("a string doesn’t end");
  }
  /** Takes a mark where it stands there. */
  #takes(...marks3) {
    if (this.#kind !== "mark" || !marks3.includes(this.#value)) return false;
    this.#advance();
    return true;
  }
  #settings(end, depth) {
    const group = /* @__PURE__ */ new Map();
    for (; ; ) {
      if (end === "" ? this.#kind === "end" : this.#takes(end)) return Object.fromEntries(group);
      if (this.#kind !== "name") throw this.#damaged("a name is missing");
      const name3 = this.#value;
      if (group.has(name3)) throw this.#damaged(`${name3} stands twice`);
      this.#advance();
      if (!this.#takes("=", ":")) throw this.#damaged(`${name3} has no value`);
      group.set(name3, this.#any(depth + 1));
      if (!this.#takes(";")) this.#takes(",");
    }
  }
  #any(depth) {
    if (depth > maxDepth2) throw this.#damaged("it is nested too deep");
    if (this.#takes("{")) return this.#settings("}", depth);
    if (this.#takes("(")) return this.#list(")", depth);
    if (this.#takes("[")) return this.#list("]", depth);
    return this.#scalar();
  }
  #list(end, depth) {
    const items = [];
    while (!this.#takes(end)) {
      items.push(this.#any(depth + 1));
      if (this.#takes(",")) continue;
      if (!this.#takes(end)) throw this.#damaged("a list doesn’t end");
      break;
    }
    return items;
  }
  #scalar() {
    const [kind, value] = [this.#kind, this.#value];
    this.#advance();
    if (kind === "number") return this.#number(value.replace(/L+$/, ""));
    if (kind === "name" && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
    if (kind !== "string") throw this.#damaged("a value is missing");
    let text3 = unescaped2(value);
    for (; this.#kind === "string"; this.#advance()) text3 += unescaped2(this.#value);
    if (text3.includes("\0")) throw this.#damaged("a string has a zero byte");
    return text3;
  }
  #number(literal) {
    const value = Number(literal);
    const isWhole = !/[.eE]/.test(literal) || /^[-+]?0x/i.test(literal);
    if (Number.isFinite(value) && (!isWhole || Number.isSafeInteger(value))) return value;
    throw this.#damaged("a number is too large");
  }
  #damaged(why) {
    const line2 = this.#text.slice(0, this.#at).split("\n").length;
    return damaged(this.#place, this.#at, `${why} (line ${line2})`);
  }
};
var escapes2 = {
  n: "\n",
  r: "\r",
  t: "	",
  f: "\f",
  v: "\v",
  a: "\x07",
  b: "\b"
};
function unescaped2(literal) {
  return literal.slice(1, -1).replace(
    /\\(x[0-9a-fA-F]{2}|.)/gs,
    (_all, code) => code.length === 3 ? String.fromCharCode(parseInt(code.slice(1), 16)) : escapes2[code] ?? code
  );
}
function decoded3(content, place3) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw damaged(place3, 0, "it is not UTF-8", error);
  }
}

// src/artifact/swupdate/description.ts
var place2 = "sw-description";
var maxBytes2 = 1 << 20;
var lists = ["images", "files", "scripts", "partitions"];
var defaultType = { images: "", files: "rawfile", scripts: "lua", partitions: "ubipartition" };
var revisions = "hardware-compatibility";
var silent = /* @__PURE__ */ new Set(["version", "description", "name"]);
function parseDescription(content) {
  const { software } = parse2(content);
  if (!isTree(software)) throw damaged(place2, 0, 'it has no "software"');
  const { version } = software;
  if (typeof version !== "string" || version === "") throw damaged(place2, 0, 'software has no "version"');
  const found = [];
  const { variant: variant2, ...others } = software;
  const boards = walkRoot(typeof variant2 === "string" ? others : software, found);
  return {
    name: version,
    variant: typeof variant2 === "string" ? variant2 : void 0,
    boards,
    items: joined(found, boards)
  };
}
function parse2(content) {
  if (content.length > maxBytes2) throw tooLarge(place2, maxBytes2, `it has over ${maxBytes2} bytes`);
  const value = isJson(content) ? parsedJson(content) : parseLibconfig(content, place2);
  if (isTree(value)) return value;
  throw damaged(place2, 0, "it is no object");
}
function isJson(content) {
  return String.fromCharCode(content.find((byte) => !" 	\r\n".includes(String.fromCharCode(byte))) ?? 0) === "{";
}
function parsedJson(content) {
  try {
    return parseStrictJson(content);
  } catch (error) {
    if (!(error instanceof AmbiguousJson)) throw error;
    throw damaged(place2, error.offset, error.message, error);
  }
}
function walkRoot(software, found) {
  const boards = [];
  collect(software, void 0, void 0, found);
  for (const [key, node] of groupsOf(software)) {
    const depth = depthOf(node);
    const isBoard = depth !== 1 || Object.keys(node).some((name3) => !isGroup(name3, node[name3]));
    if (!isBoard) {
      walkSelection(node, key, void 0, found);
      continue;
    }
    boards.push(key);
    collect(node, key, void 0, found);
    for (const [set, inner] of groupsOf(node)) walkSelection(inner, set, key, found);
  }
  return boards;
}
function walkSelection(set, setName, board, found) {
  const modes = groupsOf(set);
  const isUnreachable = modes.length === 0 || Object.keys(set).length !== modes.length;
  for (const [mode, node] of modes) {
    if (isUnreachable || groupsOf(node).length > 0) break;
    collect(node, board, `${setName},${mode}`, found);
    if (mode === modes.at(-1)?.[0]) return;
  }
  const where = board === void 0 ? setName : `${board}.${setName}`;
  throw new Failure(
    "bad-input",
    `${place2}: ${where} has parts that no device looks for, so it can't be judged`
  );
}
function depthOf(node) {
  const inner = groupsOf(node).map(([, child]) => depthOf(child));
  return inner.length === 0 ? 0 : 1 + Math.max(...inner);
}
function groupsOf(node) {
  return Object.entries(node).flatMap(
    ([key, value]) => isGroup(key, value) ? [[key, value]] : []
  );
}
function isGroup(key, value) {
  return isTree(value) && !isList(key) && !silent.has(key) && key !== revisions;
}
function isList(key) {
  return lists.some((list) => list === key);
}
function collect(node, board, selection, found) {
  const chosen = selection === void 0 ? {} : { selection };
  if ("ref" in node)
    throw new Failure("bad-input", `${place2}: it refers to other parts with "ref", which can't be read`);
  for (const [key, value] of Object.entries(node)) {
    if (silent.has(key) || isGroup(key, value) || key === revisions && isForAll(value)) continue;
    if (!isList(key)) {
      const setting2 = {
        type: key,
        isScript: key === "embedded-script",
        fileName: void 0,
        sha256: void 0
      };
      found.push({ ...setting2, compression: "none", component: {}, metaData: { ...chosen, value }, board });
      continue;
    }
    if (!Array.isArray(value)) throw damaged(place2, 0, `${key} is no list`);
    for (const item of value) found.push({ ...itemOf2(item, key, chosen), board });
  }
}
function isForAll(value) {
  return canonicalJson(value) === canonicalJson([anyRevision]);
}
function itemOf2(item, list, chosen) {
  if (!isTree(item)) throw damaged(place2, 0, `an item of ${list} is no object`);
  const { filename, sha256, type, compressed, encrypted: encrypted2, ref, ...said } = item;
  const { name: name3, version, ...rest } = list === "partitions" ? { ...said, name: void 0, version: void 0 } : said;
  if (ref !== void 0 || encrypted2 !== void 0 && encrypted2 !== false) {
    const why = ref === void 0 ? "is encrypted" : 'is a "ref"';
    throw new Failure("bad-input", `${place2}: an item of ${list} ${why}, which can't be read`);
  }
  const label = `an item of ${list}`;
  return {
    type: textOf3(type, `${label}: type`) ?? defaultType[list],
    isScript: list === "scripts",
    fileName: textOf3(filename, `${label}: filename`),
    sha256: textOf3(sha256, `${label}: sha256`)?.toLowerCase(),
    compression: compressionOf2(compressed),
    component: {
      ...name3 === void 0 ? {} : { name: textOf3(name3, `${label}: name`) ?? "" },
      ...version === void 0 ? {} : { version: textOf3(version, `${label}: version`) ?? "" }
    },
    metaData: { ...chosen, ...list === "partitions" ? said : rest }
  };
}
function textOf3(value, what) {
  if (value === void 0 || typeof value === "string") return value;
  throw damaged(place2, 0, `${what} is no text`);
}
function compressionOf2(value) {
  switch (value) {
    case void 0:
    case false:
      return "none";
    case true:
    case "zlib":
      return "gzip";
    case "zstd":
    case "xz":
      return value;
    default:
      throw damaged(place2, 0, `the compression ${JSON.stringify(value)} is unknown`);
  }
}
function joined(found, boards) {
  const items = /* @__PURE__ */ new Map();
  const seen = /* @__PURE__ */ new Map();
  for (const { board, ...item } of found) {
    const text3 = canonicalJson(item);
    const count = (seen.get(`${board}
${text3}`) ?? 0) + 1;
    seen.set(`${board}
${text3}`, count);
    const key = `${count}
${text3}`;
    const known = items.get(key);
    if (known === void 0) items.set(key, { item, boards: [board] });
    else known.boards.push(board);
  }
  return [...items.values()].map(({ item, boards: of }) => {
    const named = of.filter((board) => board !== void 0);
    if (named.length === 0 || named.length === boards.length) return item;
    return { ...item, metaData: { ...item.metaData, boards: named.toSorted() } };
  });
}
function isTree(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// src/artifact/swupdate/swupdate-content.ts
function contentOf2({ name: name3, variant: variant2, boards, items }, files) {
  const all = items.map(({ type, fileName: fileName3, metaData, component: component2 }) => {
    const file = fileName3 === void 0 ? void 0 : files.get(fileName3);
    return {
      type,
      files: fileName3 === void 0 || file === void 0 ? [] : [{ name: fileName3, sizeBytes: file.sizeBytes, checksum: file.checksum }],
      metaData,
      provides: component2.name === void 0 || component2.version === void 0 ? {} : { [`${component2.name}.version`]: component2.version },
      depends: {},
      clearsProvides: []
    };
  });
  const payloads = all.filter(({ type, files: own }) => type !== revisions || own.length > 0);
  const scripts = items.flatMap(
    ({ isScript, fileName: fileName3 }) => isScript && fileName3 !== void 0 ? [fileName3] : []
  );
  return {
    name: name3,
    deviceTypes: boards,
    depends: boards.length === 0 ? {} : { device_type: boards },
    provides: Object.assign(variantProvides(variant2), ...payloads.map(({ provides }) => provides)),
    clearsProvides: [],
    payloads,
    scripts: [...new Set(scripts)],
    contentDigest: contentDigestOf({ deviceTypes: boards, payloads: all })
  };
}

// src/artifact/swupdate/read-swupdate.ts
var maxSignatureBytes3 = 256 << 10;
var maxDescriptionBytes = 4 << 20;
async function readSwupdate(source2, options, hash2) {
  return readWhole(source2, options, hash2, (bytes, limits) => readMembers(bytes, limits, options));
}
async function readMembers(bytes, limits, options) {
  const cpio = new CpioReader(bytes);
  const head = await readHead(cpio, limits, options);
  const wanted = wantedOf(head.description, head.signature !== "none");
  const files = /* @__PURE__ */ new Map();
  let left = limits.payloadBytes;
  for (let member = head.next; member !== void 0; member = await cpio.next()) {
    const expected = wanted.get(member.name);
    if (expected === void 0) {
      throw wrongMember(
        bytes.place,
        member.offset,
        `sw-description doesn't name the member ${JSON.stringify(member.name)}`
      );
    }
    const file = await measure(cpio, member, expected, left);
    left -= file.sizeBytes;
    files.set(member.name, file);
  }
  const missing = [...wanted.keys()].find((name3) => !files.has(name3));
  if (missing !== void 0)
    throw wrongMember(bytes.place, bytes.offset, `${JSON.stringify(missing)} is missing`);
  const { signature, signedBy, certificates, description: description2 } = head;
  return {
    format: "swupdate",
    version: 1,
    ...contentOf2(description2, files),
    signature,
    ...signedBy === void 0 ? {} : { signedBy },
    ...certificates === void 0 ? {} : { certificates },
    compression: description2.items.find(({ compression }) => compression !== "none")?.compression ?? "none"
  };
}
async function readHead(cpio, limits, options) {
  const first = await cpio.next();
  if (first?.name !== "sw-description") {
    const found = first === void 0 ? "the end" : JSON.stringify(first.name);
    throw wrongMember("the artifact", 0, `${found} stands where sw-description should be`);
  }
  const content = await cpio.content(first, Math.min(limits.headerBytes, maxDescriptionBytes));
  const second = await cpio.next();
  const verifyKeys = options.verifyKeys ?? [];
  if (second?.name === "sw-description.sig") {
    const signature = await cpio.content(second, maxSignatureBytes3);
    const checked4 = await verifyCms(signature, content, verifyKeys, options.signal);
    const { signature: state, signedBy, signers } = checked4;
    const certificates = certificateInfoOf(signers);
    const description2 = parseDescription(content);
    return { description: description2, signature: state, signedBy, certificates, next: await cpio.next() };
  }
  if (verifyKeys.length > 0) {
    throw new Failure(
      "artifact-unsigned",
      "the artifact has no signature after sw-description, but what to verify it with was given: sign it, or give no key"
    );
  }
  return { description: parseDescription(content), signature: "none", next: second };
}
function wantedOf({ items }, isSigned) {
  const wanted = /* @__PURE__ */ new Map();
  for (const item of items) {
    const { fileName: fileName3, sha256, compression } = item;
    if (fileName3 === void 0) continue;
    const shown3 = JSON.stringify(fileName3);
    if (isSigned && sha256 === void 0) {
      throw wrongChecksum("sw-description", 0, `${shown3} has no sha256, so the signature doesn't cover it`);
    }
    if (sha256 !== void 0 && !/^[0-9a-f]{64}$/.test(sha256)) {
      throw damaged("sw-description", 0, `the sha256 of ${shown3} is malformed`);
    }
    const known = wanted.get(fileName3);
    if (known !== void 0 && (known.sha256 !== sha256 || known.compression !== compression)) {
      throw damaged("sw-description", 0, `${shown3} is described twice, and not the same`);
    }
    wanted.set(fileName3, { sha256, compression });
  }
  return wanted;
}
async function measure(cpio, member, { sha256, compression }, limitBytes) {
  const place3 = JSON.stringify(member.name);
  const [storedHash, hash2] = [createHash7("sha256"), createHash7("sha256")];
  const hashed = async function* () {
    for await (const piece of cpio.body(member)) {
      storedHash.update(piece);
      yield piece;
    }
  };
  let sizeBytes = 0;
  for await (const piece of decompressed(hashed(), compression, place3)) {
    sizeBytes += piece.length;
    if (sizeBytes > limitBytes)
      throw tooLarge(place3, member.offset, "there is more in it than any update has");
    hash2.update(piece);
  }
  if (sha256 !== void 0 && storedHash.digest("hex") !== sha256) {
    throw wrongChecksum(place3, member.offset, "its checksum is not the one in sw-description");
  }
  return { sizeBytes, checksum: hash2.digest("hex") };
}

// src/artifact/read.ts
async function inspectArtifact(source2, options = {}) {
  return inspect(source2, options);
}
async function inspect(source2, options, hash2) {
  const { magic: magic2, whole: whole3 } = await peek(source2);
  const format = formatOf(magic2);
  if (format === "swupdate") return readSwupdate(whole3, options, hash2);
  if (format === "mender") return readMender(whole3, options, hash2);
  await whole3.close();
  throw new Failure("bad-input", "a RAUC bundle is described at its end: give it as a file, not as a stream");
}
async function openArtifact(path2, options = {}) {
  const sizeBytes = await checkedSize(path2);
  try {
    const format = formatOf(await startOf(path2, magicBytes));
    if (format === "rauc" || format === "mender" && await endsAsBundle(path2))
      return await readRauc(path2, options);
    if (isWorthThread(sizeBytes)) {
      var _stack = [];
      try {
        const file = __using(_stack, await HashedFile.open(path2, options.signal), true);
        const { log } = options;
        return await inspect(log ? readingProgress(file, sizeBytes, log) : file, options, file);
      } catch (_) {
        var _error = _, _hasError = true;
      } finally {
        var _promise = __callDispose(_stack, _error, _hasError);
        _promise && await _promise;
      }
    }
    const stream = createReadStream(path2, { highWaterMark: 1 << 18, signal: options.signal });
    return await inspect(stream, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof Failure) || error.reason === "bad-key") throw error;
    if (error.reason === "artifact-damaged" && !await beginsAsUpdate(path2)) {
      throw new Failure(
        "artifact-damaged",
        `${path2} ${sizeBytes === 0 ? "is empty" : "is no update file"}: one begins as a tar (.mender), cpio (.swu) or squashfs archive (.raucb)`,
        { cause: error }
      );
    }
    throw new Failure(error.reason, `${path2}: ${error.message}`, { cause: error, detail: error.detail });
  }
}
async function beginsAsUpdate(path2) {
  const start2 = await startOf(path2, tarMagicAt + 5);
  return formatOf(start2) !== "mender" || start2.toString("latin1", tarMagicAt) === "ustar";
}
var tarMagicAt = 257;
var magicBytes = 6;
function formatOf(magic2) {
  if (/^07070[12]/.test(magic2.toString("latin1"))) return "swupdate";
  return magic2.subarray(0, 4).toString("latin1") === "hsqs" ? "rauc" : "mender";
}
async function startOf(path2, bytes) {
  var _stack = [];
  try {
    const file = __using(_stack, await open3(path2), true);
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function peek(source2) {
  const iterator = source2[Symbol.asyncIterator]();
  const seen = [];
  let magic2 = Buffer.alloc(0);
  while (magic2.length < magicBytes) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    seen.push(value);
    magic2 = Buffer.concat([magic2, value.subarray(0, magicBytes)]);
  }
  return { magic: magic2, whole: new Rejoined(seen, iterator) };
}
var Rejoined = class {
  #seen;
  #iterator;
  constructor(seen, iterator) {
    this.#seen = seen;
    this.#iterator = iterator;
  }
  [Symbol.asyncIterator]() {
    return {
      next: async () => {
        const value = this.#seen.shift();
        return value === void 0 ? this.#iterator.next() : { done: false, value };
      },
      return: async () => {
        await this.close();
        return { done: true, value: void 0 };
      }
    };
  }
  async close() {
    await this.#iterator.return?.();
  }
};
async function checkedSize(path2) {
  try {
    const facts = await stat2(path2);
    if (facts.isFile()) return facts.size;
  } catch (error) {
    throw readingFailure(error, `the artifact ${path2}`);
  }
  throw new Failure("file-missing", `${path2} is not a file: give the path of an artifact`);
}

// src/artifact/package-artifact.ts
import { basename as basename6, dirname as dirname11, parse as parse3, resolve as resolve11 } from "node:path";

// src/artifact/artifact-options.ts
import { dirname as dirname4 } from "node:path";

// src/artifact/mender/mender-choice.ts
import { stat as stat3 } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";

// src/artifact/release-facts.ts
var releaseName = /^(?!\.{1,2}$)[^\s/\\\u0000-\u001f\u007f-\u009f]{1,256}$/u;
var deviceType = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
function checkReleaseName(name3, findings) {
  const given = typeof name3 === "string" ? name3 : name3.prefix;
  if (releaseName.test(given)) return;
  const rule = "at most 256 characters, without white space and slashes, and not . or ..";
  const what = typeof name3 === "string" ? `${JSON.stringify(given)} can't be a release's name: ${rule}` : `no release's name can be made of the source's, ${JSON.stringify(given)} (${rule}): give a name`;
  findings.add(new Failure("bad-input", what));
}
function checkDeviceTypes(deviceTypes, findings) {
  const bad = (message) => findings.add(new Failure("bad-input", message));
  if (deviceTypes.length === 0) {
    bad("no device type was given: name at least one that may install it (device-types)");
  }
  for (const type of deviceTypes) {
    if (deviceType.test(type)) continue;
    const rule = "letters, digits and ._+- only, at most 128, the first a letter or digit";
    bad(`${JSON.stringify(type)} can't be a device type: ${rule}`);
  }
}
function releaseNameOf(name3, contentDigest) {
  return typeof name3 === "string" ? name3 : `${name3.prefix}-${hexOf(contentDigest).slice(0, 12)}`;
}
var unknownDigest = `sha256:${"0".repeat(64)}`;

// src/artifact/mender/payload-choice.ts
var payloadKinds = [
  "rootfs-image",
  "module-image",
  "bootstrap",
  "directory",
  "single-file",
  "script",
  "deb",
  "docker"
];
function defaultKind(source2) {
  if (source2.isFolder) return "directory";
  return source2.path.endsWith(".deb") ? "deb" : "rootfs-image";
}
function typeOf(choice) {
  if (choice.kind === "bootstrap") return null;
  return choice.kind === "module-image" ? choice.type : choice.kind;
}
function hasImage(type) {
  return type === null || type === "rootfs-image";
}

// src/artifact/mender/mender-facts.ts
var ownProvides = ["artifact_name", "artifact_group", "device_type", scriptsProvide];
function isOwnProvide(name3) {
  return ownProvides.includes(name3);
}
function softwareOf({ software = {}, without = {} }, payload2) {
  const module = payload2.type === null || payload2.type === "rootfs-image" ? [] : [payload2.type];
  const name3 = software.name === void 0 ? module : [software.name];
  const key = [software.filesystem ?? "rootfs-image", ...name3].join(".");
  const version = without.softwareVersion === true ? {} : { [`${key}.version`]: software.version ?? payload2.release };
  const { checksum } = payload2;
  const image = checksum === void 0 || without.checksum === true ? {} : { "rootfs-image.checksum": checksum };
  const isWhole = key === "rootfs-image";
  return {
    provides: { ...image, ...version },
    clears: without.softwareVersion === true || without.clearsProvides === true ? [] : [...isWhole ? ["artifact_group", "rootfs_image_checksum"] : [], `${key}.*`]
  };
}
function checkFacts(facts, choice, findings) {
  const bad = (message) => findings.add(new Failure("bad-input", message));
  checkReleaseName(facts.name, findings);
  checkDeviceTypes(facts.deviceTypes, findings);
  const type = typeOf(choice);
  const checksum = hasImage(type) ? "" : void 0;
  const own = softwareOf(facts, { type, checksum, release: "" }).provides;
  for (const key of Object.keys(facts.provides ?? {})) {
    if (isOwnProvide(key) || Object.hasOwn(own, key)) {
      bad(`provides may not have ${key}: it is set from what the artifact holds`);
    }
  }
  if (facts.depends !== void 0 && Object.hasOwn(facts.depends, "device_type")) {
    bad("depends may not have device_type: give the device types as such");
  }
  if (type === null && typeof facts.name !== "string") {
    bad("a bootstrap artifact has no content that it could be named by: give the release’s name");
  }
}
function headerDocuments(facts, { name: name3, payload: payload2, scripts }) {
  const { artifact_name, artifact_group, ...depends } = facts.depends ?? {};
  const group = facts.artifactGroup === void 0 ? {} : { artifact_group: facts.artifactGroup };
  const { type } = payload2;
  return {
    headerInfo: JSON.stringify({
      payloads: [{ type }],
      artifact_provides: { artifact_name: name3, ...group },
      artifact_depends: {
        ...artifact_name === void 0 ? {} : { artifact_name: listOf2(artifact_name) },
        device_type: [...new Set(facts.deviceTypes)],
        ...artifact_group === void 0 ? {} : { artifact_group: listOf2(artifact_group) }
      }
    }),
    typeInfo: typeInfo(facts, depends, { name: name3, payload: payload2, scripts }),
    metaData: Object.keys(payload2.metaData).length === 0 ? void 0 : canonicalJson(payload2.metaData)
  };
}
function typeInfo(facts, depends, { name: name3, payload: payload2, scripts }) {
  const { type, checksum } = payload2;
  const own = softwareOf(facts, { type, checksum, release: name3 });
  const scriptsDigest = scriptsDigestOf(scripts);
  const provides = {
    ...facts.provides,
    ...own.provides,
    ...scriptsDigest === void 0 ? {} : { [scriptsProvide]: scriptsDigest }
  };
  const clears = [.../* @__PURE__ */ new Set([...facts.clearsProvides ?? [], ...own.clears])];
  return JSON.stringify({
    type,
    ...Object.keys(depends).length === 0 ? {} : { artifact_depends: sorted(depends) },
    ...Object.keys(provides).length === 0 ? {} : { artifact_provides: sorted(provides) },
    ...clears.length === 0 ? {} : { clears_artifact_provides: clears }
  });
}
function listOf2(value) {
  return typeof value === "string" ? [value] : value;
}
function sorted(record2) {
  return Object.fromEntries(Object.entries(record2).sort(([a], [b]) => a < b ? -1 : 1));
}

// src/artifact/mender/mender-choice.ts
var kindsOf = {
  "state-scripts": payloadKinds.filter((kind) => kind !== "bootstrap"),
  "no-checksum-provide": ["rootfs-image", "bootstrap"],
  type: ["module-image"],
  "meta-data": ["module-image"],
  files: ["module-image", "script", "deb"],
  "dest-dir": ["directory", "single-file"],
  filename: ["single-file"],
  permissions: ["single-file"],
  keep: ["directory"],
  containers: ["docker"],
  "run-args": ["docker"]
};
var needed = {
  "module-image": "type",
  directory: "dest-dir",
  "single-file": "dest-dir",
  docker: "containers"
};
async function menderChoice(given, source2) {
  const { values: values2 } = given;
  const isOptionsFile = given.file !== void 0 && resolve(given.file) === resolve(source2);
  const found = await stat3(source2).catch(() => void 0);
  if ("payload" in given.raw && values2.payload === void 0) return { choice: void 0, problems: [] };
  if (found === void 0 && values2.payload === void 0) {
    return { choice: { payload: { kind: "rootfs-image" } }, problems: [] };
  }
  const kind = values2.payload ?? defaultKind({ path: source2, isFolder: found?.isDirectory() === true });
  const problems = [
    ...misplaced(given, kind),
    ...isOptionsFile ? withoutSource(given, kind) : withSource(given, kind),
    ...contradicting(given, kind),
    ...await missingFiles(given)
  ];
  const payload2 = payloadOf(given, kind, !isOptionsFile);
  const facts = factsOf2(given);
  problems.push(...ownProvides2(given, kind, facts));
  return { choice: payload2 && { ...facts, payload: payload2 }, problems };
}
function misplaced({ raw, problemAt }, kind) {
  const problems = [];
  for (const [key, kinds] of Object.entries(kindsOf)) {
    if (!(key in raw) || kinds.includes(kind)) continue;
    problems.push(
      problemAt([key], `${key} means nothing for the payload ${kind}, only for ${kinds.join(", ")}`)
    );
  }
  const lacking = needed[kind];
  if (lacking !== void 0 && !(lacking in raw)) {
    problems.push(problemAt(["payload"], `the payload ${kind} needs the option ${lacking}`));
  }
  return problems;
}
function withSource({ problemAt }, kind) {
  if (kind !== "docker") return [];
  return [problemAt(["payload"], "the payload docker brings no files: leave the input source out")];
}
function withoutSource({ problemAt }, kind) {
  if (kind === "docker" || kind === "module-image") return [];
  return [
    problemAt(
      ["payload"],
      `the payload ${kind} needs a source, and there is only this file: give the input source`
    )
  ];
}
function contradicting({ raw, values: values2, problemAt }, kind) {
  if (kind === "directory" && /^\/+$/.test(values2["dest-dir"] ?? "")) {
    return [problemAt(["dest-dir"], "dest-dir: the update replaces all of that folder, which can’t be /")];
  }
  if (values2["no-default-software-version"] !== true) return [];
  return ["software-filesystem", "software-name", "software-version"].filter((key) => key in raw).map((key) => problemAt([key], `${key} means nothing with no-default-software-version`));
}
async function missingFiles(given) {
  const problems = [];
  for (const key of ["state-scripts", "files"]) {
    const seen = /* @__PURE__ */ new Set();
    for (const [i, path2] of (given.values[key] ?? []).entries()) {
      const full = atOptions(given, path2);
      const facts = await stat3(full).catch(() => void 0);
      if (facts?.isFile() !== true) {
        const why = facts === void 0 ? "there is no such file" : "it is no plain file";
        problems.push(given.problemAt([key, i], `${key}.${i}: can't read ${full}: ${why}`));
      }
      const name3 = basename(path2);
      if (seen.has(name3))
        problems.push(given.problemAt([key, i], `${key}.${i}: another one is named ${name3}, too`));
      seen.add(name3);
    }
  }
  return problems;
}
function ownProvides2({ raw, values: values2, problemAt }, kind, facts) {
  const { provides } = raw;
  if (typeof provides !== "object" || provides === null) return [];
  const type = kind === "bootstrap" ? null : kind === "module-image" ? values2.type ?? "" : kind;
  const checksum = hasImage(type) ? "" : void 0;
  const own = softwareOf(facts, { type, checksum, release: "" }).provides;
  return Object.keys(provides).filter((key) => isOwnProvide(key) || Object.hasOwn(own, key)).map(
    (key) => problemAt(
      ["provides", key],
      `provides.${key}: it is set from what the artifact holds and can’t be given`
    )
  );
}
function factsOf2(given) {
  const { values: values2 } = given;
  return {
    stateScripts: values2["state-scripts"]?.map((path2) => ({
      name: basename(path2),
      path: atOptions(given, path2)
    })),
    provides: values2.provides,
    depends: values2.depends,
    clearsProvides: values2["clears-provides"],
    artifactGroup: values2["artifact-group"],
    software: {
      filesystem: values2["software-filesystem"],
      name: values2["software-name"],
      version: values2["software-version"]
    },
    without: {
      softwareVersion: values2["no-default-software-version"] === true,
      clearsProvides: values2["no-default-clears-provides"] === true,
      checksum: values2["no-checksum-provide"] === true
    }
  };
}
function payloadOf(given, kind, hasSource) {
  const { values: values2 } = given;
  const files = (values2.files ?? []).map((path2) => atOptions(given, path2));
  const destDir = values2["dest-dir"];
  switch (kind) {
    case "rootfs-image":
    case "bootstrap":
      return { kind };
    case "script":
    case "deb":
      return { kind, files };
    case "module-image":
      if (values2.type === void 0) return void 0;
      return { kind, type: values2.type, hasSource, files, metaData: values2["meta-data"] ?? {} };
    case "directory":
      return destDir === void 0 ? void 0 : { kind, destDir, keep: keptOf(values2.keep) };
    case "single-file": {
      const { filename } = values2;
      const permissions2 = values2.permissions?.replace(/^0(?=[0-7]{3})/, "");
      return destDir === void 0 ? void 0 : { kind, destDir, filename, permissions: permissions2 };
    }
    case "docker":
      if (values2.containers === void 0) return void 0;
      return { kind, containers: values2.containers, runArgs: values2["run-args"] ?? "" };
  }
}
function keptOf(keep) {
  const has = (what) => keep?.includes(what) === true;
  return { modes: has("modes"), owners: has("owners"), times: has("times") };
}
function atOptions({ file = "." }, path2) {
  return resolve(dirname(file), path2);
}

// src/artifact/mender/mender-options.ts
import { basename as basename3 } from "node:path";

// src/artifact/option-text.ts
var optionText = pipe(
  string("write it as text, in quotes where it looks like a number"),
  nonEmpty("it is empty"),
  maxLength(1024)
);

// src/artifact/archive/source-image.ts
import { createHash as createHash8 } from "node:crypto";
import { constants as constants4 } from "node:fs";
import { open as open4 } from "node:fs/promises";
import { basename as basename2 } from "node:path";
var blockBytes3 = hashedChunkBytes;
var SourceImage = class _SourceImage {
  path;
  /** The file's own name, which it has in the artifact too. */
  name;
  sizeBytes;
  #handle;
  #modifiedMs;
  #checksum;
  constructor(path2, handle, facts) {
    this.path = path2;
    this.name = basename2(path2);
    this.#handle = handle;
    this.sizeBytes = facts.size;
    this.#modifiedMs = facts.mtimeMs;
  }
  /**
   * Throws `file-missing`, or `bad-input` where it is a folder, or, unless `accepts` says otherwise, empty or of a name that
   * an artifact can't hold.
   */
  static async open(path2, accepts = {}) {
    const handle = await open4(path2, constants4.O_RDONLY | constants4.O_NONBLOCK).catch((error) => {
      throw readingFailure(error, `the source ${path2}`);
    });
    try {
      const facts = await handle.stat();
      const why = !facts.isFile() ? "is not a plain file" : facts.size === 0 && accepts.empty !== true ? "is empty" : accepts.anyName === true ? void 0 : whyUnfit(path2);
      if (why === void 0) return new _SourceImage(path2, handle, facts);
      throw new Failure("bad-input", `the source ${path2} ${why}: give the path of a plain file with content`);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
  /**
   * All of it, in blocks of `blockBytes` (the last may be shorter). A block is overwritten once more than `blocksKept` were
   * asked for after it. Throws `bad-input` where the file changes meanwhile.
   */
  async *blocks(blocksKept, signal) {
    yield* isWorthThread(this.sizeBytes) ? this.#hashedBeside(blocksKept, signal) : this.#hashedHere(blocksKept, signal);
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.sizeBytes || mtimeMs !== this.#modifiedMs) throw this.#changed();
  }
  /** SHA-256 of what `blocks` gave, 64 hex digits; to be asked after all of them. */
  checksum() {
    if (this.#checksum === void 0) throw new Error("the image was not read");
    return this.#checksum;
  }
  async [Symbol.asyncDispose]() {
    await this.#handle.close();
  }
  async *#hashedHere(blocksKept, signal) {
    const hash2 = createHash8("sha256");
    const buffers2 = [];
    for (let at = 0, i = 0; at < this.sizeBytes; i++) {
      signal.throwIfAborted();
      const bytes = Math.min(blockBytes3, this.sizeBytes);
      const buffer = buffers2[i % (blocksKept + 2)] ??= Buffer.allocUnsafeSlow(bytes);
      const block = buffer.subarray(0, Math.min(bytes, this.sizeBytes - at));
      await this.#fill(block, at);
      hash2.update(block);
      at += block.length;
      yield block;
    }
    this.#checksum = hash2.digest("hex");
  }
  async *#hashedBeside(blocksKept, signal) {
    var _stack = [];
    try {
      const file = __using(_stack, HashedFile.over(this.#handle, blocksKept, signal), true);
      let sizeBytes = 0;
      for await (const { buffer, byteOffset, length } of file) {
        sizeBytes += length;
        if (sizeBytes > this.sizeBytes) throw this.#changed();
        yield Buffer.from(buffer, byteOffset, length);
      }
      if (sizeBytes < this.sizeBytes) throw this.#changed();
      this.#checksum = await file.digest();
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
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
var fitName = /^(?!\.{1,2}$)[A-Za-z0-9._,-]{1,255}$/;
var fitNames = "255 characters at most, of letters, digits and ._,-";
function whyUnfit(path2) {
  return fitName.test(basename2(path2)) ? void 0 : `has a name that an artifact can’t hold (${fitNames})`;
}

// src/artifact/mender/mender-options.ts
var needed2 = pipe(
  optionText,
  check((key) => key !== "device_type", "the device types are an input of their own")
);
var script = pipe(
  optionText,
  check(
    (path2) => isScriptName(basename3(path2)),
    "a state script is named <State>_<Enter|Leave|Error>_NN[_text], such as ArtifactInstall_Leave_10_check"
  )
);
var keyPart = pipe(
  optionText,
  regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "it can have letters, digits and ._- only, at most 128")
);
var moduleType = pipe(
  keyPart,
  check(
    (type) => type !== "rootfs-image",
    "that is no update module: choose payload: rootfs-image instead"
  )
);
var folder = pipe(
  optionText,
  regex(
    /^\/(?:[A-Za-z0-9_.,+@:=-]+\/)*[A-Za-z0-9_.,+@:=-]*$/,
    "it is an absolute path, of letters, digits and _.,+@:=- only"
  ),
  check(
    (path2) => !path2.split("/").some((part) => part === "." || part === ".."),
    "it may not have . or .."
  )
);
var fileName2 = pipe(optionText, regex(fitName, `it can have ${fitNames}`));
var permissions = pipe(
  string("write them as text, in quotes, such as '0644'"),
  regex(/^0?[0-7]{3,4}$/, "these are no permissions; write them in octal digits, such as 0644")
);
var container = pipe(
  optionText,
  regex(/^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$/, "it is no reference of a container image")
);
var runArgs = pipe(string(), maxLength(4096), regex(/^[^\n\r\0]*$/, "it is one line"));
var flag = optional(boolean("it can be true or false"));
var number3 = pipe(
  number(),
  check(
    (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
    "a device would read another number: write it as text, in quotes"
  )
);
var scalar = union([string(), number3, boolean()], "it can be text, a number, true or false");
var listed = array(scalar);
var setting = lazy((input) => {
  if (input === void 0) return union([scalar, listed, settings]);
  if (Array.isArray(input)) return listed;
  return typeof input === "object" && input !== null ? settings : scalar;
});
var settings = record(string(), setting);
var described = (schema, description2) => optional(pipe(schema, description(description2)));
var menderOptionsEntries = {
  payload: described(
    picklist(payloadKinds, `it can be ${payloadKinds.join(", ")}`),
    "What kind of update it is. Default: directory for a folder, deb for a *.deb, else rootfs-image."
  ),
  "state-scripts": described(
    array(script),
    "Scripts that a device runs around the states of the update; paths relative to this file."
  ),
  provides: described(record(optionText, optionText), "What a device has after the update, besides the release."),
  depends: described(
    record(needed2, union([optionText, pipe(array(optionText), minLength(1))])),
    "What a device must have to install it: one value, or a list of which it has one."
  ),
  "clears-provides": described(
    array(optionText),
    "Patterns of what a device no longer has after it, besides those that its kind clears by default."
  ),
  "artifact-group": described(optionText, "The artifact group that a device is in after the update."),
  "software-filesystem": described(
    keyPart,
    "First part of the key that says what is installed. Default: rootfs-image."
  ),
  "software-name": described(
    keyPart,
    "Next part of that key. Default: the update module, and none for a root file system."
  ),
  "software-version": described(optionText, "Value of that key. Default: the name of the release."),
  "no-default-software-version": described(
    flag,
    "Leave that key out, and with it what the update clears by default."
  ),
  "no-default-clears-provides": described(flag, "Leave out what the update clears by default."),
  "no-checksum-provide": described(flag, "Leave out rootfs-image.checksum (rootfs-image, bootstrap)."),
  type: described(moduleType, "Name of the update module (module-image)."),
  files: described(
    array(optionText),
    "More files of the payload; paths relative to this file (module-image, script, deb)."
  ),
  "meta-data": described(settings, "Settings for the update module (module-image)."),
  "dest-dir": described(folder, "Folder on the device (directory, single-file)."),
  filename: described(fileName2, "Name of the file on the device. Default: the source’s (single-file)."),
  permissions: described(
    permissions,
    "Permissions of the file on the device. Default: 755 where the source can be executed, else 644 (single-file)."
  ),
  keep: described(
    array(picklist(["modes", "owners", "times"], "it can be modes, owners, times")),
    "What of the folder’s files is kept as it is on this machine, and so can differ from one to the next (directory)."
  ),
  containers: described(
    pipe(array(container), minLength(1, "name at least one")),
    "Container images, best pinned by their digests: name@sha256:… (docker)."
  ),
  "run-args": described(runArgs, "Arguments of docker run for each container (docker).")
};

// src/artifact/rauc/rauc-options.ts
import { dirname as dirname2, resolve as resolve2 } from "node:path";
var text2 = pipe(optionText, check(isPrintable, "it has line breaks or other control characters"));
var slot = pipe(
  text2,
  regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "a slot is named with letters, digits, - and _")
);
var variant = pipe(
  text2,
  regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "a variant is named with letters, digits, ., - and _")
);
var hooks = pipe(
  array(picklist(imageHooks, `it is not one of ${imageHooks.join(", ")}`)),
  check((list) => new Set(list).size === list.length, "a hook is there twice")
);
var about = (schema, description2) => optional(pipe(schema, description(description2)));
var raucOptionsSchema = pipe(
  strictObject({
    "bundle-format": about(
      picklist(["verity", "plain"], "it is not verity or plain"),
      "Format of the bundle: `verity`, the default, which RAUC knows since 1.5, or `plain` for older ones."
    ),
    slot: about(slot, "Class of the slots that the source goes to; `rootfs` where not given."),
    variant: about(variant, "Variant of the device that the source is for."),
    "image-hooks": about(
      hooks,
      "Steps of the source’s installation in which the hook script is called: `pre-install`, `install`, `post-install`."
    ),
    images: about(
      array(
        strictObject({
          slot: pipe(slot, description("Class of the slots that it goes to.")),
          file: pipe(text2, description("The image; the path is relative to this file.")),
          variant: about(variant, "Variant of the device that it is for."),
          hooks: about(hooks, "Steps of its installation in which the hook script is called.")
        })
      ),
      "Images that the bundle brings besides the source."
    ),
    hooks: about(
      strictObject({
        file: pipe(text2, description("The script; the path is relative to this file.")),
        "install-check": about(boolean(), "Whether it is asked first if the bundle may be installed.")
      }),
      "The script that a device calls for hooks."
    ),
    handler: about(
      strictObject({
        file: pipe(text2, description("The program; the path is relative to this file.")),
        args: about(text2, "What it is called with.")
      }),
      "A program that installs the bundle on the device instead of RAUC."
    ),
    description: about(text2, "What the update is, for people."),
    build: about(text2, "What it was built from, such as a commit."),
    keyring: about(
      text2,
      "Certificates (PEM) of the authorities that devices trust, relative to this file: the bundle has to pass with them."
    )
  }),
  check(
    (options) => options.hooks !== void 0 || !hasHooks(options),
    "an image has hooks, but `hooks.file` names no script for them"
  )
);
function hasHooks(options) {
  const all = [options["image-hooks"], ...(options.images ?? []).map((image) => image.hooks)];
  return all.some((list) => list !== void 0 && list.length > 0);
}
function raucOptionsOf(section2, path2) {
  if (section2 === void 0 || path2 === void 0) return {};
  const at = (file) => resolve2(dirname2(path2), file);
  const { hooks: script2, handler, keyring } = section2;
  return {
    bundleFormat: section2["bundle-format"],
    slot: section2.slot,
    variant: section2.variant,
    imageHooks: section2["image-hooks"],
    images: section2.images?.map((image) => ({ ...image, file: at(image.file) })),
    hooks: script2 && { file: at(script2.file), isChecked: script2["install-check"] },
    handler: handler && { ...handler, file: at(handler.file) },
    description: section2.description,
    build: section2.build,
    keyring: keyring === void 0 ? void 0 : at(keyring)
  };
}

// src/artifact/signing-options.ts
import { dirname as dirname3, resolve as resolve3 } from "node:path";
var path = pipe(string("write it as text"), nonEmpty("it is empty"), maxLength(4096));
var argument = pipe(
  string("write it as text, in quotes where it looks like a number"),
  maxLength(8192),
  check((text3) => !text3.includes("\0"), "it has a zero byte")
);
var signingOptionsSchema = pipe(
  strictObject({
    command: optional(
      pipe(
        array(argument, "write it as a list: the program, then each argument"),
        minLength(1, "it names no program"),
        check(([program]) => program !== "", "it names no program"),
        description(
          "A program with its arguments that signs: it gets what is to be signed on standard input and writes the signature to standard output, as bytes or in base64. It runs in this file’s folder, without a shell."
        )
      )
    ),
    "public-key": optional(
      pipe(
        path,
        description(
          "File with the public key (PEM) of what the command signs with; relative to this file."
        )
      )
    ),
    certificate: optional(
      pipe(
        path,
        description(
          "File with the certificate (PEM) of the key, and intermediate ones after it; relative to this file."
        )
      )
    ),
    timeout: optional(
      pipe(
        string(),
        check((text3) => (parseDuration(text3) ?? 0) > 0, "write a duration such as 30s or 5m"),
        description("How long the command may take for one signature; `60s` where not given.")
      )
    )
  }),
  check(
    (given) => given.command === void 0 || (given["public-key"] ?? given.certificate) !== void 0,
    "a command needs public-key (or certificate), which its answers are checked with"
  ),
  check(
    (given) => given.command !== void 0 || (given["public-key"] ?? given.timeout) === void 0,
    "public-key and timeout belong to a command, and there is none"
  )
);
async function readSigning(given, file) {
  if (given === void 0) return void 0;
  const folder2 = dirname3(resolve3(file));
  const read2 = async (key) => {
    if (given[key] === void 0) return void 0;
    const path2 = resolve3(folder2, given[key]);
    return readText(path2, void 0, `signing.${key}, ${path2}`);
  };
  return {
    command: given.command,
    folder: folder2,
    timeoutMs: given.timeout === void 0 ? void 0 : parseDuration(given.timeout),
    publicKey: await read2("public-key"),
    certificate: await read2("certificate")
  };
}

// src/artifact/swupdate/swupdate-options.ts
import { resolve as resolve4 } from "node:path";
var flag2 = boolean("it can be true or false");
var word2 = pipe(optionText, regex(/^[A-Za-z0-9_-]+$/, "it can have letters, digits, _ and - only"));
var texts = record(optionText, optionText);
var source = pipe(optionText, description("File that goes into the update; relative to this file."));
var properties = optional(
  pipe(texts, description('Settings for the handler, such as `create-destination: "true"`.'))
);
var device = pipe(optionText, description("Device that it is written to, such as /dev/mmcblk0p3."));
var environment = pipe(
  texts,
  description("Variables of the boot loader and their values; an empty one is no value.")
);
var target = {
  type: optional(pipe(word2, description("Handler on the device; `raw` for an image where not given."))),
  device: optional(device),
  path: optional(pipe(optionText, description("Path on the device that it is written to."))),
  filesystem: optional(
    pipe(optionText, description("Kind of the file system on the device that the path is in."))
  ),
  volume: optional(pipe(optionText, description("UBI volume that it is written to."))),
  offset: optional(pipe(optionText, description("Where on the device it begins, such as `4K`."))),
  "installed-directly": optional(
    pipe(
      flag2,
      description("Written while it arrives, so that the device needs no room to keep it first.")
    )
  ),
  "install-if-different": optional(
    pipe(flag2, description("Skipped where the device has this version of this name already."))
  ),
  "install-if-higher": optional(
    pipe(flag2, description("Skipped where the device has this version of this name, or a newer one."))
  ),
  properties
};
var component = {
  name: optional(pipe(word2, description("What its version is compared by on the device."))),
  version: optional(pipe(optionText, description("Its version, for install-if-different and -higher.")))
};
var needsVersion = "install-if-different and install-if-higher need a name and a version";
var swupdateOptionsSchema = pipe(
  strictObject({
    ...target,
    name: optional(
      pipe(word2, description("What the device calls the source when it compares versions; `rootfs`."))
    ),
    slots: optional(
      pipe(
        record(word2, union([optionText, strictObject({ device, bootenv: optional(environment) })])),
        check((slots) => Object.keys(slots).length > 0, "it names no slot"),
        description(
          "Instead of `device`: the device of each slot by its mode, which SWUpdate is told with `-e stable,copy1`; with `bootenv`, variables of the boot loader that only this slot sets."
        )
      )
    ),
    selection: optional(
      pipe(word2, description("What SWUpdate calls the slots’ set, `-e stable,…`; `stable`."))
    ),
    images: optional(
      pipe(
        array(
          pipe(
            strictObject({ source, ...target, ...component }),
            check((item) => isComparable(item), needsVersion)
          )
        ),
        description("More images, installed after the source.")
      )
    ),
    files: optional(
      pipe(
        array(
          pipe(
            strictObject({ source, ...target, path: optionText, ...component }),
            check((item) => isComparable(item), needsVersion)
          )
        ),
        description("Single files, by the handler `rawfile` where none is named.")
      )
    ),
    scripts: optional(
      pipe(
        array(
          strictObject({
            source,
            type: optional(
              pipe(
                picklist(["shellscript", "lua", "preinstall", "postinstall"]),
                description(
                  "`shellscript` (the default) and `lua` run before and after, with `preinst` or `postinst` as first argument; the others once."
                )
              )
            ),
            data: optional(pipe(optionText, description("Further arguments of the script."))),
            properties
          })
        ),
        description("Scripts that run on the device.")
      )
    ),
    bootenv: optional(environment),
    "hardware-compatibility": optional(
      pipe(
        array(optionText),
        minLength(1, "it names no revision"),
        description(
          "Hardware revisions that may install it, or `#RE:` with a regular expression; any where not given."
        )
      )
    ),
    description: optional(pipe(optionText, description("What the update is, for people.")))
  }),
  check(
    (given) => !(given.device !== void 0 && given.slots !== void 0),
    "give device or slots, not both"
  ),
  check((given) => given.selection === void 0 || given.slots !== void 0, "selection goes with slots")
);
function swupdateOptionsOf(given, folder2) {
  if (given === void 0) return {};
  const { slots, selection, images, files, scripts, bootenv, description: description2, ...says } = given;
  const { "hardware-compatibility": hardwareCompatibility, ...main } = says;
  const item = (list, type) => (one) => {
    const { source: source2, ...rest } = one;
    return { list, source: resolve4(folder2, source2), says: { ...rest, type: one.type ?? type } };
  };
  return {
    says: { ...main, type: main.type ?? "raw" },
    slots: slots && Object.entries(slots).map(([mode, slot2]) => slotOf(mode, slot2)),
    selection,
    items: [
      ...(images ?? []).map(item("images", "raw")),
      ...(files ?? []).map(item("files", "rawfile")),
      ...(scripts ?? []).map(item("scripts", "shellscript"))
    ],
    bootenv,
    hardwareCompatibility,
    description: description2
  };
}
function isComparable(item) {
  const isCompared = item["install-if-different"] === true || item["install-if-higher"] === true;
  return !isCompared || item.name !== void 0 && item.version !== void 0;
}
function slotOf(mode, slot2) {
  if (typeof slot2 === "string") return { mode, device: slot2, bootenv: {} };
  return { mode, device: slot2.device, bootenv: slot2.bootenv ?? {} };
}

// src/artifact/artifact-options.ts
var artifactOptionsSchema = strictObject({
  ...menderOptionsEntries,
  signing: optional(
    pipe(
      signingOptionsSchema,
      description(
        "Who signs, where the key itself is not at hand, and the certificate that belongs to a key."
      )
    )
  ),
  swupdate: optional(
    pipe(swupdateOptionsSchema, description("What only a .swu file has (`format: swupdate`)."))
  ),
  rauc: optional(pipe(raucOptionsSchema, description("What only a RAUC bundle has (`format: rauc`).")))
});
async function readArtifactOptions(path2, { format, source: source2 }) {
  const { given, sections, problems } = await givenOptions(path2);
  const findings = new Findings();
  const signing = path2 === void 0 ? void 0 : await findings.from(() => readSigning(sections.signing, path2));
  const made = format === "mender" ? await menderChoice(given, source2) : { choice: void 0, problems: [] };
  problems.push(...made.problems, ...ofOtherFormats(given, format));
  const [first] = problems;
  if (path2 === void 0 && first !== void 0)
    throw new Failure("bad-input", `${first.message}: give it in an options file`);
  await findings.from(() => failOn(problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))));
  findings.fail();
  const imageVariant = sections.provides?.[variantProvide];
  switch (format) {
    case "mender":
      return { signing, mender: made.choice };
    case "swupdate":
      return { signing, swupdate: swupdateOptionsOf(sections.swupdate, dirname4(path2 ?? ".")), imageVariant };
    case "rauc":
      return { signing, rauc: raucOptionsOf(sections.rauc, path2), imageVariant };
  }
}
function ofOtherFormats({ raw, problemAt }, format) {
  const foreign = Object.keys(raw).filter(
    (key) => key === "swupdate" || key === "rauc" ? key !== format : Object.hasOwn(menderOptionsEntries, key) && format !== "mender" && key !== "provides"
  );
  const provided = format === "mender" ? [] : Object.keys(objectOf(raw["provides"]));
  return [
    ...foreign.map((key) => problemAt([key], `${key} means nothing for the format ${format}`)),
    ...provided.filter((key) => key !== variantProvide).map(
      (key) => problemAt(
        ["provides", key],
        `provides.${key} means nothing for the format ${format}: only ${variantProvide} does`
      )
    )
  ];
}
function objectOf(value) {
  return typeof value === "object" && value !== null ? value : {};
}
async function givenOptions(path2) {
  if (path2 === void 0) {
    const problemAt2 = (_, message) => ({ file: "inputs", message });
    return { given: { file: path2, values: {}, raw: {}, problemAt: problemAt2 }, sections: {}, problems: [] };
  }
  const text3 = await readText(path2);
  const parsed2 = parseYaml(text3, path2, optionsByName);
  const values2 = rightOnes(parsed2.value);
  const problemAt = (at, message) => ({
    file: path2,
    ...parsed2.locate(at),
    message
  });
  return {
    given: { file: path2, values: values2, raw: parsed2.value, problemAt },
    sections: values2,
    problems: problemsOf2(text3, path2)
  };
}
var optionsByName = record(
  string(),
  unknown(),
  ({ input }) => input === null ? "it holds no options: write some, or leave the input options out" : "it has to be options, each with its name"
);
function rightOnes(raw) {
  const result = safeParse(artifactOptionsSchema, raw);
  if (result.success) return result.output;
  const wrong = new Set(result.issues.map((issue) => issue.path?.[0].key));
  return parse(
    artifactOptionsSchema,
    Object.fromEntries(Object.entries(raw).filter(([key]) => !wrong.has(key)))
  );
}
function problemsOf2(text3, path2) {
  try {
    parseYaml(text3, path2, artifactOptionsSchema);
    return [];
  } catch (error) {
    if (error instanceof Failure) return [...error.problems];
    throw error;
  }
}
async function readSigningOptions(path2) {
  const { value } = await readYaml(path2, artifactOptionsSchema);
  const { signing, ...others } = value;
  return { signing: await readSigning(signing, path2), others: Object.keys(others) };
}

// src/artifact/archive/gzip.ts
import { crc32 as crc322 } from "node:zlib";

// src/artifact/archive/deflate-code.ts
var base64 = `
  AGFzbQEAAAABEQNgBH9/f38AYAAAYAJ/fwF/AwUEAAEAAgUEAQFAQAYpB38AQYCAIgt/AEGAgOgAC34BQgALfgFCAAt/AUEAC38BQQALfwFBAAsHJQQF
  aW5wdXQDAAZvdXRwdXQDAQdkZWZsYXRlAAMGbWVtb3J5AgAIAQEMAQUK6zAEvAsBB38DQCACIAdKBEAgB0ECdCIFIABqKAIAIQYgASAFakEANgIAIAYE
  QCAEQQJ0QYDwDGogBkEJdCAHcjYCACAEQQFqIQQLIAdBAWohBwwBCwtBhAEhBwNAIAdBAEoEQCAHIQADQCAAIARIBEAgAEECdEGA8AxqKAIAIQkgACEF
  A0AgBSAHTgRAIAUgB2siBkECdEGA8AxqKAIAIgogCUsEQCAFQQJ0QYDwDGogCjYCACAGIQUMAgsLCyAFQQJ0QYDwDGogCTYCACAAQQFqIQAMAQsLIAdB
  hAFGBH9BOQUgB0E5RgR/QRcFIAdBF0YEf0EKBUEEIAdBBEYgB0EKRhsLCwshBwwBCwtBACEAA0AgACAESARAIABBAnQiBUGAgA1qIAVBgPAMaigCAEEJ
  djYCACAAQQFqIQAMAQsLIARBAUYEQEGAgA1BATYCAAUgBEEBSgRAQYCADUGAgA0oAgBBhIANKAIAajYCAEECIQBBASEFA0AgBSAEQQFrSARAIAAgBE4E
  f0EBBSAIQQJ0QYCADWooAgAgAEECdEGAgA1qKAIASQsEQCAFQQJ0QYCADWogCEECdEGAgA1qIgYoAgA2AgAgBiAFNgIAIAhBAWohCAUgBUECdEGAgA1q
  IABBAnRBgIANaigCADYCACAAQQFqIQALIAAgBE4Ef0EBBSAFIAhKBH8gCEECdEGAgA1qKAIAIABBAnRBgIANaigCAEkFQQALCwRAIAVBAnRBgIANaiIG
  IAYoAgAgCEECdEGAgA1qIgYoAgBqNgIAIAYgBTYCACAIQQFqIQgFIAVBAnRBgIANaiIGIAYoAgAgAEECdEGAgA1qKAIAajYCACAAQQFqIQALIAVBAWoh
  BQwBCwsgBEECdEH4/wxqQQA2AgAgBEEDayEAA0AgAEEATgRAIABBAnRBgIANaiIFIAUoAgBBAnRBgIANaigCAEEBajYCACAAQQFrIQAMAQsLQQEhBkEA
  IQdBACEFIARBAmshCCAEQQFrIQADQCAGQQBKBEADQCAIQQBOBH8gBSAIQQJ0QYCADWooAgBGBUEACwRAIAdBAWohByAIQQFrIQgMAQsLA0AgBiAHSgRA
  IABBAnRBgIANaiAFNgIAIABBAWshACAGQQFrIQYMAQsLIAdBAXQhBiAFQQFqIQVBACEHDAELCwsLQYDADUEAQaAB/AsAQQAhBQNAIAQgBUoEQCAFQQJ0
  QYCADWooAgAiACADIAAgA0kbQQJ0QYDADWoiACAAKAIAQQFqNgIAIAVBAWohBQwBCwtBACEFQQEhAANAIAAgA0wEQCAFIABBAnRBgMANaigCACADIABr
  dGohBSAAQQFqIQAMAQsLA0AgBEEBSiAFQQEgA3RLcQRAIANBAnRBgMANaiIAIAAoAgBBAWs2AgAgA0EBayEHA0AgB0EASgRAAkAgB0ECdCIAQYDADWoi
  BigCACIIBEAgBiAIQQFrNgIAIABBhMANaiIAIAAoAgBBAmo2AgAMAQsgB0EBayEHDAILCwsgBUEBayEFDAELC0EAIQUgAyEAA0AgAEEASgRAIABBAnRB
  gMANaigCACEEA0AgBARAIAEgBUECdEGA8AxqKAIAQf8DcUECdGogAEEQdDYCACAFQQFqIQUgBEEBayEEDAELCyAAQQFrIQAMAQsLQQAhAEGAgA1BAEHQ
  APwLAEEBIQQDQCADIAROBEAgBEECdCIFQYCADWogBEEBSgR/IAVB/L8NaigCAAVBAAsgAGpBAXQiADYCACAEQQFqIQQMAQsLQQAhBwNAIAIgB0oEQCAB
  IAdBAnRqKAIAQRB2IgUEQCAFQQJ0QYCADWoiACgCACEEIAAgBEEBajYCAEEAIQNBACEAA0AgACAFSQRAIARBAXEgA0EBdHIhAyAEQQF2IQQgAEEBaiEA
  DAELCyABIAdBAnRqIAVBEHQgA3I2AgALIAdBAWohBwwBCwsLlQIBA39BgIDoACQEA0AgAUEdSARAIAFBAXRBgAhqLwEAIQAgAUEcRgR/QYMCBSABQRtG
  BH9BggIFIAFBAXRBgghqLwEACwshAgNAIAAgAkgEQCAAQYDgDGogAToAACAAQQFqIQAMAQsLIAFBAWohAQwBCwtBACEBA0AgAUEeSARAIAFBAXRB2Ahq
  LwEAQQFrIQAgAUEdRgR/QYCAAgUgAUEBdEHaCGovAQBBAWsLIQIgAEGAAkgEQANAIABBgAJIIAAgAkhxBEAgAEGA5AxqIAE6AAAgAEEBaiEADAELCwUg
  AEEHdSEAA0AgACACQQd1SARAIABBgOYMaiABOgAAIABBAWohAAwBCwsLIAFBAWohAQwBCwsLhBMCCn8GfkGAiAxBgIgMKAIAQQFqNgIAQYCADCgCAEUE
  QEGAgAxBATYCAAsDQCAFQR5JBEAgBEEBaiAEIAVBAnRBgJAMaigCABshBCAFQQFqIQUMAQsLQQAhBQNAIARBAkgEQCAFQQJ0QYCQDGoiBigCAEUEQCAG
  QQE2AgAgBEEBaiEECyAFQQFqIQUMAQsLQYCADEGAoAxBngJBDxAAQYCQDEGAsAxBHkEPEABBngIhBgNAIAZBgQJKBH8gBkECdEH8nwxqKAIABUEBC0UE
  QCAGQQFrIQYMAQsLQR4hCANAIAhBAUoEfyAIQQJ0QfyvDGooAgAFQQELRQRAIAhBAWshCAwBCwtBACEEA0AgBCAGSARAIARBgJANaiAEQQJ0QYCgDGoo
  AgBBEHY6AAAgBEEBaiEEDAELC0EAIQQDQCAEIAhIBEAgBkGAkA1qIARqIARBAnRBgLAMaigCAEEQdjoAACAEQQFqIQQMAQsLQYCgDUEAQcwA/AsAQQAh
  BSAGIAhqIQwDQCAHIAxIBEAgB0GAkA1qLQAAIQlBASEEA0AgBCAHaiAMSAR/IAdBgJANaiAEai0AACAJRgVBAAsEQCAEQQFqIQQMAQsLIAQgB2ohByAJ
  BEAgBUEBdEGAsA1qIAk7AQAgCUECdEGAoA1qIgogCigCAEEBajYCACAFQQFqIQUgBEEBayEEA0AgBEEDTgRAIAVBAXRBgLANakEGIAQgBEEGThsiCkED
  a0EIdEEQcjsBAEHAoA1BwKANKAIAQQFqNgIAIAVBAWohBSAEIAprIQQMAQsLBQNAIARBA04EQCAFQQF0QYCwDWpBEkERQYoBIAQgBEGKAU4bIgpBC04i
  CxsiDSAKQQtrIApBA2sgCxtBCHRyOwEAIA1BAnRBgKANaiILIAsoAgBBAWo2AgAgBUEBaiEFIAQgCmshBAwBCwsLA0AgBEEASgRAIAVBAXRBgLANaiAJ
  OwEAIAlBAnRBgKANaiIKIAooAgBBAWo2AgAgBUEBaiEFIARBAWshBAwBCwsMAQsLQYCgDUGAog1BE0EHEABBEyEHA0AgB0EESgR/IAdBsQlqLQAAQQJ0
  QYCiDWooAgAFQQELRQRAIAdBAWshBwwBCwsgB6xCA35CEXwhDkEAIQQDQCAEQRNJBEAgDiAEQQJ0QYCgDWo1AgAgBEEQRgR+QgIFIARBEUYEfkIDBUIH
  QgAgBEESRhsLCyAEQQJ0QYCiDWo1AgBCEIh8fnwhDiAEQQFqIQQMAQsLQQAhBANAIARBngJJBEAgDiAEQQJ0IglBgIAMajUCACAEQYACSwR+IARBuQZq
  MQAABUIACyAJQYCgDGo1AgBCEIh8fnwhDiAEQQFqIQQMAQsLQQAhBANAIARBHkkEQCAOIARBAnQiCUGAkAxqNQIAIARBlAlqMQAAIAlBgLAMajUCAEIQ
  iHx+fCEOIARBAWohBAwBCwsgDiABIABrrSIOQv//A4BCAXxCBX4gDnxCA4ZaBEADQCAAIAFJBEAjA0IDfCQDIwQjAjcDACMEIwNCA4inaiQEIwIjA0J4
  g4gkAiMDQgeDJAMjA0IHfEJ4gyQDIwQjAjcDACMEIwNCA4inaiQEIwIjA0J4g4gkAiMDQgeDJAMjBEH//wMgASAAayICIAJB//8DTxsiAjsBACMEQQJq
  IAJB//8DczsBACMEQQRqJAQjBCAAIAL8CgAAIwQgAmokBCAAIAJqIQAMAQsLDwsjAkIEIwOGhCQCIwNCA3wkAyMCIAZBgQJrrCMDhoQkAiMDQgV8JAMj
  AiAIQQFrrCMDhoQkAiMDQgV8JAMjAiAHQQRrrCMDhoQkAiMDQgR8JAMjBCMCNwMAIwQjA0IDiKdqJAQjAiMDQniDiCQCIwNCB4MkA0EAIQQDQCAEIAdI
  BEAjAiAEQbIJai0AAEECdEGAog1qNQIAQhCIIwOGhCQCIwNCA3wkAyMEIwI3AwAjBCMDQgOIp2okBCMCIwNCeIOIJAIjA0IHgyQDIARBAWohBAwBCwtB
  ACEEA0AgBCAFSARAIwIgBEEBdEGAsA1qLwEAIgZB/wFxIgdBAnRBgKINaigCACIIQf//A3GtIwOGhCQCIwMgCEEQdq18JAMgB0EQTwRAIwIgBkEIdq0j
  A4aEJAIgB0EQRgR+QgIFQgNCByAHQRFGGwsjA3wkAwsjBCMCNwMAIwQjA0IDiKdqJAQjAiMDQniDiCQCIwNCB4MkAyAEQQFqIQQMAQsLQQMhBANAIARB
  gwJIBEAgBEGA4AxqLQAAIgVBAnRBhKgMaigCACIGQRB2IQcgBEEDdEGAwAxqIAZB//8Dca0gBCAFQQF0QYAIai8BAGusIAethoQgByAFQboIai0AAGqt
  QiCGhDcDACAEQQFqIQQMAQsLIwIhDyMDIQ4jBCEEQQAhBQNAIAIgBU4EQAJAIAIgBUoEfiAFQQN0QYCAEGopAwAFIAEgA2utCyIQQv////8Pg6chBgNA
  IAZBA08EQCAOIAAtAABBAnRBgKAMaigCACIHQRB2rXwiESAAQQFqLQAAQQJ0QYCgDGooAgAiCEEQdq18IRIgBCAPIAdB//8Dca0gDoaEIAhB//8Dca0g
  EYaEIABBAmotAABBAnRBgKAMaigCACIHQf//A3GtIBKGhCIONwMAIAQgEiAHQRB2rXwiEUIDiKdqIQQgDiARQniDiCEPIBFCB4MhDiAAQQNqIQAgBkED
  ayEGDAELCwNAIAYEQCAPIAAtAABBAnRBgKAMaigCACIHQf//A3GtIA6GhCEPIA4gB0EQdq18IQ4gAEEBaiEAIAZBAWshBgwBCwsgBCAPNwMAIAQgDkID
  iKdqIQQgDyAOQniDiCEPIA5CB4MhDiACIAVGDQAgDiAQQiCIQv//A4OnIgZBA3RBgMAMaikDACIRQiCIfCISIBBCMIinIgdBAWsiCCAIQQd2QYACaiAI
  QYACSRtBgOQMai0AACIIQQJ0QYCwDGooAgAiCUEQdq18IhMgCEGUCWoxAAB8IRAgBCAPIBFC/////w+DIA6GhCAJQf//A3GtIBKGhCAHIAhBAXRB2Ahq
  LwEAa6wgE4aEIg43AwAgBCAQQgOIp2ohBCAOIBBCeIOIIQ8gEEIHgyEOIAAgBmohACAFQQFqIQUMAgsLCyAPJAIgDiQDIAQkBCMCQYCoDCgCACIAQf//
  A3GtIwOGhCQCIwMgAEEQdq18JAMjBCMCNwMAIwQjA0IDiKdqJAQjAiMDQniDiCQCIwNCB4MkAwuNEAIRfwF+QYCABEEAQYCACPwLAEGAgOgAJARCACQC
  QgAkAyABQYCAImohD0GAgCIgAGsiEiEAA0AgAEGAgCJJIABBBGogD01xBEAgACgCAEGx893xeWxBEnZBA3RBgIAEaiIBIABB//8Dca0gASkDAEIQhoQ3
  AwAgAEEBaiEADAELC0GAgCIhAANAIAAgD0kEQEGAgAxBAEGACfwLAEGAkAxBAEGAAfwLACAAIgQhA0EAIRBBACERQQAhDgNAIA5B4N0ASCAAIA9JcQRA
  IA8gAGsiDUEFSARAQQMkBQUCQCAAKAIAQbHz3fF5bEESdkEDdEGAgARqIgEpAwAhEyABIABB//8DcSIFrSATQhCGhDcDAEEDJAUgACgCACIBIAAgBSAT
  p2tB//8DcSIMayILKAIARiECIAAgBSATQiCIp2tB//8DcSIKaygCACABRiIJIAIgACAFIBNCEIina0H//wNxIghrKAIAIAFGIgVyckUNAEGCAiANIA1B
  ggJOGyEHQYCAAiAAIBJrIgEgAUGAgAJPGyEGIAIEQAJAIAxBAWsgBk8NAEEAIQECQANAIAFBCGoiAiAHTARAIAEgACABaikDACABIAtqKQMAhSITekID
  iKdqIQEgE0IAUg0CIAIhAQwBCwsDQCABIAdIBH8gACABai0AACABIAtqLQAARgVBAAsEQCABQQFqIQEMAQsLCyABIwVMDQAgASQFIAwkBgsLIwVBIEgg
  BXEEQAJAIAhBAWsgBk8NACAAIAhrIQVBACEBAkADQCABQQhqIgIgB0wEQCABIAAgAWopAwAgASAFaikDAIUiE3pCA4inaiEBIBNCAFINAiACIQEMAQsL
  A0AgASAHSAR/IAAgAWotAAAgASAFai0AAEYFQQALBEAgAUEBaiEBDAELCwsgASMFTA0AIAEkBSAIJAYLCyMFQSBIIAlxBEACQCAKQQFrIAZPDQAgACAK
  ayEFQQAhAQJAA0AgAUEIaiICIAdMBEAgASAAIAFqKQMAIAEgBWopAwCFIhN6QgOIp2ohASATQgBSDQIgAiEBDAELCwNAIAEgB0gEfyAAIAFqLQAAIAEg
  BWotAABGBUEACwRAIAFBAWohAQwBCwsLIAEjBUwNACABJAUgCiQGCwsLCyMFQQRIBEAgEUEBaiIRQQV1QQFqIgEgDSABIA1IGyECQQAhBQNAIAIgBUoE
  QCAAIgFBAWohACABLQAAQQJ0QYCADGoiASABKAIAQQFqNgIAIAVBAWohBQwBCwsgAiAOaiEODAILQQAhESMFIQwjBiENIABBAWohAQNAIAxBIEgEQAJA
  IA8gAGtBAWsiB0EFSCAHIAxMcg0AIABBAWoiCygCAEGx893xeWxBEnZBA3RBgIAEaiIBIAtB//8DcSIGrSABKQMAIhNCEIaENwMAIAwkBSALIAxqQQNr
  IgUoAgAiASAFIAYgE6drQf//A3EiCmsoAgBGIgIgBSAGIBNCEIina0H//wNxIglrKAIAIAFGIghyBEBBggIgByAHQYICThshB0GAgAIgCyASayIBIAFB
  gIACTxshBiACBEACQCAKQQFrIAZPDQAgCyAKayEFQQAhAQJAA0AgAUEIaiICIAdMBEAgASABIAtqKQMAIAEgBWopAwCFIhN6QgOIp2ohASATQgBSDQIg
  AiEBDAELCwNAIAEgB0gEfyABIAtqLQAAIAEgBWotAABGBUEACwRAIAFBAWohAQwBCwsLIAEjBUwNACABJAUgCiQGCwsjBUEgSCAIcQRAAkAgCUEBayAG
  Tw0AIAsgCWshBUEAIQECQANAIAFBCGoiAiAHTARAIAEgASALaikDACABIAVqKQMAhSITekIDiKdqIQEgE0IAUg0CIAIhAQwBCwsDQCABIAdIBH8gASAL
  ai0AACABIAVqLQAARgVBAAsEQCABQQFqIQEMAQsLCyABIwVMDQAgASQFIAkkBgsLCyAAQQJqIQEjBSAMRg0AIAAiAkEBaiEAIAItAABBAnRBgIAMaiIC
  IAIoAgBBAWo2AgAgDkEBaiEOIwUhDCMGIQ0MAgsLCyAQQQN0QYCAEGogACADa60gDKxCIIaEIA2tQjCGhDcDACAQQQFqIRAgDEGA4AxqLQAAQQJ0QYSI
  DGoiAiACKAIAQQFqNgIAIA1BAWsiAiACQQd2QYACaiACQYACSRtBgOQMai0AAEECdEGAkAxqIgIgAigCAEEBajYCACAOQQFqIQ4gACAMaiIDIA9BBGsi
  AiACIANLGyEGIAxBCEwEQANAIAEgBkkEQCABIgBBAWohASAAKAIAQbHz3fF5bEESdkEDdEGAgARqIgIgAEH//wNxrSACKQMAQhCGhDcDAAwBCwsFA0Ag
  ASAAQQRqSQRAIAEiAkEBaiEBIAIoAgBBsfPd8XlsQRJ2QQN0QYCABGoiBSACQf//A3GtIAUpAwBCEIaENwMADAELCyADQQRrIgAgASAAIAFLGyEAA0Ag
  ACAGSQRAIAAoAgBBsfPd8XlsQRJ2QQN0QYCABGoiASAAQf//A3GtIAEpAwBCEIaENwMAIABBAWohAAwBCwsLIAMhAAwBCwsgBCAAIBAgAxACDAELCyMD
  QgN8JAMjBCMCNwMAIwQjA0IDiKdqJAQjAiMDQniDiCQCIwNCB4MkAyMDQgBSBEAjA0IHfEJ4gyQDCyMEIwI3AwAjBCMDQgOIp2okBCMCIwNCeIOIJAIj
  A0IHgyQDIwRBgIB8NgIAIwRBBGokBCMEQYCA6ABrCwvWAQUAQYAICzoDAAQABQAGAAcACAAJAAoACwANAA8AEQATABcAGwAfACMAKwAzADsAQwBTAGMA
  cwCDAKMAwwDjAAIBAEHCCAsUAQEBAQICAgIDAwMDBAQEBAUFBQUAQdgICzwBAAIAAwAEAAUABwAJAA0AEQAZACEAMQBBAGEAgQDBAAEBgQEBAgEDAQQB
  BgEIAQwBEAEYASABMAFAAWAAQZgJCxoBAQICAwMEBAUFBgYHBwgICQkKCgsLDAwNDQBBsgkLExAREgAIBwkGCgULBAwDDQIOAQ8=
`;
function deflateCode() {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

// src/artifact/archive/compress-workers.ts
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
var maxWorkers = 8;
var workerCount = Math.min(availableParallelism(), maxWorkers);
var bufferBytes = (1 << 20) + (64 << 10);
var replySchema = object({ id: number(), sizeBytes: number() });
async function* released(pieces) {
  let releaseLast = () => {
  };
  for await (const { bytes, release } of pieces) {
    yield bytes;
    releaseLast();
    releaseLast = release;
  }
}
var CompressWorkers = class {
  #threads = [];
  /** Each block travels to a thread and back in one of these. New ones for each block would cost more than all the rest. */
  #freeBuffers = [];
  #start;
  #code;
  #nextId = 0;
  constructor(start2, code) {
    this.#start = start2;
    this.#code = code;
  }
  /** See `BlockCompressor`; both arguments may be overwritten as soon as it has returned. */
  async compress(block, history) {
    const buffer = this.#freeBuffers.pop() ?? new SharedArrayBuffer(bufferBytes);
    const bytes = Buffer.from(buffer);
    bytes.set(history);
    bytes.set(block, history.length);
    const { worker, waiting } = this.#leastBusy();
    const id = this.#nextId++;
    const sizeBytes = await new Promise((resolve12, reject) => {
      waiting.set(id, { resolve: resolve12, reject });
      worker.postMessage({ id, buffer, sizes: [history.length, block.length] }, []);
    });
    return { bytes: bytes.subarray(0, sizeBytes), release: () => void this.#freeBuffers.push(buffer) };
  }
  async [Symbol.asyncDispose]() {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }
  #leastBusy() {
    const [first] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size);
    if (first !== void 0 && (first.waiting.size === 0 || this.#threads.length >= workerCount)) return first;
    const thread = startThread(this.#start, this.#code);
    this.#threads.push(thread);
    return thread;
  }
};
function startThread(start2, code) {
  const waiting = /* @__PURE__ */ new Map();
  const worker = new Worker(`(${serve.toString()})(${start2.toString()})`, {
    eval: true,
    workerData: code,
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }
  });
  const fail = (error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on("message", (message) => {
    const { id, sizeBytes } = parse(replySchema, message);
    waiting.get(id)?.resolve(sizeBytes);
    waiting.delete(id);
  });
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("a thread that compresses ended")));
  return { worker, waiting };
}
function serve(start2) {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const compress2 = start2(workerData);
  parentPort?.on("message", ({ id, buffer, sizes: [historyBytes2, blockBytes4] }) => {
    const history = new Uint8Array(buffer, 0, historyBytes2);
    const piece = compress2(new Uint8Array(buffer, historyBytes2, blockBytes4), history);
    new Uint8Array(buffer).set(piece);
    parentPort.postMessage({ id, sizeBytes: piece.length }, []);
  });
}

// src/artifact/archive/deflater.ts
function deflater(code) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const { memory, input, output, deflate } = exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof deflate !== "function")
    throw new Error("no such code");
  if (!(input instanceof WebAssembly.Global) || !(output instanceof WebAssembly.Global))
    throw new Error("no such code");
  const [inputAt, outputAt] = [Number(input.value), Number(output.value)];
  const bytes = new Uint8Array(memory.buffer);
  return (block, history) => {
    bytes.set(history, inputAt - history.length);
    bytes.set(block, inputAt);
    const size = Number(deflate(history.length, block.length));
    return bytes.subarray(outputAt, outputAt + size);
  };
}

// src/artifact/archive/in-order.ts
import { availableParallelism as availableParallelism2 } from "node:os";
var blocksInFlight = 2 * availableParallelism2() + 2;
async function* inOrder(items, work, inFlight) {
  const queue = [];
  for await (const item of items) {
    const result = work(item);
    result.catch(() => {
    });
    queue.push(result);
    const first = queue.length < inFlight ? void 0 : queue.shift();
    if (first !== void 0) yield await first;
  }
  for (const result of queue) yield await result;
}
async function* ahead(items) {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (; ; ) {
      const { done, value } = await next;
      if (done === true) return;
      next = iterator.next();
      next.catch(() => {
      });
      yield value;
    }
  } finally {
    await next.catch(() => {
    });
    await iterator.return?.();
  }
}

// src/artifact/archive/gzip.ts
var historyBytes = 32 << 10;
var maxBlockBytes = 1 << 20;
var smallBytes = 64 << 10;
var header = Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]);
var lastBlock = Buffer.from([3, 0]);
async function* gzip(blocks, inFlight) {
  var _stack = [];
  try {
    const workers = __using(_stack, new CompressWorkers(deflater, deflateCode()), true);
    let crc = 0;
    let sizeBytes = 0;
    const end = Buffer.alloc(historyBytes);
    let history = end.subarray(0, 0);
    const deflated = (block) => {
      crc = crc322(block, crc);
      sizeBytes += block.length;
      const piece = deflateBlock(block, history, workers);
      history = end.subarray(0, block.subarray(-historyBytes).copy(end));
      return piece;
    };
    yield header;
    yield* released(inOrder(cut(blocks), deflated, inFlight));
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc, 0);
    trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4);
    yield Buffer.concat([lastBlock, trailer]);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function* cut(blocks) {
  for await (const block of blocks) {
    for (let at = 0; at < block.length; at += maxBlockBytes) yield block.subarray(at, at + maxBlockBytes);
  }
}
var zeros = Buffer.alloc(maxBlockBytes);
var zeroBlock;
var inline;
async function deflateBlock(block, history, workers) {
  if (zeros.equals(block)) return zeroBlock ??= deflateHere(zeros, Buffer.alloc(0));
  return block.length > smallBytes ? workers.compress(block, history) : deflateHere(block, history);
}
function deflateHere(block, history) {
  inline ??= deflater(deflateCode());
  return { bytes: Buffer.from(inline(block, history)), release: () => {
  } };
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
  trailer.writeUInt32LE(crc322(content), 0);
  trailer.writeUInt32LE(content.length, 4);
  return Buffer.concat([...pieces, trailer]);
}

// src/artifact/archive/zstd.ts
import { availableParallelism as availableParallelism3 } from "node:os";
import { constants as constants5, createZstdCompress } from "node:zlib";
var params = { [constants5.ZSTD_c_compressionLevel]: 2 };
var chunkSize = 1 << 20;
var maxBlockBytes2 = 128 << 10;
function zstd(blocks, inFlight) {
  const idle = Array.from({ length: availableParallelism3() + 1 }, () => new FrameCompressor());
  const waiting = [];
  const compressed = async (block) => {
    const compressor = idle.pop() ?? await new Promise((resolve12) => waiting.push(resolve12));
    const frame = await compressor.compress(block);
    const next = waiting.shift();
    if (next === void 0) idle.push(compressor);
    else next(compressor);
    return frame;
  };
  return inOrder(blocks, compressed, inFlight);
}
var FrameCompressor = class {
  #stream = createZstdCompress({ params, chunkSize });
  #chunks = [];
  #fail = () => {
  };
  constructor() {
    this.#stream.on("data", (chunk) => this.#chunks.push(chunk));
    this.#stream.on("error", (error) => this.#fail(error));
  }
  /** To be called again only when the last block is done. */
  async compress(block) {
    await new Promise((resolve12, reject) => {
      this.#fail = reject;
      this.#stream.write(block);
      this.#stream.flush(constants5.ZSTD_e_end, resolve12);
    });
    return Buffer.concat(this.#chunks.splice(0));
  }
};
function zstdStored(content) {
  const header2 = Buffer.alloc(10);
  header2.writeUInt32LE(4247762216, 0);
  header2[4] = 128;
  header2[5] = 7 << 3;
  header2.writeUInt32LE(content.length, 6);
  const pieces = [header2];
  for (let at = 0; at < content.length || at === 0; at += maxBlockBytes2) {
    const block = content.subarray(at, at + maxBlockBytes2);
    const isLast = at + block.length >= content.length;
    const head = Buffer.alloc(3);
    head.writeUIntLE(block.length << 3 | (isLast ? 1 : 0), 0, 3);
    pieces.push(head, block);
  }
  return Buffer.concat(pieces);
}

// src/artifact/archive/compress.ts
var suffixOf = {
  none: "",
  gzip: ".gz",
  zstd: ".zst",
  xz: ".xz"
};
function compress(blocks, compression, options = {}) {
  const inFlight = options.inFlight ?? blocksInFlight;
  switch (compression) {
    case "none":
      return ahead(blocks);
    case "gzip":
      return ahead(gzip(ahead(blocks), inFlight));
    case "zstd":
      return ahead(zstd(ahead(blocks), inFlight));
    case "xz":
      return xz(blocks, options.signal);
  }
}
function stored(content, compression) {
  switch (compression) {
    case "none":
      return content;
    case "gzip":
      return gzipStored(content);
    case "zstd":
      return zstdStored(content);
    case "xz":
      return xzStored(content);
  }
}
function caveatOf(compression) {
  if (compression === "zstd") {
    return "zstd can only be read by newer clients and tools (mender-artifact 3.10 or later, Mender client 3.5 or later): an older device refuses the artifact";
  }
  if (compression === "xz") {
    return "xz takes minutes where gzip takes seconds, about 100 MiB of memory here, and 9 MiB more on the device";
  }
  return void 0;
}

// src/artifact/image-kind.ts
import { constants as constants6 } from "node:fs";
import { open as open5 } from "node:fs/promises";
async function doubtAboutImage(path2) {
  const start2 = await startOf2(path2).catch(() => void 0);
  if (start2 === void 0) return void 0;
  const packed = compressions2.find((one) => holds(start2, one));
  if (packed !== void 0) {
    return `${path2} is compressed with ${packed.name}, and devices write it into their slot as it is: unpack it first`;
  }
  if (fileSystems.some((one) => holds(start2, one))) return void 0;
  if (hasPartitions(start2)) {
    return `${path2} is the image of a whole disk, and devices write it into one slot: give the root file system alone`;
  }
  return `${path2} holds no file system that is known, and is packed as rootfs-image: if it is anything else, name its payload in the options file`;
}
var compressions2 = [
  { name: "gzip", at: 0, hex: "1f8b08" },
  { name: "xz", at: 0, hex: "fd377a585a00" },
  { name: "zstd", at: 0, hex: "28b52ffd" },
  { name: "bzip2", at: 0, hex: "425a68" },
  { name: "zip", at: 0, hex: "504b0304" }
];
var fileSystems = [
  { name: "ext2 to ext4", at: 1080, hex: "53ef" },
  { name: "squashfs", at: 0, hex: "68737173" },
  { name: "erofs", at: 1024, hex: "e2e1f5e0" },
  { name: "f2fs", at: 1024, hex: "1020f5f2" },
  { name: "btrfs", at: 65600, hex: "5f42485266535f4d" },
  { name: "xfs", at: 0, hex: "58465342" },
  { name: "ubi", at: 0, hex: "55424923" },
  { name: "ubifs", at: 0, hex: "31181006" },
  { name: "cramfs", at: 0, hex: "453dcd28" },
  { name: "FAT", at: 54, hex: "464154" },
  { name: "FAT32", at: 82, hex: "4641543332" }
];
var readBytes = 65608;
async function startOf2(path2) {
  var _stack = [];
  try {
    const file = __using(_stack, await open5(path2, constants6.O_RDONLY | constants6.O_NONBLOCK), true);
    if (!(await file.stat()).isFile()) throw new Error("no plain file");
    const buffer = Buffer.alloc(readBytes);
    const { bytesRead } = await file.read(buffer, 0, readBytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function holds(start2, { at, hex }) {
  return start2.toString("hex", at, at + hex.length / 2) === hex;
}
function hasPartitions(start2) {
  if (start2.toString("hex", 510, 512) !== "55aa") return false;
  const entries = [0, 1, 2, 3].map((i) => start2.subarray(446 + 16 * i, 462 + 16 * i));
  return entries.every(([status]) => status === 0 || status === 128) && entries.some((entry) => entry[4] !== 0);
}

// src/artifact/archive/joined-blocks.ts
var largeBytes = 64 << 10;
async function* joinedBlocks(pieces) {
  let small = [];
  let smallBytes2 = 0;
  for await (const piece of pieces) {
    const isLarge = piece.length >= largeBytes;
    if (smallBytes2 > 0 && (isLarge || smallBytes2 + piece.length > blockBytes3)) {
      yield Buffer.concat(small);
      small = [];
      smallBytes2 = 0;
    }
    if (isLarge) {
      yield piece;
    } else if (piece.length > 0) {
      small.push(Buffer.from(piece));
      smallBytes2 += piece.length;
    }
  }
  if (smallBytes2 > 0) yield Buffer.concat(small);
}

// src/artifact/archive/partial-file.ts
import { randomBytes as randomBytes2 } from "node:crypto";
import { mkdir, open as open6, readdir as readdir2, rename, rm as rm3, stat as stat5 } from "node:fs/promises";
import { dirname as dirname5, join as join3 } from "node:path";

// src/artifact/archive/output-place.ts
import { stat as stat4 } from "node:fs/promises";
async function checkReplaceable(path2) {
  const facts = await stat4(path2).catch(() => void 0);
  if (facts === void 0 || facts.isFile()) return;
  const what = facts.isDirectory() ? "a folder" : "a device, a pipe or a socket";
  throw new Failure("bad-input", `the output ${path2} is ${what}: give the path of another file to write`);
}
function outputFailure(error, path2) {
  if (!hasCode(error, "ENAMETOOLONG")) return storageFailure(error, path2);
  return new Failure(
    "bad-input",
    `the file system takes no name as long as that of ${path2}: choose a shorter output or release name`,
    { cause: error }
  );
}
function folderFailure(error, folder2) {
  const options = { cause: error };
  if (["EACCES", "EPERM", "EROFS"].some((code) => hasCode(error, code))) {
    const what = `may not write in ${folder2} (${messageOf(error)})`;
    return new Failure(
      "missing-rights",
      `${what}: choose another output, or give the right to write there`,
      options
    );
  }
  if (["EEXIST", "ENOTDIR"].some((code) => hasCode(error, code))) {
    return new Failure(
      "bad-input",
      `${folder2} can't be a folder, a file is in the way: choose another output`,
      options
    );
  }
  if (hasCode(error, "ENOENT")) {
    return new Failure("bad-input", `no file can be made in ${folder2}: choose another output`, options);
  }
  return outputFailure(error, folder2);
}

// src/artifact/archive/partial-file.ts
var abandonedAfterMs = 10 * 6e4;
var flushBytes = 32 << 20;
var partialName = /^\.drover-(\d+)-[0-9a-f]{8}\.part$/;
var PartialFile = class _PartialFile {
  path;
  #handle;
  #isKept = false;
  #unflushedBytes = 0;
  #flush;
  /** The system tells it only once, so the end has to know it. */
  #flushFailure;
  constructor(path2, handle) {
    this.path = path2;
    this.#handle = handle;
  }
  /** Makes `folder` where it is missing. Throws `disk-full`, `missing-rights`, or `bad-input` where it can't be a folder. */
  static async create(folder2) {
    try {
      await mkdir(folder2, { recursive: true });
      await removeAbandoned(folder2);
      const path2 = join3(folder2, `.drover-${process.pid}-${randomBytes2(4).toString("hex")}.part`);
      return new _PartialFile(path2, await open6(path2, "wx+", 420));
    } catch (error) {
      throw folderFailure(error, folder2);
    }
  }
  /** Writes all of `data` at `position`. */
  async write(data, position) {
    try {
      for (let at = 0; at < data.length; ) {
        const { bytesWritten } = await this.#handle.write(data, at, data.length - at, position + at);
        at += bytesWritten;
      }
      this.#flushBehind(data.length);
    } catch (error) {
      throw storageFailure(error, this.path);
    }
  }
  /**
   * Brings it to the disk and gives it its name, where it replaces a file that was there. Throws `bad-input` where that is
   * anything else, and `disk-full`.
   */
  async keepAs(path2) {
    try {
      await this.#flush;
      if (this.#flushFailure !== void 0) throw this.#flushFailure;
      await this.#handle.sync();
      await checkReplaceable(path2);
      await rename(this.path, path2);
      this.#isKept = true;
      await syncFolder(dirname5(path2));
    } catch (error) {
      throw outputFailure(error, path2);
    }
  }
  async [Symbol.asyncDispose]() {
    await this.#flush;
    await this.#handle.close();
    if (!this.#isKept) await rm3(this.path, { force: true });
  }
  #flushBehind(writtenBytes) {
    this.#unflushedBytes += writtenBytes;
    if (this.#unflushedBytes < flushBytes || this.#flush !== void 0) return;
    this.#unflushedBytes = 0;
    this.#flush = this.#handle.datasync().catch((error) => this.#flushFailure ??= error).finally(() => this.#flush = void 0);
  }
};
async function removeAbandoned(folder2) {
  for (const name3 of await readdir2(folder2)) {
    const pid = partialName.exec(name3)?.[1];
    if (pid === void 0 || isRunning(Number(pid))) continue;
    const path2 = join3(folder2, name3);
    const { mtimeMs } = await stat5(path2).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > abandonedAfterMs) await rm3(path2, { force: true });
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

// src/artifact/archive/tar-header.ts
var maxOctal = 8 ** 11;
var maxShortOctal = 8 ** 7;
var maxNameBytes2 = 100;
var typeFlags = { file: "0", folder: "5", link: "2" };
function tarHeader(name3, sizeBytes, mode = 420) {
  return entryHeader({ name: name3, sizeBytes, mode });
}
function entryHeader(entry) {
  const { name: name3, target: target2 = "" } = entry;
  return Buffer.concat([
    ...Buffer.byteLength(target2) > maxNameBytes2 ? [longName("K", target2)] : [],
    ...Buffer.byteLength(name3) > maxNameBytes2 ? [longName("L", name3)] : [],
    headerBlock({ ...entry, flag: typeFlags[entry.type ?? "file"] })
  ]);
}
function longName(flag3, value) {
  const bytes = Buffer.from(`${value}\0`);
  const block = headerBlock({ name: "././@LongLink", sizeBytes: bytes.length, flag: flag3 });
  return Buffer.concat([block, bytes, Buffer.alloc(paddingOf(bytes.length))]);
}
function headerBlock(entry) {
  const { name: name3, sizeBytes = 0, target: target2 = "", flag: flag3 } = entry;
  const block = Buffer.alloc(512);
  writeCut(block, name3, 0);
  block.write(octal(entry.mode ?? 420, 8), 100, "latin1");
  writeNumber(block, entry.uid ?? 0, 108, 8);
  writeNumber(block, entry.gid ?? 0, 116, 8);
  writeNumber(block, sizeBytes, 124, 12);
  writeNumber(block, entry.modifiedAt ?? 0, 136, 12);
  block.write("        ", 148, "latin1");
  block.write(flag3, 156, "latin1");
  writeCut(block, target2, 157);
  const isGnu = flag3 === "L" || flag3 === "K" || Math.max(Buffer.byteLength(name3), Buffer.byteLength(target2)) > maxNameBytes2 || sizeBytes >= maxOctal || Math.max(entry.uid ?? 0, entry.gid ?? 0) >= maxShortOctal;
  block.write(isGnu ? "ustar  \0" : "ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
function writeCut(block, text3, at) {
  Buffer.from(text3).copy(block, at, 0, maxNameBytes2);
}
function writeNumber(block, value, at, fieldBytes) {
  if (value < (fieldBytes === 8 ? maxShortOctal : maxOctal)) {
    block.write(octal(value, fieldBytes), at, "latin1");
    return;
  }
  block.writeBigUInt64BE(BigInt(value), at + fieldBytes - 8);
  block[at] = 128;
}
function tarMember(name3, content, mode) {
  const bytes = Buffer.from(content);
  return Buffer.concat([tarHeader(name3, bytes.length, mode), bytes, Buffer.alloc(paddingOf(bytes.length))]);
}
var tarEnd = Buffer.alloc(1024);
function octal(value, fieldBytes) {
  return `${value.toString(8).padStart(fieldBytes - 1, "0")}\0`;
}

// src/artifact/output.ts
import { stat as stat6 } from "node:fs/promises";
import { dirname as dirname6, join as join4, resolve as resolve5 } from "node:path";
var endings = {
  mender: ".mender",
  swupdate: ".swu",
  rauc: ".raucb"
};
function outputFolder({ output }) {
  return typeof output === "string" ? dirname6(output) : output.folder;
}
function outputPath({ output }, format, name3) {
  return typeof output === "string" ? output : join4(output.folder, `${name3}${endings[format]}`);
}
async function checkOutput(request, format, others) {
  const { output, source: source2, name: name3 } = request;
  const isKnown = typeof output === "string" || typeof name3 === "string";
  const path2 = resolve5(
    isKnown ? outputPath(request, format, typeof name3 === "string" ? name3 : "") : output.folder
  );
  let what;
  if (isKnown && [source2, ...others].some((input) => resolve5(input) === path2))
    what = "the source itself, or another file that goes into it";
  else if (isKnown) await checkReplaceable(path2);
  if (`${path2}/`.startsWith(`${resolve5(source2)}/`) && await isFolder(source2)) what = "in the source";
  if (what === void 0) return;
  throw new Failure("bad-input", `the output ${path2} is ${what}: give the path of another file to write`);
}
async function isFolder(path2) {
  const facts = await stat6(path2).catch(() => void 0);
  return facts?.isDirectory() === true;
}
function checkSourceDigest({ source: source2, sourceDigest }, checksum) {
  if (sourceDigest === void 0 || checksum === void 0 || hexOf(sourceDigest) === checksum) return;
  throw new Failure(
    "bad-input",
    `${source2} has the digest sha256:${checksum}, not ${sourceDigest} as it should: build it again, or give a name of its own`
  );
}
async function keepOutput(file, written, { verify: verify4 }, { signal, log }) {
  const { path: path2, publicKey, sourceBytes, sizeBytes } = written;
  const verifyKeys = publicKey === void 0 ? [] : [publicKey];
  const sha256 = verify4 === true ? (await openArtifact(file.path, { verifyKeys, signal, log })).sha256 : void 0;
  signal.throwIfAborted();
  await file.keepAs(path2);
  const by = publicKey === void 0 ? "unsigned, for no key was given" : "signed";
  log.info(`wrote ${path2}: ${megabytes(sourceBytes)} in ${megabytes(sizeBytes)}, ${by}`);
  return sha256;
}

// src/artifact/external-signer.ts
import { constants as constants7, verify as verify3 } from "node:crypto";
import { once as once2 } from "node:events";
import { open as open7, rm as rm4, writeFile as writeFile2 } from "node:fs/promises";
import { join as join5, resolve as resolve6 } from "node:path";

// src/artifact/ecdsa-der.ts
function rawEcdsa(der2) {
  if (der2[0] !== 48 || der2[1] !== der2.length - 2 || der2.length > 72) return void 0;
  const r = integerAt(der2, 2);
  const s = r && integerAt(der2, r.end);
  if (r === void 0 || s === void 0 || s.end !== der2.length) return void 0;
  return Buffer.concat([r.bytes, s.bytes]);
}
function derEcdsa(raw) {
  const body = Buffer.concat([raw.subarray(0, 32), raw.subarray(32)].map(integer));
  return Buffer.concat([Buffer.of(48, body.length), body]);
}
function integerAt(der2, at) {
  const [tag, length = 0] = der2.subarray(at, at + 2);
  const end = at + 2 + length;
  const content = der2.subarray(at + 2, end);
  if (tag !== 2 || length === 0 || content.length !== length) return void 0;
  const isPadded = content[0] === 0 && length > 1;
  if ((content[0] ?? 0) >= 128 || isPadded && (content[1] ?? 0) < 128) return void 0;
  const digits = isPadded ? content.subarray(1) : content;
  if (digits.length > 32) return void 0;
  return { bytes: Buffer.concat([Buffer.alloc(32 - digits.length), digits]), end };
}
function integer(bytes) {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first);
  const content = (digits[0] ?? 0) >= 128 ? Buffer.concat([Buffer.of(0), digits]) : digits;
  return Buffer.concat([Buffer.of(2, content.length), content]);
}

// src/artifact/external-signer.ts
var defaultTimeoutMs = 6e4;
var graceMs = 6e3;
var maxAnswerBytes = 64 << 10;
function externalSigner(options) {
  const [key] = publicKeysOf(options.publicKey, "the public key of the external signer");
  if (key === void 0) throw new Error("no key and no failure");
  return {
    publicKey: spki(key),
    signatureBytes: signatureBytesOf(key),
    sign: async (data, signal) => signatureIn(await ask(options, data, signal), data, key, nameOf(options))
  };
}
async function ask(options, data, signal) {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    return await inFile(data, signal, (input) => answerTo(input, options, AbortSignal.any([signal, limit])));
  } catch (error) {
    if (signal.aborted || error !== limit.reason) throw error;
    throw failed(options, `it gave no answer within ${seconds(timeoutMs)} and was ended`);
  }
}
async function answerTo(input, options, signal) {
  const [program = "", ...args] = options.command;
  const answer = [];
  let answerBytes = 0;
  const started = start(program.includes("/") ? resolve6(options.folder, program) : program, args, {
    cwd: options.folder,
    input,
    onData: (chunk) => {
      answerBytes += chunk.length;
      if (answerBytes <= maxAnswerBytes) return void answer.push(chunk);
      void started.stop();
    },
    signal
  });
  const { code, stderr } = await Promise.race([started.done, givenUp(signal)]);
  if (answerBytes > maxAnswerBytes)
    throw failed(options, `it answered with more than ${maxAnswerBytes} bytes`);
  if (code !== 0) throw failed(options, shorten(oneLine(lastWords(stderr, "it", code)), 500));
  return Buffer.concat(answer);
}
async function inFile(data, signal, use) {
  const folder2 = await temporaryFolder("sign", plainContext({ signal }));
  try {
    var _stack = [];
    try {
      await writeFile2(join5(folder2, "data"), data);
      const file = __using(_stack, await open7(join5(folder2, "data")), true);
      return await use(file.fd);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } finally {
    await rm4(folder2, { recursive: true, force: true });
  }
}
async function givenUp(signal) {
  await once2(signal, "abort");
  await new Promise((done) => setTimeout(done, graceMs).unref());
  throw signal.reason;
}
function signatureIn(answer, data, key, name3) {
  const forms = [answer, ...fromBase64(answer)].flatMap((bytes) => formsOf(bytes, key));
  const signature = forms.find((form) => isValid(key, data, form));
  if (signature !== void 0) return signature;
  const why = forms.length === 0 ? `answered with ${answer.length} bytes that are no ${kindOf2(key)} signature: it has to write the bare signature to its standard output, as bytes or in base64` : forms.some((form) => isPss(key, data, form)) ? "signed with RSA-PSS, which devices do not verify: use PKCS#1 v1.5 with SHA-256" : "answered with a signature that the public key does not verify: give the public key of the key it signs with, and have it sign the SHA-256 of all that it reads";
  throw new Failure("signing-failed", `the external signer ${name3} ${why}`);
}
function formsOf(bytes, key) {
  const bare = bytes.length === signatureBytesOf(key) ? [bytes] : [];
  if (key.asymmetricKeyType !== "ec") return bare;
  const unpacked = rawEcdsa(bytes);
  return unpacked === void 0 ? bare : [...bare, unpacked];
}
function fromBase64(answer) {
  const text3 = answer.toString("latin1").replace(/\s+/g, "");
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text3) ? [Buffer.from(text3, "base64")] : [];
}
function isPss(key, data, signature) {
  if (key.asymmetricKeyType !== "rsa") return false;
  return verify3("sha256", data, { key, padding: constants7.RSA_PKCS1_PSS_PADDING }, signature);
}
function kindOf2(key) {
  return key.asymmetricKeyType === "ec" ? "ECDSA P-256" : `RSA ${key.asymmetricKeyDetails?.modulusLength}`;
}
function failed(options, why) {
  return new Failure("signing-failed", `the external signer ${nameOf(options)} failed: ${why}`);
}
function nameOf({ command: [program = ""] }) {
  return shorten(oneLine(program), 100);
}

// src/artifact/signing.ts
async function openSigner(signing) {
  const { key, passphrase, command, publicKey, certificate, folder: folder2 = ".", timeoutMs } = signing ?? {};
  if (command === void 0) return key === void 0 ? void 0 : signerOf(key, passphrase);
  if (key !== void 0) {
    throw new Failure("bad-input", "both a signing key and a signing command were given: give one of them");
  }
  const verifyWith = publicKey ?? certificate;
  if (verifyWith === void 0) {
    throw new Failure("bad-input", "a signing command needs the public key that its answers are checked with");
  }
  return externalSigner({ command, folder: folder2, publicKey: verifyWith, timeoutMs });
}
function signingKeyOf(signing) {
  const { key, passphrase, command, publicKey, certificate } = signing ?? {};
  if (key === void 0 && command === void 0) return void 0;
  if (key !== void 0 && !key.trim().startsWith("pkcs11:"))
    return fingerprintOf(privateKeyOf(key, passphrase));
  const [known] = publicKeysOf(publicKey ?? certificate ?? "", "the public key of what signs");
  return known && fingerprintOf(known);
}

// src/artifact/mender/layout.ts
import { createHash as createHash9 } from "node:crypto";
var Layout = class {
  /** How many bytes stand before those of the payload. */
  prefixBytes;
  #parts;
  constructor(parts) {
    this.#parts = parts;
    const { payload: payload2, signer } = parts;
    const unknown2 = hexOf(unknownDigest);
    const planned = this.#resolve(
      payload2.contents.map(() => unknown2),
      hasImage(payload2.type) ? unknown2 : void 0
    );
    const signature = signer && Buffer.alloc(signer.signatureBytes);
    this.prefixBytes = assembled(this.#members(planned, 0), signature).length;
  }
  /** To be asked once the payload was written. */
  resolve() {
    const { payload: payload2 } = this.#parts;
    return this.#resolve(
      payload2.contents.map((content) => content.checksum()),
      payload2.imageChecksum()
    );
  }
  async prefix(known, dataBytes, signal) {
    const members = this.#members(known, dataBytes);
    const signature = await this.#parts.signer?.sign(Buffer.from(members.manifest), signal);
    const bytes = assembled(members, signature);
    if (bytes.length !== this.prefixBytes) throw new Error("the header has another size than was planned");
    return bytes;
  }
  #resolve(checksums, imageChecksum) {
    const { facts, payload: payload2, scripts } = this.#parts;
    const files = payload2.contents.map(({ name: name4 }, i) => ({ name: name4, checksum: checksums[i] ?? "" }));
    const contentDigest = contentDigestOf({
      deviceTypes: facts.deviceTypes,
      payloads: [{ type: payload2.type ?? "", metaData: payload2.metaData, files }],
      scriptsDigest: scriptsDigestOf(scripts)
    });
    const name3 = releaseNameOf(facts.name, contentDigest);
    return { name: name3, contentDigest, checksums, imageChecksum };
  }
  #members(known, dataBytes) {
    const suffix = suffixOf[this.#parts.compression];
    const version = '{"format":"mender","version":3}';
    const header2 = this.#header(known);
    const manifest = formatManifest([
      ...this.#parts.payload.contents.map(({ name: name3 }, i) => ({
        name: `data/0000/${name3}`,
        checksum: known.checksums[i] ?? ""
      })),
      { name: `header.tar${suffix}`, checksum: sha256Of2(header2) },
      { name: "version", checksum: sha256Of2(version) }
    ]);
    return {
      version,
      manifest,
      rest: [tarMember(`header.tar${suffix}`, header2), tarHeader(`data/0000.tar${suffix}`, dataBytes)]
    };
  }
  #header({ name: name3, imageChecksum }) {
    const { facts, payload: payload2, scripts, compression } = this.#parts;
    const { type, metaData } = payload2;
    const documents = headerDocuments(facts, {
      name: name3,
      payload: { type, metaData, checksum: imageChecksum },
      scripts
    });
    const tar = Buffer.concat([
      tarMember("header-info", documents.headerInfo),
      ...scripts.map((script2) => tarMember(`scripts/${script2.name}`, script2.content, 493)),
      tarMember("headers/0000/type-info", documents.typeInfo),
      ...documents.metaData === void 0 ? [] : [tarMember("headers/0000/meta-data", documents.metaData)],
      tarEnd
    ]);
    return stored(tar, compression);
  }
};
function assembled({ version, manifest, rest }, signature) {
  return Buffer.concat([
    tarMember("version", version),
    tarMember("manifest", manifest),
    ...signature === void 0 ? [] : [tarMember("manifest.sig", signature.toString("base64"))],
    ...rest
  ]);
}
function sha256Of2(content) {
  return createHash9("sha256").update(content).digest("hex");
}

// src/artifact/mender/payload.ts
import { open as open8, readdir as readdir4, stat as stat8 } from "node:fs/promises";
import { basename as basename4, join as join7 } from "node:path";

// src/artifact/archive/folder-archive.ts
import { createHash as createHash10 } from "node:crypto";
import { lstat, readdir as readdir3, readlink as readlink2 } from "node:fs/promises";
import { join as join6 } from "node:path";

// src/artifact/archive/file-blocks.ts
import { readFile as readFile3, stat as stat7 } from "node:fs/promises";
async function planFile(path2) {
  const facts = await stat7(path2).catch((error) => {
    throw readingFailure(error, path2);
  });
  if (!facts.isFile()) throw new Failure("bad-input", `${path2} is not a plain file: give the path of one`);
  return { path: path2, sizeBytes: facts.size, modifiedMs: facts.mtimeMs };
}
async function* fileBlocks(file, blocksKept, signal) {
  const { path: path2, sizeBytes, modifiedMs } = file;
  const now = await planFile(path2);
  if (now.sizeBytes !== sizeBytes || now.modifiedMs !== modifiedMs) throw changed(path2);
  if (sizeBytes > blockBytes3) {
    var _stack = [];
    try {
      const image = __using(_stack, await SourceImage.open(path2, { anyName: true }), true);
      if (image.sizeBytes !== sizeBytes) throw changed(path2);
      yield* image.blocks(blocksKept, signal);
      return;
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  signal.throwIfAborted();
  const content = await readFile3(path2).catch((error) => {
    throw readingFailure(error, path2);
  });
  if (content.length !== sizeBytes) throw changed(path2);
  if (content.length > 0) yield content;
}
function changed(path2) {
  return new Failure("bad-input", `${path2} changed while it was read: run again when it is done`);
}

// src/artifact/archive/folder-archive.ts
var maxEntries = 1e6;
var FolderArchive = class _FolderArchive {
  name;
  sizeBytes;
  /** Entries whose set-id or sticky bits were left out, by path in the folder. */
  stripped;
  #items;
  #hash = createHash10("sha256");
  #checksum;
  constructor(name3, items, stripped) {
    this.name = name3;
    this.#items = items;
    this.stripped = stripped;
    this.sizeBytes = tarEnd.length + items.reduce((sum, item) => sum + entryHeader(item).length + contentBytes(item), 0);
  }
  /**
   * Looks at all of the folder; `name` is the archive's own. Throws `file-missing` where it can't be read, and one
   * `bad-input` for all that can't be in an archive: devices, sockets, pipes, names that are no UTF-8.
   */
  static async open(folder2, name3, kept) {
    const walk = { kept, items: [], problems: [], stripped: [] };
    try {
      await visit(walk, folder2, ".");
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure("file-missing", `can't read ${folder2}: ${messageOf(error)}`, { cause: error });
    }
    const [first, ...rest] = walk.problems;
    if (first === void 0) return new _FolderArchive(name3, walk.items, walk.stripped);
    const more = rest.length === 0 ? "" : ` (and ${rest.length} more)`;
    throw new Failure("bad-input", `${first.file} ${first.message}${more}`, { problems: walk.problems });
  }
  /** The whole archive. A block may be overwritten once more than `blocksKept` were asked for after it. Throws as `fileBlocks` does. */
  async *blocks(blocksKept, signal) {
    for await (const piece of this.#pieces(blocksKept, signal)) {
      this.#hash.update(piece);
      yield piece;
    }
  }
  /** SHA-256 of what `blocks` gave, 64 hex digits; to be asked after all of them. */
  checksum() {
    return this.#checksum ??= this.#hash.digest("hex");
  }
  async *#pieces(blocksKept, signal) {
    for (const item of this.#items) {
      signal.throwIfAborted();
      yield entryHeader(item);
      const { path: path2, sizeBytes = 0, modifiedMs } = item;
      if (sizeBytes === 0) continue;
      yield* fileBlocks({ path: path2, sizeBytes, modifiedMs }, blocksKept, signal);
      yield Buffer.alloc(paddingOf(sizeBytes));
    }
    yield tarEnd;
  }
};
async function visit(walk, path2, name3) {
  const unfit3 = (why) => void walk.problems.push({ file: path2, message: `${why}, which can't be part of an update: remove it` });
  if (name3.includes("�")) return unfit3("has a name that is not UTF-8");
  const facts = await lstat(path2);
  const type = typeOf2(facts);
  if (type === void 0) return unfit3("is a device, a socket or a pipe");
  walk.items.push(await itemOf3(walk, path2, name3, type, facts));
  if (walk.items.length > maxEntries)
    throw new Failure("bad-input", `the source has more than ${maxEntries} entries`);
  if (type !== "folder") return;
  for (const entry of (await readdir3(path2)).sort()) await visit(walk, join6(path2, entry), `${name3}/${entry}`);
}
async function itemOf3({ kept, stripped }, path2, name3, type, facts) {
  if (kept.modes !== true && type === "file" && (facts.mode & 3584) !== 0) stripped.push(name3);
  const plainMode = type === "file" && (facts.mode & 64) === 0 ? 420 : 493;
  const mode = type === "link" ? 511 : kept.modes === true ? facts.mode & 4095 : plainMode;
  return {
    path: path2,
    name: type === "folder" ? `${name3}/` : name3,
    type,
    mode,
    sizeBytes: type === "file" ? facts.size : 0,
    modifiedMs: facts.mtimeMs,
    ...type === "link" ? { target: await readlink2(path2) } : {},
    ...kept.owners === true ? { uid: facts.uid, gid: facts.gid } : {},
    ...kept.times === true ? { modifiedAt: Math.max(0, Math.floor(facts.mtimeMs / 1e3)) } : {}
  };
}
function typeOf2(facts) {
  if (facts.isFile()) return "file";
  if (facts.isDirectory()) return "folder";
  return facts.isSymbolicLink() ? "link" : void 0;
}
function contentBytes({ sizeBytes = 0 }) {
  return sizeBytes + paddingOf(sizeBytes);
}

// src/artifact/mender/payload-content.ts
import { createHash as createHash11 } from "node:crypto";
var FileContent = class {
  name;
  path;
  sizeBytes;
  #file;
  #hash = createHash11("sha256");
  #checksum;
  constructor(name3, file) {
    this.name = name3;
    this.path = file.path;
    this.sizeBytes = file.sizeBytes;
    this.#file = file;
  }
  async *blocks(blocksKept, signal) {
    for await (const block of fileBlocks(this.#file, blocksKept, signal)) {
      this.#hash.update(block);
      yield block;
    }
  }
  checksum() {
    return this.#checksum ??= this.#hash.digest("hex");
  }
};
var TextContent = class {
  name;
  sizeBytes;
  #bytes;
  constructor(name3, text3) {
    this.name = name3;
    this.#bytes = Buffer.from(text3);
    this.sizeBytes = this.#bytes.length;
  }
  async *blocks() {
    yield this.#bytes;
  }
  checksum() {
    return createHash11("sha256").update(this.#bytes).digest("hex");
  }
};

// src/artifact/mender/payload.ts
var maxFiles = 4096;
async function openPayload(choice, source2, context) {
  switch (choice.kind) {
    case "rootfs-image":
      return imagePayload(await SourceImage.open(source2));
    case "bootstrap":
      return bootstrapPayload(source2, context.signal);
    case "directory":
      return directoryPayload(choice, source2, context);
    case "single-file":
      return singleFilePayload(choice, source2);
    case "docker":
      warnOfTags(choice.containers, context);
      return payload("docker", [], { containers: choice.containers, run_args: choice.runArgs });
    case "module-image":
      return filesPayload(choice.type, choice.hasSource ? [source2] : [], choice.files, choice.metaData);
    case "script":
    case "deb":
      return filesPayload(choice.kind, [source2], choice.files, {});
  }
}
function payload(type, contents, metaData = {}, sourceContent) {
  return {
    type,
    contents,
    metaData,
    imageChecksum: () => void 0,
    sourceChecksum: () => sourceContent?.checksum(),
    [Symbol.asyncDispose]: async () => {
    }
  };
}
function imagePayload(image) {
  const checksum = once3(() => image.checksum());
  const content = {
    name: image.name,
    sizeBytes: image.sizeBytes,
    blocks: (blocksKept, signal) => image.blocks(blocksKept, signal),
    checksum
  };
  return {
    ...payload("rootfs-image", [content], {}, content),
    imageChecksum: checksum,
    [Symbol.asyncDispose]: () => image[Symbol.asyncDispose]()
  };
}
async function bootstrapPayload(source2, signal) {
  await planFile(source2);
  const checksum = hexOf(await digestOfFile(source2, signal));
  return { ...payload(null, []), imageChecksum: () => checksum, sourceChecksum: () => checksum };
}
async function directoryPayload({ destDir, keep }, source2, context) {
  if ((await stat8(source2).catch(() => void 0))?.isDirectory() === false) {
    throw new Failure("bad-input", `the source ${source2} is no folder, which the payload directory needs`);
  }
  const archive = await FolderArchive.open(source2, "update.tar", keep);
  const [stripped] = archive.stripped;
  if (stripped !== void 0) {
    context.log.warn(
      `${archive.stripped.length} of the files lose their set-id or sticky bits, the first is ${stripped}: give the option keep: [modes] where they are meant`
    );
  }
  return payload("directory", [archive, new TextContent("dest_dir", `${destDir}
`)]);
}
async function singleFilePayload(choice, source2) {
  const file = await planFile(source2);
  const filename = choice.filename ?? basename4(source2);
  checkName(filename, source2);
  const mode = ((await stat8(source2)).mode & 64) === 0 ? "644" : "755";
  const content = new FileContent(filename, file);
  const texts2 = [
    new TextContent("dest_dir", `${choice.destDir}
`),
    new TextContent("filename", `${filename}
`),
    new TextContent("permissions", `${choice.permissions ?? mode}
`)
  ];
  if (texts2.some(({ name: name3 }) => name3 === filename)) {
    throw new Failure(
      "bad-input",
      `the update module single-file keeps ${filename} for itself: give another filename`
    );
  }
  return payload("single-file", [...texts2, content], {}, content);
}
async function filesPayload(type, sources, more, metaData) {
  const findings = new Findings();
  const paths = (await Promise.all(sources.map((source2) => findings.from(() => filesOf(source2, type))))).flat();
  const contents = [];
  for (const path2 of [...paths, ...more]) {
    if (path2 === void 0) continue;
    const name3 = type === "deb" ? basename4(path2).replaceAll(/[^A-Za-z0-9._,-]/g, "_") : basename4(path2);
    const content = await findings.from(async () => {
      const file = await planFile(path2);
      checkName(name3, path2);
      if (type === "deb") await checkPackage(file);
      const twin = contents.find((other) => other.name === name3);
      if (twin === void 0) return new FileContent(name3, file);
      throw new Failure(
        "bad-input",
        `${twin.path} and ${path2} have the same name, which the payload can't have twice`
      );
    });
    if (content !== void 0) contents.push(content);
  }
  if (contents.length > maxFiles) {
    const what = `${contents.length} files are too many for one payload, which has at most ${maxFiles}`;
    findings.add(new Failure("bad-input", `${what}: use the payload directory`));
  }
  findings.fail();
  return payload(
    type,
    contents,
    metaData,
    contents.find(({ path: path2 }) => path2 === sources[0])
  );
}
async function filesOf(source2, type) {
  if ((await stat8(source2).catch(() => void 0))?.isDirectory() !== true) return [source2];
  const entries = (await readdir4(source2, { withFileTypes: true })).sort((a, b) => a.name < b.name ? -1 : 1);
  const other = entries.find((entry) => !entry.isFile());
  if (other !== void 0) {
    const what = `${join7(source2, other.name)} is no plain file, and the payload ${type} has only such`;
    throw new Failure("bad-input", `${what}: remove it, or name the files one by one`);
  }
  if (entries.length > 0) return entries.map(({ name: name3 }) => join7(source2, name3));
  throw new Failure(
    "bad-input",
    `the folder ${source2} has no file: give a file, or a folder with at least one`
  );
}
function checkName(name3, path2) {
  if (fitName.test(name3)) return;
  throw new Failure(
    "bad-input",
    `${path2} has a name that devices refuse (${fitNames}): rename it, or use the payload directory`
  );
}
async function checkPackage({ path: path2 }) {
  var _stack = [];
  try {
    const file = __using(_stack, await open8(path2), true);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(21), 0, 21, 0);
    const isPackage = buffer.toString("latin1", 0, bytesRead) === "!<arch>\ndebian-binary";
    if (isPackage && path2.endsWith(".deb")) return;
    const why = isPackage ? "has no name that ends in .deb" : "is no Debian package";
    throw new Failure("bad-input", `${path2} ${why}: dpkg on the device would not install it`);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function warnOfTags(containers, { log }) {
  for (const container2 of containers) {
    if (/@sha256:[0-9a-f]{64}$/.test(container2)) continue;
    log.warn(
      `the container image ${container2} is not pinned by its digest (name@sha256:…): devices run what it is when they pull it`
    );
  }
}
function once3(make2) {
  let made;
  return () => (made ??= { value: make2() }).value;
}

// src/artifact/mender/write-mender.ts
async function writeMender(options, context) {
  var _stack = [];
  try {
    const { payload: payload2, scripts, signer } = await checked2(options, context);
    const _ = __using(_stack, payload2, true);
    const file = __using(_stack, await PartialFile.create(outputFolder(options)), true);
    const layout = new Layout({ facts: options, compression: options.compression, payload: payload2, scripts, signer });
    const dataBytes = await writeData(payload2, options, file, layout.prefixBytes, context);
    checkSourceDigest(options, payload2.sourceChecksum());
    const known = layout.resolve();
    await file.write(await layout.prefix(known, dataBytes, context.signal), 0);
    const path2 = outputPath(options, "mender", known.name);
    const sizeBytes = layout.prefixBytes + dataBytes + paddingOf(dataBytes) + tarEnd.length;
    const written = { path: path2, publicKey: signer?.publicKey, sourceBytes: payloadBytes(payload2), sizeBytes };
    const sha256 = await keepOutput(file, written, options, context);
    return { path: path2, name: known.name, sha256, contentDigest: known.contentDigest, sizeBytes };
  } catch (_2) {
    var _error = _2, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function checked2(options, context) {
  const findings = new Findings();
  const choice = options.payload ?? { kind: "rootfs-image" };
  checkFacts(options, choice, findings);
  const signer = await findings.from(() => openSigner(options.signing));
  const scripts = await findings.from(() => readScripts(options.stateScripts));
  const payload2 = await findings.from(() => openPayload(choice, options.source, context));
  await findings.from(() => checkOutput(options, "mender", otherFiles(options)));
  try {
    return { payload: findings.orFail(payload2), scripts: findings.orFail(scripts), signer };
  } catch (error) {
    await payload2?.[Symbol.asyncDispose]();
    throw error;
  }
}
async function writeData(payload2, options, file, start2, context) {
  const inFlight = options.inFlight ?? blocksInFlight;
  const { signal } = context;
  const tar = joinedBlocks(payloadTar(payload2, inFlight, context));
  let position = start2;
  for await (const piece of compress(tar, options.compression, { inFlight, signal })) {
    signal.throwIfAborted();
    await file.write(piece, position);
    position += piece.length;
  }
  const dataBytes = position - start2;
  await file.write(Buffer.concat([Buffer.alloc(paddingOf(dataBytes)), tarEnd]), position);
  return dataBytes;
}
async function* payloadTar(payload2, inFlight, context) {
  const tell = packingProgress(payloadBytes(payload2), context);
  for (const content of payload2.contents) {
    yield tarHeader(content.name, content.sizeBytes);
    for await (const block of content.blocks(inFlight, context.signal)) {
      const { length } = block;
      yield block;
      tell(length);
    }
    yield Buffer.alloc(paddingOf(content.sizeBytes));
  }
  yield tarEnd;
}
function payloadBytes({ contents }) {
  return contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
function otherFiles({ payload: payload2, stateScripts = [] }) {
  const files = payload2 !== void 0 && "files" in payload2 ? payload2.files : [];
  return [...files, ...stateScripts.map(({ path: path2 }) => path2)];
}

// src/artifact/rauc/write-rauc.ts
import { chmod, copyFile, link, mkdir as mkdir3, realpath, writeFile as writeFile4 } from "node:fs/promises";
import { constants as constants10 } from "node:fs";
import { join as join10, resolve as resolve7 } from "node:path";

// src/artifact/rauc/bundle-folder.ts
import { mkdir as mkdir2, open as open9, rename as rename2, rm as rm5 } from "node:fs/promises";
import { dirname as dirname7 } from "node:path";
async function inBundleFolder(folder2, context, work) {
  const made = await make(folder2, context);
  try {
    return await work(made);
  } catch (error) {
    throw storageFailure(error, folder2);
  } finally {
    await rm5(made, { recursive: true, force: true });
  }
}
async function copyFast(from, to, signal) {
  const args = ["--sparse=always", "--reflink=auto", "--force", "--", from, to];
  const { code, stderr } = await start("cp", args, { signal }).done;
  if (code === 0) return;
  if (/no space left|quota/i.test(stderr))
    throw new Failure("disk-full", `no space left to write ${to}: free some and run again`);
  throw new Failure("build-failed", `can't copy ${from} to ${to}: ${lastWords(stderr, "cp", code)}`);
}
async function keepBundle(bundle, path2, signal) {
  {
    var _stack = [];
    try {
      const file = __using(_stack, await open9(bundle, "r+"), true);
      await file.sync();
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  }
  signal.throwIfAborted();
  await checkReplaceable(path2);
  await rename2(bundle, path2).catch((error) => {
    throw outputFailure(error, path2);
  });
  await syncFolder(dirname7(path2));
}
async function make(folder2, context) {
  try {
    await mkdir2(folder2, { recursive: true });
    return await temporaryFolder(".rauc", context, folder2);
  } catch (error) {
    throw folderFailure(error, folder2);
  }
}

// src/artifact/rauc/rauc-identity.ts
import { writeFile as writeFile3 } from "node:fs/promises";
import { join as join9 } from "node:path";

// src/artifact/key-certificates.ts
import { X509Certificate as X509Certificate4, createPublicKey as createPublicKey3 } from "node:crypto";
function keyCertificates(signing, publicKey, now) {
  const all = readCertificates(signing.certificate ?? signing.key ?? "");
  const key = createPublicKey3(publicKey);
  const own = all.find((certificate) => certificate.publicKey.equals(key));
  if (own === void 0) {
    const why = all.length === 0 ? "comes without its certificate" : "belongs to none of the certificates";
    throw new Failure(
      "bad-key",
      `the signing key ${why}: append the certificate to the key's PEM text, or name its file as signing.certificate in the options file`
    );
  }
  checkValid(own, now);
  return { own, all };
}
function readCertificates(pem) {
  try {
    return certificatesOf(pem).map((text3) => new X509Certificate4(text3));
  } catch {
    throw new Failure("bad-key", "a certificate of the signing key can’t be read: give it as PEM");
  }
}
function checkValid({ validFrom, validTo, validFromDate, validToDate }, now) {
  if (now >= validFromDate && now <= validToDate) return;
  throw new Failure(
    "bad-key",
    `the certificate of the signing key is valid from ${validFrom} to ${validTo}, not today, and devices refuse what it signs: renew it`
  );
}

// src/artifact/rauc/secret-file.ts
import { randomBytes as randomBytes3 } from "node:crypto";
import { constants as constants8 } from "node:fs";
import { open as open10, rm as rm6 } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as join8 } from "node:path";
var noName = 4194304 | constants8.O_DIRECTORY;
async function secretFile(secret) {
  const file = await openNameless();
  try {
    await file.writeFile(secret);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    path: `/proc/${process.pid}/fd/${file.fd}`,
    [Symbol.asyncDispose]: async () => {
      await file.truncate().catch(() => {
      });
      await file.close();
    }
  };
}
async function openNameless() {
  const mode = 384;
  for (const folder2 of ["/dev/shm", tmpdir()]) {
    const file2 = await open10(folder2, noName | constants8.O_RDWR | constants8.O_EXCL, mode).catch(() => void 0);
    if (file2 !== void 0) return file2;
  }
  const path2 = join8(tmpdir(), `drover-${randomBytes3(8).toString("hex")}`);
  const file = await open10(path2, "wx+", mode);
  await rm6(path2);
  return file;
}

// src/artifact/rauc/rauc-identity.ts
function raucIdentity(signing, now) {
  if (signing?.command !== void 0) {
    throw new Failure(
      "bad-input",
      "a signing command can’t sign RAUC bundles: rauc signs them itself; give it a key, or the PKCS#11 URI of a key that a token or a KMS has"
    );
  }
  if (signing?.key === void 0 || signing.key.trim() === "") {
    throw new Failure(
      "bad-input",
      "there is no key: a RAUC bundle is always signed; give a signing key with its certificate, for a laboratory a self-signed one"
    );
  }
  const { key, passphrase } = signing;
  return key.trim().startsWith("pkcs11:") ? onToken(signing, now) : atHand(signing, privateKeyOf(key, passphrase), now);
}
function atHand(signing, key, now) {
  const publicKey = spki(key);
  const { own, all } = keyCertificates(signing, publicKey, now);
  const intermediates = all.filter((certificate) => certificate !== own);
  const pem = key.export({ type: "pkcs8", format: "pem" }).toString();
  return {
    key: { pem },
    certificate: own.toString(),
    intermediates: intermediates.map((one) => one.toString()),
    publicKey
  };
}
function onToken({ key = "", certificate: given = "" }, now) {
  const uri = key.trim();
  if (/[?&;]pin-value=/i.test(uri)) {
    throw new Failure(
      "bad-key",
      "the PKCS#11 URI has a pin-value, which every user of this machine would see: give the PIN in the environment variable RAUC_PKCS11_PIN"
    );
  }
  if (/[\u0000-\u0020\u007f]/.test(uri))
    throw new Failure("bad-key", "the PKCS#11 URI has white space: write it as one word");
  const [own, ...others] = readCertificates(given);
  if (own === void 0) {
    throw new Failure(
      "bad-key",
      "the key of a PKCS#11 URI needs its certificate: name its file as signing.certificate in the options file"
    );
  }
  checkValid(own, now);
  return {
    key: { uri },
    certificate: own.toString(),
    intermediates: others.map((one) => one.toString()),
    publicKey: spki(own.publicKey)
  };
}
async function withIdentity({ key, certificate, intermediates }, folder2, work) {
  var _stack = [];
  try {
    const args = [`--cert=${join9(folder2, "certificate.pem")}`];
    await writeFile3(join9(folder2, "certificate.pem"), certificate);
    for (const [i, intermediate] of intermediates.entries()) {
      const path2 = join9(folder2, `intermediate-${i}.pem`);
      await writeFile3(path2, intermediate);
      args.push(`--intermediate=${path2}`);
    }
    if ("uri" in key) return await work([...args, `--key=${key.uri}`]);
    const secret = __using(_stack, await secretFile(key.pem), true);
    return await work([...args, `--key=${secret.path}`]);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

// src/artifact/rauc/format-manifest.ts
function formatManifest2(plan) {
  const { compatible, version, description: description2, build, format, hooks: hooks2, handler } = plan;
  const hookNames = hooks2?.isChecked === true ? "install-check" : void 0;
  return [
    section("update", { compatible, version, description: description2, build }),
    section("bundle", { format }),
    ...hooks2 === void 0 ? [] : [section("hooks", { filename: hooks2.file, hooks: hookNames })],
    ...handler === void 0 ? [] : [section("handler", { filename: handler.file, args: handler.args })],
    ...plan.images.map(
      ({ slot: slot2, variant: variant2, fileName: filename, hooks: called }) => section(variant2 === void 0 ? `image.${slot2}` : `image.${slot2}.${variant2}`, {
        filename,
        hooks: called.length === 0 ? void 0 : called.join(";")
      })
    )
  ].join("\n");
}
function section(name3, values2) {
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/.test(name3)) throw unfit2("a section", name3);
  const lines = Object.entries(values2).flatMap(
    ([key, value]) => value === void 0 ? [] : [`${key}=${escaped(key, value)}
`]
  );
  return `[${name3}]
${lines.join("")}`;
}
function escaped(key, value) {
  if (value === "" || !isPrintable(value)) throw unfit2(key, value);
  return value.replaceAll("\\", "\\\\").replace(/^ +/, (spaces) => "\\s".repeat(spaces.length));
}
function unfit2(what, value) {
  const rule = "it must not be empty, and have no line breaks or other control characters";
  return new Failure("bad-input", `${shown2(value)} can't be ${what} in the manifest of a bundle: ${rule}`);
}

// src/artifact/rauc/rauc-plan.ts
import { constants as constants9 } from "node:fs";
import { open as open11 } from "node:fs/promises";
import { basename as basename5 } from "node:path";
async function planBundle(request, findings, { signal, log }) {
  const { compatible, images: chosen, programs } = await inputsOf(request, findings);
  const images = [];
  for (const { slot: slot2, variant: variant2, hooks: hooks3 = [], bundled } of chosen) {
    const { name: name3, source: source2, sizeBytes } = bundled;
    log.debug(`${source2} becomes ${name3}, ${sizeBytes} bytes`);
    const checksum = await checksumOf(source2, signal);
    if (source2 === request.source) checkSourceDigest(request, checksum);
    images.push({ slot: slot2, variant: variant2, hooks: hooks3, settings: {}, file: { name: name3, sizeBytes, checksum } });
  }
  const others = [];
  for (const { name: name3, source: source2 } of programs) others.push({ name: name3, checksum: await checksumOf(source2, signal) });
  const hooks2 = request.hooks && { file: "hook", isChecked: request.hooks.isChecked === true };
  const handler = request.handler && { file: "handler", args: request.handler.args };
  const { contentDigest } = contentOf({ compatible, hooks: hooks2, handler, images }, others);
  const { build, bundleFormat: format = "verity" } = request;
  const description2 = describedWith(request.description, request.imageVariant);
  const version = releaseNameOf(request.name, contentDigest);
  const planned = images.map(({ file, ...image }) => ({ ...image, fileName: file?.name ?? "" }));
  return {
    manifest: { compatible, version, description: description2, build, format, hooks: hooks2, handler, images: planned },
    files: [...chosen.map(({ bundled }) => bundled), ...programs],
    contentDigest
  };
}
async function inputsOf(request, findings) {
  checkReleaseName(request.name, findings);
  checkVariant(request.imageVariant, findings);
  const compatible = await findings.from(() => compatibleOf(request));
  const chosen = imagesOf(request);
  await findings.from(() => checkSlots(chosen));
  await findings.from(() => checkHooks(request, chosen));
  const images = [];
  for (const image of chosen) {
    const bundled = await findings.from(() => imageFile(image));
    if (bundled !== void 0) images.push({ ...image, bundled });
  }
  const programs = await programsOf(request, findings);
  const others = [...images.map(({ file }) => file), ...programs.map(({ source: source2 }) => source2)];
  await findings.from(() => checkOutput(request, "rauc", others));
  return { compatible: findings.orFail(compatible), images, programs };
}
function compatibleOf({ deviceTypes }) {
  const [compatible, ...others] = new Set(deviceTypes);
  if (compatible === void 0) throw new Failure("bad-input", "no device type: name the one that it is for");
  if (others.length > 0) {
    const named = [compatible, ...others].join(", ");
    throw new Failure(
      "bad-input",
      `a RAUC bundle is for one device type, not for ${named}: make one bundle for each`
    );
  }
  if (isPrintable(compatible) && compatible.length <= 256 && compatible.trim() === compatible)
    return compatible;
  throw new Failure("bad-input", `${JSON.stringify(compatible)} can't be a device type`);
}
function imagesOf(request) {
  const { slot: slot2 = "rootfs", source: file, variant: variant2, imageHooks: hooks2, images = [] } = request;
  return [{ slot: slot2, file, variant: variant2, hooks: hooks2 }, ...images];
}
function checkSlots(images) {
  const seen = /* @__PURE__ */ new Set();
  for (const { slot: slot2, variant: variant2 } of images) {
    const group = variant2 === void 0 ? slot2 : `${slot2}, variant ${variant2}`;
    if (seen.has(group)) throw new Failure("bad-input", `two images are for the slot ${group}: give it one`);
    seen.add(group);
  }
}
function checkHooks({ hooks: hooks2 }, images) {
  if (hooks2 !== void 0 || !images.some((image) => (image.hooks?.length ?? 0) > 0)) return;
  throw new Failure("bad-input", "an image has hooks, but there is no script for them: give one");
}
var knownEnd = /\.(img|ext4|vfat|squashfs(-lz4|-lzo|-xz|-zst)?|ubifs|catar|tar(\.\w+)?)$/;
function fileNameOf({ slot: slot2, variant: variant2, file }) {
  const [end = ".img"] = knownEnd.exec(basename5(file)) ?? [];
  return `${variant2 === void 0 ? slot2 : `${slot2}-${variant2}`}${end}`;
}
async function imageFile(image) {
  const { file: source2 } = image;
  return { name: fileNameOf(image), source: source2, sizeBytes: await sizeOf2(source2, "image"), isProgram: false };
}
async function programsOf({ hooks: hooks2, handler }, findings) {
  const given = [
    { name: "handler", source: handler?.file },
    { name: "hook", source: hooks2?.file }
  ];
  const programs = [];
  for (const { name: name3, source: source2 } of given) {
    if (source2 === void 0) continue;
    const sizeBytes = await findings.from(() => programSizeOf(source2, name3));
    if (sizeBytes !== void 0) programs.push({ name: name3, source: source2, sizeBytes, isProgram: true });
  }
  return programs;
}
async function programSizeOf(source2, name3) {
  const sizeBytes = await sizeOf2(source2, `${name3} script`);
  if (sizeBytes <= maxProgramBytes) return sizeBytes;
  const rule = `a program of a bundle can have ${maxProgramBytes} at most`;
  throw new Failure("bad-input", `${source2} has ${sizeBytes} bytes: ${rule}`);
}
var maxProgramBytes = 16 << 20;
async function checksumOf(path2, signal) {
  try {
    return hexOf(await digestOfFile(path2, signal));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
async function sizeOf2(path2, what) {
  try {
    var _stack = [];
    try {
      const file = __using(_stack, await open11(path2, constants9.O_RDONLY | constants9.O_NONBLOCK), true);
      const facts = await file.stat();
      const why = !facts.isFile() ? "is not a plain file" : facts.size === 0 ? "is empty" : void 0;
      if (why === void 0) return facts.size;
      throw new Failure("bad-input", `the ${what} ${path2} ${why}: give the path of a file`);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } catch (error) {
    throw readingFailure(error, `the ${what} ${path2}`);
  }
}

// src/artifact/rauc/run-rauc.ts
import { stat as stat9 } from "node:fs/promises";
var tellEveryMs2 = 1e4;
async function runRauc(args, output, context) {
  const program = start("rauc", args, {
    signal: context.signal,
    onLine: (line2) => context.log.debug(line2)
  });
  const ticker = setInterval(() => {
    void stat9(output).then(
      ({ size }) => context.log.info(`rauc goes on: ${(size / 1e6).toFixed(0)} MB so far`),
      () => {
      }
    );
  }, tellEveryMs2);
  try {
    const { code, stdout, stderr } = await program.done;
    if (code !== 0) throw failed2(`${stdout}
${stderr}`, code, output);
  } finally {
    clearInterval(ticker);
  }
}
function failed2(said, code, output) {
  const words = lastWords(said, "rauc", code);
  if (/no space left|out of space|disk quota/i.test(said))
    return new Failure("disk-full", `no space left to write ${output}: free some and run again (${words})`);
  if (/must be larger than 4096/.test(said)) {
    return new Failure(
      "bad-input",
      "the images are too small for a bundle with a hash tree: write `bundle-format: plain` in the section `rauc` of the options file"
    );
  }
  if (/failed to parse (key|cert)|failed to load (key|cert)|pkcs11|engine|create signature/i.test(said))
    return new Failure("bad-key", `rauc can't sign with the key: ${words}`);
  return new Failure("build-failed", `rauc failed: ${words}`);
}

// src/artifact/rauc/write-rauc.ts
async function writeRauc(request, context) {
  requirePrograms(["rauc", "mksquashfs", "unsquashfs", "openssl", "prlimit"]);
  const findings = new Findings();
  const signer = await findings.from(() => raucIdentity(request.signing, context.clock.now()));
  const keyring = await findings.from(() => keyringOf(request));
  const plan = await planBundle(request, findings, context);
  const identity = findings.orFail(signer);
  const { version: name3 } = plan.manifest;
  const path2 = outputPath(request, "rauc", name3);
  return inBundleFolder(resolve7(outputFolder(request)), context, async (work) => {
    const input = join10(work, "input");
    await mkdir3(input);
    for (const file of plan.files) await bring(file, input, context);
    await writeFile4(join10(input, "manifest.raucm"), formatManifest2(plan.manifest));
    const bundle = join10(work, "bundle.raucb");
    await bundleUp({ input, bundle, work }, plan, identity, request, context);
    const info = await readRauc(bundle, {
      verifyKeys: [keyring ?? identity.publicKey],
      signal: context.signal
    });
    checkContent(info, plan);
    await keepBundle(bundle, path2, context.signal);
    const { sha256, contentDigest, sizeBytes } = info;
    context.log.info(
      `wrote ${path2}: ${megabytes(sizeBytes)}, ${info.bundle?.format}, for ${info.deviceTypes[0]}`
    );
    return { path: path2, name: name3, sha256, contentDigest, sizeBytes };
  });
}
async function bundleUp({ input, bundle, work }, plan, identity, { compression }, context) {
  const needed3 = kernelNeeds[compression];
  if (needed3 !== void 0)
    context.log.info(`compressed with ${compression}: the devices' kernels need ${needed3}`);
  const squashfs = ["-all-time 0 -mkfs-time 0", compressionArgs[compression], ...plan.files.map(modeOf)];
  const given = `--mksquashfs-args=${squashfs.join(" ")} -p 'manifest.raucm m 0644 0 0' -root-mode 0755`;
  await withIdentity(
    identity,
    work,
    (signer) => runRauc(["bundle", ...signer, given, input, bundle], bundle, context)
  );
}
var compressionArgs = {
  none: "-noI -noId -noD -noF -noX",
  gzip: "-comp gzip",
  zstd: "-comp zstd",
  xz: "-comp xz"
};
var kernelNeeds = {
  zstd: "CONFIG_SQUASHFS_ZSTD",
  xz: "CONFIG_SQUASHFS_XZ"
};
function modeOf({ name: name3, isProgram }) {
  return `-p '${name3} m ${isProgram ? "0755" : "0644"} 0 0'`;
}
async function bring({ name: name3, source: source2, isProgram }, input, context) {
  const from = await realpath(source2);
  const to = join10(input, name3);
  if (isProgram) {
    await copyFile(from, to);
    return chmod(to, 493);
  }
  for (const way of [() => copyFile(from, to, constants10.COPYFILE_FICLONE_FORCE), () => link(from, to)]) {
    const isThere = await way().then(
      () => true,
      () => false
    );
    if (isThere) return;
  }
  context.log.info(`copying ${source2}, which is on another file system than the output`);
  await copyFast(from, to, context.signal);
}
async function keyringOf({ keyring: path2 }) {
  return path2 === void 0 ? void 0 : readText(path2, void 0, `the keyring ${path2}`);
}
function checkContent({ contentDigest, name: name3 }, plan) {
  if (contentDigest === plan.contentDigest && name3 === plan.manifest.version) return;
  throw new Failure(
    "bad-input",
    "an image or a program changed while it was packed: run again when nothing writes to them"
  );
}

// src/artifact/swupdate/write-swupdate.ts
import { createHash as createHash12 } from "node:crypto";

// src/artifact/archive/move-tail.ts
import { open as open12 } from "node:fs/promises";
var chunkBytes = 4 << 20;
async function moveTail(path2, from, to, signal) {
  if (from === to) return;
  try {
    var _stack = [];
    try {
      const file = __using(_stack, await open12(path2, "r+"), true);
      const { size } = await file.stat();
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const count = Math.ceil((size - from) / chunkBytes);
      for (let i = 0; i < count; i++) {
        signal.throwIfAborted();
        const at = (to > from ? count - 1 - i : i) * chunkBytes;
        const length = Math.min(chunkBytes, size - from - at);
        await whole2(
          (done) => file.read(chunk, done, length - done, from + at + done).then((r) => r.bytesRead),
          length
        );
        await whole2(
          (done) => file.write(chunk, done, length - done, to + at + done).then((r) => r.bytesWritten),
          length
        );
      }
      if (to < from) await file.truncate(size - from + to);
    } catch (_) {
      var _error = _, _hasError = true;
    } finally {
      var _promise = __callDispose(_stack, _error, _hasError);
      _promise && await _promise;
    }
  } catch (error) {
    throw storageFailure(error, path2);
  }
}
async function whole2(step, length) {
  for (let done = 0; done < length; ) {
    const count = await step(done);
    if (count === 0) throw new Error("a file became shorter while it was moved");
    done += count;
  }
}

// src/artifact/cms-sign.ts
var oids = {
  signedData: "1.2.840.113549.1.7.2",
  data: "1.2.840.113549.1.7.1",
  sha256: "2.16.840.1.101.3.4.2.1",
  rsaEncryption: "1.2.840.113549.1.1.1",
  ecdsaWithSha256: "1.2.840.10045.4.3.2"
};
var derNull = der(5);
async function openCmsSigner(signing, now) {
  const signer = await openSigner(signing);
  if (signer === void 0) return void 0;
  const { own, all: certificates } = keyCertificates(signing ?? {}, signer.publicKey, now);
  const usual = Buffer.alloc(signer.signatureBytes, 127).fill(255, 0, signer.signatureBytes / 2);
  return {
    publicKey: signer.publicKey,
    certificate: own,
    hasIntermediates: certificates.length > 1,
    usualBytes: signedData2(own, certificates, usual).length,
    sign: async (content, signal) => signedData2(own, certificates, await signer.sign(content, signal))
  };
}
function signedData2(own, certificates, bare) {
  const isEc = own.publicKey.asymmetricKeyType === "ec";
  const digest = der(48, derOid(oids.sha256));
  const signerInfo = der(
    48,
    Buffer.of(2, 1, 1),
    // version 1: known by issuer and serial number
    der(48, ...issuerAndSerial(own)),
    digest,
    isEc ? der(48, derOid(oids.ecdsaWithSha256)) : der(48, derOid(oids.rsaEncryption), derNull),
    der(4, isEc ? derEcdsa(bare) : bare)
  );
  const data = der(
    48,
    Buffer.of(2, 1, 1),
    derSet(49, [digest]),
    der(48, derOid(oids.data)),
    derSet(
      160,
      certificates.map(({ raw }) => raw)
    ),
    derSet(49, [signerInfo])
  );
  return der(48, derOid(oids.signedData), der(160, data));
}
function issuerAndSerial(certificate) {
  const [outer] = derValues(certificate.raw) ?? [];
  const [tbs] = derValues(outer?.content ?? Buffer.alloc(0)) ?? [];
  const fields = (derValues(tbs?.content ?? Buffer.alloc(0)) ?? []).filter(({ tag }) => tag !== 160);
  const [serial, , issuer] = fields;
  if (serial === void 0 || issuer === void 0) throw new Error("a certificate without issuer and number");
  return [issuer.whole, serial.whole];
}

// src/artifact/swupdate/head.ts
var Head = class {
  usualBytes;
  #request;
  #toDescribe;
  #parts;
  #signer;
  constructor(request, parts, signer) {
    this.#request = request;
    this.#parts = new Map(parts.map((part) => [part.fileName, part]));
    const order2 = parts.flatMap(
      ({ fileName: fileName3, compression, items }) => items.map((item) => ({ fileName: fileName3, compression, ...item }))
    );
    const files = order2.toSorted((a, b) => a.position - b.position);
    this.#toDescribe = { ...request, files };
    this.#signer = signer;
    const planned = this.#describe(releaseNameOf(request.name, unknownDigest), () => hexOf(unknownDigest));
    this.usualBytes = headOf2(planned, signer && Buffer.alloc(signer.usualBytes)).length;
  }
  /** What stands before the parts, once they are written. */
  async finish(signal) {
    const { name: given } = this.#request;
    const { contentDigest } = this.#contentOf(releaseNameOf(given, unknownDigest));
    const name3 = releaseNameOf(given, contentDigest);
    const description2 = this.#describe(name3, (file) => this.#partOf(file).stored.sha256);
    const signature = await this.#signer?.sign(description2, signal);
    return { bytes: headOf2(description2, signature), name: name3, contentDigest };
  }
  /** Read from what is written, as a reader will. */
  #contentOf(name3) {
    const description2 = this.#describe(name3, (file) => this.#partOf(file).stored.sha256);
    return contentOf2(parseDescription(description2), this.#parts);
  }
  #describe(name3, sha256Of3) {
    return describe(this.#toDescribe, name3, sha256Of3);
  }
  #partOf(fileName3) {
    const part = this.#parts.get(fileName3);
    if (part === void 0) throw new Error(`${fileName3} is described and not there`);
    return part;
  }
};
function headOf2(description2, signature) {
  return Buffer.concat([
    cpioEntry("sw-description", 1, description2),
    ...signature === void 0 ? [] : [cpioEntry("sw-description.sig", 2, signature)]
  ]);
}

// src/artifact/swupdate/parts.ts
import { resolve as resolve8 } from "node:path";
var Part = class {
  fileName;
  path;
  compression;
  sizeBytes;
  items = [];
  /** Of what is written into the archive; known once it was. */
  stored = { sizeBytes: 0, sum: 0, sha256: "" };
  #image;
  #checksum;
  constructor(image, compression) {
    this.#image = image;
    this.fileName = image.name;
    this.path = image.path;
    this.sizeBytes = image.sizeBytes;
    this.compression = compression;
  }
  /** See `SourceImage.blocks`. */
  blocks(blocksKept, signal) {
    return this.#image.blocks(blocksKept, signal);
  }
  /** SHA-256 of the file itself, 64 hex digits; to be asked after all of `blocks`. */
  get checksum() {
    return this.#checksum ??= this.#image.checksum();
  }
};
async function openParts(request, stack, findings) {
  const says = request.says ?? { type: "raw" };
  const main = { list: listOf3(says), source: request.source, says, isMain: true };
  const items = [main, ...(request.items ?? []).map((item) => ({ ...item, isMain: false }))];
  const parts = /* @__PURE__ */ new Map();
  for (const [position, item] of items.entries()) {
    const compression = item.isMain || item.list === "images" ? request.compression : "none";
    const part = await findings.from(() => partOf(item, compression, parts, stack));
    part?.items.push({ list: item.list, says: item.says, isMain: item.isMain, position });
  }
  const rank = ({ items: [first] }) => first?.isMain === true ? 3 : { scripts: 0, files: 1, images: 2 }[first?.list ?? "images"];
  return [...parts.values()].toSorted((a, b) => rank(a) - rank(b));
}
function listOf3({ type }) {
  return type === "rawfile" ? "files" : "images";
}
async function partOf({ source: path2, isMain }, compression, parts, stack) {
  const known = [...parts.values()].find((part2) => resolve8(part2.path) === resolve8(path2));
  if (known?.compression === compression) return known;
  const image = stack.use(await SourceImage.open(path2, { empty: !isMain }));
  if (image.sizeBytes > maxCpioEntryBytes && compression === "none") {
    throw new Failure(
      "bad-input",
      `${path2} has ${image.sizeBytes} bytes, and a .swu file holds none of 4 GiB or more: compress it, make it smaller, or choose another format`
    );
  }
  const other = parts.get(image.name);
  if (other !== void 0) {
    const why = known === void 0 ? `and ${other.path} have the same name` : "is both an image and a file";
    throw new Failure("bad-input", `${path2} ${why}: give one of them another name`);
  }
  const part = new Part(image, compression);
  parts.set(part.fileName, part);
  return part;
}

// src/artifact/swupdate/write-swupdate.ts
async function writeSwupdate(request, context) {
  var _stack = [];
  try {
    const opened2 = __using(_stack, await openAll(request, context), true);
    const { parts, signer } = opened2;
    const file = __using(_stack, await PartialFile.create(outputFolder(request)), true);
    const head = new Head(request, parts, signer);
    const sourceBytes = parts.reduce((total, part) => total + part.sizeBytes, 0);
    const tell = packingProgress(sourceBytes, context);
    const end = await writeParts(parts, { file, start: head.usualBytes, tell }, context.signal);
    checkSourceDigest(request, parts.find(({ items }) => items.some(({ isMain }) => isMain))?.checksum);
    const { bytes, name: name3, contentDigest } = await head.finish(context.signal);
    await moveTail(file.path, head.usualBytes, bytes.length, context.signal);
    await file.write(bytes, 0);
    const written = end + bytes.length - head.usualBytes;
    const tail = cpioEnd(written);
    await file.write(tail, written);
    const path2 = outputPath(request, "swupdate", name3);
    const sizeBytes = written + tail.length;
    const facts = { path: path2, publicKey: signer?.publicKey, sourceBytes, sizeBytes };
    const sha256 = await keepOutput(file, facts, request, context);
    return { path: path2, name: name3, sha256, contentDigest, sizeBytes };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function openAll(request, context) {
  var _stack = [];
  try {
    const findings = new Findings();
    checkReleaseName(request.name, findings);
    checkDeviceTypes(request.deviceTypes, findings);
    checkVariant(request.imageVariant, findings);
    await findings.from(() => checkOptions(request));
    const signer = await findings.from(() => openCmsSigner(request.signing, context.clock.now()));
    if (signer !== void 0 && request.verify === true) {
      await findings.from(() => requirePrograms(["openssl"]));
    }
    const stack = __using(_stack, new AsyncDisposableStack(), true);
    const parts = await openParts(request, stack, findings);
    const others = (request.items ?? []).map(({ source: source2 }) => source2);
    await findings.from(() => checkOutput(request, "swupdate", others));
    findings.fail();
    if (request.compression === "zstd") {
      context.log.warn(
        "zstd can only be read where SWUpdate was built with it: a device without refuses the file"
      );
    }
    if (signer?.hasIntermediates === true) {
      context.log.warn(
        "SWUpdate does not take intermediate certificates from the file: devices need them beside the authority’s (-k)"
      );
    }
    const kept = stack.move();
    return { parts, signer, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
var firstInode = 3;
async function writeParts(parts, { file, start: start2, tell }, signal) {
  let position = start2;
  for (const [i, part] of parts.entries()) {
    const headerBytes = cpioHeader({ name: part.fileName, inode: 0, sizeBytes: 0, sum: 0 }).length;
    const stored2 = await writeContent(part, { file, start: position + headerBytes, tell }, signal);
    part.stored = stored2;
    const { sizeBytes, sum } = stored2;
    const header2 = cpioHeader({ name: part.fileName, inode: firstInode + i, sizeBytes, sum });
    await file.write(header2, position);
    position += headerBytes + sizeBytes;
    await file.write(Buffer.alloc(cpioPadding(sizeBytes)), position);
    position += cpioPadding(sizeBytes);
  }
  return position;
}
async function writeContent(part, { file, start: start2, tell }, signal) {
  const hash2 = createHash12("sha256");
  let [sizeBytes, sum] = [0, 0];
  for await (const piece of compress(told(part.blocks(blocksInFlight, signal), tell), part.compression, {
    signal
  })) {
    signal.throwIfAborted();
    await file.write(piece, start2 + sizeBytes);
    sizeBytes += piece.length;
    if (sizeBytes > maxCpioEntryBytes) throw tooLarge2(part.path, "compressed, too");
    sum = cpioSum(piece, sum);
    hash2.update(piece);
  }
  return { sizeBytes, sum, sha256: hash2.digest("hex") };
}
async function* told(blocks, tell) {
  for await (const block of blocks) {
    const { length } = block;
    yield block;
    tell(length);
  }
}
function tooLarge2(path2, how) {
  return new Failure(
    "bad-input",
    `${path2} has more than 4 GiB, ${how}: a .swu file can't hold it; make it smaller, or choose another format`
  );
}
function checkOptions({ compression, deviceTypes, says, slots }) {
  const reserved2 = deviceTypes.find(isReserved);
  if (reserved2 !== void 0) {
    throw new Failure(
      "bad-input",
      `${reserved2} can't be a device type: it has another meaning in sw-description`
    );
  }
  if (compression === "xz") {
    throw new Failure(
      "bad-input",
      "SWUpdate can’t uncompress xz: choose gzip (every device reads it), zstd or none"
    );
  }
  const type = says?.type ?? "raw";
  if (type !== "raw" || slots !== void 0 || says?.["device"] !== void 0) return;
  throw new Failure(
    "bad-input",
    "nothing says where on the device the source goes: give swupdate.device or swupdate.slots in the options file"
  );
}

// src/artifact/sign-source.ts
import { constants as constants11 } from "node:fs";
import { open as open14 } from "node:fs/promises";

// src/artifact/sign-artifact.ts
import { realpath as realpath2 } from "node:fs/promises";
import { resolve as resolve10 } from "node:path";

// src/artifact/mender/sign-mender.ts
import { createReadStream as createReadStream3 } from "node:fs";
import { dirname as dirname8 } from "node:path";

// src/artifact/archive/copy-range.ts
import { createReadStream as createReadStream2 } from "node:fs";
async function copyRange({ path: path2, start: start2, end = Infinity }, file, position, signal) {
  if (end <= start2) return position;
  const source2 = createReadStream2(path2, {
    start: start2,
    end: end - 1,
    highWaterMark: 1 << 20,
    signal
  });
  let at = position;
  for await (const chunk of source2) {
    await file.write(chunk, at);
    at += chunk.length;
  }
  return at;
}

// src/artifact/keep-signed.ts
async function keepSigned(file, { path: path2, before, output, publicKey }, { signal }) {
  const after = await openArtifact(file.path, { verifyKeys: [publicKey], signal });
  checkSame(path2, before, after);
  signal.throwIfAborted();
  if (after.sha256 !== before.sha256 || output !== path2) await file.keepAs(output);
  return after;
}
function checkSame(path2, before, after) {
  if (after.contentDigest === before.contentDigest && after.name === before.name) return;
  throw new Failure(
    "artifact-damaged",
    `${path2} changed while it was signed: nothing was written, sign it again`
  );
}

// src/artifact/mender/sign-mender.ts
var maxMemberBytes = 1 << 20;
async function signMender(path2, before, output, signer, context) {
  var _stack = [];
  try {
    const { signal } = context;
    if (before.augmented !== void 0) {
      throw new Failure(
        "bad-input",
        `${path2} is augmented, and no signature covers what was added to it: sign the artifact that it was made from`
      );
    }
    const front = await frontOf(path2, signal);
    const kept = front.signature && isBy(signer, front.manifest, front.signature);
    if (front.signature && kept !== true)
      context.log.info(`${path2} has a signature by another key: it is replaced`);
    const signature = kept === true ? front.signature : await signer.sign(front.manifest, signal);
    const member = tarMember("manifest.sig", (signature ?? Buffer.alloc(0)).toString("base64"));
    const file = __using(_stack, await PartialFile.create(dirname8(output)), true);
    await copyRange({ path: path2, start: 0, end: front.manifestEnd }, file, 0, signal);
    await file.write(member, front.manifestEnd);
    const rest = { path: path2, start: front.restStart };
    await copyRange(rest, file, front.manifestEnd + member.length, signal);
    return await keepSigned(file, { path: path2, before, output, publicKey: signer.publicKey }, context);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function frontOf(path2, signal) {
  var _stack = [];
  try {
    const bytes = __using(_stack, new ByteReader(createReadStream3(path2, { signal }), {
      place: path2,
      limitBytes: Infinity
    }), true);
    const tar = new TarReader(bytes);
    const next = async () => {
      const member2 = await tar.next();
      return { name: member2?.name, content: member2 && await tar.content(member2, maxMemberBytes) };
    };
    await next();
    const { content: manifest = Buffer.alloc(0) } = await next();
    const manifestEnd = bytes.offset;
    const member = await tar.next();
    if (member?.name !== "manifest.sig") return { manifest, manifestEnd, restStart: manifestEnd };
    const signature = Buffer.from((await tar.content(member, maxMemberBytes)).toString("latin1"), "base64");
    return { manifest, signature, manifestEnd, restStart: bytes.offset };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function isBy(signer, manifest, signature) {
  return publicKeysOf(signer.publicKey).some((key) => isValid(key, manifest, signature));
}

// src/artifact/rauc/sign-rauc.ts
import { X509Certificate as X509Certificate5 } from "node:crypto";
import { appendFile, readFile as readFile4, truncate, writeFile as writeFile5 } from "node:fs/promises";
import { dirname as dirname9, join as join11, resolve as resolve9 } from "node:path";
async function signRauc(path2, output, signing, context) {
  requirePrograms(["cp", "openssl", "unsquashfs", "prlimit"]);
  const { signal } = context;
  const identity = raucIdentity(signing, context.clock.now());
  const before = await readBundle(path2, { signal });
  if (path2 === output && isSignedWith(before, identity))
    return await readRauc(path2, { verifyKeys: [identity.publicKey], signal });
  return inBundleFolder(resolve9(dirname9(output)), context, async (work) => {
    const bundle = join11(work, "bundle.raucb");
    await copyFast(path2, bundle, signal);
    await truncate(bundle, before.payloadBytes);
    const signature = await signatureOf2(bundle, before.signedManifest, identity, work, signal);
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(signature.length));
    await appendFile(bundle, Buffer.concat([signature, size]));
    const after = await readRauc(bundle, { verifyKeys: [identity.publicKey], signal });
    checkSame(path2, before.info, after);
    await keepBundle(bundle, output, signal);
    return after;
  });
}
function isSignedWith({ signers }, { certificate }) {
  const own = new X509Certificate5(certificate).raw;
  return signers.length > 0 && signers.every((signer) => own.equals(new X509Certificate5(signer).raw));
}
async function signatureOf2(payload2, manifest, identity, folder2, signal) {
  const path2 = (name3) => join11(folder2, name3);
  const { key, certificate, intermediates } = identity;
  await writeFile5(path2("certificate.pem"), certificate);
  await writeFile5(path2("intermediates.pem"), intermediates.join("\n"));
  if (manifest !== void 0) await writeFile5(path2("manifest"), manifest);
  const args = ["cms", "-sign", "-binary", "-nosmimecap", "-md", "sha256", "-outform", "DER"];
  args.push("-in", manifest === void 0 ? payload2 : path2("manifest"), "-out", path2("signature"));
  args.push("-signer", path2("certificate.pem"));
  if (manifest !== void 0) args.push("-nodetach");
  if (intermediates.length > 0) args.push("-certfile", path2("intermediates.pem"));
  await runWithKey(args, key, signal);
  return await readFile4(path2("signature"));
}
async function runWithKey(args, key, signal) {
  var _stack = [];
  try {
    const secret = __using(_stack, "pem" in key ? await secretFile(key.pem) : void 0, true);
    const [module, pin] = [process.env["RAUC_PKCS11_MODULE"], process.env["RAUC_PKCS11_PIN"]];
    const engine = ["-engine", "pkcs11", "-keyform", "engine"];
    if (pin !== void 0) engine.push("-passin", "env:RAUC_PKCS11_PIN");
    const where = "pem" in key ? ["-inkey", secret?.path ?? ""] : [...engine, "-inkey", key.uri];
    const env2 = module === void 0 ? {} : { PKCS11_MODULE_PATH: module };
    const { code, stderr } = await start("openssl", [...args, ...where], { signal, env: env2 }).done;
    if (code === 0) return;
    throw new Failure("signing-failed", `openssl can't sign: ${lastWords(stderr, "openssl", code)}`);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

// src/artifact/swupdate/sign-swupdate.ts
import { X509Certificate as X509Certificate6 } from "node:crypto";
import { createReadStream as createReadStream4 } from "node:fs";
import { open as open13 } from "node:fs/promises";
import { dirname as dirname10 } from "node:path";
var maxMemberBytes2 = 16 << 20;
var maxTailBytes = 128 << 10;
async function signSwupdate(path2, before, output, signing, context) {
  var _stack = [];
  try {
    const { signal } = context;
    const signer = await openCmsSigner(signing, context.clock.now());
    if (signer === void 0) throw new Failure("bad-input", `there is no key to sign ${path2} with`);
    const front = await frontOf2(path2, signal);
    checkCovered(path2, front.description);
    const isKept = front.signature !== void 0 && await isBy2(signer, front.description, front.signature, signal);
    if (front.signature && !isKept) context.log.info(`${path2} has a signature by another key: it is replaced`);
    const kept = isKept ? front.signature : void 0;
    const signature = kept ?? await signer.sign(front.description, signal);
    const file = __using(_stack, await PartialFile.create(dirname10(output)), true);
    const head = headOf2(front.description, signature);
    await file.write(head, 0);
    await copyRest(path2, front.restStart, file, head.length, signal);
    return await keepSigned(file, { path: path2, before, output, publicKey: signer.publicKey }, context);
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function frontOf2(path2, signal) {
  var _stack = [];
  try {
    const source2 = createReadStream4(path2, { signal });
    const bytes = __using(_stack, new ByteReader(source2, { place: path2, limitBytes: Infinity }), true);
    const cpio = new CpioReader(bytes);
    const first = await cpio.next();
    const description2 = first === void 0 ? Buffer.alloc(0) : await cpio.content(first, maxMemberBytes2);
    const restStart = bytes.offset;
    const second = await cpio.next();
    if (second?.name !== "sw-description.sig") return { description: description2, restStart };
    return { description: description2, signature: await cpio.content(second, maxMemberBytes2), restStart: bytes.offset };
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function checkCovered(path2, description2) {
  const bare = parseDescription(description2).items.find(
    ({ fileName: fileName3, sha256 }) => fileName3 !== void 0 && sha256 === void 0
  );
  if (bare === void 0) return;
  throw new Failure(
    "bad-input",
    `${path2} has no sha256 for ${JSON.stringify(bare.fileName)}, so no signature would cover it: make it again with checksums`
  );
}
async function isBy2({ publicKey, certificate }, description2, signature, signal) {
  try {
    const { signers } = await verifyCms(signature, description2, [publicKey], signal);
    const own = certificate.fingerprint256;
    return signers.every((signer) => new X509Certificate6(signer).fingerprint256 === own);
  } catch (error) {
    if (error instanceof Failure && error.reason === "artifact-unsigned") return false;
    throw error;
  }
}
async function copyRest(path2, start2, file, position, signal) {
  const at = await copyRange({ path: path2, start: start2, end: await trailerStart(path2) }, file, position, signal);
  await file.write(cpioEnd(at), at);
}
async function trailerStart(path2) {
  var _stack = [];
  try {
    const file = __using(_stack, await open13(path2), true);
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, maxTailBytes));
    await file.read(tail, 0, tail.length, size - tail.length);
    const nameAt = tail.lastIndexOf(`${cpioTrailer}\0`);
    if (nameAt < 0) throw new Failure("artifact-damaged", `${path2} changed while it was signed: sign it again`);
    return size - tail.length + nameAt - cpioHeaderBytes;
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

// src/artifact/sign-artifact.ts
async function signArtifact(path2, options, context) {
  const isOnToken = options.signing.key?.startsWith("pkcs11:") === true;
  const signer = isOnToken ? void 0 : await openSigner(options.signing);
  if (signer === void 0 && !isOnToken) {
    throw new Failure(
      "bad-input",
      `${path2} is there already, and there is no key to sign it with: give a signing key`
    );
  }
  const before = options.before ?? await openArtifact(path2, { signal: context.signal });
  const source2 = await realpath2(path2);
  const output = await realpath2(options.output ?? path2).catch(() => resolve10(options.output ?? path2));
  const after = await sign2(source2, before, output, { signer, signing: options.signing }, context).catch(
    (error) => {
      context.signal.throwIfAborted();
      throw error;
    }
  );
  const isChanged = after.sha256 !== before.sha256 || output !== source2;
  context.log.info(
    isChanged ? `signed ${output} with ${after.signedBy}` : `${output} was signed with ${after.signedBy} already`
  );
  const { name: name3, sha256, contentDigest, sizeBytes } = after;
  return { path: output, name: name3, sha256, contentDigest, sizeBytes, isChanged };
}
async function sign2(path2, before, output, { signer, signing }, context) {
  switch (before.format) {
    case "mender": {
      const opened2 = signer ?? await openSigner(signing);
      if (opened2 === void 0) throw new Failure("bad-input", "there is no key to sign with");
      return signMender(path2, before, output, opened2, context);
    }
    case "rauc":
      return signRauc(path2, output, signing, context);
    case "swupdate":
      return signSwupdate(path2, before, output, signing, context);
  }
}

// src/artifact/sign-source.ts
async function signSource(options, context) {
  const { source: source2, optionsFile, output } = options;
  const format = await updateFormatOf(source2);
  if (format === void 0) return void 0;
  const extra = optionsFile === void 0 ? { others: [], signing: {} } : await readSigningOptions(optionsFile);
  if (extra.others.includes("payload")) return void 0;
  const before = await openArtifact(source2, { signal: context.signal });
  const differences = [...differencesOf(options, before), ...extra.others.map((key) => `the option ${key}`)];
  if (differences.length > 0) {
    throw new Failure(
      "bad-input",
      `${source2} is a finished ${format} file, which can be signed but not changed: leave out ${differences.join(", ")}, or package it anew from its source`
    );
  }
  return signArtifact(source2, { signing: { ...options.signing, ...extra.signing }, output, before }, context);
}
function differencesOf(options, info) {
  const { name: name3, deviceTypes, compression, format } = options;
  const isSame = (a, b) => new Set(a).size === new Set(b).size && a.every((item) => b.includes(item));
  return [
    ...name3 !== void 0 && name3 !== info.name ? [`the name ${name3} (its name is ${info.name})`] : [],
    ...deviceTypes.length > 0 && !isSame(deviceTypes, info.deviceTypes) ? [`the device types ${deviceTypes.join(", ")} (it is for ${info.deviceTypes.join(", ")})`] : [],
    // an action fills in what is usual where nothing was given: gzip, and mender
    ...compression !== "gzip" && compression !== info.compression ? [`the compression ${compression} (it has ${info.compression})`] : [],
    ...format !== "mender" && format !== info.format ? [`the format ${format}`] : []
  ];
}
async function updateFormatOf(path2) {
  var _stack = [];
  try {
    const file = await open14(path2, constants11.O_RDONLY | constants11.O_NONBLOCK).catch(() => void 0);
    if (file === void 0) return void 0;
    const handle = __using(_stack, file, true);
    const facts = await handle.stat();
    if (!facts.isFile()) return void 0;
    const at = async (position, length) => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, position);
      return buffer.subarray(0, bytesRead);
    };
    const start2 = await at(0, 1024);
    const text3 = start2.toString("latin1");
    if (text3.startsWith("version\0") && /^\{[^}]*"format" *: *"mender"/.test(text3.slice(512))) return "mender";
    if (/^07070[12]/.test(text3) && text3.startsWith("sw-description\0", cpioHeaderBytes2)) return "swupdate";
    if (!text3.startsWith("hsqs")) return void 0;
    const signatureBytes = (await at(facts.size - 8, 8)).readBigUInt64BE();
    if (signatureBytes === 0n || signatureBytes > 1n << 20n) return void 0;
    const [tag] = await at(facts.size - 8 - Number(signatureBytes), 1);
    return tag === 48 ? "rauc" : void 0;
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
var cpioHeaderBytes2 = 110;

// src/artifact/package-artifact.ts
var releaseSchema = object({
  release: pipe(string(), nonEmpty()),
  sha256: custom((value) => typeof value === "string" && isDigest(value), "it is not sha256:…"),
  variant: optional(pipe(string(), nonEmpty()))
});
async function packageArtifact(options, context) {
  const signed = await signSource(options, context);
  if (signed !== void 0) return signed;
  const { format, source: source2, output, name: name3, deviceTypes, compression, signing } = options;
  const { extra, release } = await readAll(options);
  warnOfChoices(options, release?.release, context);
  if ((extra.mender?.payload?.kind ?? "rootfs-image") === "rootfs-image" && format === "mender") {
    const doubt = await doubtAboutImage(source2);
    if (doubt !== void 0) context.log.warn(doubt);
  }
  const request = {
    source: source2,
    deviceTypes,
    compression,
    name: name3 ?? release?.release ?? { prefix: parse3(basename6(source2)).name },
    sourceDigest: release?.sha256,
    output: output ?? { folder: dirname11(source2) },
    signing: { ...signing, ...extra.signing },
    verify: true
  };
  const imageVariant = extra.imageVariant ?? release?.variant;
  switch (format) {
    case "mender":
      return checked3(
        await writeMender({ ...request, ...withVariant(extra.mender, release?.variant) }, context)
      );
    case "swupdate":
      return checked3(await writeSwupdate({ ...request, imageVariant, ...extra.swupdate }, context));
    case "rauc":
      return writeRauc({ ...request, imageVariant, ...extra.rauc }, context);
  }
}
function withVariant(choice, variant2) {
  const isImage = (choice?.payload.kind ?? "rootfs-image") === "rootfs-image";
  if (variant2 === void 0 || !isImage) return choice ?? {};
  return { ...choice, provides: { [variantProvide]: variant2, ...choice?.provides } };
}
function checked3({ sha256, ...written }) {
  if (sha256 === void 0) throw new Error(`${written.path} was not read back`);
  return { ...written, sha256 };
}
async function readAll({ format, source: source2, optionsFile, name: name3, deviceTypes }) {
  const findings = new Findings();
  if (format !== "mender" && optionsFile !== void 0 && resolve11(source2) === resolve11(optionsFile)) {
    findings.add(new Failure("bad-input", `missing input: source, which the format ${format} always needs`));
  }
  const extra = await findings.from(() => readArtifactOptions(optionsFile, { format, source: source2 }));
  const release = await findings.from(() => releaseOf(source2));
  if (!findings.isClean) {
    if (name3 !== void 0) checkReleaseName(name3, findings);
    checkDeviceTypes(deviceTypes, findings);
  }
  findings.fail();
  return { extra: extra ?? {}, release };
}
function warnOfChoices({ format, compression, name: name3 }, release, { log }) {
  const caveat = format === "mender" ? caveatOf(compression) : void 0;
  if (caveat !== void 0) log.warn(caveat);
  if (release === void 0 || name3 === void 0 || name3 === release) return;
  log.warn(
    `the artifact is named ${name3}, but the image calls itself ${release} and devices will report that: leave the name empty`
  );
}
async function releaseOf(source2) {
  try {
    return (await readYaml(`${source2}.release.json`, releaseSchema)).value;
  } catch (error) {
    if (error instanceof Failure && error.reason === "file-missing") return void 0;
    throw error;
  }
}

// src/artifact/release-age.ts
var releaseName2 = /^(?<recipe>.+)-(?<time>\d{8}T\d{4})-[0-9a-f]{12}$/;
var timeAlone = /^\d{8}T\d{4}$/;
function ageOf(name3, least) {
  if (name3 === least) return { order: "not-older" };
  const own = partsOf(name3);
  if (own === void 0) return { order: "unknown", why: `${name3} has no time in its name` };
  const other = timeAlone.test(least) ? { time: least, recipe: own.recipe } : partsOf(least);
  if (other === void 0 || !isTime(other.time))
    return { order: "unknown", why: `${least} is neither a release name with a time nor a time` };
  if (other.recipe !== own.recipe)
    return { order: "unknown", why: `${name3} and ${least} are of different recipes` };
  return { order: own.time < other.time ? "older" : "not-older" };
}
function partsOf(name3) {
  const { recipe, time: time2 } = releaseName2.exec(name3)?.groups ?? {};
  return recipe === void 0 || time2 === void 0 || !isTime(time2) ? void 0 : { recipe, time: time2 };
}
function isTime(time2) {
  const iso = time2.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:00.000Z");
  const date = new Date(iso);
  return !Number.isNaN(date.getTime()) && date.toISOString() === iso;
}

// src/artifact/verdict.ts
var checkOk = (what, detail) => ({
  what,
  result: "ok",
  reasons: [],
  detail
});
var notChecked = (what, detail) => ({
  what,
  result: "not-checked",
  reasons: [],
  detail
});
var refusal = (what, detail, ...reasons) => ({
  what,
  result: "refused",
  reasons,
  detail
});
function verdictOf(checks, info) {
  const reasons = [...new Set(checks.flatMap((check2) => check2.reasons))];
  return {
    verdict: checks.some(({ result }) => result === "refused") ? "refuse" : "accept",
    reasons,
    checks,
    ...info === void 0 ? {} : { info }
  };
}
function requireAccepted(verdict) {
  const [first] = verdict.reasons;
  if (first === void 0) return;
  const refused = verdict.checks.filter(({ result }) => result === "refused");
  throw new Failure(first, `the artifact is refused: ${refused.map(({ detail }) => detail).join("; ")}`);
}
function judge(info, policy) {
  const names = namesOf(info, policy);
  return [
    checkKnownBad([...names, info.contentDigest], policy.knownBad),
    checkReceipts(info, policy),
    checkDeviceTypes2(info, policy.deviceTypes),
    checkVariant2(info, policy.variant),
    checkVersion(names, policy.minVersion)
  ];
}
function namesOf({ name: name3, contentDigest }, { receipts = [] }) {
  const tested = receipts.flatMap(
    (receipt) => "failure" in receipt || receipt.contentDigest !== contentDigest ? [] : [receipt.release]
  );
  return [.../* @__PURE__ */ new Set([name3, ...tested])];
}
function checkKnownBad(own, knownBad) {
  if (knownBad === void 0) return notChecked("known-bad", "no fleet was given");
  const found = own.filter((one) => knownBad.has(one));
  if (found.length === 0) return checkOk("known-bad", `none of the ${knownBad.size} entries of known-bad`);
  return refusal("known-bad", `${found.join(" and ")} is listed in known-bad`, "known-bad");
}
function checkReceipts(info, { receipts, deviceTypes }) {
  if (receipts === void 0) return notChecked("receipt", "no receipt was asked for");
  const problems = [];
  const reasons = [];
  const tested = /* @__PURE__ */ new Set();
  const refuse = (reason, why) => {
    reasons.push(reason);
    problems.push(why);
  };
  for (const receipt of receipts) {
    if ("failure" in receipt) refuse(receipt.failure.detail, receipt.failure.message);
    else if (receipt.contentDigest !== info.contentDigest) {
      const digests = `${receipt.contentDigest}, not of ${info.contentDigest}`;
      refuse("not-as-tested", `${receipt.file} is about the content ${digests}`);
    } else if (receipt.result !== "pass") {
      refuse("not-as-tested", `${receipt.file} says that tests failed on ${receipt.deviceType}`);
    } else {
      const other = otherImage(info, receipt.reported?.provides);
      if (other === void 0) tested.add(receipt.deviceType);
      else refuse("not-as-tested", `${receipt.file}: ${other}`);
    }
  }
  if (info.format === "mender" && info.scripts.length > 0 && info.provides[scriptsProvide] === void 0) {
    const how = "package it with package-artifact, which counts them";
    refuse("not-as-tested", `it has state scripts that its content digest leaves out: ${how}`);
  }
  const wanted = deviceTypes.length > 0 ? deviceTypes : info.deviceTypes;
  const untested = wanted.filter((type) => !tested.has(type));
  if (untested.length > 0 && problems.length === 0) {
    const others = tested.size === 0 ? "" : `, only for ${[...tested].join(", ")}`;
    refuse("not-as-tested", `there is no receipt for ${untested.join(", ")}${others}`);
  }
  if (problems.length > 0) return refusal("receipt", problems.join("; "), ...reasons);
  return checkOk("receipt", `this content passed its tests on ${wanted.join(", ")}`);
}
function otherImage({ payloads }, provides) {
  const reported = provides?.["rootfs-image.checksum"];
  const images = payloads.filter(({ type }) => type === "rootfs-image").flatMap(({ files }) => files);
  if (reported === void 0 || images.length === 0) return void 0;
  if (images.some(({ checksum }) => checksum === reported)) return void 0;
  return `the device itself reported the image ${reported}, not ${images[0]?.checksum}: whatever was tested, it was not this`;
}
function checkDeviceTypes2({ deviceTypes }, wanted) {
  const own = deviceTypes.join(", ");
  if (wanted.length === 0) return notChecked("device types", `it is for ${own}`);
  const missing = wanted.filter((type) => !deviceTypes.includes(type));
  if (missing.length === 0) return checkOk("device types", `it is for ${own}`);
  return refusal("device types", `it is for ${own}, not for ${missing.join(", ")}`, "wrong-device-type");
}
function checkVariant2({ provides }, wanted) {
  const own = variantsIn(provides);
  const said = own.length === 0 ? "it names no variant" : `it is of the variant ${own.join(", ")}`;
  if (wanted === void 0) return notChecked("variant", said);
  const isRight = wanted === fieldVariant ? !isLabVariant(provides) : own.includes(wanted);
  return isRight ? checkOk("variant", said) : refusal("variant", `${said}, and should be for ${wanted}`, "wrong-variant");
}
function checkVersion(names, least) {
  if (least === void 0) return notChecked("version", names.join(", tested as "));
  for (const name3 of names) {
    const age = ageOf(name3, least);
    if (age.order === "older") return refusal("version", `${name3} is older than ${least}`, "too-old");
    if (age.order === "unknown") {
      return refusal(
        "version",
        `${age.why}, so nothing says which is older: give a release of the same recipe as min-version, or a time such as 20260112T0930`,
        "not-comparable"
      );
    }
  }
  return checkOk("version", `${names.join(" and ")} is not older than ${least}`);
}

// src/artifact/verdict-summary.ts
function verdictSummary({ verdict, checks, info }) {
  const title = verdict === "accept" ? "### ✅ Accepted" : "### ❌ Refused";
  const name3 = info === void 0 ? "" : `: ${escapeMarkdown(shorten(info.name, 300))}`;
  const digests = info && ["", `Content \`${info.contentDigest}\`, file \`${info.sha256}\`.`];
  return `${[`${title}${name3}`, ...digests ?? [], "", "| | check | |", "|---|---|---|", ...checks.map(row)].join("\n")}
`;
}
var marks2 = { ok: "✅", refused: "❌", "not-checked": "⚠️ not checked" };
function row({ what, result, reasons, detail }) {
  const words = reasons.map((reason) => `\`${reason}\`: `).join("");
  return `| ${marks2[result]} | ${what} | ${words}${escapeMarkdown(shorten(detail, 1e3))} |`;
}

// src/artifact/verify.ts
async function verifyArtifact(path2, policy, context, limits) {
  const read2 = (verifyKeys) => openArtifact(path2, { verifyKeys, limits, signal: context.signal, log: context.log });
  const checks = [];
  let info;
  try {
    try {
      info = await read2(policy.keys);
      checks.push(signatureOf3(info, policy.keys));
    } catch (error) {
      if (!(error instanceof Failure) || error.reason !== "artifact-unsigned") throw error;
      checks.push(refusal("signature", error.message, error.detail));
      info = await read2([]);
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.reason === "artifact-unsigned") return verdictOf(unfitSignature(error, checks));
    if (!isAboutFile(error)) throw error;
    return verdictOf([refusal("file", error.message, error.detail), ...checks]);
  }
  return verdictOf([fileOf(info), ...checks, ...judge(info, policy)], info);
}
function unfitSignature({ message, detail }, found) {
  const signature = found.length > 0 ? found : [refusal("signature", message, detail)];
  return [notChecked("file", "it was not read beyond its signature"), ...signature];
}
var unsafeName = /[\u0000-\u001f\u007f-\u009f/\\]|^\.{1,2}$/;
function fileOf({ format, sizeBytes, name: name3 }) {
  if (!unsafeName.test(name3)) return checkOk("file", `${format}, ${sizeBytes} bytes, every checksum is right`);
  return refusal(
    "file",
    `its release is called ${JSON.stringify(name3)}, which would leave a folder: give it another name`,
    "artifact-path"
  );
}
var isAboutFile = ({ reason }) => reason === "artifact-damaged" || reason === "bad-input";
function signatureOf3(info, keys) {
  const { signature, signedBy } = info;
  switch (signature) {
    case "verified":
      return checkOk(
        "signature",
        `it is signed with an accepted key${signedBy === void 0 ? "" : `, ${signedBy}`}`
      );
    case "unverified":
      return notChecked("signature", "it is signed, but no key was given to check that with");
    case "none":
      return keys.length === 0 ? notChecked("signature", "it is not signed, and no key was given that should have signed it") : refusal("signature", "it is not signed", "artifact-unsigned");
  }
}

export {
  artifactText,
  scriptsProvide,
  contentDigestOf,
  isLabVariant,
  namesVariant,
  inspectArtifact,
  openArtifact,
  signingKeyOf,
  writeMender,
  writeRauc,
  writeSwupdate,
  packageArtifact,
  requireAccepted,
  verdictSummary,
  verifyArtifact
};
