// Accounts of a recipe, written into the image's account files as adduser would, without a password that could be guessed.
import { Failure } from '../platform/platform.ts'
import type { Account } from './recipe.ts'
import type { Tree } from './tree.ts'

const [firstId, lastId] = [1000, 59_999]

/**
 * Adds accounts and groups that the image doesn't have, and gives every account its keys. An account that is there (root
 * always is) keeps what it has but for what the recipe says of it. Throws `invalid-file` for a group, shell or number that
 * can't be.
 */
export function addAccounts(tree: Tree, accounts: readonly Account[], time: number): void {
  if (accounts.length === 0) return
  const files = { passwd: new Table(tree, 'passwd'), group: new Table(tree, 'group') }
  const [shadow, gshadow] = [new Table(tree, 'shadow'), new Table(tree, 'gshadow')]
  for (const account of accounts) {
    const isNew = files.passwd.get(account.name) === undefined
    const { home, uid, gid } = accountIn(files, account)
    if (isNew || account.shell !== undefined) checkShell(tree, files.passwd.get(account.name)?.[6], account)
    // a star is no password that anybody could have; an exclamation mark would keep sshd from letting keys in too
    if (!shadow.get(account.name)) shadow.set([account.name, '*', '', '0', '99999', '7', '', '', ''])
    if (!gshadow.get(account.name) && files.group.get(account.name)) gshadow.set([account.name, '!', '', ''])
    joinGroups(files.group, gshadow, account)
    giveHome(tree, account, { path: home, uid, gid }, time)
  }
  for (const table of [files.passwd, files.group, shadow, gshadow]) table.write(time)
}

/** One of the account files: lines of fields. */
class Table {
  readonly #tree: Tree
  readonly #path: string
  readonly #rows: Map<string, string[]>

  constructor(tree: Tree, name: string) {
    this.#tree = tree
    this.#path = `etc/${name}`
    const lines = (tree.text(this.#path) ?? '').split('\n').filter(Boolean)
    this.#rows = new Map(lines.map((line) => line.split(':')).map((row) => [row[0] ?? '', row]))
  }

  get(name: string): readonly string[] | undefined {
    return this.#rows.get(name)
  }

  set(row: string[]): void {
    this.#rows.set(row[0] ?? '', row)
  }

  all(): readonly (readonly string[])[] {
    return [...this.#rows.values()]
  }

  write(time: number): void {
    const text = [...this.#rows.values()].map((row) => `${row.join(':')}\n`).join('')
    if (this.#tree.get(this.#path)) this.#tree.rewrite(this.#path, text, time)
    else if (text !== '') this.#tree.write(this.#path, text, { mode: 0o640, mtime: time })
  }
}

interface Files {
  passwd: Table
  group: Table
}

function accountIn({ passwd, group }: Files, account: Account): { home: string; uid: number; gid: number } {
  const { name } = account
  const there = passwd.get(name)
  if (there && account.uid !== undefined && Number(there[2]) !== account.uid)
    throw wrong(`the account ${name} is in the image already, with the uid ${there[2]}: leave \`uid\` out`)
  const uid = there ? Number(there[2]) : freeId(passwd, account)
  const gid = there ? Number(there[3]) : uid
  const home = account.home ?? there?.[5] ?? `/home/${name}`
  const shell = account.shell ?? there?.[6] ?? '/bin/bash'
  const [, , , , about = ''] = there ?? []
  passwd.set([name, 'x', String(uid), String(gid), about, home, shell])
  if (!there) {
    const rival = group.all().find((row) => row[0] === name || Number(row[2]) === gid)
    if (rival)
      throw wrong(`the image has a group ${rival[0]} (${rival[2]}): give the account ${name} another uid`)
    group.set([name, 'x', String(gid), ''])
  }
  return { home, uid, gid }
}

function freeId(passwd: Table, { name, uid }: Account): number {
  const taken = new Map(passwd.all().map((row) => [Number(row[2]), row[0]]))
  if (uid === undefined) {
    for (let id = firstId; id <= lastId; id++) if (!taken.has(id)) return id
    throw wrong(`no uid is left for ${name}`)
  }
  if (taken.has(uid)) throw wrong(`the uid ${uid} of ${name} is ${taken.get(uid)}'s in the image`)
  return uid
}

function checkShell(tree: Tree, shell: string | undefined, { name }: Account): void {
  if (shell === undefined || shell === '' || tree.get(shell)?.kind === 'file') return
  throw wrong(`the image has no ${shell}, the shell of ${name}: add the package that has it, or name another`)
}

function joinGroups(group: Table, gshadow: Table, { name, groups }: Account): void {
  for (const wanted of groups) {
    const row = group.get(wanted)
    if (!row) throw wrong(`the image has no group ${wanted}, which ${name} is to be in`)
    group.set(withMember(row, name))
    const hidden = gshadow.get(wanted)
    if (hidden) gshadow.set(withMember(hidden, name))
  }
}

function withMember(row: readonly string[], name: string): string[] {
  const members = new Set([...(row[3] ?? '').split(',').filter(Boolean), name])
  return [row[0] ?? '', row[1] ?? '', row[2] ?? '', [...members].join(',')]
}

function giveHome(
  tree: Tree,
  { sshKeys }: Account,
  { path, uid, gid }: { path: string; uid: number; gid: number },
  mtime: number,
): void {
  const own = { uid, gid, mtime }
  tree.makeFolder(path, { ...own, mode: 0o700 })
  if (sshKeys.length === 0) return
  tree.makeFolder(`${path}/.ssh`, { ...own, mode: 0o700 })
  const before = tree.text(`${path}/.ssh/authorized_keys`) ?? ''
  const kept = before.split('\n').filter(Boolean)
  const lines = [...new Set([...kept, ...sshKeys])]
  tree.write(`${path}/.ssh/authorized_keys`, `${lines.join('\n')}\n`, { ...own, mode: 0o600 })
}

function wrong(message: string): Failure {
  return new Failure('invalid-file', message)
}
