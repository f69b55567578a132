// Key pairs for tests, made once for each test file.
import { generateKeyPairSync } from 'node:crypto'

const rsaPair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ecPair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const otherPair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const spki = { type: 'spki', format: 'pem' } as const

export const rsa = {
  pkcs1: rsaPair.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  pkcs8: rsaPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  public: rsaPair.publicKey.export(spki).toString(),
}
export const ec = {
  sec1: ecPair.privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
  pkcs8: ecPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  public: ecPair.publicKey.export(spki).toString(),
}
export const other = {
  pkcs8: otherPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  public: otherPair.publicKey.export(spki).toString(),
}
