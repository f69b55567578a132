// Signatures over crafted artifacts, made by node:crypto and not by what is tested.
import { sign } from 'node:crypto'
import type { Member } from './craft.ts'

/** For `craft({ members })`: adds the signature of the manifest, made with `key` (PEM), over `content` where given. */
export function signedWith(key: string, content?: string): (members: Member[]) => Member[] {
  return (members) => {
    const [version = { name: '' }, manifest = { name: '' }, ...rest] = members
    const data = Buffer.from(content ?? manifest.content ?? '')
    const signature = sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }).toString('base64')
    return [version, manifest, { name: 'manifest.sig', content: signature }, ...rest]
  }
}
