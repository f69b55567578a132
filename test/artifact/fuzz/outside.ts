// Notes whatever a reader does besides reading what it was given.
import childProcess from 'node:child_process'
import fs from 'node:fs'
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const ways = [
  [
    fs,
    [
      'open',
      'openSync',
      'readFile',
      'readFileSync',
      'writeFile',
      'writeFileSync',
      'createReadStream',
      'createWriteStream',
      'mkdtemp',
      'mkdtempSync',
    ],
  ],
  [fsPromises, ['open', 'readFile', 'writeFile', 'mkdtemp', 'mkdir', 'rm', 'readdir', 'stat', 'rename']],
  [net, ['connect', 'createConnection', 'createServer']],
  [childProcess, ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork']],
] as const

/** From now on until `stop`, what touches files, the network or other programs of this process is in `touched`, and fails. */
export function watchOutside(): { touched: readonly string[]; stop: () => void } {
  const touched: string[] = []
  const undo: (() => void)[] = []
  for (const [module, names] of ways) {
    for (const name of names) {
      const before: unknown = Reflect.get(module, name)
      Reflect.set(module, name, () => {
        touched.push(name)
        throw new Error(`${name}: a reader touches more than the bytes that it was given`)
      })
      undo.push(() => Reflect.set(module, name, before))
    }
  }
  syncBuiltinESMExports()
  const stop = () => {
    for (const restore of undo) restore()
    syncBuiltinESMExports()
  }
  return { touched, stop }
}
