import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  runAction,
  workflowCache
} from "./chunks/chunk-AWI2SVCX.mjs";
import {
  Failure,
  array,
  cacheFolder,
  canonicalJson,
  digestOf,
  digestOfFile,
  escapeMarkdown,
  failOn,
  hasCode,
  hexOf,
  integer,
  isInRepository,
  isInstalled,
  lastWords,
  literal,
  machineArch,
  markedName,
  maxLength,
  maxValue,
  messageOf,
  minLength,
  minValue,
  number,
  object,
  openForeign,
  optional,
  picklist,
  pipe,
  piped,
  readYaml,
  record,
  regex,
  requirePrograms,
  run,
  runOk,
  seconds,
  start,
  startsWith,
  storageFailure,
  strictObject,
  string,
  sweep,
  syncFolder,
  writeAtomically
} from "./chunks/chunk-J6UCEAK3.mjs";
import {
  __callDispose,
  __using
} from "./chunks/chunk-A3BQXR3L.mjs";

// src/image/image.ts
import { mkdir as mkdir7 } from "node:fs/promises";
import { join as join19, resolve as resolve3 } from "node:path";

// src/image/apt-sources.ts
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
async function machineSources(suite2, arch, etc = "/etc/apt") {
  const lists = await aptFiles(etc);
  const all = lists.flatMap(
    ({ name, text: text2 }) => name.endsWith(".sources") ? deb822(text2, arch) : oneLines(text2, arch)
  );
  if (!all.some((source) => source.suite === suite2)) return [];
  const wanted = /* @__PURE__ */ new Set([suite2, `${suite2}-updates`, `${suite2}-security`, `${suite2}/updates`]);
  const found = new Map(
    all.filter((source) => wanted.has(source.suite)).map((source) => [`${source.suite} ${source.url}`, source])
  );
  return [...found.values()];
}
function sourceLine({ url: url2, suite: suite2, components: components2, keyring }) {
  return `deb ${keyring === void 0 ? "" : `[signed-by=${keyring}] `}${url2} ${suite2} ${components2.join(" ")}`;
}
function withoutCredentials(url2) {
  return url2.replace(/\/\/[^/@]*@/, "//");
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
function oneLines(text2, arch) {
  return text2.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    const [, options = "", url2 = "", suite2 = "", components2 = ""] = match ?? [];
    const option = (name) => new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(options)?.[1];
    const archs = option("arch")?.split(",") ?? [arch];
    if (!archs.includes(arch)) return [];
    return usable(url2, suite2, components2.trim().split(/\s+/), option("signed-by"));
  });
}
function deb822(text2, arch) {
  return text2.split(/\n\s*\n/).flatMap((stanza) => {
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
      (url2) => words2("suites").flatMap(
        (suite2) => usable(url2, suite2, words2("components"), fields.get("signed-by")?.trim())
      )
    );
  });
}
function usable(url2, suite2, components2, keyring) {
  if (!/^https?:\/\//.test(url2) || suite2.endsWith("/") || components2.length === 0) return [];
  if (keyring !== void 0 && !/^\/\S+$/.test(keyring)) return [];
  return [{ url: url2.replace(/\/+$/, ""), suite: suite2, components: components2, keyring }];
}

// src/image/base-cache.ts
import { open as open2, readFile as readFile3, rm as rm3 } from "node:fs/promises";
import { join as join5 } from "node:path";

// src/image/archive-state.ts
import { readFile as readFile2 } from "node:fs/promises";
import { join as join2 } from "node:path";
async function archiveState({ sources, arch }, scratch, context) {
  if (sources.length === 0 || sources.some(({ url: url2 }) => url2 !== withoutCredentials(url2)))
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
async function fetchIndex({ url: url2, suite: suite2 }, path, { signal, log }) {
  const options = ["http::Timeout=10", "https::Timeout=10", "Retries=1"].flatMap((o) => [
    "-o",
    `Acquire::${o}`
  ]);
  const args = [...options, "download-file", `${url2}/dists/${suite2}/InRelease`, path];
  const { code, stdout, stderr } = await start("/usr/lib/apt/apt-helper", args, { signal }).done;
  if (code === 0) return readFile2(path, "utf8");
  log.debug(`${stdout}${stderr}`.trim());
  return { kind: /\b404\b/.test(stdout + stderr) ? "missing" : "unreachable" };
}
function packageIndexes(text2, { components: components2 }, arch) {
  const sums = text2.slice(text2.indexOf("\nSHA256:"));
  const wanted = components2.flatMap(
    (component) => [arch, "all"].map((name) => `${component}/binary-${name}/Packages`)
  );
  const lines = sums.split("\n").filter((line) => wanted.some((name) => line.endsWith(` ${name}`)));
  return lines.length > 0 ? lines.map((line) => line.trim()).join("\n") : digestOf(text2);
}
function dateOf(text2) {
  const ms = Date.parse(/^Date: (.*)$/m.exec(text2)?.[1] ?? "");
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1e3);
}

// src/image/builder.ts
function mirrorsOf({ sources }) {
  const urls = [...new Set(sources.map(({ url: url2 }) => withoutCredentials(url2)))];
  return urls.length > 0 ? urls.join(", ") : "the default mirror";
}

// src/image/kept-tars.ts
import { mkdir as mkdir2, open, readdir as readdir2, rename, rm as rm2, stat, utimes } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join as join4 } from "node:path";

// src/image/scratch.ts
import { chmod, mkdir, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join as join3 } from "node:path";
async function withScratch(bytes, place, context, work) {
  const inMemory = place === "memory" && await freeBytes("/dev/shm") > 2 * bytes;
  const parent = inMemory ? "/dev/shm" : tmpdir();
  await sweep(parent, context);
  await requireSpace(parent, bytes, "temporary files");
  const folder = markedName(join3(parent, "image"));
  if (place === "memory") await mkdir(folder, { mode: 448 });
  else await makeOpenFolder(folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
async function makeOpenFolder(path) {
  await mkdir(path);
  await chmod(path, 493);
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

// src/image/kept-tars.ts
var kept = 6;
var expectedTarBytes = 400 << 20;
var entrySchema = strictObject({
  format: literal(1),
  sha256: pipe(string(), startsWith("sha256:")),
  time: number(),
  madeAt: string()
});
function keptFiles(folder, name) {
  return [join4(folder, `${name}.tar`), join4(folder, `${name}.json`)];
}
async function openKept(folder, name, maxAgeMs, { log, signal, clock }) {
  const [tar, about] = keptFiles(folder, name);
  let file;
  try {
    const { value } = await readYaml(about, entrySchema);
    file = await open(tar, "r");
    if (clock.now().getTime() - Date.parse(value.madeAt) > maxAgeMs) {
      await file.close();
      return void 0;
    }
    if (await digestOfHandle(file, signal) === value.sha256) {
      await utimes(about, clock.now(), clock.now()).catch(() => {
      });
      return { file, time: value.time };
    }
    throw new Failure("build-failed", `${tar} is damaged`);
  } catch (error) {
    await file?.close();
    signal.throwIfAborted();
    if (hasCode(error, "ENOENT")) return void 0;
    log.warn(`the cached file system ${tar} is damaged: making a new one`);
    await Promise.all([tar, about].map((path) => rm2(path, { force: true })));
    return void 0;
  }
}
async function placeIn(folder, name, context) {
  await mkdir2(folder, { recursive: true });
  await sweep(folder, context);
  await requireSpace(folder, expectedTarBytes, "the cached file system");
  return markedName(join4(folder, name));
}
async function keepTar(folder, name, { file, from, time }, { clock, signal }) {
  const sha256 = await digestOfHandle(file, signal);
  await file.sync();
  await rename(from, join4(folder, `${name}.tar`));
  await syncFolder(folder);
  const about = {
    format: 1,
    sha256,
    time,
    madeAt: clock.now().toISOString()
  };
  await writeAtomically(join4(folder, `${name}.json`), `${JSON.stringify(about, null, 2)}
`);
  for (const old of (await newestFirst(folder)).slice(kept)) {
    for (const suffix of ["json", "tar"]) await rm2(join4(folder, `${old}.${suffix}`), { force: true });
  }
}
async function newestFirst(folder, group = "") {
  const names = (await readdir2(folder).catch(() => [])).filter(
    (name) => /^[0-9a-f]{16}-[0-9a-z]{1,16}\.json$/.test(name)
  );
  const dated = await Promise.all(
    names.filter((name) => name.startsWith(group)).map(async (name) => ({
      name: name.slice(0, -".json".length),
      used: (await stat(join4(folder, name))).mtimeMs
    }))
  );
  return dated.sort((a, b) => b.used - a.used).map(({ name }) => name);
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

// src/image/shared-cache.ts
async function fetchShared(shared, context) {
  return await attempt(context, "restoring", () => shared.cache.restore(filesOf(shared), keyOf(shared))) === true;
}
async function leaveShared(shared, context) {
  await attempt(context, "saving", () => shared.cache.save(filesOf(shared), keyOf(shared)));
}
var filesOf = ({ folder, name }) => keptFiles(folder, name);
var keyOf = ({ name }) => `drover-base-${name}`;
async function attempt({ log, signal }, what, work) {
  const aborted = Promise.withResolvers();
  const abort = () => aborted.reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work(), aborted.promise]);
  } catch (error) {
    signal.throwIfAborted();
    log.warn(`${what} the base system in the shared cache did not work: ${messageOf(error)}`);
    return void 0;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

// src/image/base-cache.ts
var unknownFreshMs = 24 * 36e5;
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
  const group = await groupOf(request, builder);
  const found = cache && await find(cache.folder, group, state, context);
  if (found) return found;
  if (state.kind === "unreachable") {
    throw new Failure(
      "build-failed",
      `${mirrorsOf(request)} can't be reached, and no earlier base system for this recipe is in the cache: check the network, or name another \`mirror\` in the recipe`
    );
  }
  const name = nameOf(group, state);
  const shared = cache?.shared && state.kind === "known" ? { cache: cache.shared, folder: cache.folder, name } : void 0;
  if (shared && await fetchShared(shared, context)) {
    const fetched = await find(shared.folder, group, state, context);
    if (fetched) return fetched;
  }
  const base = await buildBase(request, builder, cache?.folder, name, state, context);
  if (shared) await leaveShared(shared, context);
  return base;
}
async function groupOf(request, builder) {
  const sources = await Promise.all(
    request.sources.map(async ({ keyring, ...source }) => ({
      ...source,
      ...keyring === void 0 ? {} : { keyring: digestOf(await readFile3(keyring)) }
    }))
  );
  return hexOf(digestOf(canonicalJson({ ...request, sources, builder: builder.name }))).slice(0, 16);
}
async function find(cache, group, state, context) {
  const isOffline = state.kind === "unreachable";
  const names = isOffline ? await newestFirst(cache, group) : [nameOf(group, state)];
  for (const name of names) {
    const found = await openKept(cache, name, state.kind === "unknown" ? unknownFreshMs : Infinity, context);
    if (!found) continue;
    if (isOffline) {
      context.log.warn(
        "no mirror can be reached: using the newest base system from the cache, which may be out of date"
      );
    }
    return { ...found, isFromCache: true, madeOf: `${name} ${found.time}` };
  }
  return void 0;
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
    const work = join5(scratch, "build");
    await makeOpenFolder(work);
    const into = cache === void 0 ? join5(scratch, "base.tar") : await placeIn(cache, name, context);
    try {
      await builder.build(request, { into, scratch: work, time }, context);
      const file = await open2(into, "r");
      if (cache !== void 0) await keepTar(cache, name, { file, from: into, time }, context);
      return { file, time, isFromCache: false, madeOf: `${name} ${time}` };
    } catch (error) {
      await rm3(into, { force: true });
      throw storageFailure(error, into);
    }
  });
  log.info(`built the base system in ${seconds(performance.now() - startedAt)}`);
  return base;
}
function nameOf(group, state) {
  return `${group}-${state.kind === "known" ? hexOf(state.digest).slice(0, 16) : "unknown"}`;
}

// src/image/differences.ts
import { join as join7 } from "node:path";

// src/image/release.ts
import { basename as basename2, dirname as dirname3 } from "node:path";

// src/image/recipe-sources.ts
import { lstat, readdir as readdir3 } from "node:fs/promises";
import { basename, dirname as dirname2, isAbsolute, join as join6, relative, resolve, sep } from "node:path";
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
async function sourceProblems(path, name, parsed) {
  const { value } = parsed;
  const lists = [
    { files: value.files ?? [], at: ["files"] },
    ...Object.entries(value.variants ?? {}).map(([name2, variant]) => ({
      files: variant.files ?? [],
      at: ["variants", name2, "files"]
    }))
  ];
  const problems = [];
  for (const [index, { key }] of (value.repositories ?? []).entries()) {
    const message = await problemOf(dirname2(path), { source: key, path: "/key" });
    if (message) problems.push({ file: name, ...parsed.locate(["repositories", index, "key"]), message });
  }
  for (const { files, at } of lists) {
    for (const [index, file] of files.entries()) {
      const message = await problemOf(dirname2(path), file);
      if (message) problems.push({ file: name, ...parsed.locate([...at, index]), message });
    }
  }
  return [...problems, ...await playbookProblems(path, name, parsed)];
}
async function playbookProblems(path, name, parsed) {
  const { playbooks = [], variants = {} } = parsed.value;
  const lists = [
    { list: playbooks, at: ["playbooks"] },
    ...Object.entries(variants).map(([variant, { playbooks: list = [] }]) => ({
      list,
      at: ["variants", variant, "playbooks"]
    }))
  ];
  const named = lists.flatMap(
    ({ list, at }) => list.flatMap(({ playbook, vars }, index) => [
      { source: playbook, at: [...at, index, "playbook"], wrong: folderProblem(playbook) },
      ...vars === void 0 ? [] : [{ source: vars, at: [...at, index, "vars"], wrong: void 0 }]
    ])
  );
  const problems = [];
  for (const { source, at, wrong: wrong4 } of named) {
    const message = await problemOf(dirname2(path), { source, path: "/file" }) ?? wrong4;
    if (message) problems.push({ file: name, ...parsed.locate(at), message });
  }
  return problems;
}
function folderProblem(playbook) {
  if (relative(dirname2(playbook), ".").split(sep)[0] === "..") return void 0;
  return `the playbook ${playbook} needs a folder of its own beside the recipe, such as ansible/${basename(playbook)}: everything in there belongs to it`;
}
async function problemOf(folder, { source, path, mode: mode2 }) {
  if (isAbsolute(source)) return `source ${source} is absolute: give it relative to the recipe`;
  const place = resolve(folder, source);
  try {
    const stats = await lstat(place);
    if (!await isInRepository(folder, stats.isSymbolicLink() ? dirname2(place) : place))
      return `source ${source} leads out of the recipe's repository: what goes into an image has to be in Git`;
    if (stats.isDirectory()) {
      return mode2 === void 0 ? void 0 : `${source} is a folder: mode is for a single file, and Git keeps it for the rest`;
    }
    return path.endsWith("/") ? `${source} is a file: path has to name it, such as ${path}${basename(source)}` : void 0;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return `there is no ${source} beside the recipe`;
    throw error;
  }
}

// src/image/release.ts
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
  const paths = sourcesOf(recipe).map(({ source }) => source);
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
function sourcesOf(recipe) {
  const used = recipe.playbooks.flatMap(
    ({ folder, vars }) => vars === void 0 ? [folder] : [folder, vars]
  );
  return [...recipe.files, ...[recipe.path, ...used].map((source) => ({ source, path: "/" }))];
}
async function newestFile(recipe) {
  let newest = 0;
  for (const source of sourcesOf(recipe)) {
    for await (const { kind, modifiedMs } of entriesOf(source)) {
      if (kind !== "folder") newest = Math.max(newest, modifiedMs);
    }
  }
  if (newest === 0) throw new Failure("internal", `no time can be found for ${recipe.path}`);
  return Math.floor(newest / 1e3);
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
  const { release, recipe, variant, suite: suite2, architecture, packages } = facts;
  return {
    format: 1,
    release,
    recipe,
    ...variant === void 0 ? {} : { variant },
    suite: suite2,
    architecture,
    packages
  };
}
function sbomOf(facts) {
  const { id, version: distributionVersion } = facts.distribution;
  const distro = distributionVersion === void 0 ? id : `${id}-${distributionVersion}`;
  const components2 = facts.packages.map(({ name, version, architecture, source }) => {
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
    components: components2
  };
}
function encode(text2) {
  return encodeURIComponent(text2).replace(
    /[!'()*+]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  );
}

// src/image/differences.ts
var kept2 = object({
  release: string(),
  packages: array(object({ name: string(), version: string(), architecture: string() }))
});
async function differencesFromLast(facts, cache, { log }) {
  if (cache === void 0) return void 0;
  const folder = join7(cache, "manifests");
  const name = [facts.recipe, facts.architecture, facts.variant ?? "plain"].join("_");
  const [last, before] = [join7(folder, `${name}.json`), join7(folder, `${name}.before.json`)];
  const [newest, older] = [await readKept(last), await readKept(before)];
  if (newest?.release === facts.release) return older && differences(older, facts);
  try {
    if (newest) await writeAtomically(before, JSON.stringify(newest));
    await writeAtomically(last, JSON.stringify(manifestOf(facts)));
  } catch (error) {
    log.warn(`the next build can't say what changed in the packages: ${messageOf(error)}`);
  }
  return newest && differences(newest, facts);
}
async function readKept(path) {
  try {
    return (await readYaml(path, kept2)).value;
  } catch (error) {
    if (error instanceof Failure) return void 0;
    throw error;
  }
}
function differences(before, facts) {
  const key = ({ name, architecture }) => architecture === "all" || architecture === facts.architecture ? name : `${name}:${architecture}`;
  const versions = (packages) => new Map(packages.map((one) => [key(one), one.version]));
  const [then, now] = [versions(before.packages), versions(facts.packages)];
  const only = (here, there) => [...here].flatMap(([name, version]) => there.has(name) ? [] : [{ name, version }]);
  return {
    since: before.release,
    added: only(now, then),
    removed: only(then, now),
    changed: [...now].flatMap(([name, to]) => {
      const from = then.get(name);
      return from === void 0 || from === to ? [] : [{ name, from, to }];
    })
  };
}

// src/image/command-builder.ts
import { open as open3, rename as rename2, stat as stat2 } from "node:fs/promises";
import { createReadStream, createWriteStream } from "node:fs";
import { dirname as dirname4, join as join8 } from "node:path";
import { pipeline } from "node:stream/promises";

// src/image/isolation.ts
var openMask = ["sh", "-c", 'umask 022 && exec "$@"', "sh"];
function isolated() {
  const tied = ["setpriv", "--pdeathsig", "KILL"];
  if (process.getuid?.() !== 0) return [...tied, ...openMask];
  return [
    ...tied,
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
    ...openMask
  ];
}

// src/image/command-builder.ts
var unpackers = [
  { begins: Buffer.from([31, 139]), program: "gzip" },
  { begins: Buffer.from([253, 55, 122, 88, 90]), program: "xz" },
  { begins: Buffer.from([40, 181, 47, 253]), program: "zstd" }
];
function commandBuilder({ builder, path, variant }) {
  if (!builder) return void 0;
  const { command: command2, rootfs } = builder;
  return {
    name: "command",
    scratchBytes: 2 << 30,
    build: async (request, place, context) => {
      const output = join8(place.scratch, "output");
      await makeOpenFolder(output);
      await runCommand(command2, { folder: dirname4(path), output, variant, request, place }, context);
      await takeRootfs(join8(output, rootfs), place, context);
    }
  };
}
async function runCommand(command2, { folder, output, variant, request, place }, { log, signal }) {
  const temporary = join8(place.scratch, "tmp");
  await makeOpenFolder(temporary);
  const [program = "", ...args] = [...isolated(), ...command2];
  const { code, stdout, stderr } = await start(program, args, {
    cwd: folder,
    env: {
      IMAGE_OUTPUT: output,
      IMAGE_ARCH: request.arch,
      IMAGE_SUITE: request.suite,
      IMAGE_VARIANT: variant ?? "",
      SOURCE_DATE_EPOCH: String(place.time),
      TMPDIR: temporary
    },
    signal,
    onLine: (line) => log.info(line)
  }).done;
  if (code === 0) return;
  const said = lastWords(stderr.trim() === "" ? stdout : stderr, command2[0] ?? "", code);
  throw new Failure(
    "build-failed",
    `the builder \`${command2.join(" ")}\` failed with ${code}. It said: ${said}`
  );
}
async function takeRootfs(path, { into }, context) {
  const what = await stat2(path).catch((error) => {
    if (!hasCode(error, "ENOENT")) throw error;
    throw new Failure(
      "build-failed",
      `the builder ended well and left no ${path.split("/").at(-1)} in $IMAGE_OUTPUT: correct \`rootfs\``
    );
  });
  if (what.isDirectory()) return pack(path, into, context);
  const unpacker = await unpackerOf(path);
  if (!unpacker) return rename2(path, into);
  const unpacked = piped(unpacker, ["-dc"], createReadStream(path), {
    what: `unpacking ${path}`,
    reason: "build-failed",
    signal: context.signal
  });
  await pipeline(unpacked, createWriteStream(into));
}
async function pack(folder, into, { signal }) {
  const args = ["--create", "--file", into, "--sort=name", "--numeric-owner", "--format=posix"];
  const what = ["--xattrs", "--xattrs-include=*", "--one-file-system", "--directory", folder, "."];
  const { code, stderr } = await start("tar", [...args, ...what], { signal }).done;
  if (code !== 0) throw new Failure("build-failed", `tar can't read ${folder}: ${stderr.trim().slice(-300)}`);
}
async function unpackerOf(path) {
  var _stack = [];
  try {
    const file = __using(_stack, await open3(path), true);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(8), position: 0 });
    const head = buffer.subarray(0, bytesRead);
    return unpackers.find(({ begins }) => head.subarray(0, begins.length).equals(begins))?.program;
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

// src/image/disk.ts
import { open as open5, stat as stat3, truncate as truncate3, writeFile as writeFile3 } from "node:fs/promises";
import { join as join12 } from "node:path";

// src/image/block-map.ts
import { createHash as createHash2 } from "node:crypto";
var blockBytes = 4096;
var readBytes = 1 << 20;
async function makeBlockMap(disk2, sizeBytes, partitions, context) {
  const free = (await Promise.all(partitions.map((one) => freeBlocks(one, context)))).flat();
  const blocks = Math.ceil(sizeBytes / blockBytes);
  const mapped = without(free, blocks);
  const lines = [];
  for (const { first, last } of mapped) {
    const sum = await digestOfRange(
      disk2,
      first * blockBytes,
      Math.min((last + 1) * blockBytes, sizeBytes),
      context
    );
    lines.push(`        <Range chksum="${sum}"> ${first === last ? first : `${first}-${last}`} </Range>`);
  }
  const count = mapped.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const text2 = (checksum) => `<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize> ${sizeBytes} </ImageSize>
    <BlockSize> ${blockBytes} </BlockSize>
    <BlocksCount> ${blocks} </BlocksCount>
    <MappedBlocksCount> ${count} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${checksum} </BmapFileChecksum>
    <BlockMap>
${lines.join("\n")}
    </BlockMap>
</bmap>
`;
  return text2(
    createHash2("sha256").update(text2("0".repeat(64))).digest("hex")
  );
}
async function freeBlocks({ kind, source, startBytes }, { signal }) {
  if (kind !== "linux") return [];
  const { code, stdout, stderr } = await start("dumpe2fs", [source], { signal }).done;
  const size2 = /^Block size: +(\d+)$/m.exec(stdout)?.[1];
  if (code !== 0 || Number(size2) !== blockBytes)
    throw new Failure("build-failed", `dumpe2fs can't read ${source}: ${stderr.trim().slice(-300)}`);
  const offset = startBytes / blockBytes;
  return [...stdout.matchAll(/^ {2}Free blocks: ([\d\-, ]+)$/gm)].flatMap(
    ([, list = ""]) => list.split(",").map((part) => {
      const [first = 0, last = first] = part.trim().split("-").map(Number);
      return { first: first + offset, last: last + offset };
    })
  );
}
function without(free, blocks) {
  const ranges = [];
  let next = 0;
  for (const { first, last } of free.toSorted((a, b) => a.first - b.first)) {
    if (first > next) ranges.push({ first: next, last: first - 1 });
    next = last + 1;
  }
  if (next < blocks) ranges.push({ first: next, last: blocks - 1 });
  return ranges;
}
async function digestOfRange(disk2, from, to, { signal }) {
  const hash = createHash2("sha256");
  const buffer = Buffer.allocUnsafe(readBytes);
  for (let at = from; at < to; ) {
    signal.throwIfAborted();
    const { bytesRead } = await disk2.read(buffer, 0, Math.min(readBytes, to - at), at);
    if (bytesRead === 0) throw new Failure("build-failed", "the disk image is shorter than it was made");
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}

// src/image/boot-partition.ts
import { copyFile, mkdir as mkdir3, truncate, utimes as utimes2, writeFile } from "node:fs/promises";
import { dirname as dirname5, join as join9 } from "node:path";
async function makeBoot(options, context) {
  const { path, sizeBytes, files, from, content, time, scratch } = options;
  const entries = files.entries().filter(([name]) => name !== "");
  const link = entries.find(([, node]) => node.kind === "link");
  if (link)
    throw wrong(`${from}/${link[0]} is a link, and the boot partition's FAT has none: name the file itself`);
  if (!entries.some(([, node]) => node.kind === "file"))
    throw wrong(
      `${from} has no file for the boot partition: add the packages or files that bring them, or another \`from\``
    );
  await writeFile(path, "", { flag: "wx" });
  await truncate(path, sizeBytes);
  const volume = hexOf(digestOf(`${content} boot`)).slice(0, 8);
  await run2("mkfs.vfat", ["--invariant", "-n", "BOOT", "-i", volume, path], context, time);
  const staging = join9(scratch, "boot");
  const byFolder = /* @__PURE__ */ new Map();
  for (const [name, node] of entries) {
    if (node.kind === "folder") byFolder.set(name, []);
    if (node.kind !== "file") continue;
    const staged = join9(staging, name);
    await mkdir3(dirname5(staged), { recursive: true });
    await copyFile(node.content, staged);
    await utimes2(staged, node.mtime, node.mtime);
    const folder = name.includes("/") ? dirname5(name) : "";
    byFolder.set(folder, [...byFolder.get(folder) ?? [], staged]);
  }
  for (const [folder, staged] of byFolder) {
    if (folder !== "") await run2("mmd", ["-i", path, `::/${folder}`], context, time);
    if (staged.length > 0) await run2("mcopy", ["-m", "-i", path, ...staged, `::/${folder}`], context, time);
  }
}
async function run2(program, args, { signal }, time) {
  const env = { SOURCE_DATE_EPOCH: String(time), TZ: "UTC", MTOOLSRC: "/dev/null" };
  const { code, stdout, stderr } = await start(program, args, { signal, env }).done;
  if (code === 0) return;
  const said = `${stderr} ${stdout}`.trim().slice(-500);
  const hint = /disk full|no space/i.test(said) ? ": raise the `size` of `boot`" : "";
  throw wrong(`${program} could not make the boot partition${hint} (${said})`);
}
function wrong(message) {
  return new Failure("build-failed", message);
}

// src/image/compress.ts
import { createHash as createHash3 } from "node:crypto";
import { open as open4 } from "node:fs/promises";
import { createReadStream as createReadStream2 } from "node:fs";
import { availableParallelism } from "node:os";
var pieceBytes = 16 << 20;
var programs = {
  xz: { suffix: "xz", command: ["xz", "--compress", "-0", "--threads=1", "--stdout"] },
  zstd: { suffix: "zst", command: ["zstd", "--quiet", "-9", "--single-thread", "--stdout"] }
};
function suffixOf(compression) {
  return programs[compression].suffix;
}
async function compressOnce({ from, to, compression, starts }, context) {
  var _stack = [];
  try {
    const input = __using(_stack, await open4(from), true);
    const output = __using(_stack, await open4(to, "wx+"), true);
    const pieces = piecesOf((await input.stat()).size, starts);
    const waiting = [];
    const begun = /* @__PURE__ */ new Set();
    const places = /* @__PURE__ */ new Map();
    const buffer = Buffer.allocUnsafe(pieceBytes);
    let end = 0;
    const writeFirst = async () => {
      const [first] = waiting.splice(0, 1);
      if (!first) return;
      const place = places.get(first.key);
      const data = place ? await readPlace(output, place) : await first.compressed;
      if (!data) return;
      if (!place) places.set(first.key, { start: end, size: data.length });
      end += (await output.write(data, 0, data.length, end)).bytesWritten;
    };
    try {
      for (const piece of pieces) {
        context.signal.throwIfAborted();
        const key = await digestOfPiece(input, piece, buffer);
        const compressed = begun.has(key) ? void 0 : compressPiece(from, piece, compression, context);
        compressed?.catch(() => {
        });
        begun.add(key);
        waiting.push({ key, compressed });
        while (waiting.length >= availableParallelism()) await writeFirst();
      }
      while (waiting.length > 0) await writeFirst();
    } finally {
      await Promise.allSettled(waiting.flatMap(({ compressed }) => compressed ?? []));
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function readPlace(file, { start: start2, size: size2 }) {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size2), 0, size2, start2);
  if (bytesRead !== size2) throw new Failure("internal", "what was compressed can not be read again");
  return buffer;
}
function piecesOf(size2, starts) {
  const bounds = [...starts.filter((start3) => start3 > 0 && start3 < size2), size2];
  const pieces = [];
  let start2 = 0;
  for (const bound of bounds) {
    for (; start2 < bound; start2 += pieceBytes)
      pieces.push({ start: start2, size: Math.min(pieceBytes, bound - start2) });
    start2 = bound;
  }
  return pieces;
}
async function digestOfPiece(file, { start: start2, size: size2 }, buffer) {
  const { bytesRead } = await file.read(buffer, 0, size2, start2);
  return createHash3("sha256").update(buffer.subarray(0, bytesRead)).digest("hex");
}
async function compressPiece(path, { start: start2, size: size2 }, compression, { signal }) {
  const input = createReadStream2(path, { start: start2, end: start2 + size2 - 1, highWaterMark: 1 << 20 });
  const chunks = [];
  const [program, ...args] = programs[compression].command;
  const options = { what: "compressing the disk image", reason: "build-failed", signal };
  for await (const chunk of piped(program, args, input, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// src/image/ext4.ts
import { truncate as truncate2, writeFile as writeFile2 } from "node:fs/promises";
import { join as join10 } from "node:path";
var blockBytes2 = 4096;
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
  await writeFile2(options.path, "", { flag: "wx" });
  await truncate2(options.path, sizeBytes);
  const env = {
    E2FSPROGS_FAKE_TIME: String(options.time),
    SOURCE_DATE_EPOCH: String(options.time),
    MKE2FS_CONFIG: "/dev/null"
  };
  await succeed("mke2fs", formatArguments(options, inodes), env, context);
  const script2 = join10(options.scratch, "debugfs.commands");
  await writeFile2(script2, await commands(entries, options));
  await fill(script2, options.path, env, context);
  await succeed("e2fsck", ["-f", "-n", options.path], env, context);
  return sizeBytes;
}
function formatArguments({ path, uuid, label }, inodes) {
  const extended = `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard`;
  return [
    ...`-q -F -t ext4 -O none,${features} -b ${blockBytes2} -I ${inodeBytes} -N ${inodes} -m 0`.split(" "),
    ...`-J size=${journalMiB} -L ${label} -U ${uuid} -E ${extended}`.split(" "),
    path
  ];
}
async function commands(entries, options) {
  const lines = [];
  const seen = /* @__PURE__ */ new Map();
  let current = "";
  const enter2 = (folder) => {
    if (folder !== current) lines.push(`cd ${quoted(`/${folder}`)}`);
    current = folder;
  };
  for (const [path, node] of entries) {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    const first = seen.get(node);
    if (path !== "") enter2(slash < 0 ? "" : path.slice(0, slash));
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
    const file = join10(scratch, `xattr-${number2}-${lines.length}`);
    await writeFile2(file, value);
    lines.push(`ea_set -f ${quoted(file)} ${path} ${quoted(name)}`);
  }
  return lines;
}
async function fill(script2, path, env, { signal }) {
  const wrong4 = [];
  const onLine = (line, stream) => {
    if (stream === "stderr" && line.trim() !== "" && !/^debugfs \d/.test(line)) wrong4.push(line);
  };
  const { code } = await start("debugfs", ["-w", "-f", script2, path], { env, signal, onLine }).done;
  if (code !== 0 || wrong4.length > 0)
    throw ext4Failure("debugfs", wrong4.slice(0, 3).join(" / ") || `status ${code}`);
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
    if (node.kind === "file") blocks += Math.ceil(node.size / blockBytes2);
    else if (node.kind === "folder") blocks += 1;
  }
  const names = entries.reduce((sum, [path]) => sum + 8 + path.length - path.lastIndexOf("/") + 3, 0);
  const tables = inodes * inodeBytes + journalMiB * mebibyte + names;
  return Math.ceil((blocks * blockBytes2 + tables) * 1.02) + 2 * mebibyte;
}
function quoted(word2) {
  if (/[\u0000\r\n]/.test(word2))
    throw new Failure("build-failed", `the image has a name with a line end: ${JSON.stringify(word2)}`);
  return `"${word2.replaceAll('"', '""')}"`;
}
var roundUp = (bytes, unit2) => Math.ceil(bytes / unit2) * unit2;

// src/image/tree.ts
import { createHash as createHash4 } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync as readSync2, writeFileSync, writeSync } from "node:fs";
import { join as join11 } from "node:path";
import { setImmediate } from "node:timers/promises";

// src/image/tar.ts
import { readSync } from "node:fs";
var block = 512;
var maxExtendedBytes = 1 << 20;
function* readTar(descriptor) {
  let extended = /* @__PURE__ */ new Map();
  for (let position = 0; ; ) {
    const header2 = readExactly(descriptor, position, block);
    if (header2.every((byte) => byte === 0)) return;
    const type = String.fromCharCode(header2[156] ?? 0);
    checkSum(header2);
    const size2 = numberOf(extended.get("size")?.toString()) ?? fieldNumber(header2, 124, 12);
    const offset = position + block;
    position = offset + Math.ceil(size2 / block) * block;
    if (type === "x" || type === "g") {
      if (type === "x")
        extended = new Map([...extended, ...paxRecords(extendedData(descriptor, offset, size2))]);
    } else if (type === "L" || type === "K") {
      const text2 = extendedData(descriptor, offset, size2);
      extended.set(type === "L" ? "path" : "linkpath", text2.subarray(0, text2.indexOf(0)));
    } else {
      yield memberOf(header2, extended, offset, size2);
      extended = /* @__PURE__ */ new Map();
    }
  }
}
function memberOf(header2, extended, offset, size2) {
  const [name, prefix] = [fieldText(header2, 0, 100), fieldText(header2, 345, 155)];
  const isUstar = header2.toString("latin1", 257, 263) === "ustar\0";
  const path = extended.get("path")?.toString() ?? (isUstar && prefix ? `${prefix}/${name}` : name);
  const kind = kinds[String.fromCharCode(header2[156] ?? 0)] ?? "other";
  return {
    path: cleanPath(path),
    kind,
    mode: fieldNumber(header2, 100, 8) & 4095,
    uid: numberOf(extended.get("uid")?.toString()) ?? fieldNumber(header2, 108, 8),
    gid: numberOf(extended.get("gid")?.toString()) ?? fieldNumber(header2, 116, 8),
    mtime: Math.floor(numberOf(extended.get("mtime")?.toString()) ?? fieldNumber(header2, 136, 12)),
    target: extended.get("linkpath")?.toString() ?? fieldText(header2, 157, 100),
    offset,
    size: kind === "file" ? size2 : 0,
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
function extendedData(descriptor, offset, size2) {
  if (size2 > maxExtendedBytes) throw damaged(`an extended header has ${size2} bytes`);
  return readExactly(descriptor, offset, size2);
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
function checkSum(header2) {
  let sum = 0;
  for (const [index, byte] of header2.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== fieldNumber(header2, 148, 8)) throw damaged("a checksum is wrong");
}
function fieldText(header2, start2, length) {
  const end = header2.indexOf(0, start2);
  return header2.toString("utf8", start2, end < 0 || end > start2 + length ? start2 + length : end);
}
function fieldNumber(header2, start2, length) {
  if ((header2[start2] ?? 0) & 128) return header2.readUIntBE(start2 + length - 6, 6);
  const text2 = fieldText(header2, start2, length).trim();
  return text2 === "" ? 0 : Number.parseInt(text2, 8);
}
function numberOf(text2) {
  return text2 === void 0 ? void 0 : Number(text2);
}
function damaged(why) {
  return new Failure("build-failed", `the base system's tar file is damaged: ${why}`);
}

// src/image/tree.ts
var maxLinks = 40;
var copyBytes = 1 << 20;
function subtree(tree, path) {
  const place = tree.place(path);
  const below = tree.entries().filter(([name]) => name === place || name.startsWith(`${place}/`));
  const found = below.map(([name, node]) => [name.slice(place.length + 1), node]);
  const top = ["", { kind: "folder", ...commonOf({ mode: 493, mtime: 0 }) }];
  return { entries: () => found[0]?.[1].kind === "folder" ? found : [top] };
}
var Tree = class _Tree {
  #folder;
  #nodes = /* @__PURE__ */ new Map();
  #contents = 0;
  /** `folder` takes the contents; it is empty and belongs to this tree alone. */
  constructor(folder) {
    this.#folder = folder;
    this.#nodes.set("", { kind: "folder", ...commonOf({ mode: 493, mtime: 0 }) });
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
  /** Where a path leads, links followed also at its end; it need not be there. */
  place(path) {
    return this.#resolve(path, true);
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
    const sha256 = createHash4("sha256").update(bytes).digest("hex");
    this.#put(path, { kind: "file", content, size: bytes.length, sha256, ...commonOf(as) });
  }
  /** Replaces the text of a file that is there, through links, and keeps owner and mode. Throws where it isn't. */
  rewrite(path, text2, mtime) {
    const place = this.#resolve(path, true);
    const node = this.#nodes.get(place);
    if (node?.kind !== "file") throw new Failure("build-failed", `the image has no file /${place}`);
    this.write(place, text2, { mode: node.mode, mtime });
    const written = this.#nodes.get(place);
    if (written) Object.assign(written, { uid: node.uid, gid: node.gid });
  }
  /** Makes a folder and its parents; one that is there stays as it is. */
  makeFolder(path, as) {
    const place = this.#resolve(path, true);
    if (this.#nodes.get(place)?.kind === "folder") return;
    this.#put(place, { kind: "folder", ...commonOf(as) });
  }
  /** Makes a symbolic link in the place of whatever is there, except a folder. */
  link(path, target, as) {
    this.#put(path, { kind: "link", target, ...commonOf({ ...as, mode: 511 }) });
  }
  /** Takes out `path` with all that is below it (a link, not what it points at). Returns whether it was there. */
  remove(path) {
    const place = this.#resolve(path, false);
    if (place === "") throw new Failure("invalid-file", "the recipe removes /: that leaves no image");
    const below = [...this.#nodes.keys()].filter((name) => name === place || name.startsWith(`${place}/`));
    for (const name of below) this.#nodes.delete(name);
    return below.length > 0;
  }
  /** Another tree with all that is in this one; what is written to it stays in `folder`, which is empty. */
  copy(folder) {
    const copied = new _Tree(folder);
    for (const [path, node] of this.#nodes) copied.#nodes.set(path, node);
    return copied;
  }
  /** Puts `path` as another tree has it: its node there, links not followed, or nothing where that has none. */
  takeFrom(other, path) {
    const node = other.#nodes.get(path);
    if (node) this.#nodes.set(path, node);
    else this.#nodes.delete(path);
  }
  /**
   * Gives what is as it was in `before` the time that it had there. Of the rest, what is as new as `limit` or newer gets
   * `time`; all in seconds since 1970.
   */
  takeTimes(before, limit, time) {
    for (const [path, node] of this.#nodes) {
      const earlier = before.#nodes.get(path);
      if (earlier && canonicalJson(describe(path, earlier)) === canonicalJson(describe(path, node)))
        node.mtime = earlier.mtime;
      else if (node.mtime >= limit) node.mtime = time;
    }
  }
  /** Sets the times of everything. */
  setTimes(timeOf) {
    for (const node of new Set(this.#nodes.values())) node.mtime = timeOf(node);
  }
  /** Digest of all there is: names, kinds, modes, owners, contents, links, attributes. Not of times. */
  digest() {
    const lines = this.entries().map(([path, node]) => canonicalJson(describe(path, node)));
    return digestOf(lines.join("\n"));
  }
  #take(member, descriptor) {
    const { path, mode: mode2, uid, gid, mtime, xattrs } = member;
    const common = { mode: mode2, uid, gid, mtime, xattrs };
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
      if (!there) this.#nodes.set(parent, { kind: "folder", ...commonOf({ mode: 493, mtime: node.mtime }) });
    }
    this.#nodes.set(place, node);
  }
  // where a path leads inside the tree; the last name is a link's own place unless it shall be followed too
  #resolve(path, followLast) {
    let open8 = path.split("/");
    let done = [];
    for (let links = 0; open8.length > 0; ) {
      const [name = "", ...rest] = open8;
      open8 = rest;
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
      open8 = [...node.target.split("/"), ...rest];
    }
    return done.join("/");
  }
  #newContent() {
    return join11(this.#folder, String(++this.#contents));
  }
};
function describe(path, node) {
  return [
    path,
    node.kind,
    node.kind === "link" ? 0 : node.mode,
    node.uid,
    node.gid,
    node.kind === "file" ? node.sha256 : node.kind === "link" ? node.target : "",
    [...node.xattrs].map(([name, value]) => `${name}=${value.toString("hex")}`).sort()
  ];
}
function commonOf({ mode: mode2, mtime, uid = 0, gid = 0 }) {
  return { mode: mode2, mtime, uid, gid, xattrs: /* @__PURE__ */ new Map() };
}
function copyOut(descriptor, { path, offset, size: size2 }, to) {
  const hash = createHash4("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(copyBytes, Math.max(size2, 1)));
  const out = openSync(to, "wx", 384);
  try {
    for (let done = 0; done < size2; ) {
      const count = readSync2(descriptor, buffer, 0, Math.min(buffer.length, size2 - done), offset + done);
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

// src/image/disk.ts
var mebibyte2 = 1 << 20;
var sectorBytes = 512;
var [headBytes, tailBytes] = [4 * mebibyte2, mebibyte2];
var types = { gpt: { boot: "U", linux: "L" }, mbr: { boot: "c", linux: "L" } };
function diskBytes({ boot, slots, data }, rootfsBytes) {
  const parts2 = [boot?.sizeBytes ?? 0, ...Array(slots).fill(rootfsBytes), data?.sizeBytes ?? 0];
  return headBytes + parts2.reduce((sum, bytes) => sum + whole(bytes), 0) + tailBytes;
}
async function makeDisk(options, context) {
  const { layout, folder, content } = options;
  const [raw, blockMap] = [join12(folder, "disk.img"), join12(folder, "disk.img.bmap")];
  const partitions = await partitionsOf(options, context);
  const rootfsBytes = (await stat3(options.rootfs)).size;
  const sizeBytes = diskBytes(layout, rootfsBytes);
  await writeFile3(raw, "", { flag: "wx" });
  await truncate3(raw, sizeBytes);
  await run3(
    "sfdisk",
    ["--quiet", "--no-reread", "--no-tell-kernel", raw],
    context,
    tableOf(layout, partitions, content)
  );
  const disk2 = await open5(raw, "r+");
  try {
    for (const partition of partitions) await copyInto(disk2, partition, context.signal);
    await writeFile3(blockMap, await makeBlockMap(disk2, sizeBytes, partitions, context));
  } finally {
    await disk2.close();
  }
  context.log.info(
    `disk of ${inMiB(sizeBytes)}: ${partitions.map(({ name, sizeBytes: bytes }) => `${name} ${inMiB(bytes)}`).join(", ")}`
  );
  const image = `${raw}.${suffixOf(layout.compression)}`;
  const starts = [...partitions.map(({ startBytes }) => startBytes), sizeBytes - tailBytes];
  await compressOnce({ from: raw, to: image, compression: layout.compression, starts }, context);
  return { image, blockMap };
}
async function partitionsOf({ layout, tree, rootfs, content, time, folder }, context) {
  const parts2 = [];
  if (layout.boot) {
    const [source, { sizeBytes, from }] = [join12(folder, "boot.vfat"), layout.boot];
    await makeBoot(
      { path: source, sizeBytes, files: subtree(tree, from), from, content, time, scratch: folder },
      context
    );
    parts2.push({ name: "boot", kind: "boot", sizeBytes, source });
  }
  const slotBytes = whole((await stat3(rootfs)).size);
  for (const name of ["rootfs-a", "rootfs-b"].slice(0, layout.slots))
    parts2.push({ name, kind: "linux", sizeBytes: slotBytes, source: rootfs });
  if (layout.data) {
    const [path, { sizeBytes, from }] = [join12(folder, "data.ext4"), layout.data];
    const uuid = uuidOf(content, "data file system");
    await makeExt4(
      subtree(tree, from),
      { path, sizeBytes, time, uuid, label: "data", scratch: folder },
      context
    );
    parts2.push({ name: "data", kind: "linux", sizeBytes, source: path });
  }
  let startBytes = headBytes;
  return parts2.map((part) => {
    const placed = { ...part, startBytes };
    startBytes += whole(part.sizeBytes);
    return placed;
  });
}
function tableOf({ table }, partitions, content) {
  const id = table === "gpt" ? uuidOf(content, "disk") : `0x${hexOf(digestOf(`${content} disk`)).slice(0, 8)}`;
  const lines = partitions.map(
    ({ name, kind, startBytes, sizeBytes }) => [
      `start=${startBytes / sectorBytes}`,
      `size=${whole(sizeBytes) / sectorBytes}`,
      `type=${types[table][kind]}`,
      ...table === "gpt" ? [`uuid=${uuidOf(content, name)}`, `name="${name}"`] : [],
      ...table === "mbr" && kind === "boot" ? ["bootable"] : []
    ].join(", ")
  );
  const head = [`label: ${table === "gpt" ? "gpt" : "dos"}`, `label-id: ${id}`, "unit: sectors"];
  return `${[...head, "", ...lines].join("\n")}
`;
}
async function copyInto(disk2, { source, startBytes }, signal) {
  var _stack = [];
  try {
    const from = __using(_stack, await open5(source), true);
    const buffer = Buffer.allocUnsafe(mebibyte2);
    const zeros = Buffer.alloc(mebibyte2);
    for (let at = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await from.read(buffer, 0, mebibyte2, at);
      if (bytesRead === 0) return;
      const chunk = buffer.subarray(0, bytesRead);
      if (!chunk.equals(zeros.subarray(0, bytesRead))) await disk2.write(chunk, 0, bytesRead, startBytes + at);
      at += bytesRead;
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
async function run3(program, args, { signal }, input = "") {
  const { code, stdout, stderr } = await start(program, args, { signal, input }).done;
  if (code !== 0) throw failed(program, `${stderr} ${stdout}`);
}
function failed(program, said) {
  const isFull = /no space left/i.test(said);
  const words2 = said.trim().slice(-500);
  return new Failure(
    isFull ? "disk-full" : "build-failed",
    `${program} could not make the disk image: ${words2}`
  );
}
function whole(bytes) {
  return Math.ceil(bytes / mebibyte2) * mebibyte2;
}
function diskPrograms({ boot, compression }) {
  return ["sfdisk", "dumpe2fs", compression, ...boot ? ["mkfs.vfat", "mmd", "mcopy"] : []];
}
function uuidOf(content, name = "") {
  const hex = name === "" ? hexOf(content) : hexOf(digestOf(`${content} ${name}`));
  const parts2 = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [...parts2, hex.slice(20, 32)].join("-");
}

// src/image/finish.ts
import { readFile as readFile4, readlink } from "node:fs/promises";

// src/image/accounts.ts
var [firstId, lastId] = [1e3, 59999];
function addAccounts(tree, accounts, time) {
  if (accounts.length === 0) return;
  const files = { passwd: new Table(tree, "passwd"), group: new Table(tree, "group") };
  const [shadow, gshadow] = [new Table(tree, "shadow"), new Table(tree, "gshadow")];
  for (const account of accounts) {
    const isNew = files.passwd.get(account.name) === void 0;
    const { home, uid, gid } = accountIn(files, account);
    if (isNew || account.shell !== void 0) checkShell(tree, files.passwd.get(account.name)?.[6], account);
    if (!shadow.get(account.name)) shadow.set([account.name, "*", "", "0", "99999", "7", "", "", ""]);
    if (!gshadow.get(account.name) && files.group.get(account.name)) gshadow.set([account.name, "!", "", ""]);
    joinGroups(files.group, gshadow, account);
    giveHome(tree, account, { path: home, uid, gid }, time);
  }
  for (const table of [files.passwd, files.group, shadow, gshadow]) table.write(time);
}
var Table = class {
  #tree;
  #path;
  #rows;
  constructor(tree, name) {
    this.#tree = tree;
    this.#path = `etc/${name}`;
    const lines = (tree.text(this.#path) ?? "").split("\n").filter(Boolean);
    this.#rows = new Map(lines.map((line) => line.split(":")).map((row) => [row[0] ?? "", row]));
  }
  get(name) {
    return this.#rows.get(name);
  }
  set(row) {
    this.#rows.set(row[0] ?? "", row);
  }
  all() {
    return [...this.#rows.values()];
  }
  write(time) {
    const text2 = [...this.#rows.values()].map((row) => `${row.join(":")}
`).join("");
    if (this.#tree.get(this.#path)) this.#tree.rewrite(this.#path, text2, time);
    else if (text2 !== "") this.#tree.write(this.#path, text2, { mode: 416, mtime: time });
  }
};
function accountIn({ passwd, group }, account) {
  const { name } = account;
  const there = passwd.get(name);
  if (there && account.uid !== void 0 && Number(there[2]) !== account.uid)
    throw wrong2(`the account ${name} is in the image already, with the uid ${there[2]}: leave \`uid\` out`);
  const uid = there ? Number(there[2]) : freeId(passwd, account);
  const gid = there ? Number(there[3]) : uid;
  const home = account.home ?? there?.[5] ?? `/home/${name}`;
  const shell = account.shell ?? there?.[6] ?? "/bin/bash";
  const [, , , , about = ""] = there ?? [];
  passwd.set([name, "x", String(uid), String(gid), about, home, shell]);
  if (!there) {
    const rival = group.all().find((row) => row[0] === name || Number(row[2]) === gid);
    if (rival)
      throw wrong2(`the image has a group ${rival[0]} (${rival[2]}): give the account ${name} another uid`);
    group.set([name, "x", String(gid), ""]);
  }
  return { home, uid, gid };
}
function freeId(passwd, { name, uid }) {
  const taken = new Map(passwd.all().map((row) => [Number(row[2]), row[0]]));
  if (uid === void 0) {
    for (let id = firstId; id <= lastId; id++) if (!taken.has(id)) return id;
    throw wrong2(`no uid is left for ${name}`);
  }
  if (taken.has(uid)) throw wrong2(`the uid ${uid} of ${name} is ${taken.get(uid)}'s in the image`);
  return uid;
}
function checkShell(tree, shell, { name }) {
  if (shell === void 0 || shell === "" || tree.get(shell)?.kind === "file") return;
  throw wrong2(`the image has no ${shell}, the shell of ${name}: add the package that has it, or name another`);
}
function joinGroups(group, gshadow, { name, groups }) {
  for (const wanted of groups) {
    const row = group.get(wanted);
    if (!row) throw wrong2(`the image has no group ${wanted}, which ${name} is to be in`);
    group.set(withMember(row, name));
    const hidden2 = gshadow.get(wanted);
    if (hidden2) gshadow.set(withMember(hidden2, name));
  }
}
function withMember(row, name) {
  const members = /* @__PURE__ */ new Set([...(row[3] ?? "").split(",").filter(Boolean), name]);
  return [row[0] ?? "", row[1] ?? "", row[2] ?? "", [...members].join(",")];
}
function giveHome(tree, { sshKeys }, { path, uid, gid }, mtime) {
  const own2 = { uid, gid, mtime };
  tree.makeFolder(path, { ...own2, mode: 448 });
  if (sshKeys.length === 0) return;
  tree.makeFolder(`${path}/.ssh`, { ...own2, mode: 448 });
  const before = tree.text(`${path}/.ssh/authorized_keys`) ?? "";
  const kept3 = before.split("\n").filter(Boolean);
  const lines = [.../* @__PURE__ */ new Set([...kept3, ...sshKeys])];
  tree.write(`${path}/.ssh/authorized_keys`, `${lines.join("\n")}
`, { ...own2, mode: 384 });
}
function wrong2(message) {
  return new Failure("invalid-file", message);
}

// src/image/finish.ts
var osRelease = "etc/os-release";
var removed = `
  etc/ssh/ssh_host_ecdsa_key etc/ssh/ssh_host_ed25519_key etc/ssh/ssh_host_rsa_key
  etc/ssh/ssh_host_ecdsa_key.pub etc/ssh/ssh_host_ed25519_key.pub etc/ssh/ssh_host_rsa_key.pub
  etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/apt/apt.conf.d/99mmdebstrap
  etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
  var/lib/dpkg/status-old var/lib/dpkg/available-old var/lib/dpkg/diversions-old var/lib/dpkg/statoverride-old
  var/lib/systemd/random-seed var/lib/dbus/machine-id
  var/cache/ldconfig/aux-cache var/cache/debconf/config.dat-old var/cache/debconf/templates.dat-old
`.trim().split(/\s+/);
var builderOwn = ["etc/resolv.conf", "etc/hostname", "etc/apt/sources.list"];
var emptied = "dev proc sys run tmp var/cache/apt var/lib/apt/lists var/log var/tmp".split(" ");
var toolsOwn = ["root/.ansible", "root/.cache", "etc/machine-id"];
function clean(tree, time) {
  for (const path of [...removed, ...builderOwn]) tree.remove(path);
  for (const [path, node] of tree.entries())
    if (isBelow(path, "etc/apt/sources.list.d") || isInEmptied(path, node)) tree.remove(path);
  tree.write("etc/machine-id", "", { mode: 292, mtime: time });
  withoutShadowDays(tree, time);
}
function withoutShadowDays(tree, time) {
  const shadow = tree.text("etc/shadow");
  if (shadow !== void 0)
    tree.rewrite("etc/shadow", shadow.replace(/^([^:\n]*:[^:\n]*:)\d+:/gm, "$1:"), time);
}
function isTrace(path, node) {
  const isLeft = (trace) => path === trace || isBelow(path, trace);
  return isInEmptied(path, node) || removed.some(isLeft) || toolsOwn.some(isLeft);
}
function isInEmptied(path, node) {
  return emptied.some((folder) => isBelow(path, folder) && (node.kind !== "folder" || folder !== "var/log"));
}
var isBelow = (path, folder) => path.startsWith(`${folder}/`);
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
        tree.write(path, await readFile4(from), {
          mode: source.mode ?? (isExecutable ? 493 : 420),
          mtime: time
        });
    }
  }
  for (const { path, target } of recipe.links) tree.link(path, target, asFolder);
  addAccounts(tree, recipe.users, time);
}
function refusePasswords(tree) {
  const open8 = (tree.text("etc/shadow") ?? "").split("\n").map((line) => line.split(":")).filter(([name = "", password]) => name !== "" && !/^[!*]/.test(password ?? ""));
  const old = (tree.text("etc/passwd") ?? "").split("\n").map((line) => line.split(":")).filter(([name = "", password]) => name !== "" && !/^[x!*]/.test(password ?? ""));
  const names = [...new Set([...open8, ...old].map(([name]) => name))];
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
  const line = (tree.text(osRelease) ?? "").split("\n").find((text2) => text2.startsWith(`${name}=`));
  return line?.slice(name.length + 1).replace(/^(["'])(.*)\1$/, "$2");
}
function writeOsRelease(tree, values, time) {
  const kept3 = (tree.text(osRelease) ?? "").split("\n").filter((line) => line !== "" && !Object.keys(values).some((name) => line.startsWith(`${name}=`)));
  tree.rewrite(
    osRelease,
    `${[...kept3, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join("\n")}
`,
    time
  );
}

// src/image/mmdebstrap.ts
import { existsSync } from "node:fs";
import { chmod as chmod2, copyFile as copyFile2, writeFile as writeFile4 } from "node:fs/promises";
import { extname, join as join13 } from "node:path";

// src/image/foreign.ts
async function withForeign(arch, context, work) {
  var _stack = [];
  try {
    const _foreign = __using(_stack, await openForeign(arch, context), true);
    if (arch !== machineArch()) requirePrograms(["arch-test"]);
    return await work();
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}

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
    return failed2(
      `${request.suite} for ${request.arch} has no package ${missing.join(", ")} (${from}): correct \`packages\` in the recipe`,
      words2
    );
  if (version)
    return failed2(
      `${request.suite} has no version ${version} of a package any more: correct \`packages\` in the recipe`,
      words2
    );
  if (/does not have a Release file|404 {2}Not Found.*InRelease/.test(output))
    return failed2(
      `${from} has no suite ${request.suite}: correct \`suite\` or \`mirror\` in the recipe`,
      words2
    );
  if (/NO_PUBKEY|is not signed|not available keyring|signatures (?:couldn't|were invalid)/.test(output))
    return failed2(
      `${from} is not signed with a key that this machine trusts: install its keyring (for Debian: apt-get install debian-archive-keyring)`,
      words2
    );
  if (/Could not (?:connect|resolve)|Temporary failure resolving|Connection (?:failed|refused|timed out)|Unable to connect|Network is unreachable/.test(
    output
  ))
    return failed2(
      `${from} can't be reached: check the network, or name another \`mirror\` in the recipe`,
      words2
    );
  if (/unmet dependencies|held broken packages/.test(output))
    return failed2(
      "the packages do not fit together: see what apt says above, and correct `packages` in the recipe",
      words2
    );
  const hook = found(/command failed: \S*\/hook-(\d+)$/m);
  if (hook) return hookFailure(output, request.hooks[Number(hook)] ?? []);
  return failed2(`mmdebstrap ended with ${code}`, words2);
}
function hookFailure(output, command2) {
  const before = output.split(/^E: (setup|command) failed/m)[0] ?? "";
  const own2 = before.split("\n").filter((line) => !/^(I:|W:|E:|Setting up|Processing)/.test(line));
  return failed2(
    `the hook \`${command2.join(" ")}\` failed in the new system: correct it in the recipe`,
    lastWords(own2.slice(-5).join("\n"), command2[0] ?? "the hook", 1)
  );
}
function failed2(why, words2) {
  return new Failure("build-failed", `${why}. It said: ${words2}`);
}

// src/image/mmdebstrap.ts
var mergedUsr = "/usr/share/mmdebstrap/hooks/maybe-merged-usr";
var scratchBytes = 900 << 20;
var withoutDocumentation = [
  ...["doc", "man", "locale", "info", "lintian"].map((name) => `path-exclude=/usr/share/${name}/*`),
  "path-include=/usr/share/doc/*/copyright"
  // licences ask for that
];
var mmdebstrap = {
  name: "mmdebstrap minbase 1",
  scratchBytes,
  build: (request, place, context) => withForeign(request.arch, context, () => buildBase2(request, place, context))
};
async function buildBase2(request, place, context) {
  const mode2 = process.getuid?.() === 0 ? "root" : "unshare";
  const temporary = join13(place.scratch, "tmp");
  const list = join13(place.scratch, "sources.list");
  await makeOpenFolder(temporary);
  const sources = await withReadableKeys(request.sources, place.scratch);
  await writeFile4(list, `${sources.map(sourceLine).join("\n")}
`, { mode: 384 });
  const hooks = await writeHooks(request.hooks, place.scratch);
  const args = mmdebstrapArguments(request, mode2, place.into, {
    list: sources.length > 0 ? [list] : [],
    hooks
  });
  const [program = "", ...rest] = [...wrapper(mode2), "mmdebstrap", ...args];
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
function wrapper(mode2) {
  const inMemory = mode2 === "root" && process.availableMemory() > 4 * scratchBytes;
  return [...isolated(), ...inMemory ? ["sh", "-c", mountInMemory, "sh"] : []];
}
var mountInMemory = `mount -t tmpfs -o mode=755,size=${2 * scratchBytes} tmpfs "$TMPDIR" && exec "$@"`;
async function withReadableKeys(sources, scratch) {
  return Promise.all(
    sources.map(async (source, index) => {
      if (source.keyring === void 0) return source;
      const keyring = join13(scratch, `keyring-${index}${extname(source.keyring)}`);
      await copyFile2(source.keyring, keyring);
      await chmod2(keyring, 420);
      return { ...source, keyring };
    })
  );
}
async function writeHooks(hooks, scratch) {
  return Promise.all(
    hooks.map(async (command2, index) => {
      const path = join13(scratch, `hook-${String(index).padStart(3, "0")}`);
      const quoted2 = command2.map((part) => `'${part.replaceAll("'", String.raw`'\''`)}'`);
      await writeFile4(path, `#!/bin/sh
exec chroot "$1" ${quoted2.join(" ")}
`, { mode: 493 });
      await chmod2(path, 493);
      return path;
    })
  );
}
function mmdebstrapArguments(request, mode2, into, { list, hooks }) {
  const included = request.packages.length > 0 ? [`--include=${request.packages.join(",")}`] : [];
  const options = ['Languages "none"', 'Retries "2"', 'http::Timeout "30"', 'https::Timeout "30"'];
  return [
    ...words(`--verbose --mode=${mode2} --variant=minbase --format=tar --arch=${request.arch}`),
    ...existsSync(mergedUsr) ? [`--hook-dir=${mergedUsr}`] : [],
    ...included,
    ...options.map((option) => `--aptopt=Acquire::${option}`),
    "--dpkgopt=force-unsafe-io",
    // nothing of a half-made system is kept, so nothing has to be synced
    ...withoutDocumentation.map((option) => `--dpkgopt=${option}`),
    ...hooks.map((path) => `--customize-hook=${path}`),
    request.suite,
    into,
    ...list
  ];
}
function words(text2) {
  return text2.trim().split(/\s+/);
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

// src/image/playbook.ts
import { mkdir as mkdir4, open as open7, readFile as readFile6, rm as rm4 } from "node:fs/promises";
import { join as join16 } from "node:path";

// src/image/playbook-files.ts
import { chmod as chmod3, copyFile as copyFile3, readFile as readFile5, readlink as readlink2, symlink, utimes as utimes3, writeFile as writeFile5 } from "node:fs/promises";
import { basename as basename3, extname as extname2, join as join14 } from "node:path";
var fixedPlace = "/mnt";
async function playbooksDigest(playbooks) {
  const lines = [];
  for (const { folder, playbook, vars } of playbooks) {
    lines.push(basename3(playbook), vars === void 0 ? "" : await digestOfFile(vars));
    for await (const { kind, from, path, isExecutable } of entriesOf({ source: folder, path: "/" })) {
      const content = kind === "file" ? await digestOfFile(from) : kind === "link" ? await readlink2(from) : "";
      lines.push([path, kind, kind === "file" && isExecutable, content]);
    }
  }
  return digestOf(canonicalJson(lines));
}
async function writePlaybookFiles(recipe, request, { work, time }) {
  for (const name of ["root", "playbooks", "vars", "run", "ansible", "ansible/connection", "ansible/tmp"])
    await makeOpenFolder(join14(work, name));
  for (const [index, { folder, vars }] of recipe.playbooks.entries()) {
    await copyFolder(folder, join14(work, "playbooks", String(index)), time);
    if (vars !== void 0) await copyFile3(vars, join14(work, "vars", `${index}.yml`));
  }
  await writeFile5(join14(work, "ansible/ansible.cfg"), settings);
  await writeFile5(join14(work, "ansible/connection/image.py"), connection);
  await writeFile5(join14(work, "ansible/inventory.yml"), JSON.stringify(inventory(recipe, request)));
  await writeFile5(join14(work, "enter"), enter, { mode: 493 });
  await writeAptFiles(join14(work, "run"), request.sources);
}
async function copyFolder(source, to, time) {
  for await (const { kind, from, path, isExecutable } of entriesOf({ source, path: to })) {
    if (kind === "folder") await makeOpenFolder(path);
    else if (kind === "link") await symlink(await readlink2(from), path);
    else {
      await copyFile3(from, path);
      await chmod3(path, isExecutable ? 493 : 420);
      await utimes3(path, time, time);
    }
  }
}
function inventory({ name, variant }, { suite: suite2, arch }) {
  const image = {
    ansible_connection: "image",
    ansible_user: "root",
    ansible_python_interpreter: "/usr/bin/python3",
    ansible_pipelining: true,
    ansible_async_dir: "/tmp/.ansible-async",
    image_name: name,
    image_suite: suite2,
    image_arch: arch,
    image_variant: variant ?? ""
  };
  return { all: { hosts: { image } } };
}
var settings = `[defaults]
inventory = ${fixedPlace}/ansible/inventory.yml
connection_plugins = ${fixedPlace}/ansible/connection
local_tmp = ${fixedPlace}/ansible/tmp
remote_tmp = /tmp/.ansible
stdout_callback = default
fact_caching = memory
retry_files_enabled = False
nocows = True
nocolor = True
`;
var connection = `
import shlex
import subprocess
from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = '''
name: image
short_description: the root file system of an image that is being built
description: Runs programs in it, and copies files through them, so that its links lead nowhere else.
author: none
options: {}
'''


class Connection(ConnectionBase):
    transport = 'image'
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def close(self):
        self._connected = False

    def _run(self, command, **streams):
        return subprocess.Popen(['${fixedPlace}/enter', '/bin/sh', '-c', command], stderr=subprocess.PIPE, **streams)

    def exec_command(self, cmd, in_data=None, sudoable=False):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        started = self._run(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out, err = started.communicate(in_data)
        return started.returncode, out, err

    def _copy(self, command, path, **streams):
        started = self._run(command + shlex.quote(path), **streams)
        err = started.communicate()[1]
        if started.returncode != 0:
            raise AnsibleError('can not copy %s: %s' % (path, err.decode(errors='replace')))

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        with open(in_path, 'rb') as file:
            self._copy('exec cat > ', out_path, stdin=file, stdout=subprocess.PIPE)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        with open(out_path, 'wb') as file:
            self._copy('exec cat ', in_path, stdin=subprocess.DEVNULL, stdout=file)
`;
var enter = `#!/bin/sh
unset TMPDIR PYTHONUSERBASE ANSIBLE_CONFIG ANSIBLE_HOME ANSIBLE_ROLES_PATH ANSIBLE_COLLECTIONS_PATH
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DEBIAN_FRONTEND=noninteractive APT_CONFIG=/run/drover/apt.conf
exec chroot ${fixedPlace}/root "$@"
`;
async function writeAptFiles(folder, sources) {
  const lines = [];
  for (const [index, source] of sources.entries()) {
    const keyring = source.keyring && `keyring-${index}${extname2(source.keyring)}`;
    if (keyring && source.keyring) await writeReadable(join14(folder, keyring), await readFile5(source.keyring));
    lines.push(sourceLine({ ...source, keyring: keyring && `/run/drover/${keyring}` }));
  }
  await writeFile5(join14(folder, "sources.list"), `${lines.join("\n")}
`, { mode: 384 });
  const options = [
    'APT::Install-Recommends "false";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    ...lines.length > 0 ? ['Dir::Etc::sourcelist "/run/drover/sources.list";'] : [],
    'DPkg::Options:: "--force-unsafe-io";',
    ...withoutDocumentation.map((option) => `DPkg::Options:: "--${option}";`)
  ];
  await writeReadable(join14(folder, "apt.conf"), `${options.join("\n")}
`);
}
async function writeReadable(path, data) {
  await writeFile5(path, data);
  await chmod3(path, 420);
}

// src/image/playbook-run.ts
import { open as open6, writeFile as writeFile6 } from "node:fs/promises";
import { basename as basename4, join as join15 } from "node:path";

// src/image/playbook-failure.ts
function explainedPlaybook({ said, stderr, code, playbook, isOurs }) {
  const all = `${said}
${stderr}`;
  if (/No space left on device/.test(all))
    return new Failure(
      "disk-full",
      `no space left while the playbook ${playbook} ran: free some and run again`
    );
  if (isOurs) return aroundAnsible(stderr, code);
  const failed3 = lastFailure(said);
  if (!failed3) {
    const words2 = lastWords(
      stderr.replace(/^\[(WARNING|DEPRECATION WARNING)\].*$/gm, ""),
      "ansible-playbook",
      code
    );
    return new Failure("build-failed", `the playbook ${playbook} can't be run: ${words2}`);
  }
  return new Failure(
    "build-failed",
    `the playbook ${playbook} failed in the task "${failed3.task}": ${failed3.message}`
  );
}
function aroundAnsible(stderr, code) {
  const words2 = lastWords(stderr, "the root file system", code);
  if (/newuidmap|newgidmap|subuid|subgid|unshare|Operation not permitted|permission denied/i.test(stderr))
    return new Failure(
      "missing-rights",
      `playbooks are run by root, or by a user with subordinate ids (package uidmap, a line in /etc/subuid) on a machine that allows user namespaces: run this with sudo. It said: ${words2}`
    );
  return new Failure("build-failed", `the root file system can't be made ready for its playbooks: ${words2}`);
}
function lastFailure(said) {
  const lines = said.split("\n");
  let task = "";
  let found;
  for (const [index, line] of lines.entries()) {
    task = /^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$/.exec(line)?.[1] ?? task;
    const text2 = /^(?:fatal|failed): \[[^\]]*\](?:: \w+!| \(item=.*?\))? => (.*)$/.exec(line)?.[1];
    if (text2 !== void 0 && lines[index + 1] !== "...ignoring") found = { task, message: messageIn(text2) };
  }
  return found;
}
function messageIn(text2) {
  const words2 = (name) => {
    const quoted2 = new RegExp(`"${name}": ("(?:[^"\\\\]|\\\\.)*")`).exec(text2)?.[1];
    if (quoted2 === void 0) return "";
    const value = JSON.parse(quoted2);
    return typeof value === "string" ? value.trim() : "";
  };
  const own2 = words2("stderr") || words2("module_stderr");
  const details = own2 === "" ? "" : lastWords(own2, "", 0);
  const message = words2("msg");
  const parts2 = [message, message.includes(details) ? "" : details].filter(Boolean);
  return (parts2.length > 0 ? parts2.join(": ") : text2).replace(/\s*\n\s*/g, " / ").slice(0, 600);
}

// src/image/playbook-run.ts
var playbookBytes = 1800 << 20;
async function runPlaybooks(run5, context) {
  await withForeign(run5.arch, context, () => runIsolated(run5, context));
}
async function ansibleVersion(folder) {
  const config = join15(folder, "ansible.cfg");
  await writeFile6(config, "[defaults]\n");
  const env = { ANSIBLE_CONFIG: config, ANSIBLE_HOME: folder, ANSIBLE_LOCAL_TEMP: folder };
  const given = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const said = await runOk("env", [...hidden(), ...given, "ansible-playbook", "--version"], {
    what: "asking Ansible for its version",
    reason: "build-failed"
  });
  return said.split("\n")[0] ?? "";
}
var playbookFailed = 99;
var mark = "@@ playbook ";
async function runIsolated({ recipe, work, from, into, time }, context) {
  var _stack = [];
  try {
    const { log, signal } = context;
    const inMemory = process.availableMemory() > 3 * playbookBytes;
    const size2 = inMemory ? String(playbookBytes) : "0";
    const names = recipe.playbooks.map(({ playbook }) => basename4(playbook));
    const args = ["sh", "-c", script, "sh", work, into, size2, String(time), recipe.name, ...names];
    const [program = "", ...rest] = [...asRoot(), "unshare", "--uts", "--", "env", ...hidden(), ...args];
    const said = [];
    const input = __using(_stack, await open6(from, "r"), true);
    const { code, stderr } = await start(program, rest, {
      env: settings2(time),
      input: input.fd,
      signal,
      onLine: (line) => {
        said.push(line);
        const task = /^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$/.exec(line)?.[1];
        if (task === void 0) log.debug(line);
        else log.info(`playbook: ${task}`);
      }
    }).done;
    const runs = said.join("\n").split(mark).slice(1);
    if (code !== 0) {
      const playbook = names[runs.length - 1] ?? "";
      throw explainedPlaybook({
        said: runs.at(-1) ?? "",
        stderr,
        code,
        playbook,
        isOurs: code !== playbookFailed
      });
    }
    for (const [index, text2] of runs.entries()) {
      if (/^image\s+: ok=[1-9]/m.test(text2)) continue;
      throw new Failure(
        "build-failed",
        `the playbook ${names[index]} did nothing: give its play \`hosts: all\`, or \`hosts: image\`, and a task`
      );
    }
  } catch (_) {
    var _error = _, _hasError = true;
  } finally {
    var _promise = __callDispose(_stack, _error, _hasError);
    _promise && await _promise;
  }
}
function asRoot() {
  if (process.getuid?.() === 0) return isolated();
  const own2 = ["--user", "--map-root-user", "--map-auto", "--mount", "--pid", "--fork", "--kill-child"];
  return [...isolated(), "unshare", ...own2, "--mount-proc", "--"];
}
var passed = /^(PATH|HOME|LC_ALL|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY|PYTHONUSERBASE|SSL_CERT_(FILE|DIR))$/;
function hidden() {
  return Object.keys(process.env).filter((name) => !passed.test(name)).flatMap((name) => Object.hasOwn(settings2(0), name) ? [] : ["-u", name]);
}
function settings2(time) {
  return {
    ANSIBLE_CONFIG: `${fixedPlace}/ansible/ansible.cfg`,
    ANSIBLE_HOME: `${fixedPlace}/ansible/home`,
    PYTHONDONTWRITEBYTECODE: "1",
    SOURCE_DATE_EPOCH: String(time),
    TMPDIR: `${fixedPlace}/ansible/tmp`,
    TZ: "UTC"
  };
}
var script = `
set -eu
work=$1 into=$2 size=$3 time=$4 name=$5
shift 5
hostname "$name" || true
exec 3>"$into"
mount --bind "$work" ${fixedPlace}
cd ${fixedPlace}
[ "$size" = 0 ] || mount -t tmpfs -o "mode=755,size=$size" tmpfs root
tar --extract --file=- --directory root --preserve-permissions --same-owner --numeric-owner --xattrs '--xattrs-include=*'
exec </dev/null
mount -t proc proc root/proc
mount -t tmpfs -o mode=755 tmpfs root/dev
for node in null zero full random urandom tty; do
  : > "root/dev/$node"
  mount --bind "/dev/$node" "root/dev/$node"
done
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
mkdir root/run/drover
cp run/* root/run/drover/
: > before
number=0
for playbook in "$@"; do
  echo "${mark}$playbook"
  cd "${fixedPlace}/playbooks/$number"
  export ANSIBLE_ROLES_PATH="$PWD/roles" ANSIBLE_COLLECTIONS_PATH="$PWD/collections"
  vars="${fixedPlace}/vars/$number.yml"
  if [ -e "$vars" ]; then ansible-playbook --extra-vars "@$vars" "$playbook" || exit ${playbookFailed}
  else ansible-playbook "$playbook" || exit ${playbookFailed}
  fi
  number=$((number + 1))
done
cd ${fixedPlace}
# a service that a package has started would go on writing
kill -KILL -1 2>/dev/null || true
umount --recursive --lazy root/proc root/dev root/run root/tmp
find root -xdev -newer before -cnewer before -exec touch --no-dereference --date="@$time" {} +
tar --create --file=- --directory root --sort=name --numeric-owner --format=posix --xattrs '--xattrs-include=*' --one-file-system . >&3
`;

// src/image/tar-write.ts
import { closeSync as closeSync2, openSync as openSync2, readSync as readSync3, writeSync as writeSync2 } from "node:fs";
import { setImmediate as setImmediate2 } from "node:timers/promises";
var block2 = 512;
var copyBytes2 = 1 << 20;
var [maxId, maxSize] = [2097151, 8589934591];
async function writeTar(tree, to, signal) {
  const out = openSync2(to, "wx", 384);
  const seen = /* @__PURE__ */ new Map();
  try {
    let count = 0;
    for (const [path, node] of tree.entries()) {
      if (count++ % 128 === 0) {
        await setImmediate2();
        signal.throwIfAborted();
      }
      const name = path === "" ? "./" : node.kind === "folder" ? `./${path}/` : `./${path}`;
      const first = seen.get(node);
      if (first === void 0) seen.set(node, name);
      writeSync2(out, headersOf(name, node, first));
      if (node.kind === "file" && first === void 0) copyIn(node, out);
    }
    writeSync2(out, Buffer.alloc(2 * block2));
  } finally {
    closeSync2(out);
  }
}
var types2 = { file: "0", link: "2", folder: "5" };
function headersOf(name, node, original) {
  const target = original ?? (node.kind === "link" ? node.target : "");
  const size2 = node.kind === "file" && original === void 0 ? node.size : 0;
  const records = [
    ...Buffer.byteLength(name) > 100 ? [record2("path", name)] : [],
    ...Buffer.byteLength(target) > 100 ? [record2("linkpath", target)] : [],
    ...node.uid > maxId ? [record2("uid", String(node.uid))] : [],
    ...node.gid > maxId ? [record2("gid", String(node.gid))] : [],
    ...size2 > maxSize ? [record2("size", String(size2))] : [],
    ...node.mtime < 0 || node.mtime > maxSize ? [record2("mtime", String(node.mtime))] : [],
    ...[...node.xattrs].map(([key, value]) => record2(`SCHILY.xattr.${key}`, value))
  ];
  const type = original === void 0 ? types2[node.kind] : "1";
  const own2 = header({ name, target, type, size: size2, node });
  if (records.length === 0) return own2;
  const data = Buffer.concat(records);
  return Buffer.concat([
    header({ name: "./pax", target: "", type: "x", size: data.length }),
    padded(data),
    own2
  ]);
}
function header({ name, target, type, size: size2, node }) {
  const bytes = Buffer.alloc(block2);
  const octal = (value, length, at) => {
    const most = 8 ** (length - 1) - 1;
    bytes.write(
      Math.min(Math.max(value, 0), most).toString(8).padStart(length - 1, "0"),
      at
    );
  };
  bytes.write(name, 0, 100);
  octal(node?.mode ?? 420, 8, 100);
  octal(node?.uid ?? 0, 8, 108);
  octal(node?.gid ?? 0, 8, 116);
  octal(size2, 12, 124);
  octal(node?.mtime ?? 0, 12, 136);
  bytes.write("        ", 148);
  bytes.write(type, 156);
  bytes.write(target, 157, 100);
  bytes.write("ustar\x0000", 257, "latin1");
  bytes.write(
    `${bytes.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `,
    148
  );
  return bytes;
}
function record2(key, value) {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
function copyIn({ content, size: size2 }, out) {
  const from = openSync2(content, "r");
  const buffer = Buffer.allocUnsafe(Math.min(copyBytes2, Math.max(size2, 1)));
  try {
    for (; ; ) {
      const count = readSync3(from, buffer, 0, buffer.length, null);
      if (count === 0) break;
      writeSync2(out, buffer.subarray(0, count));
    }
  } finally {
    closeSync2(from);
  }
  writeSync2(out, Buffer.alloc((block2 - size2 % block2) % block2));
}
function padded(data) {
  return Buffer.concat([data, Buffer.alloc((block2 - data.length % block2) % block2)]);
}

// src/image/playbook.ts
async function withPlaybooks(before, build, context) {
  const { recipe, base, cache, contents, time } = build;
  if (recipe.playbooks.length === 0) return before;
  const prepared = await prepare(before, contents);
  const name = await nameOf2(before, build);
  const kept3 = cache === void 0 ? void 0 : await openKept(cache, name, Infinity, context);
  if (kept3) context.log.info("the playbooks have been run on this file system before: taken from the cache");
  const startedAt = performance.now();
  const file = kept3?.file ?? await run4(prepared.tree, name, build, context);
  if (!kept3) context.log.info(`ran the playbooks in ${seconds(performance.now() - startedAt)}`);
  try {
    const after = new Tree(join16(contents, "after"));
    await after.extract(file.fd, context.signal);
    removeTraces(before, after, prepared);
    withoutShadowDays(after, time);
    after.takeTimes(before, base.time, time);
    return after;
  } finally {
    await file.close();
  }
}
async function prepare(before, contents) {
  if (before.get("usr/bin/python3")?.kind !== "file")
    throw new Failure(
      "build-failed",
      "the root file system has no /usr/bin/python3, which Ansible runs its modules with: add python3 to `packages` in the recipe"
    );
  for (const folder of ["prepared", "after"]) await mkdir4(join16(contents, folder), { recursive: true });
  const tree = before.copy(join16(contents, "prepared"));
  const as = { mode: 493, mtime: 0 };
  for (const folder of ["dev", "proc", "run", "tmp"]) {
    if (tree.place(folder) !== folder || (tree.get(folder)?.kind ?? "folder") !== "folder")
      throw new Failure(
        "build-failed",
        `/${folder} is no folder in the root file system: playbooks need it as one`
      );
    tree.makeFolder(folder, as);
  }
  const nameServers = await readFile6("/etc/resolv.conf", "utf8").catch(() => "");
  tree.write("etc/resolv.conf", nameServers, { mode: 420, mtime: 0 });
  const standIns = ["etc/resolv.conf"];
  const policy = "usr/sbin/policy-rc.d";
  if (!tree.get(policy)) {
    tree.write(policy, "#!/bin/sh\nexit 101\n", as);
    standIns.push(policy);
  }
  return { tree, standIns: standIns.map((path) => tree.place(path)) };
}
async function nameOf2(tree, { recipe, base, contents }) {
  const version = await ansibleVersion(contents);
  const digest = await playbooksDigest(recipe.playbooks);
  const facts = [version, digest, base.madeOf, recipe.name, recipe.variant ?? ""];
  return `${hexOf(digestOf(canonicalJson(facts))).slice(0, 16)}-${hexOf(tree.digest()).slice(0, 16)}`;
}
async function run4(tree, name, build, context) {
  const { recipe, request, base, cache } = build;
  const count = recipe.playbooks.length === 1 ? "a playbook" : `${recipe.playbooks.length} playbooks`;
  context.log.info(`running ${count} in the root file system`);
  return withScratch(playbookBytes, "disk", context, async (scratch) => {
    const [work, from] = [join16(scratch, "work"), join16(scratch, "before.tar")];
    await makeOpenFolder(work);
    await writePlaybookFiles(recipe, request, { work, time: base.time });
    await writeTar(tree, from, context.signal);
    const into = cache === void 0 ? join16(scratch, "after.tar") : await placeIn(cache, name, context);
    try {
      await runPlaybooks({ recipe, arch: request.arch, work, from, into, time: base.time }, context);
      const file = await open7(into, "r");
      if (cache !== void 0) await keepTar(cache, name, { file, from: into, time: base.time }, context);
      return file;
    } catch (error) {
      await rm4(into, { force: true });
      throw storageFailure(error, into);
    }
  });
}
function removeTraces(before, after, { tree, standIns }) {
  for (const path of standIns) {
    const [given, left] = [tree.get(path), after.get(path)];
    if (given?.kind === "file" && left?.kind === "file" && given.sha256 === left.sha256)
      after.takeFrom(before, path);
  }
  for (const [path, node] of after.entries()) if (isTrace(path, node)) after.takeFrom(before, path);
  for (const [path] of [...before.entries(), ...after.entries()])
    if (/^(dev|proc|run|tmp)(\/|$)/.test(path)) after.takeFrom(before, path);
}

// src/image/recipe.ts
import { dirname as dirname6, relative as relative2, resolve as resolve2 } from "node:path";

// src/image/recipe-schema.ts
var text = (pattern, message) => pipe(string(), regex(pattern, message));
var packageName = text(
  /^[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+:~-]+)?$/,
  "this is no package: write its name, or name=version to have just that version"
);
var targetPath = text(
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  /^\/(?!.*\/\.{1,2}(\/|$))[^\u0000-\u001f]*$/,
  "write an absolute path in the image, without . and .. in it"
);
var size = text(/^[1-9][0-9]{0,5}(MiB|GiB)$/, "write a size such as 512MiB or 2GiB");
var mode = text(/^0[0-7]{3,4}$/, "write four octal digits, as in '0755'");
var unit = text(
  /^[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|target|mount)$/,
  "write the name of a unit with its ending, such as ssh.service"
);
var url = text(/^https?:\/\/[^\s[\]]+$/, "write the http(s) URL of a Debian mirror");
var suite = text(/^[a-z][a-z0-9.-]*$/, "write the code name of a suite, such as bookworm");
var sshKey = text(
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/=]{40,16000}( [^\r\n]{0,200})?$/,
  "write a public ssh key on one line: ssh-ed25519 AAAA… and a comment"
);
var word = (what) => text(/^[a-z_][a-z0-9_-]{0,30}$/, `write ${what} in lower-case letters, digits, - and _`);
var components = pipe(
  array(text(/^[a-z0-9][a-z0-9./-]*$/, "write a component, such as main")),
  minLength(1)
);
var accountPath = text(
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  /^\/(?!.*\/\.{1,2}(\/|$))[^:\u0000-\u001f]*$/,
  "write an absolute path in the image, without a colon, . and .."
);
var user = strictObject({
  name: word("the account's name"),
  uid: optional(pipe(number(), integer(), minValue(1), maxValue(59999))),
  groups: optional(array(word("groups"))),
  shell: optional(accountPath),
  home: optional(accountPath),
  "ssh-keys": optional(array(sshKey))
});
var command = pipe(
  array(pipe(string(), regex(/^[^\0]*$/, "no zero bytes"))),
  minLength(1, "write the program and its arguments, each on its own")
);
var yamlFile = text(/^[^\0]+\.ya?ml$/, "name a file beside the recipe that ends in .yml or .yaml");
var parts = {
  packages: optional(array(packageName)),
  folders: optional(array(targetPath)),
  files: optional(
    array(
      strictObject({
        source: pipe(string(), minLength(1)),
        path: targetPath,
        mode: optional(mode)
      })
    )
  ),
  links: optional(
    array(strictObject({ path: targetPath, target: pipe(string(), minLength(1)) }))
  ),
  remove: optional(array(targetPath)),
  users: optional(array(user)),
  services: optional(
    strictObject({
      enable: optional(array(unit)),
      disable: optional(array(unit)),
      mask: optional(array(unit))
    })
  ),
  hooks: optional(
    array(
      strictObject({
        command
      })
    )
  ),
  playbooks: optional(array(strictObject({ playbook: yamlFile, vars: optional(yamlFile) })))
};
var disk = strictObject({
  table: optional(picklist(["gpt", "mbr"])),
  boot: optional(strictObject({ size, from: optional(targetPath) })),
  slots: optional(pipe(number(), integer(), minValue(1), maxValue(2))),
  data: optional(strictObject({ size, from: optional(targetPath) })),
  compression: optional(picklist(["xz", "zstd"]))
});
var recipeSchema = strictObject({
  name: pipe(
    string(),
    maxLength(64),
    regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, "use lower-case letters, digits, dots and dashes")
  ),
  suite,
  mirror: optional(url),
  components: optional(components),
  repositories: optional(
    array(
      strictObject({
        url,
        suite: optional(suite),
        components: optional(components),
        key: pipe(string(), regex(/\.(asc|gpg|pgp)$/, "name a file that ends in .asc or .gpg"))
      })
    )
  ),
  builder: optional(
    strictObject({
      command,
      rootfs: text(
        // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
        /^(?!.*(^|\/)\.{1,2}(\/|$))[^/\u0000-\u001f][^\u0000-\u001f]*$/,
        "write a path below the folder $IMAGE_OUTPUT"
      )
    })
  ),
  size: optional(size),
  ...parts,
  disk: optional(disk),
  variants: optional(
    record(
      text(/^[a-z0-9]+(-[a-z0-9]+)*$/, "use lower-case letters, digits and dashes"),
      strictObject(parts)
    )
  )
});

// src/image/recipe.ts
async function loadRecipe(path, variant) {
  const name = nameOf3(path);
  const parsed = await readYaml(path, recipeSchema, name);
  const { value } = parsed;
  const added = variant === void 0 ? {} : value.variants?.[variant];
  if (added === void 0) {
    const known = Object.keys(value.variants ?? {});
    const hint = known.length > 0 ? `it has ${known.join(", ")}` : "it has none: leave the input empty";
    throw new Failure("bad-input", `the recipe ${name} has no variant "${variant}": ${hint}`);
  }
  failOn([
    ...await sourceProblems(path, name, parsed),
    ...accountProblems(name, parsed),
    ...builderProblems(name, parsed)
  ]);
  const all = (key) => [value[key], added[key]].flatMap((part) => part === void 0 ? [] : [part]);
  const inFolder = (source) => resolve2(dirname6(path), source);
  return {
    name: value.name,
    variant,
    suite: value.suite,
    mirror: value.mirror?.replace(/\/+$/, ""),
    components: value.components,
    builder: value.builder,
    repositories: (value.repositories ?? []).map(
      ({ url: url2, suite: suite2 = value.suite, components: components2 = ["main"], key }) => ({
        url: url2.replace(/\/+$/, ""),
        suite: suite2,
        components: components2,
        key: inFolder(key)
      })
    ),
    packages: [...new Set(all("packages").flat())].sort(),
    folders: all("folders").flat(),
    files: all("files").flat().map(({ source, path: target, mode: mode2 }) => ({
      source: inFolder(source),
      path: target,
      mode: mode2 === void 0 ? void 0 : Number.parseInt(mode2, 8)
    })),
    links: all("links").flat(),
    remove: all("remove").flat(),
    users: all("users").flat().map(accountOf),
    services: {
      enable: all("services").flatMap(({ enable = [] }) => enable),
      disable: all("services").flatMap(({ disable = [] }) => disable),
      mask: all("services").flatMap(({ mask = [] }) => mask)
    },
    hooks: all("hooks").flat().map(({ command: command2 }) => command2),
    playbooks: all("playbooks").flat().map(({ playbook, vars }) => ({
      folder: dirname6(inFolder(playbook)),
      playbook: inFolder(playbook),
      vars: vars === void 0 ? void 0 : inFolder(vars)
    })),
    sizeBytes: value.size === void 0 ? void 0 : bytesOf(value.size),
    disk: value.disk && layoutOf(value.disk),
    path: resolve2(path)
  };
}
function accountOf({ "ssh-keys": sshKeys = [], groups = [], ...user2 }) {
  return { name: user2.name, uid: user2.uid, shell: user2.shell, home: user2.home, groups, sshKeys };
}
function layoutOf({
  table = "gpt",
  boot,
  slots = 2,
  data,
  compression = "xz"
}) {
  return {
    table,
    boot: boot && { sizeBytes: bytesOf(boot.size), from: boot.from ?? "/boot/firmware" },
    slots,
    data: data && { sizeBytes: bytesOf(data.size), from: data.from ?? "/data" },
    compression
  };
}
function accountProblems(name, parsed) {
  const { users = [], variants = {} } = parsed.value;
  const lists = [
    { added: users, before: [], at: ["users"] },
    ...Object.entries(variants).map(([variant, { users: added = [] }]) => ({
      added,
      before: users,
      at: ["variants", variant, "users"]
    }))
  ];
  return lists.flatMap(
    ({ added, before, at }) => added.flatMap((user2, index) => {
      const others = [...before, ...added.slice(0, index)];
      const isTaken = others.some(
        (other) => other.name === user2.name || other.uid !== void 0 && other.uid === user2.uid
      );
      const message = `the recipe has another account ${user2.name}, or another with its uid`;
      return isTaken ? [{ file: name, ...parsed.locate([...at, index]), message }] : [];
    })
  );
}
function builderProblems(name, parsed) {
  const { builder, variants = {} } = parsed.value;
  if (!builder) return [];
  const places = [
    { at: [], value: parsed.value },
    ...Object.entries(variants).map(([variant, value]) => ({ at: ["variants", variant], value }))
  ];
  return places.flatMap(
    ({ at, value }) => ["packages", "mirror", "components", "repositories", "hooks"].flatMap((key) => {
      const message = `\`${key}\` has no effect with a \`builder\`: give it to that program`;
      return key in value ? [{ file: name, ...parsed.locate([...at, key]), message }] : [];
    })
  );
}
function nameOf3(path) {
  const name = relative2(".", path);
  return name.startsWith("..") ? path : name;
}
function bytesOf(size2) {
  const unit2 = size2.endsWith("GiB") ? 2 ** 30 : 2 ** 20;
  return Number.parseInt(size2, 10) * unit2;
}

// src/image/reproducible.ts
import { mkdir as mkdir5, stat as stat4 } from "node:fs/promises";
import { dirname as dirname7, join as join17 } from "node:path";
var shown = 20;
var maxReportBytes = 6e3;
var diffoscopeMs = 12e4;
async function refuseDifferences(first, second, scratch, context) {
  const differing = [];
  for (const [one, other] of pairs(first, second)) {
    if (await digestOfFile(one, context.signal) !== await digestOfFile(other, context.signal))
      differing.push(
        `${one.split("/").at(-1)} (${(await stat4(one)).size} and ${(await stat4(other)).size} bytes)`
      );
  }
  if (differing.length === 0) return;
  const [paths, lines] = differences2(first.tree, second.tree);
  const list = lines.slice(0, shown);
  if (lines.length > list.length) list.push(`and ${lines.length - list.length} more`);
  const inside = await shownInside(paths.slice(0, shown), [first.rootfs, second.rootfs], scratch, context);
  const where = list.length > 0 ? `these files are not the same:
${list.join("\n")}` : "the files in them are the same, their order or what describes them is not";
  throw new Failure(
    "build-failed",
    `two builds of the recipe differ in ${differing.join(", ")}; ${where}${inside === "" ? "" : `
${inside}`}
Find what writes a time, a random number, or this machine's name there. Where a package's version differs, the mirror had news between the two: run it again`
  );
}
function pairs(first, second) {
  const names = [
    "rootfs",
    "manifest",
    "sbom",
    ...first.image === first.rootfs ? [] : ["image"]
  ];
  const found = names.map((name) => [first[name], second[name]]);
  const blockMap = (path) => path.replace(/\.img\.\w+$/, ".img.bmap");
  return first.image === first.rootfs ? found : [...found, [blockMap(first.image), blockMap(second.image)]];
}
function differences2(first, second) {
  const [one, other] = [new Map(first.entries()), new Map(second.entries())];
  const found = [];
  for (const path of [.../* @__PURE__ */ new Set([...one.keys(), ...other.keys()])].sort()) {
    const [a, b] = [one.get(path), other.get(path)];
    const parts2 = a && b ? changes(a, b) : [a ? "only in the first" : "only in the second"];
    const hasContent = a?.kind === "file" && b?.kind === "file" && a.sha256 !== b.sha256;
    if (parts2.length > 0) found.push({ path, line: `  /${path}: ${parts2.join(", ")}`, hasContent });
  }
  const causes = found.filter(
    ({ path }) => !/^(etc\/mender\/artifact_info|(usr\/lib|etc)\/os-release)$/.test(path)
  );
  const told = causes.length > 0 ? causes : found;
  return [told.flatMap(({ path, hasContent }) => hasContent ? [path] : []), told.map(({ line }) => line)];
}
function changes(a, b) {
  const said = (name, one, other) => one === other ? [] : [`${name} ${one} and ${other}`];
  const content = (node) => node.kind === "file" ? `${node.size} bytes, sha256 ${node.sha256.slice(0, 12)}` : node.kind === "link" ? node.target : "";
  const attributes2 = ({ xattrs }) => [...xattrs].map(([name, value]) => `${name}=${value.toString("hex")}`).sort().join(" ");
  return [
    ...said("kind", a.kind, b.kind),
    ...said("content", content(a), content(b)),
    ...said("mode", a.mode.toString(8), b.mode.toString(8)),
    ...said("owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`),
    ...said("time", a.mtime, b.mtime),
    ...said("attributes", attributes2(a), attributes2(b))
  ];
}
async function shownInside(paths, images, scratch, { signal, log }) {
  if (paths.length === 0) return "";
  if (!isInstalled("diffoscope"))
    return "Install diffoscope (package diffoscope-minimal) to see what differs inside of them.";
  for (const [index, image] of images.entries()) {
    for (const path of paths) {
      const to = join17(scratch, "ab"[index] ?? "", path);
      await mkdir5(dirname7(to), { recursive: true });
      const quoted2 = (word2) => `"${word2.replaceAll('"', '""')}"`;
      await start("debugfs", ["-R", `dump ${quoted2(`/${path}`)} ${quoted2(to)}`, image], { signal }).done;
    }
  }
  const timeout = AbortSignal.timeout(diffoscopeMs);
  const options = [
    "--no-progress",
    "--exclude-directory-metadata=yes",
    `--max-text-report-size=${maxReportBytes}`
  ];
  try {
    const done = start("diffoscope", [...options, "--text", "-", "a", "b"], {
      cwd: scratch,
      signal: AbortSignal.any([signal, timeout])
    }).done;
    const report = (await done).stdout.trim();
    return report === "" ? "" : `diffoscope says:
${report.slice(0, maxReportBytes)}`;
  } catch (error) {
    signal.throwIfAborted();
    if (!timeout.aborted) throw error;
    log.warn("diffoscope took too long and was ended");
    return "";
  }
}

// src/image/results.ts
import { mkdir as mkdir6, readFile as readFile7, rename as rename3, rm as rm5 } from "node:fs/promises";
import { basename as basename5, join as join18 } from "node:path";
async function writeResults({ recipe, tree, facts, content, time }, { output, scratch }, context) {
  await mkdir6(output, { recursive: true });
  await sweep(output, context);
  const rootfs = join18(output, "rootfs.ext4");
  const [temporary, diskFolder] = [markedName(rootfs), markedName(join18(output, "disk"))];
  try {
    const ext4 = { path: temporary, sizeBytes: recipe.sizeBytes, time, uuid: uuidOf(content), scratch };
    const sizeBytes = await makeExt4(tree, { ...ext4, label: "rootfs" }, context);
    const sha256 = await digestOfFile(temporary, context.signal);
    const { release, variant } = facts;
    const named = { release, sha256, ...variant === void 0 ? {} : { variant } };
    const text2 = `${JSON.stringify(named, null, 2)}
`;
    const about = `${rootfs}.release.json`;
    const changed = await readFile7(about, "utf8").catch(() => "") !== text2;
    const [manifest, sbom] = [join18(output, "manifest.json"), join18(output, "sbom.cdx.json")];
    const images = ["xz", "zst"].map((suffix) => join18(output, `disk.img.${suffix}`));
    const blockMap = join18(output, "disk.img.bmap");
    const { disk: layout } = recipe;
    if (layout) await mkdir6(diskFolder);
    const wanted = { tree, rootfs: temporary, content, time, folder: diskFolder };
    const disk2 = layout && await makeDisk({ ...wanted, layout }, context);
    await rm5(about, { force: true });
    await rename3(temporary, rootfs);
    await Promise.all([...images, blockMap].map((path) => rm5(path, { force: true })));
    if (disk2) {
      await rename3(disk2.blockMap, blockMap);
      await rename3(disk2.image, join18(output, basename5(disk2.image)));
    }
    await writeAtomically(manifest, `${JSON.stringify(manifestOf(facts), null, 2)}
`);
    await writeAtomically(sbom, `${JSON.stringify(sbomOf(facts), null, 2)}
`);
    await writeAtomically(about, text2);
    return {
      rootfs,
      image: disk2 ? join18(output, basename5(disk2.image)) : rootfs,
      manifest,
      sbom,
      sha256,
      sizeBytes,
      changed
    };
  } catch (error) {
    await rm5(temporary, { force: true });
    throw storageFailure(error, output);
  } finally {
    await rm5(diskFolder, { recursive: true, force: true });
  }
}

// src/image/space.ts
import { tmpdir as tmpdir2 } from "node:os";
var expectedImageBytes = 512 << 20;
var expectedContentBytes = 512 << 20;
async function requireRoom(recipe, builder, output, { log }) {
  const imageBytes = Math.max(expectedImageBytes, recipe.sizeBytes ?? 0);
  const results = imageBytes + (recipe.disk ? 1.5 * diskBytes(recipe.disk, imageBytes) : 0);
  const work = recipe.playbooks.length > 0 ? playbookBytes : 0;
  const temporary = Math.max(builder.scratchBytes, work + expectedContentBytes);
  log.info(
    `this takes up to ${inMiB(results)} in ${output} and, without a cache, ${inMiB(temporary)} of temporary space in ${tmpdir2()} or in memory`
  );
  await requireSpace(output, results, "the image");
}

// src/image/units.ts
var own = "etc/systemd/system";
var unitFolders = [own, "usr/lib/systemd/system", "lib/systemd/system"];
function setServices(tree, { enable, disable, mask }, mtime) {
  const as = { mode: 511, mtime };
  for (const name of enable) enableUnit(tree, name, as, /* @__PURE__ */ new Set());
  for (const name of disable) {
    unitFile(tree, name);
    for (const [path, node] of tree.entries()) {
      if (!path.startsWith(`${own}/`) || node.kind !== "link") continue;
      const isOurs = [path, node.target].some((one) => one.endsWith(`/${name}`));
      if (isOurs && node.target !== "/dev/null") tree.remove(path);
    }
  }
  for (const name of mask) tree.link(`${own}/${name}`, "/dev/null", as);
}
function enableUnit(tree, name, as, seen) {
  if (seen.has(name)) return;
  seen.add(name);
  const { path, text: text2 } = unitFile(tree, name);
  const install = installSection(text2);
  const words2 = (key) => install.filter(([one]) => one === key).flatMap(([, list]) => list);
  const [instance] = /@([^.]*)\./.exec(name)?.slice(1) ?? [];
  const called = instance === "" ? name.replace("@.", `@${words2("DefaultInstance")[0] ?? ""}.`) : name;
  if (called.includes("@."))
    throw wrong3(`${name} is a template: name an instance of it, such as ${name.replace("@.", "@x.")}`);
  const places = [
    ...words2("WantedBy").map((target) => `${target}.wants/${called}`),
    ...words2("RequiredBy").map((target) => `${target}.requires/${called}`),
    ...words2("Alias")
  ];
  if (places.length === 0 && words2("Also").length === 0)
    throw wrong3(`${name} can't be enabled: its [Install] section names nothing that would start it`);
  if (tree.get(`${own}/${name}`) === void 0) tree.remove(`${own}/${name}`);
  for (const place of places) tree.link(`${own}/${place}`, `/${path}`, as);
  for (const also of words2("Also")) enableUnit(tree, also, as, seen);
}
function unitFile(tree, name) {
  for (const one of [name, name.replace(/@[^.]*\./, "@.")]) {
    for (const folder of unitFolders) {
      const text2 = tree.text(`${folder}/${one}`);
      if (text2 !== void 0) return { path: `${folder}/${one}`, text: text2 };
    }
  }
  throw wrong3(`the image has no unit ${name}: add the package or the file that brings it`);
}
function installSection(text2) {
  const joined = text2.replace(/\\\n\s*/g, " ");
  const lines = joined.split("\n").map((line) => line.trim());
  const start2 = lines.indexOf("[Install]");
  if (start2 < 0) return [];
  const rest = lines.slice(start2 + 1);
  const end = rest.findIndex((line) => line.startsWith("["));
  return (end < 0 ? rest : rest.slice(0, end)).flatMap((line) => {
    const [, key, value = ""] = /^([A-Za-z]+)\s*=\s*(.*)$/.exec(line) ?? [];
    return key === void 0 ? [] : [[key, value.split(/\s+/).filter(Boolean)]];
  });
}
function wrong3(message) {
  return new Failure("invalid-file", message);
}

// src/image/image-summary.ts
var shown2 = 40;
function imageSummary(built) {
  return [
    `### Image \`${escapeMarkdown(built.version)}\``,
    "",
    "| packages | size | base system | sha256 |",
    "|---|---|---|---|",
    `| ${built.packages} | ${built.sizeBytes / 2 ** 20} MiB | ${built.cacheHit ? "from the cache" : "built"} | \`${built.sha256}\` |`,
    "",
    ...built.isChecked ? ["Built twice, the second time from nothing: the same bytes.", ""] : [],
    ...built.differences ? differenceLines(built.differences) : []
  ].join("\n");
}
function differenceLines({ since, added, removed: removed2, changed }) {
  const title = `Packages since \`${escapeMarkdown(since)}\``;
  if (added.length + removed2.length + changed.length === 0) return [`${title}: none changed.`, ""];
  return [
    `${title}: ${added.length} came, ${removed2.length} went, ${changed.length} changed.`,
    "",
    "| package | before | now |",
    "|---|---|---|",
    ...rows(changed.map(({ name, from, to }) => [name, from, to])),
    ...rows(added.map(({ name, version }) => [name, "", version])),
    ...rows(removed2.map(({ name, version }) => [name, version, ""])),
    ""
  ];
}
function rows(packages) {
  const lines = packages.slice(0, shown2).map((cells) => `| ${cells.map(escapeMarkdown).join(" | ")} |`);
  const more = packages.length - lines.length;
  return more > 0 ? [...lines, `| and ${more} more | | |`] : lines;
}

// src/image/image.ts
async function buildImage(options, context, given) {
  const { tree, ...built } = await buildOnce(options, context, given);
  if (options.reproducible !== "check") return { ...built, isChecked: false };
  await withScratch(2 * built.sizeBytes, "disk", context, async (scratch) => {
    const [output, differing] = [join19(scratch, "again"), join19(scratch, "differing")];
    await mkdir7(differing);
    const again = await buildOnce({ ...options, output, cache: "none" }, context, given);
    await refuseDifferences({ ...built, tree }, again, differing, context);
  });
  context.log.info("built twice, the second time from nothing: the same bytes");
  return { ...built, isChecked: true };
}
async function buildOnce(options, context, given) {
  const { log } = context;
  requirePrograms(["mke2fs", "debugfs", "e2fsck"]);
  const recipe = await loadRecipe(options.recipe, options.variant);
  if (recipe.disk) requirePrograms(diskPrograms(recipe.disk));
  if (recipe.playbooks.length > 0) requirePrograms(["ansible-playbook", "tar", "unshare", "setpriv"]);
  const arch = options.arch ?? machineArch();
  const output = resolve3(options.output);
  const time = await imageTime(recipe, context);
  const request = await requestOf(recipe, arch);
  const ofRecipe = commandBuilder(recipe);
  const kept3 = ofRecipe ? void 0 : baseCache(options.cache);
  const caches = kept3 === void 0 ? void 0 : { folder: kept3, shared: options.shared };
  const builder = given ?? ofRecipe ?? mmdebstrap;
  await requireRoom(recipe, builder, output, context);
  const base = await log.group("Base system", () => openBase(request, builder, caches, context));
  try {
    return await log.group(
      "Image",
      () => withScratch(
        expectedContentBytes,
        "memory",
        context,
        (scratch) => finish({ recipe, request, output, time, base, scratch, cache: baseCache(options.cache) }, context)
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
  const inScratch = (name) => join19(build.scratch, name);
  const [contents, playbooks, working] = [inScratch("contents"), inScratch("playbooks"), inScratch("working")];
  await Promise.all([contents, playbooks, working].map((folder) => mkdir7(folder)));
  const fresh = new Tree(contents);
  await fresh.extract(base.file.fd, context.signal);
  clean(fresh, time);
  await applyRecipe(fresh, recipe, time, context);
  const cache = build.cache && join19(build.cache, "playbooks");
  const tree = await withPlaybooks(fresh, { ...build, cache, contents: playbooks }, context);
  setServices(tree, recipe.services, time);
  refusePasswords(tree);
  const packages = installedPackages(tree.text("var/lib/dpkg/status") ?? "");
  const { release, content } = nameImage(tree, recipe, base, time);
  log.info(`${said}, ${packages.length} packages, ${tree.entries().length} files and folders`);
  const facts = {
    release,
    recipe: recipe.name,
    variant: recipe.variant,
    suite: recipe.suite,
    architecture: build.request.arch,
    time,
    distribution: { id: fromOsRelease(tree, "ID") ?? "debian", version: fromOsRelease(tree, "VERSION_ID") },
    packages
  };
  const place = { output: build.output, scratch: working };
  const written = await writeResults({ recipe, tree, facts, content, time }, place, context);
  log.info(`${release}: ${inMiB(written.sizeBytes)} in ${seconds(performance.now() - startedAt)}`);
  const differences3 = await differencesFromLast(facts, build.cache, context);
  return {
    ...written,
    version: release,
    packages: packages.length,
    cacheHit: base.isFromCache,
    differences: differences3,
    tree
  };
}
async function requestOf(recipe, arch) {
  const { suite: suite2, packages, mirror, hooks } = recipe;
  if (recipe.builder) return { suite: suite2, arch, packages, sources: [], hooks };
  const named = { url: mirror ?? "", suite: suite2, components: ["main"], keyring: void 0 };
  const found = mirror === void 0 ? await machineSources(suite2, arch) : [named];
  const { components: components2 } = recipe;
  const sources = components2 ? found.map((source) => ({ ...source, components: components2 })) : found;
  if (sources.length === 0 && (components2 || recipe.repositories.length > 0))
    throw new Failure(
      "bad-input",
      "this machine has no apt sources of the suite: a recipe with `components` or `repositories` has to name its `mirror`"
    );
  const more = recipe.repositories.map(({ key, ...source }) => ({ ...source, keyring: key }));
  return { suite: suite2, arch, packages, sources: [...sources, ...more], hooks };
}
function baseCache(given) {
  if (given === "none") return void 0;
  return resolve3(given ?? cacheFolder("images"));
}

// actions/build-image/main.ts
await runAction("build-image", async (action) => {
  const { input } = action;
  const options = {
    recipe: input.path("recipe") ?? input.required("recipe"),
    arch: input.optional("arch"),
    variant: input.optional("variant"),
    output: input.path("output") ?? input.required("output"),
    cache: input.optional("cache") === "none" ? "none" : input.path("cache"),
    shared: workflowCache(),
    reproducible: input.choice("reproducible", ["assume", "check"])
  };
  const built = await buildImage(options, action);
  await action.summary(imageSummary(built));
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
