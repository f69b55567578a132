// The image's files before they are an image: names, owners and modes in memory, contents as plain numbered files in a
// temporary folder. No link, set-uid bit or device of the image ever exists on this machine, so nothing can be written
// through one, and nobody needs to be root.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type Digest, Failure, canonicalJson, digestOf } from '../platform/platform.ts'
import { type TarMember, cleanPath, readTar } from './tar.ts'

interface Common {
  /** Permission bits with set-uid, set-gid and sticky. */
  mode: number
  uid: number
  gid: number
  /** Seconds since 1970. */
  mtime: number
  xattrs: ReadonlyMap<string, Buffer>
}

export type TreeFile = Common & { kind: 'file'; content: string; size: number; sha256: string }
export type TreeNode = TreeFile | (Common & { kind: 'folder' }) | (Common & { kind: 'link'; target: string })

const maxLinks = 40 // as many as the kernel follows
const copyBytes = 1 << 20

/** What a new file, folder or link gets besides its content. */
export interface NewNode {
  mode: number
  /** Seconds since 1970. */
  mtime: number
  /** Root's where not given. */
  uid?: number
  gid?: number
}

/** Paths with their nodes, parents before children; '' is the top. */
export interface FileEntries {
  entries(): [path: string, node: TreeNode][]
}

/** What is below a folder of a tree, with that folder as its top; only a top where the tree has no such folder. */
export function subtree(tree: Tree, path: string): FileEntries {
  const place = tree.place(path)
  const below = tree.entries().filter(([name]) => name === place || name.startsWith(`${place}/`))
  const found = below.map(([name, node]): [string, TreeNode] => [name.slice(place.length + 1), node])
  const top: [string, TreeNode] = ['', { kind: 'folder', ...commonOf({ mode: 0o755, mtime: 0 }) }]
  return { entries: () => (found[0]?.[1].kind === 'folder' ? found : [top]) }
}

/** A file tree in the making. Paths may have a leading slash or not; links inside it are followed inside it. */
export class Tree {
  readonly #folder: string
  readonly #nodes = new Map<string, TreeNode>()
  #contents = 0

  /** `folder` takes the contents; it is empty and belongs to this tree alone. */
  constructor(folder: string) {
    this.#folder = folder
    this.#nodes.set('', { kind: 'folder', ...commonOf({ mode: 0o755, mtime: 0 }) })
  }

  /** Takes in an open tar file, without device nodes and pipes. Throws `build-failed` where it is damaged. */
  async extract(descriptor: number, signal: AbortSignal): Promise<void> {
    let count = 0
    for (const member of readTar(descriptor)) {
      if (count++ % 128 === 0) {
        await setImmediate()
        signal.throwIfAborted()
      }
      this.#take(member, descriptor)
    }
  }

  /** All paths with their nodes, parents before children, in the order of their bytes. Hard links share one node. */
  entries(): [path: string, node: TreeNode][] {
    const key = (path: string) => path.replaceAll('/', '\0')
    return [...this.#nodes]
      .map(([path, node]) => ({ path, node, key: key(path) }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      .map(({ path, node }) => [path, node])
  }

  /** The node at `path`, links followed also at its end; undefined where there is none. */
  get(path: string): TreeNode | undefined {
    return this.#nodes.get(this.#resolve(path, true))
  }

  /** Where a path leads, links followed also at its end; it need not be there. */
  place(path: string): string {
    return this.#resolve(path, true)
  }

  /** A file's text; undefined where there is no such file. */
  text(path: string): string | undefined {
    const node = this.get(path)
    return node?.kind === 'file' ? readFileSync(node.content, 'utf8') : undefined
  }

  /** Puts a file in the place of whatever is there, except a folder. Missing parents are made. */
  write(path: string, data: Buffer | string, as: NewNode): void {
    const content = this.#newContent()
    writeFileSync(content, data)
    const bytes = Buffer.from(data)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.#put(path, { kind: 'file', content, size: bytes.length, sha256, ...commonOf(as) })
  }

  /** Replaces the text of a file that is there, through links, and keeps owner and mode. Throws where it isn't. */
  rewrite(path: string, text: string, mtime: number): void {
    const place = this.#resolve(path, true)
    const node = this.#nodes.get(place)
    if (node?.kind !== 'file') throw new Failure('build-failed', `the image has no file /${place}`)
    this.write(place, text, { mode: node.mode, mtime })
    const written = this.#nodes.get(place)
    if (written) Object.assign(written, { uid: node.uid, gid: node.gid })
  }

  /** Makes a folder and its parents; one that is there stays as it is. */
  makeFolder(path: string, as: NewNode): void {
    const place = this.#resolve(path, true)
    if (this.#nodes.get(place)?.kind === 'folder') return
    this.#put(place, { kind: 'folder', ...commonOf(as) })
  }

  /** Makes a symbolic link in the place of whatever is there, except a folder. */
  link(path: string, target: string, as: NewNode): void {
    this.#put(path, { kind: 'link', target, ...commonOf({ ...as, mode: 0o777 }) })
  }

  /** Takes out `path` with all that is below it (a link, not what it points at). Returns whether it was there. */
  remove(path: string): boolean {
    const place = this.#resolve(path, false)
    if (place === '') throw new Failure('invalid-file', 'the recipe removes /: that leaves no image')
    const below = [...this.#nodes.keys()].filter((name) => name === place || name.startsWith(`${place}/`))
    for (const name of below) this.#nodes.delete(name)
    return below.length > 0
  }

  /** Another tree with all that is in this one; what is written to it stays in `folder`, which is empty. */
  copy(folder: string): Tree {
    const copied = new Tree(folder)
    for (const [path, node] of this.#nodes) copied.#nodes.set(path, node)
    return copied
  }

  /** Puts `path` as another tree has it: its node there, links not followed, or nothing where that has none. */
  takeFrom(other: Tree, path: string): void {
    const node = other.#nodes.get(path)
    if (node) this.#nodes.set(path, node)
    else this.#nodes.delete(path)
  }

  /**
   * Gives what is as it was in `before` the time that it had there. Of the rest, what is as new as `limit` or newer gets
   * `time`; all in seconds since 1970.
   */
  takeTimes(before: Tree, limit: number, time: number): void {
    for (const [path, node] of this.#nodes) {
      const earlier = before.#nodes.get(path)
      if (earlier && canonicalJson(describe(path, earlier)) === canonicalJson(describe(path, node)))
        node.mtime = earlier.mtime
      else if (node.mtime >= limit) node.mtime = time
    }
  }

  /** Sets the times of everything. */
  setTimes(timeOf: (node: TreeNode) => number): void {
    for (const node of new Set(this.#nodes.values())) node.mtime = timeOf(node)
  }

  /** Digest of all there is: names, kinds, modes, owners, contents, links, attributes. Not of times. */
  digest(): Digest {
    const lines = this.entries().map(([path, node]) => canonicalJson(describe(path, node)))
    return digestOf(lines.join('\n'))
  }

  #take(member: TarMember, descriptor: number): void {
    const { path, mode, uid, gid, mtime, xattrs } = member
    const common = { mode, uid, gid, mtime, xattrs }
    if (member.kind === 'folder') this.#nodes.set(path, { kind: 'folder', ...common })
    else if (member.kind === 'link') this.#nodes.set(path, { kind: 'link', target: member.target, ...common })
    else if (member.kind === 'hard-link') {
      const original = this.#nodes.get(cleanPath(member.target))
      if (original) this.#nodes.set(path, original)
    } else if (member.kind === 'file') {
      const content = this.#newContent()
      const sha256 = copyOut(descriptor, member, content)
      this.#nodes.set(path, { kind: 'file', content, size: member.size, sha256, ...common })
    }
  }

  #put(path: string, node: TreeNode): void {
    const place = this.#resolve(path, false)
    if (this.#nodes.get(place)?.kind === 'folder')
      throw new Failure(
        'invalid-file',
        `/${place} is a folder in the image: a file or link can't take its place`,
      )
    const names = place.split('/')
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth).join('/')
      const there = this.#nodes.get(parent)
      if (there && there.kind !== 'folder')
        throw new Failure('invalid-file', `/${parent} is a file in the image: /${place} can't be below it`)
      if (!there) this.#nodes.set(parent, { kind: 'folder', ...commonOf({ mode: 0o755, mtime: node.mtime }) })
    }
    this.#nodes.set(place, node)
  }

  // where a path leads inside the tree; the last name is a link's own place unless it shall be followed too
  #resolve(path: string, followLast: boolean): string {
    let open = path.split('/')
    let done: string[] = []
    for (let links = 0; open.length > 0;) {
      const [name = '', ...rest] = open
      open = rest
      if (name === '' || name === '.') continue
      if (name === '..') {
        done.pop()
        continue
      }
      const node = this.#nodes.get([...done, name].join('/'))
      if (node?.kind !== 'link' || (rest.every((part) => part === '') && !followLast)) {
        done.push(name)
        continue
      }
      if (++links > maxLinks)
        throw new Failure('build-failed', `too many links on the way to ${path} in the image`)
      if (node.target.startsWith('/')) done = []
      open = [...node.target.split('/'), ...rest]
    }
    return done.join('/')
  }

  #newContent(): string {
    return join(this.#folder, String(++this.#contents))
  }
}

/** All of a node that makes it another one: not its times. */
function describe(path: string, node: TreeNode): unknown[] {
  return [
    path,
    node.kind,
    node.kind === 'link' ? 0 : node.mode,
    node.uid,
    node.gid,
    node.kind === 'file' ? node.sha256 : node.kind === 'link' ? node.target : '',
    [...node.xattrs].map(([name, value]) => `${name}=${value.toString('hex')}`).sort(),
  ]
}

function commonOf({ mode, mtime, uid = 0, gid = 0 }: NewNode): Common {
  return { mode, mtime, uid, gid, xattrs: new Map() }
}

function copyOut(descriptor: number, { path, offset, size }: TarMember, to: string): string {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(Math.min(copyBytes, Math.max(size, 1)))
  const out = openSync(to, 'wx', 0o600)
  try {
    for (let done = 0; done < size;) {
      const count = readSync(descriptor, buffer, 0, Math.min(buffer.length, size - done), offset + done)
      if (count === 0)
        throw new Failure('build-failed', `the base system's tar file ends in the middle of ${path}`)
      const piece = buffer.subarray(0, count)
      hash.update(piece)
      writeSync(out, piece)
      done += count
    }
  } finally {
    closeSync(out)
  }
  return hash.digest('hex')
}
