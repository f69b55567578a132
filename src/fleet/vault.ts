// Ansible Vault, formats 1.1 and 1.2 with AES256. Hides its envelope and its cipher; nothing in here says what was in one.
import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'

/** An encrypted value, in the form in which Ansible writes it to JSON. */
export interface Encrypted {
  __ansible_vault: string
}

/** Where the password for all encrypted values is. */
const vaultVariable = 'DROVER_VAULT_PASSWORD'

/** What begins a file that is encrypted as a whole, and each encrypted value. */
export const vaultHeader = '$ANSIBLE_VAULT;'

/** The value that a `!vault` text stands for. */
export const encrypted = (text: string): Encrypted => ({ __ansible_vault: text })

/** Whether `value` is an encrypted one. */
export function isEncrypted(value: unknown): value is Encrypted {
  return (
    typeof value === 'object' &&
    value !== null &&
    '__ansible_vault' in value &&
    typeof value.__ansible_vault === 'string' &&
    Object.keys(value).length === 1
  )
}

/** A text, or why there is none; `isLocked` where there is no password at all. */
export type Opened = { ok: true; text: string } | { ok: false; why: string; isLocked?: boolean }

/** Decrypts the text of a vault. The password counts for every vault id; without it, the environment's does. Never throws. */
export function openVault(vault: string, password: string | undefined = passwordFromEnvironment()): Opened {
  const [header = '', ...body] = vault.trim().split(/\r?\n/)
  const [, version, cipher] = header.split(';').map((part) => part.trim())
  if (!header.startsWith(vaultHeader) || (version !== '1.1' && version !== '1.2') || cipher !== 'AES256')
    return failed('is encrypted, but not with Ansible Vault 1.1 or 1.2 and AES256: encrypt it again')
  if (password === undefined) {
    const why = `is encrypted with Ansible Vault: give the password in ${vaultVariable}`
    return { ok: false, why, isLocked: true }
  }
  const parts =
    fromHex(body.map((line) => line.trim()).join(''))
      ?.toString('latin1')
      .split('\n') ?? []
  const [salt, code, data] = parts.map(fromHex)
  if (parts.length !== 3 || !salt || code?.length !== 32 || !data)
    return failed('is damaged: it is no text of Ansible Vault after its first line')
  const plain = decrypt(password, salt, code, data)
  if (plain) return { ok: true, text: plain.toString('utf8') }
  return failed(`can't be decrypted: ${vaultVariable} is not its password, or it is damaged`)
}

const failed = (why: string): Opened => ({ ok: false, why })

/** Ansible strips the passwords that it reads, and an empty one is none. */
function passwordFromEnvironment(): string | undefined {
  return process.env[vaultVariable]?.trim() || undefined
}

function decrypt(password: string, salt: Buffer, code: Buffer, data: Buffer): Buffer | undefined {
  const derived = pbkdf2Sync(password, salt, 10_000, 80, 'sha256')
  const [key, macKey, counter] = [derived.subarray(0, 32), derived.subarray(32, 64), derived.subarray(64)]
  if (!timingSafeEqual(createHmac('sha256', macKey).update(data).digest(), code)) return undefined
  const cipher = createDecipheriv('aes-256-ctr', key, counter)
  const padded = Buffer.concat([cipher.update(data), cipher.final()])
  const padding = padded.at(-1) ?? 0
  return padding >= 1 && padding <= 16 ? padded.subarray(0, padded.length - padding) : undefined
}

function fromHex(text: string | undefined): Buffer | undefined {
  return text !== undefined && text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text)
    ? Buffer.from(text, 'hex')
    : undefined
}
