import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  runAction
} from "./chunks/chunk-4XIRM6HF.mjs";
import {
  Failure,
  array,
  canonicalJson,
  digestOf,
  digestOfFile,
  escapeMarkdown,
  failOn,
  hasCode,
  hexOf,
  isInRepository,
  lastWords,
  literal,
  markedName,
  maxLength,
  minLength,
  number,
  optional,
  pipe,
  readYaml,
  record,
  regex,
  requirePrograms,
  run,
  seconds,
  start,
  startsWith,
  storageFailure,
  strictObject,
  string,
  sweep,
  syncFolder,
  writeAtomically
} from "./chunks/chunk-I22TAEI5.mjs";
import "./chunks/chunk-TNMH4EKQ.mjs";

// src/image/image.ts
import { mkdir as mkdir4, readFile as readFile4, rename as rename2, rm as rm3 } from "node:fs/promises";
import { homedir } from "node:os";
import { join as join9, resolve as resolve2 } from "node:path";

// src/image/apt-sources.ts
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
async function machineSources(suite, arch, etc = "/etc/apt") {
  const lists = await aptFiles(etc);
  const all = lists.flatMap(
    ({ name, text }) => name.endsWith(".sources") ? deb822(text, arch) : oneLines(text, arch)
  );
  if (!all.some((source) => source.suite === suite)) return [];
  const wanted = /* @__PURE__ */ new Set([suite, `${suite}-updates`, `${suite}-security`, `${suite}/updates`]);
  const found = new Map(
    all.filter((source) => wanted.has(source.suite)).map((source) => [`${source.suite} ${source.url}`, source])
  );
  return [...found.values()];
}
function sourceLine({ url, suite, components, keyring }) {
  return `deb ${keyring === void 0 ? "" : `[signed-by=${keyring}] `}${url} ${suite} ${components.join(" ")}`;
}
function withoutCredentials(url) {
  return url.replace(/\/\/[^/@]*@/, "//");
}
async function aptFiles(etc) {
  const folder = join(etc, "sources.list.d");
  const names = (await orNothing(readdir(folder), [])).filter((name) => /\.(list|sources)$/.test(name)).sort();
  const paths = [join(etc, "sources.list"), ...names.map((name) => join(folder, name))];
  return Promise.all(paths.map(async (name) => ({ name, text: await orNothing(readFile(name, "utf8"), "") })));
}
async function orNothing(reading, nothing) {
  try {
    return await reading;
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "EACCES")) return nothing;
    throw error;
  }
}
function oneLines(text, arch) {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    const [, options = "", url = "", suite = "", components = ""] = match ?? [];
    const option = (name) => new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(options)?.[1];
    const archs = option("arch")?.split(",") ?? [arch];
    if (!archs.includes(arch)) return [];
    return usable(url, suite, components.trim().split(/\s+/), option("signed-by"));
  });
}
function deb822(text, arch) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = /* @__PURE__ */ new Map();
    let last = "";
    for (const line of stanza.split("\n").filter((part) => !part.startsWith("#"))) {
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (match) last = (match[1] ?? "").toLowerCase();
      fields.set(last, match ? match[2] ?? "" : `${fields.get(last) ?? ""} ${line.trim()}`);
    }
    const words2 = (name) => (fields.get(name) ?? "").split(/\s+/).filter(Boolean);
    if (!words2("types").includes("deb") || fields.get("enabled")?.trim().toLowerCase() === "no") return [];
    if (fields.has("architectures") && !words2("architectures").includes(arch)) return [];
    return words2("uris").flatMap(
      (url) => words2("suites").flatMap(
        (suite) => usable(url, suite, words2("components"), fields.get("signed-by")?.trim())
      )
    );
  });
}
function usable(url, suite, components, keyring) {
  if (!/^https?:\/\//.test(url) || suite.endsWith("/") || components.length === 0) return [];
  if (keyring !== void 0 && !/^\/\S+$/.test(keyring)) return [];
  return [{ url: url.replace(/\/+$/, ""), suite, components, keyring }];
}

// src/image/base-cache.ts
import { mkdir as mkdir2, open, readdir as readdir2, rename, rm as rm2, stat, utimes } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join as join4 } from "node:path";

// src/image/archive-state.ts
import { readFile as readFile2 } from "node:fs/promises";
import { join as join2 } from "node:path";
async function archiveState({ sources, arch }, scratch, context) {
  if (sources.length === 0 || sources.some(({ url }) => url !== withoutCredentials(url)))
    return { kind: "unknown" };
  const indexes = [];
  let time = 0;
  for (const [number2, source] of sources.entries()) {
    const index = await fetchIndex(source, join2(scratch, `InRelease-${number2}`), context);
    if (typeof index !== "string") return index;
    indexes.push(`${source.suite} ${packageIndexes(index, source, arch)}`);
    time = Math.max(time, dateOf(index));
  }
  return { kind: "known", digest: digestOf(indexes.join("\n")), time };
}
async function fetchIndex({ url, suite }, path, { signal, log }) {
  const options = ["http::Timeout=10", "https::Timeout=10", "Retries=1"].flatMap((o) => [
    "-o",
    `Acquire::${o}`
  ]);
  const args = [...options, "download-file", `${url}/dists/${suite}/InRelease`, path];
  const { code, stdout, stderr } = await start("/usr/lib/apt/apt-helper", args, { signal }).done;
  if (code === 0) return readFile2(path, "utf8");
  log.debug(`${stdout}${stderr}`.trim());
  return { kind: /\b404\b/.test(stdout + stderr) ? "missing" : "unreachable" };
}
function packageIndexes(text, { components }, arch) {
  const sums = text.slice(text.indexOf("\nSHA256:"));
  const wanted = components.flatMap(
    (component) => [arch, "all"].map((name) => `${component}/binary-${name}/Packages`)
  );
  const lines = sums.split("\n").filter((line) => wanted.some((name) => line.endsWith(` ${name}`)));
  return lines.length > 0 ? lines.map((line) => line.trim()).join("\n") : digestOf(text);
}
function dateOf(text) {
  const ms = Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? "");
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1e3);
}

// src/image/builder.ts
function mirrorsOf({ sources }) {
  const urls = [...new Set(sources.map(({ url }) => withoutCredentials(url)))];
  return urls.length > 0 ? urls.join(", ") : "the default mirror";
}

// src/image/scratch.ts
import { mkdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join as join3 } from "node:path";
async function withScratch(bytes, place, context, work) {
  const inMemory = place === "memory" && await freeBytes("/dev/shm") > 2 * bytes;
  const parent = inMemory ? "/dev/shm" : tmpdir();
  await sweep(parent, context);
  await requireSpace(parent, bytes, "temporary files");
  const folder = markedName(join3(parent, "image"));
  await mkdir(folder, { mode: place === "memory" ? 448 : 493 });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
async function requireSpace(folder, bytes, what) {
  const free = await freeBytes(folder);
  if (free >= bytes) return;
  throw new Failure(
    "disk-full",
    `${what} in ${folder} need ${inMiB(bytes)} and the disk has ${inMiB(free)} free: free some, or choose another folder`
  );
}
function inMiB(bytes) {
  return `${Math.ceil(bytes / (1 << 20))} MiB`;
}
async function freeBytes(folder) {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return folder === dirname(folder) || folder === "/dev/shm" ? 0 : freeBytes(dirname(folder));
  }
}

// src/image/base-cache.ts
var kept = 6;
var unknownFreshMs = 24 * 36e5;
var expectedTarBytes = 400 << 20;
var entrySchema = strictObject({
  format: literal(1),
  sha256: pipe(string(), startsWith("sha256:")),
  time: number(),
  madeAt: string()
});
async function openBase(request, builder, cache, context) {
  const state = await withScratch(
    1 << 20,
    "disk",
    context,
    (folder) => archiveState(request, folder, context)
  );
  if (state.kind === "missing") {
    const message = `${mirrorsOf(request)} has no suite ${request.suite}: correct \`suite\` or \`mirror\` in the recipe`;
    throw new Failure("build-failed", message);
  }
  const group = hexOf(digestOf(canonicalJson({ ...request, builder: builder.name }))).slice(0, 16);
  const found = cache === void 0 ? void 0 : await find(cache, group, state, context);
  if (found) return found;
  if (state.kind === "unreachable") {
    throw new Failure(
      "build-failed",
      `${mirrorsOf(request)} can't be reached, and no earlier base system for this recipe is in the cache: check the network, or name another \`mirror\` in the recipe`
    );
  }
  return buildBase(request, builder, cache, nameOf(group, state), state, context);
}
async function find(cache, group, state, context) {
  const isOffline = state.kind === "unreachable";
  const names = isOffline ? await newestFirst(cache, group) : [nameOf(group, state)];
  for (const name of names) {
    const found = await openEntry(cache, name, state.kind === "unknown", context);
    if (!found) continue;
    if (isOffline) {
      context.log.warn(
        "no mirror can be reached: using the newest base system from the cache, which may be out of date"
      );
    }
    return found;
  }
  return void 0;
}
async function openEntry(cache, name, mustBeFresh, { log, signal, clock }) {
  const [tar, about] = [join4(cache, `${name}.tar`), join4(cache, `${name}.json`)];
  let file;
  try {
    const { value } = await readYaml(about, entrySchema);
    file = await open(tar, "r");
    if (mustBeFresh && clock.now().getTime() - Date.parse(value.madeAt) > unknownFreshMs) {
      await file.close();
      return void 0;
    }
    if (await digestOfHandle(file, signal) === value.sha256) {
      await utimes(about, clock.now(), clock.now()).catch(() => {
      });
      return { file, time: value.time, isFromCache: true };
    }
    throw new Failure("build-failed", `${tar} is damaged`);
  } catch (error) {
    await file?.close();
    signal.throwIfAborted();
    if (hasCode(error, "ENOENT")) return void 0;
    log.warn(`the cached base system ${tar} is damaged: building a new one`);
    await Promise.all([tar, about].map((path) => rm2(path, { force: true })));
    return void 0;
  }
}
async function buildBase(request, builder, cache, name, state, context) {
  const { log, clock } = context;
  const time = state.kind === "known" && state.time > 0 ? state.time : Math.floor(clock.now().getTime() / 864e5) * 86400;
  log.info(
    `building the base system: ${request.suite} for ${request.arch}, ${request.packages.length} packages and what they need, from ${mirrorsOf(request)}`
  );
  log.info(`this takes about ${inMiB(builder.scratchBytes)} of temporary space and a minute or two`);
  const startedAt = performance.now();
  const base = await withScratch(builder.scratchBytes, "disk", context, async (scratch) => {
    const work = join4(scratch, "build");
    await mkdir2(work, { mode: 493 });
    const into = cache === void 0 ? join4(scratch, "base.tar") : await placeIn(cache, name, context);
    try {
      await builder.build(request, { into, scratch: work, time }, context);
      const file = await open(into, "r");
      if (cache !== void 0) await keep(cache, name, file, into, time, context);
      return { file, time, isFromCache: false };
    } catch (error) {
      await rm2(into, { force: true });
      throw storageFailure(error, into);
    }
  });
  log.info(`built the base system in ${seconds(performance.now() - startedAt)}`);
  return base;
}
async function placeIn(cache, name, context) {
  await mkdir2(cache, { recursive: true });
  await sweep(cache, context);
  await requireSpace(cache, expectedTarBytes, "the cached base system");
  return markedName(join4(cache, name));
}
async function keep(cache, name, file, from, time, { clock, signal }) {
  const sha256 = await digestOfHandle(file, signal);
  await file.sync();
  await rename(from, join4(cache, `${name}.tar`));
  await syncFolder(cache);
  const about = {
    format: 1,
    sha256,
    time,
    madeAt: clock.now().toISOString()
  };
  await writeAtomically(join4(cache, `${name}.json`), `${JSON.stringify(about, null, 2)}
`);
  for (const old of (await newestFirst(cache)).slice(kept)) {
    for (const suffix of ["json", "tar"]) await rm2(join4(cache, `${old}.${suffix}`), { force: true });
  }
}
async function newestFirst(cache, group = "") {
  const names = (await readdir2(cache).catch(() => [])).filter(
    (name) => /^[0-9a-f]{16}-[0-9a-z]{1,16}\.json$/.test(name)
  );
  const dated = await Promise.all(
    names.filter((name) => name.startsWith(group)).map(async (name) => ({
      name: name.slice(0, -".json".length),
      used: (await stat(join4(cache, name))).mtimeMs
    }))
  );
  return dated.sort((a, b) => b.used - a.used).map(({ name }) => name);
}
function nameOf(group, state) {
  return `${group}-${state.kind === "known" ? hexOf(state.digest).slice(0, 16) : "unknown"}`;
}
async function digestOfHandle(file, signal) {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (let position = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return `sha256:${hash.digest("hex")}`;
}

// src/image/ext4.ts
import { truncate, writeFile } from "node:fs/promises";
import { join as join5 } from "node:path";
var blockBytes = 4096;
var inodeBytes = 256;
var bytesPerInode = 16384;
var journalMiB = 4;
var mebibyte = 1 << 20;
var features = "has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum,64bit";
async function makeExt4(tree, options, context) {
  const entries = tree.entries();
  const used = new Set(entries.map(([, node]) => node)).size;
  const inodes = Math.ceil(Math.max((used + 64) * 1.5, (options.sizeBytes ?? 0) / bytesPerInode));
  const needed = bytesNeeded(entries, inodes);
  const sizeBytes = options.sizeBytes ?? roundUp(needed * 1.1 + 16 * mebibyte, 4 * mebibyte);
  if (sizeBytes < needed) {
    throw new Failure(
      "build-failed",
      `the content needs ${inMiB(needed)} and the recipe gives ${inMiB(sizeBytes)}: raise \`size\` or remove something`
    );
  }
  await writeFile(options.path, "", { flag: "wx" });
  await truncate(options.path, sizeBytes);
  const env = {
    E2FSPROGS_FAKE_TIME: String(options.time),
    SOURCE_DATE_EPOCH: String(options.time),
    MKE2FS_CONFIG: "/dev/null"
  };
  await succeed("mke2fs", formatArguments(options, inodes), env, context);
  const script = join5(options.scratch, "debugfs.commands");
  await writeFile(script, await commands(entries, options));
  await fill(script, options.path, env, context);
  await succeed("e2fsck", ["-f", "-n", options.path], env, context);
  return sizeBytes;
}
function formatArguments({ path, uuid }, inodes) {
  const extended = `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard`;
  return [
    ...`-q -F -t ext4 -O none,${features} -b ${blockBytes} -I ${inodeBytes} -N ${inodes} -m 0`.split(" "),
    ...`-J size=${journalMiB} -L rootfs -U ${uuid} -E ${extended}`.split(" "),
    path
  ];
}
async function commands(entries, options) {
  const lines = [];
  const seen = /* @__PURE__ */ new Map();
  let current = "";
  const enter = (folder) => {
    if (folder !== current) lines.push(`cd ${quoted(`/${folder}`)}`);
    current = folder;
  };
  for (const [path, node] of entries) {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    const first = seen.get(node);
    if (path !== "") enter(slash < 0 ? "" : path.slice(0, slash));
    if (first) {
      first.links++;
      lines.push(`ln ${quoted(`/${first.path}`)} ${quoted(name)}`);
      lines.push(`sif ${quoted(`/${first.path}`)} links_count ${first.links}`);
      continue;
    }
    seen.set(node, { path, links: 1 });
    if (path !== "") lines.push(creation(node, name));
    lines.push(...attributes(quoted(`/${path}`), node, options.time));
    lines.push(...await xattrCommands(quoted(`/${path}`), node, options.scratch, lines.length));
  }
  return `${lines.join("\n")}
`;
}
function creation(node, name) {
  if (node.kind === "folder") return `mkdir ${quoted(name)}`;
  if (node.kind === "link") return `symlink ${quoted(name)} ${quoted(node.target)}`;
  return `write ${quoted(node.content)} ${quoted(name)}`;
}
var typeBits = { file: 32768, folder: 16384, link: 40960 };
function attributes(path, node, time) {
  return [
    `sif ${path} mode 0${(typeBits[node.kind] | node.mode).toString(8)}`,
    ...node.uid === 0 ? [] : [`sif ${path} uid ${node.uid}`],
    ...node.gid === 0 ? [] : [`sif ${path} gid ${node.gid}`],
    ...node.mtime === time ? [] : [`sif ${path} mtime @${node.mtime}`]
  ];
}
async function xattrCommands(path, node, scratch, number2) {
  const lines = [];
  for (const [name, value] of [...node.xattrs].sort(([a], [b]) => a < b ? -1 : 1)) {
    const file = join5(scratch, `xattr-${number2}-${lines.length}`);
    await writeFile(file, value);
    lines.push(`ea_set -f ${quoted(file)} ${path} ${quoted(name)}`);
  }
  return lines;
}
async function fill(script, path, env, { signal }) {
  const wrong = [];
  const onLine = (line, stream) => {
    if (stream === "stderr" && line.trim() !== "" && !/^debugfs \d/.test(line)) wrong.push(line);
  };
  const { code } = await start("debugfs", ["-w", "-f", script, path], { env, signal, onLine }).done;
  if (code !== 0 || wrong.length > 0)
    throw ext4Failure("debugfs", wrong.slice(0, 3).join(" / ") || `status ${code}`);
}
async function succeed(program, args, env, { signal }) {
  const started = start(program, args, { env, signal });
  const { code, stdout, stderr } = await started.done;
  if (code !== 0) throw ext4Failure(program, `${stderr} ${stdout}`.trim().slice(-500) || `status ${code}`);
}
function ext4Failure(program, said) {
  if (/no space left|disk full/i.test(said))
    return new Failure(
      "disk-full",
      `no space left while the image was written: free some and run again (${said})`
    );
  return new Failure("build-failed", `${program} couldn't make the ext4 image: ${said}`);
}
function bytesNeeded(entries, inodes) {
  let blocks = 0;
  for (const node of new Set(entries.map(([, node2]) => node2))) {
    if (node.kind === "file") blocks += Math.ceil(node.size / blockBytes);
    else if (node.kind === "folder") blocks += 1;
  }
  const names = entries.reduce((sum, [path]) => sum + 8 + path.length - path.lastIndexOf("/") + 3, 0);
  const tables = inodes * inodeBytes + journalMiB * mebibyte + names;
  return Math.ceil((blocks * blockBytes + tables) * 1.02) + 2 * mebibyte;
}
function quoted(word) {
  if (/[\u0000\r\n]/.test(word))
    throw new Failure("build-failed", `the image has a name with a line end: ${JSON.stringify(word)}`);
  return `"${word.replaceAll('"', '""')}"`;
}
var roundUp = (bytes, unit) => Math.ceil(bytes / unit) * unit;

// src/image/finish.ts
import { readFile as readFile3, readlink } from "node:fs/promises";

// src/image/recipe.ts
import { lstat, readdir as readdir3 } from "node:fs/promises";
import { basename, dirname as dirname2, isAbsolute, join as join6, relative, resolve } from "node:path";
var packageName = pipe(
  string(),
  regex(
    /^[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+:~-]+)?$/,
    "this is no package: write its name, or name=version to have just that version"
  )
);
var targetPath = pipe(
  string(),
  regex(
    // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
    /^\/(?!.*\/\.{1,2}(\/|$))[^\u0000-\u001f]*$/,
    "write an absolute path in the image, without . and .. in it"
  )
);
var parts = {
  packages: optional(array(packageName)),
  folders: optional(array(targetPath)),
  files: optional(
    array(
      strictObject({
        source: pipe(string(), minLength(1)),
        path: targetPath,
        mode: optional(
          pipe(string(), regex(/^0[0-7]{3,4}$/, "write four octal digits, as in '0755'"))
        )
      })
    )
  ),
  links: optional(
    array(strictObject({ path: targetPath, target: pipe(string(), minLength(1)) }))
  ),
  remove: optional(array(targetPath))
};
var recipeSchema = strictObject({
  name: pipe(
    string(),
    maxLength(64),
    regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, "use lower-case letters, digits, dots and dashes")
  ),
  suite: pipe(
    string(),
    regex(/^[a-z][a-z0-9.-]*$/, "write the code name of a suite, such as bookworm")
  ),
  mirror: optional(
    pipe(string(), regex(/^https?:\/\/[^\s[\]]+$/, "write the http(s) URL of a Debian mirror"))
  ),
  size: optional(
    pipe(string(), regex(/^[1-9][0-9]{0,5}(MiB|GiB)$/, "write a size such as 512MiB or 2GiB"))
  ),
  ...parts,
  variants: optional(
    record(
      pipe(string(), regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "use lower-case letters, digits and dashes")),
      strictObject(parts)
    )
  )
});
async function loadRecipe(path, variant) {
  const name = nameOf2(path);
  const parsed = await readYaml(path, recipeSchema, name);
  const { value } = parsed;
  const added = variant === void 0 ? {} : value.variants?.[variant];
  if (added === void 0) {
    const known = Object.keys(value.variants ?? {});
    const hint = known.length > 0 ? `it has ${known.join(", ")}` : "it has none: leave the input empty";
    throw new Failure("bad-input", `the recipe ${name} has no variant "${variant}": ${hint}`);
  }
  failOn(await problemsOf(path, name, parsed));
  const sources = [...value.files ?? [], ...added.files ?? []];
  return {
    name: value.name,
    variant,
    suite: value.suite,
    mirror: value.mirror?.replace(/\/+$/, ""),
    packages: [.../* @__PURE__ */ new Set([...value.packages ?? [], ...added.packages ?? []])].sort(),
    folders: [...value.folders ?? [], ...added.folders ?? []],
    files: sources.map(({ source, path: target, mode }) => ({
      source: resolve(dirname2(path), source),
      path: target,
      mode: mode === void 0 ? void 0 : Number.parseInt(mode, 8)
    })),
    links: [...value.links ?? [], ...added.links ?? []],
    remove: [...value.remove ?? [], ...added.remove ?? []],
    sizeBytes: value.size === void 0 ? void 0 : bytesOf(value.size),
    path: resolve(path)
  };
}
async function* entriesOf({
  source,
  path
}) {
  const stats = await lstat(source);
  const kind = stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : stats.isFile() ? "file" : void 0;
  if (kind === void 0)
    throw new Failure(
      "invalid-file",
      `${source} is neither a file, a folder nor a link: it can't go into an image`
    );
  yield { kind, from: source, path, isExecutable: (stats.mode & 64) !== 0, modifiedMs: stats.mtimeMs };
  if (kind !== "folder") return;
  for (const name of (await readdir3(source)).sort()) {
    yield* entriesOf({ source: join6(source, name), path: join6(path, name) });
  }
}
async function problemsOf(path, name, parsed) {
  const { value } = parsed;
  const lists = [
    { files: value.files ?? [], at: ["files"] },
    ...Object.entries(value.variants ?? {}).map(([name2, variant]) => ({
      files: variant.files ?? [],
      at: ["variants", name2, "files"]
    }))
  ];
  const problems = [];
  for (const { files, at } of lists) {
    for (const [index, file] of files.entries()) {
      const message = await problemOf(dirname2(path), file);
      if (message) problems.push({ file: name, ...parsed.locate([...at, index]), message });
    }
  }
  return problems;
}
async function problemOf(folder, { source, path, mode }) {
  if (isAbsolute(source)) return `source ${source} is absolute: give it relative to the recipe`;
  const place = resolve(folder, source);
  try {
    const stats = await lstat(place);
    if (!await isInRepository(folder, stats.isSymbolicLink() ? dirname2(place) : place))
      return `source ${source} leads out of the recipe's repository: what goes into an image has to be in Git`;
    if (stats.isDirectory()) {
      return mode === void 0 ? void 0 : `${source} is a folder: mode is for a single file, and Git keeps it for the rest`;
    }
    return path.endsWith("/") ? `${source} is a file: path has to name it, such as ${path}${basename(source)}` : void 0;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return `there is no ${source} beside the recipe`;
    throw error;
  }
}
function nameOf2(path) {
  const name = relative(".", path);
  return name.startsWith("..") ? path : name;
}
function bytesOf(size) {
  const unit = size.endsWith("GiB") ? 2 ** 30 : 2 ** 20;
  return Number.parseInt(size, 10) * unit;
}

// src/image/release.ts
import { basename as basename2, dirname as dirname3 } from "node:path";
async function imageTime(recipe, { log }) {
  const folder = dirname3(recipe.path);
  const git = (...args) => run("git", ["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", folder, ...args]);
  const head = await git("log", "-1", "--no-show-signature", "--format=%ct", "HEAD");
  const time = Number(head.stdout.trim());
  if (head.code !== 0 || !Number.isInteger(time) || time <= 0) {
    const newest = await newestFile(recipe);
    log.warn(
      `${recipe.path} is in no Git repository with a commit: the image's time is that of its newest file, ${iso(newest)}`
    );
    return newest;
  }
  const paths = [recipe.path, ...recipe.files.map(({ source }) => source)];
  const status = await git("status", "--porcelain", "--", ...paths);
  if (status.code !== 0 || status.stdout.trim() !== "") {
    log.warn(
      `${basename2(recipe.path)} or its files have changes that are not committed: the image carries the last commit's time, ${iso(time)}, and only its digest tells it apart`
    );
  }
  return time;
}
function releaseName(recipe, time, content) {
  const stamp = iso(time).replace(/[-:]/g, "").slice(0, 13);
  return `${recipe}-${stamp}-${hexOf(content).slice(0, 12)}`;
}
function iso(time) {
  return `${new Date(time * 1e3).toISOString().slice(0, 19)}Z`;
}
async function newestFile(recipe) {
  let newest = 0;
  for (const source of [{ source: recipe.path, path: "/" }, ...recipe.files]) {
    for await (const { kind, modifiedMs } of entriesOf(source)) {
      if (kind !== "folder") newest = Math.max(newest, modifiedMs);
    }
  }
  if (newest === 0) throw new Failure("internal", `no time can be found for ${recipe.path}`);
  return Math.floor(newest / 1e3);
}

// src/image/finish.ts
var osRelease = "etc/os-release";
var removed = `
  etc/ssh/ssh_host_ecdsa_key etc/ssh/ssh_host_ed25519_key etc/ssh/ssh_host_rsa_key
  etc/ssh/ssh_host_ecdsa_key.pub etc/ssh/ssh_host_ed25519_key.pub etc/ssh/ssh_host_rsa_key.pub
  etc/resolv.conf etc/hostname etc/apt/sources.list
  etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/apt/apt.conf.d/99mmdebstrap
  etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
  var/lib/dpkg/status-old var/lib/dpkg/available-old var/lib/dpkg/diversions-old var/lib/dpkg/statoverride-old
  var/lib/systemd/random-seed var/lib/dbus/machine-id
  var/cache/ldconfig/aux-cache var/cache/debconf/config.dat-old var/cache/debconf/templates.dat-old
`.trim().split(/\s+/);
var emptied = "dev proc sys run tmp etc/apt/sources.list.d var/cache/apt var/lib/apt/lists var/log var/tmp".split(" ");
function clean(tree, time) {
  for (const path of removed) tree.remove(path);
  for (const folder of emptied) {
    for (const [path, node] of tree.entries()) {
      if (path.startsWith(`${folder}/`) && (node.kind !== "folder" || folder !== "var/log")) tree.remove(path);
    }
  }
  tree.write("etc/machine-id", "", { mode: 292, mtime: time });
  const shadow = tree.text("etc/shadow");
  if (shadow !== void 0) {
    tree.rewrite("etc/shadow", shadow.replace(/^([^:\n]*:[^:\n]*:)\d+:/gm, "$1:"), time);
  }
}
async function applyRecipe(tree, recipe, time, { log, signal }) {
  for (const path of recipe.remove) {
    if (!tree.remove(path)) log.warn(`the recipe removes ${path}, which is not in the image`);
  }
  const asFolder = { mode: 493, mtime: time };
  for (const path of recipe.folders) tree.makeFolder(path, asFolder);
  for (const source of recipe.files) {
    for await (const { kind, from, path, isExecutable } of entriesOf(source)) {
      signal.throwIfAborted();
      if (kind === "folder") tree.makeFolder(path, asFolder);
      else if (kind === "link") tree.link(path, await readlink(from), asFolder);
      else
        tree.write(path, await readFile3(from), {
          mode: source.mode ?? (isExecutable ? 493 : 420),
          mtime: time
        });
    }
  }
  for (const { path, target } of recipe.links) tree.link(path, target, asFolder);
}
function refusePasswords(tree) {
  const open2 = (tree.text("etc/shadow") ?? "").split("\n").map((line) => line.split(":")).filter(([name = "", password]) => name !== "" && !/^[!*]/.test(password ?? ""));
  const old = (tree.text("etc/passwd") ?? "").split("\n").map((line) => line.split(":")).filter(([name = "", password]) => name !== "" && !/^[x!*]/.test(password ?? ""));
  const names = [...new Set([...open2, ...old].map(([name]) => name))];
  if (names.length === 0) return;
  throw new Failure(
    "build-failed",
    `the image would let ${names.join(", ")} in with a password, or without any: lock it (\`*\` in /etc/shadow) and use ssh keys`
  );
}
function nameImage(tree, recipe, base, time) {
  const facts = {
    ...recipe.variant === void 0 ? {} : { VARIANT_ID: recipe.variant },
    IMAGE_ID: recipe.name
  };
  writeOsRelease(tree, facts, time);
  const content = tree.digest();
  const release = releaseName(recipe.name, time, content);
  writeOsRelease(tree, { IMAGE_VERSION: release }, time);
  if (tree.get("etc/mender")?.kind === "folder") {
    tree.write("etc/mender/artifact_info", `artifact_name=${release}
`, { mode: 420, mtime: time });
  }
  tree.setTimes(({ mtime }) => mtime >= base.time || mtime > time ? time : mtime);
  return { release, content };
}
function fromOsRelease(tree, name) {
  const line = (tree.text(osRelease) ?? "").split("\n").find((text) => text.startsWith(`${name}=`));
  return line?.slice(name.length + 1).replace(/^(["'])(.*)\1$/, "$2");
}
function writeOsRelease(tree, values, time) {
  const kept2 = (tree.text(osRelease) ?? "").split("\n").filter((line) => line !== "" && !Object.keys(values).some((name) => line.startsWith(`${name}=`)));
  tree.rewrite(
    osRelease,
    `${[...kept2, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join("\n")}
`,
    time
  );
}

// src/image/mmdebstrap.ts
import { existsSync } from "node:fs";
import { mkdir as mkdir3, writeFile as writeFile2 } from "node:fs/promises";
import { join as join7 } from "node:path";

// src/image/mmdebstrap-failure.ts
function explained(output, code, request) {
  const words2 = lastWords(
    output.split("\n").filter((line) => /^(E:|W:|Err:|dpkg: error|mmdebstrap)/.test(line)).map(withoutCredentials).join("\n"),
    "mmdebstrap",
    code
  );
  const from = mirrorsOf(request);
  const found = (pattern) => pattern.exec(output)?.[1];
  const missing = [
    ...output.matchAll(
      /E: (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate)/g
    )
  ].map((match) => match[1] ?? match[2]);
  const version = found(/E: Version '([^']+)' for '[^']+' was not found/);
  if (/No space left on device/.test(output))
    return new Failure(
      "disk-full",
      `no space left while the base system was made: free some and run again (${words2})`
    );
  if (/newuidmap|newgidmap|subuid|subgid|unprivileged user|unshare\(CLONE|unshare mode/i.test(output)) {
    return new Failure(
      "missing-rights",
      `a base system is made by root, or by a user with subordinate ids (package uidmap, a line in /etc/subuid) on a machine that allows user namespaces: run this with sudo. It said: ${words2}`
    );
  }
  if (missing.length > 0)
    return failed(
      `${request.suite} for ${request.arch} has no package ${missing.join(", ")} (${from}): correct \`packages\` in the recipe`,
      words2
    );
  if (version)
    return failed(
      `${request.suite} has no version ${version} of a package any more: correct \`packages\` in the recipe`,
      words2
    );
  if (/does not have a Release file|404 {2}Not Found.*InRelease/.test(output))
    return failed(
      `${from} has no suite ${request.suite}: correct \`suite\` or \`mirror\` in the recipe`,
      words2
    );
  if (/NO_PUBKEY|is not signed|not available keyring|signatures (?:couldn't|were invalid)/.test(output))
    return failed(
      `${from} is not signed with a key that this machine trusts: install its keyring (for Debian: apt-get install debian-archive-keyring)`,
      words2
    );
  if (/Could not (?:connect|resolve)|Temporary failure resolving|Connection (?:failed|refused|timed out)|Unable to connect|Network is unreachable/.test(
    output
  ))
    return failed(
      `${from} can't be reached: check the network, or name another \`mirror\` in the recipe`,
      words2
    );
  if (/unmet dependencies|held broken packages/.test(output))
    return failed(
      "the packages do not fit together: see what apt says above, and correct `packages` in the recipe",
      words2
    );
  return failed(`mmdebstrap ended with ${code}`, words2);
}
function failed(why, words2) {
  return new Failure("build-failed", `${why}. It said: ${words2}`);
}

// src/image/mmdebstrap.ts
var mergedUsr = "/usr/share/mmdebstrap/hooks/maybe-merged-usr";
var qemuNames = {
  amd64: "x86_64",
  arm64: "aarch64",
  armhf: "arm",
  i386: "i386",
  riscv64: "riscv64"
};
var machineArchs = {
  x64: "amd64",
  arm64: "arm64",
  ia32: "i386",
  arm: "armhf"
};
function machineArch() {
  return machineArchs[process.arch] ?? process.arch;
}
var scratchBytes = 900 << 20;
var mmdebstrap = {
  name: "mmdebstrap minbase 1",
  scratchBytes,
  build: buildBase2
};
async function buildBase2(request, place, context) {
  checkArch(request.arch);
  const mode = process.getuid?.() === 0 ? "root" : "unshare";
  const temporary = join7(place.scratch, "tmp");
  const list = join7(place.scratch, "sources.list");
  await mkdir3(temporary, { mode: 493 });
  await writeFile2(list, `${request.sources.map(sourceLine).join("\n")}
`, { mode: 384 });
  const args = mmdebstrapArguments(request, mode, place.into, request.sources.length > 0 ? [list] : []);
  const [program = "", ...rest] = [...wrapper(mode), "mmdebstrap", ...args];
  const progress = progressOf(context);
  const stopTicking = tick(context, progress);
  try {
    const { code, stdout, stderr } = await start(program, rest, {
      env: { TMPDIR: temporary, SOURCE_DATE_EPOCH: String(place.time) },
      signal: context.signal,
      onLine: progress.line
    }).done;
    if (code !== 0) throw explained(`${stdout}
${stderr}`, code, request);
  } finally {
    stopTicking();
  }
}
function wrapper(mode) {
  const tied = words("setpriv --pdeathsig KILL");
  if (mode === "unshare") return tied;
  const isolated = words("unshare --mount --propagation private --pid --fork --kill-child --mount-proc --");
  const inMemory = process.availableMemory() > 4 * scratchBytes;
  return [...tied, ...isolated, ...inMemory ? ["sh", "-c", mountInMemory, "sh"] : []];
}
var mountInMemory = `mount -t tmpfs -o mode=755,size=${2 * scratchBytes} tmpfs "$TMPDIR" && exec "$@"`;
function checkArch(arch) {
  if (arch === machineArch()) return;
  const name = qemuNames[arch];
  if (name !== void 0 && existsSync(`/proc/sys/fs/binfmt_misc/qemu-${name}`)) return;
  throw new Failure(
    "missing-tool",
    `this machine (${machineArch()}) can't run programs for ${arch}: build on such a machine, or install qemu-user-static and binfmt-support here`
  );
}
function mmdebstrapArguments(request, mode, into, list) {
  const without = ["doc", "man", "locale", "info", "lintian"].map(
    (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`
  );
  const included = request.packages.length > 0 ? [`--include=${request.packages.join(",")}`] : [];
  const options = ['Languages "none"', 'Retries "2"', 'http::Timeout "30"', 'https::Timeout "30"'];
  return [
    ...words(`--verbose --mode=${mode} --variant=minbase --format=tar --arch=${request.arch}`),
    ...existsSync(mergedUsr) ? [`--hook-dir=${mergedUsr}`] : [],
    ...included,
    ...options.map((option) => `--aptopt=Acquire::${option}`),
    "--dpkgopt=force-unsafe-io",
    // nothing of a half-made system is kept, so nothing has to be synced
    ...without,
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    // licences ask for that
    request.suite,
    into,
    ...list
  ];
}
function words(text) {
  return text.trim().split(/\s+/);
}
function progressOf({ log }) {
  const counts = { wanted: 0, fetched: 0, configured: 0 };
  const startedAt = performance.now();
  const elapsed = () => seconds(performance.now() - startedAt);
  return {
    line: (line) => {
      log.debug(line);
      const step = /^I: (running apt-get update|downloading packages|extracting archives|installing [a-z ]+|creating tarball)/.exec(
        line
      );
      if (step) log.info(`${step[1]} (${elapsed()})`);
      counts.wanted += Number(/(\d+) newly installed/.exec(line)?.[1] ?? 0);
      if (/^Get:\d+ .* \S+ \[/.test(line) && !/InRelease|Packages|Release/.test(line)) counts.fetched++;
      if (line.startsWith("Setting up ")) counts.configured++;
    },
    summary: () => `${counts.fetched} packages fetched, ${counts.configured} set up (${elapsed()})`
  };
}
function tick({ log }, progress) {
  const timer = setInterval(() => log.info(progress.summary()), 15e3);
  return () => {
    clearInterval(timer);
    log.info(progress.summary());
  };
}

// src/image/packages.ts
function installedPackages(status) {
  const packages = status.split(/\n\n+/).flatMap((stanza) => {
    const field = (name2) => new RegExp(`^${name2}: (.*)$`, "m").exec(stanza)?.[1]?.trim();
    const [name, version] = [field("Package"), field("Version")];
    if (name === void 0 || version === void 0 || field("Status") !== "install ok installed") return [];
    const source = field("Source")?.split(" ")[0];
    const found = { name, version, architecture: field("Architecture") ?? "all" };
    return [source === void 0 || source === name ? found : { ...found, source }];
  });
  if (packages.length === 0) throw new Failure("build-failed", "the base system has no installed package");
  const key = ({ name, architecture }) => `${name} ${architecture}`;
  return packages.sort((a, b) => key(a) < key(b) ? -1 : 1);
}
function manifestOf(facts) {
  const { release, recipe, variant, suite, architecture, packages } = facts;
  return {
    format: 1,
    release,
    recipe,
    ...variant === void 0 ? {} : { variant },
    suite,
    architecture,
    packages
  };
}
function sbomOf(facts) {
  const { id, version: distributionVersion } = facts.distribution;
  const distro = distributionVersion === void 0 ? id : `${id}-${distributionVersion}`;
  const components = facts.packages.map(({ name, version, architecture, source }) => {
    const purl = `pkg:deb/${id}/${encode(name)}@${encode(version)}?arch=${architecture}&distro=${distro}`;
    const properties = source === void 0 ? {} : { properties: [{ name: "debian:source", value: source }] };
    return { type: "library", "bom-ref": purl, name, version, purl, ...properties };
  });
  const system = {
    type: "operating-system",
    "bom-ref": facts.release,
    name: facts.recipe,
    version: facts.release
  };
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { timestamp: iso(facts.time), component: system },
    components
  };
}
function encode(text) {
  return encodeURIComponent(text).replace(
    /[!'()*+]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  );
}

// src/image/tree.ts
import { createHash as createHash2 } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync as readSync2, writeFileSync, writeSync } from "node:fs";
import { join as join8 } from "node:path";
import { setImmediate } from "node:timers/promises";

// src/image/tar.ts
import { readSync } from "node:fs";
var block = 512;
var maxExtendedBytes = 1 << 20;
function* readTar(descriptor) {
  let extended = /* @__PURE__ */ new Map();
  for (let position = 0; ; ) {
    const header = readExactly(descriptor, position, block);
    if (header.every((byte) => byte === 0)) return;
    const type = String.fromCharCode(header[156] ?? 0);
    checkSum(header);
    const size = numberOf(extended.get("size")?.toString()) ?? fieldNumber(header, 124, 12);
    const offset = position + block;
    position = offset + Math.ceil(size / block) * block;
    if (type === "x" || type === "g") {
      if (type === "x")
        extended = new Map([...extended, ...paxRecords(extendedData(descriptor, offset, size))]);
    } else if (type === "L" || type === "K") {
      const text = extendedData(descriptor, offset, size);
      extended.set(type === "L" ? "path" : "linkpath", text.subarray(0, text.indexOf(0)));
    } else {
      yield memberOf(header, extended, offset, size);
      extended = /* @__PURE__ */ new Map();
    }
  }
}
function memberOf(header, extended, offset, size) {
  const [name, prefix] = [fieldText(header, 0, 100), fieldText(header, 345, 155)];
  const isUstar = header.toString("latin1", 257, 263) === "ustar\0";
  const path = extended.get("path")?.toString() ?? (isUstar && prefix ? `${prefix}/${name}` : name);
  const kind = kinds[String.fromCharCode(header[156] ?? 0)] ?? "other";
  return {
    path: cleanPath(path),
    kind,
    mode: fieldNumber(header, 100, 8) & 4095,
    uid: numberOf(extended.get("uid")?.toString()) ?? fieldNumber(header, 108, 8),
    gid: numberOf(extended.get("gid")?.toString()) ?? fieldNumber(header, 116, 8),
    mtime: Math.floor(numberOf(extended.get("mtime")?.toString()) ?? fieldNumber(header, 136, 12)),
    target: extended.get("linkpath")?.toString() ?? fieldText(header, 157, 100),
    offset,
    size: kind === "file" ? size : 0,
    xattrs: xattrsOf(extended)
  };
}
var kinds = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "hard-link",
  "2": "link",
  "5": "folder"
};
function cleanPath(path) {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw damaged(`it has a member called ${path}`);
  return names.join("/");
}
function xattrsOf(extended) {
  const prefix = "SCHILY.xattr.";
  return new Map(
    [...extended].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value])
  );
}
function paxRecords(data) {
  const records = /* @__PURE__ */ new Map();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(32, at);
    const length = Number(data.toString("latin1", at, space));
    const equals = data.indexOf(61, space);
    if (space < 0 || equals < 0 || !Number.isInteger(length) || length < 5 || at + length > data.length)
      throw damaged("an extended header is not readable");
    records.set(data.toString("utf8", space + 1, equals), data.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}
function extendedData(descriptor, offset, size) {
  if (size > maxExtendedBytes) throw damaged(`an extended header has ${size} bytes`);
  return readExactly(descriptor, offset, size);
}
function readExactly(descriptor, position, length) {
  const buffer = Buffer.alloc(length);
  for (let read = 0; read < length; ) {
    const count = readSync(descriptor, buffer, read, length - read, position + read);
    if (count === 0) throw damaged("it ends too early");
    read += count;
  }
  return buffer;
}
function checkSum(header) {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== fieldNumber(header, 148, 8)) throw damaged("a checksum is wrong");
}
function fieldText(header, start2, length) {
  const end = header.indexOf(0, start2);
  return header.toString("utf8", start2, end < 0 || end > start2 + length ? start2 + length : end);
}
function fieldNumber(header, start2, length) {
  if ((header[start2] ?? 0) & 128) return header.readUIntBE(start2 + length - 6, 6);
  const text = fieldText(header, start2, length).trim();
  return text === "" ? 0 : Number.parseInt(text, 8);
}
function numberOf(text) {
  return text === void 0 ? void 0 : Number(text);
}
function damaged(why) {
  return new Failure("build-failed", `the base system's tar file is damaged: ${why}`);
}

// src/image/tree.ts
var maxLinks = 40;
var copyBytes = 1 << 20;
var Tree = class {
  #folder;
  #nodes = /* @__PURE__ */ new Map();
  #contents = 0;
  /** `folder` takes the contents; it is empty and belongs to this tree alone. */
  constructor(folder) {
    this.#folder = folder;
    this.#nodes.set("", { kind: "folder", ...rootOwned({ mode: 493, mtime: 0 }) });
  }
  /** Takes in an open tar file, without device nodes and pipes. Throws `build-failed` where it is damaged. */
  async extract(descriptor, signal) {
    let count = 0;
    for (const member of readTar(descriptor)) {
      if (count++ % 128 === 0) {
        await setImmediate();
        signal.throwIfAborted();
      }
      this.#take(member, descriptor);
    }
  }
  /** All paths with their nodes, parents before children, in the order of their bytes. Hard links share one node. */
  entries() {
    const key = (path) => path.replaceAll("/", "\0");
    return [...this.#nodes].map(([path, node]) => ({ path, node, key: key(path) })).sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0).map(({ path, node }) => [path, node]);
  }
  /** The node at `path`, links followed also at its end; undefined where there is none. */
  get(path) {
    return this.#nodes.get(this.#resolve(path, true));
  }
  /** A file's text; undefined where there is no such file. */
  text(path) {
    const node = this.get(path);
    return node?.kind === "file" ? readFileSync(node.content, "utf8") : void 0;
  }
  /** Puts a file in the place of whatever is there, except a folder. Missing parents are made. */
  write(path, data, as) {
    const content = this.#newContent();
    writeFileSync(content, data);
    const bytes = Buffer.from(data);
    const sha256 = createHash2("sha256").update(bytes).digest("hex");
    this.#put(path, { kind: "file", content, size: bytes.length, sha256, ...rootOwned(as) });
  }
  /** Replaces the text of a file that is there, through links, and keeps owner and mode. Throws where it isn't. */
  rewrite(path, text, mtime) {
    const place = this.#resolve(path, true);
    const node = this.#nodes.get(place);
    if (node?.kind !== "file") throw new Failure("build-failed", `the image has no file /${place}`);
    this.write(place, text, { mode: node.mode, mtime });
    const written = this.#nodes.get(place);
    if (written) Object.assign(written, { uid: node.uid, gid: node.gid });
  }
  /** Makes a folder and its parents; one that is there stays as it is. */
  makeFolder(path, as) {
    const place = this.#resolve(path, true);
    if (this.#nodes.get(place)?.kind === "folder") return;
    this.#put(place, { kind: "folder", ...rootOwned(as) });
  }
  /** Makes a symbolic link in the place of whatever is there, except a folder. */
  link(path, target, as) {
    this.#put(path, { kind: "link", target, ...rootOwned({ ...as, mode: 511 }) });
  }
  /** Takes out `path` with all that is below it (a link, not what it points at). Returns whether it was there. */
  remove(path) {
    const place = this.#resolve(path, false);
    if (place === "") throw new Failure("invalid-file", "the recipe removes /: that leaves no image");
    const below = [...this.#nodes.keys()].filter((name) => name === place || name.startsWith(`${place}/`));
    for (const name of below) this.#nodes.delete(name);
    return below.length > 0;
  }
  /** Sets the times of everything. */
  setTimes(timeOf) {
    for (const node of new Set(this.#nodes.values())) node.mtime = timeOf(node);
  }
  /** Digest of all there is: names, kinds, modes, owners, contents, links, attributes. Not of times. */
  digest() {
    const lines = this.entries().map(
      ([path, node]) => canonicalJson([
        path,
        node.kind,
        node.kind === "link" ? 0 : node.mode,
        node.uid,
        node.gid,
        node.kind === "file" ? node.sha256 : node.kind === "link" ? node.target : "",
        [...node.xattrs].map(([name, value]) => `${name}=${value.toString("hex")}`).sort()
      ])
    );
    return digestOf(lines.join("\n"));
  }
  #take(member, descriptor) {
    const { path, mode, uid, gid, mtime, xattrs } = member;
    const common = { mode, uid, gid, mtime, xattrs };
    if (member.kind === "folder") this.#nodes.set(path, { kind: "folder", ...common });
    else if (member.kind === "link") this.#nodes.set(path, { kind: "link", target: member.target, ...common });
    else if (member.kind === "hard-link") {
      const original = this.#nodes.get(cleanPath(member.target));
      if (original) this.#nodes.set(path, original);
    } else if (member.kind === "file") {
      const content = this.#newContent();
      const sha256 = copyOut(descriptor, member, content);
      this.#nodes.set(path, { kind: "file", content, size: member.size, sha256, ...common });
    }
  }
  #put(path, node) {
    const place = this.#resolve(path, false);
    if (this.#nodes.get(place)?.kind === "folder")
      throw new Failure(
        "invalid-file",
        `/${place} is a folder in the image: a file or link can't take its place`
      );
    const names = place.split("/");
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth).join("/");
      const there = this.#nodes.get(parent);
      if (there && there.kind !== "folder")
        throw new Failure("invalid-file", `/${parent} is a file in the image: /${place} can't be below it`);
      if (!there)
        this.#nodes.set(parent, { kind: "folder", ...rootOwned({ mode: 493, mtime: node.mtime }) });
    }
    this.#nodes.set(place, node);
  }
  // where a path leads inside the tree; the last name is a link's own place unless it shall be followed too
  #resolve(path, followLast) {
    let open2 = path.split("/");
    let done = [];
    for (let links = 0; open2.length > 0; ) {
      const [name = "", ...rest] = open2;
      open2 = rest;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        done.pop();
        continue;
      }
      const node = this.#nodes.get([...done, name].join("/"));
      if (node?.kind !== "link" || rest.every((part) => part === "") && !followLast) {
        done.push(name);
        continue;
      }
      if (++links > maxLinks)
        throw new Failure("build-failed", `too many links on the way to ${path} in the image`);
      if (node.target.startsWith("/")) done = [];
      open2 = [...node.target.split("/"), ...rest];
    }
    return done.join("/");
  }
  #newContent() {
    return join8(this.#folder, String(++this.#contents));
  }
};
function rootOwned({ mode, mtime }) {
  return { mode, mtime, uid: 0, gid: 0, xattrs: /* @__PURE__ */ new Map() };
}
function copyOut(descriptor, { path, offset, size }, to) {
  const hash = createHash2("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(copyBytes, Math.max(size, 1)));
  const out = openSync(to, "wx", 384);
  try {
    for (let done = 0; done < size; ) {
      const count = readSync2(descriptor, buffer, 0, Math.min(buffer.length, size - done), offset + done);
      if (count === 0)
        throw new Failure("build-failed", `the base system's tar file ends in the middle of ${path}`);
      const piece = buffer.subarray(0, count);
      hash.update(piece);
      writeSync(out, piece);
      done += count;
    }
  } finally {
    closeSync(out);
  }
  return hash.digest("hex");
}

// src/image/image.ts
var expectedImageBytes = 512 << 20;
var expectedContentBytes = 512 << 20;
async function buildImage(options, context, builder = mmdebstrap) {
  const { log } = context;
  requirePrograms(["mke2fs", "debugfs", "e2fsck"]);
  const recipe = await loadRecipe(options.recipe, options.variant);
  const arch = options.arch ?? machineArch();
  const output = resolve2(options.output);
  const time = await imageTime(recipe, context);
  const request = await requestOf(recipe, arch);
  await requireSpace(output, Math.max(expectedImageBytes, recipe.sizeBytes ?? 0), "the image");
  const base = await log.group(
    "Base system",
    () => openBase(request, builder, cacheFolder(options.cache), context)
  );
  try {
    return await log.group(
      "Image",
      () => withScratch(
        expectedContentBytes,
        "memory",
        context,
        (scratch) => finish({ recipe, arch, output, time, base, scratch }, context)
      )
    );
  } finally {
    await base.file.close();
  }
}
async function finish(build, context) {
  const { recipe, time, base } = build;
  const startedAt = performance.now();
  const { log } = context;
  const said = base.isFromCache ? "base system from the cache" : "base system built";
  const [contents, working] = [join9(build.scratch, "contents"), join9(build.scratch, "working")];
  await Promise.all([contents, working].map((folder) => mkdir4(folder)));
  const tree = new Tree(contents);
  await tree.extract(base.file.fd, context.signal);
  clean(tree, time);
  await applyRecipe(tree, recipe, time, context);
  refusePasswords(tree);
  const packages = installedPackages(tree.text("var/lib/dpkg/status") ?? "");
  const { release, content } = nameImage(tree, recipe, base, time);
  log.info(`${said}, ${packages.length} packages, ${tree.entries().length} files and folders`);
  const facts = {
    release,
    recipe: recipe.name,
    variant: recipe.variant,
    suite: recipe.suite,
    architecture: build.arch,
    time,
    distribution: { id: fromOsRelease(tree, "ID") ?? "debian", version: fromOsRelease(tree, "VERSION_ID") },
    packages
  };
  const built = await writeResults(tree, facts, content, { ...build, scratch: working }, context);
  log.info(`${release}: ${inMiB(built.sizeBytes)} in ${seconds(performance.now() - startedAt)}`);
  return built;
}
async function writeResults(tree, facts, content, { recipe, output, time, base, scratch }, context) {
  await mkdir4(output, { recursive: true });
  await sweep(output, context);
  const rootfs = join9(output, "rootfs.ext4");
  const temporary = markedName(rootfs);
  try {
    const options = { path: temporary, sizeBytes: recipe.sizeBytes, time, uuid: uuidOf(content), scratch };
    const sizeBytes = await makeExt4(tree, options, context);
    const sha256 = await digestOfFile(temporary, context.signal);
    const named = `${JSON.stringify({ release: facts.release, sha256 }, null, 2)}
`;
    const about = `${rootfs}.release.json`;
    const changed = await readFile4(about, "utf8").catch(() => "") !== named;
    const [manifest, sbom] = [join9(output, "manifest.json"), join9(output, "sbom.cdx.json")];
    await rm3(about, { force: true });
    await rename2(temporary, rootfs);
    await writeAtomically(manifest, `${JSON.stringify(manifestOf(facts), null, 2)}
`);
    await writeAtomically(sbom, `${JSON.stringify(sbomOf(facts), null, 2)}
`);
    await writeAtomically(about, named);
    const { release: version, packages } = facts;
    return {
      rootfs,
      image: rootfs,
      manifest,
      sbom,
      version,
      sha256,
      sizeBytes,
      packages: packages.length,
      cacheHit: base.isFromCache,
      changed
    };
  } catch (error) {
    await rm3(temporary, { force: true });
    throw storageFailure(error, output);
  }
}
async function requestOf(recipe, arch) {
  const { suite, packages, mirror } = recipe;
  const named = mirror === void 0 ? [] : [{ url: mirror, suite, components: ["main"], keyring: void 0 }];
  const sources = mirror === void 0 ? await machineSources(suite, arch) : named;
  return { suite, arch, packages, sources };
}
function cacheFolder(given) {
  if (given === "none") return void 0;
  return resolve2(given ?? join9(process.env["XDG_CACHE_HOME"] || join9(homedir(), ".cache"), "drover/images"));
}
function uuidOf(content) {
  const hex = hexOf(content);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32)
  ].join("-");
}

// actions/build-image/main.ts
await runAction("build-image", async (action) => {
  const { input } = action;
  const options = {
    recipe: input.path("recipe") ?? input.required("recipe"),
    arch: input.optional("arch"),
    variant: input.optional("variant"),
    output: input.path("output") ?? input.required("output"),
    cache: input.optional("cache") === "none" ? "none" : input.path("cache")
  };
  const built = await buildImage(options, action);
  await action.summary(
    [
      `### Image \`${escapeMarkdown(built.version)}\``,
      "",
      "| packages | size | base system | sha256 |",
      "|---|---|---|---|",
      `| ${built.packages} | ${built.sizeBytes / 2 ** 20} MiB | ${built.cacheHit ? "from the cache" : "built"} | \`${built.sha256}\` |`,
      ""
    ].join("\n")
  );
  return {
    image: built.image,
    rootfs: built.rootfs,
    manifest: built.manifest,
    sbom: built.sbom,
    version: built.version,
    sha256: built.sha256,
    "cache-hit": built.cacheHit,
    changed: built.changed
  };
});
