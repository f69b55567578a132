import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { parseDuration, readText } from '../platform/platform.ts'
import type { Signing } from './signing.ts'

const path = v.pipe(v.string('write it as text'), v.nonEmpty('it is empty'), v.maxLength(4096))
const argument = v.pipe(
  v.string('write it as text, in quotes where it looks like a number'),
  v.maxLength(8192),
  v.check((text) => !text.includes('\0'), 'it has a zero byte'),
)

/** The section `signing` of an options file. */
export const signingOptionsSchema = v.pipe(
  v.strictObject({
    command: v.optional(
      v.pipe(
        v.array(argument, 'write it as a list: the program, then each argument'),
        v.minLength(1, 'it names no program'),
        v.check(([program]) => program !== '', 'it names no program'),
        v.description(
          'A program with its arguments that signs: it gets what is to be signed on standard input and writes the signature to standard output, as bytes or in base64. It runs in this file’s folder, without a shell.',
        ),
      ),
    ),
    'public-key': v.optional(
      v.pipe(
        path,
        v.description(
          'File with the public key (PEM) of what the command signs with; relative to this file.',
        ),
      ),
    ),
    certificate: v.optional(
      v.pipe(
        path,
        v.description(
          'File with the certificate (PEM) of the key, and intermediate ones after it; relative to this file.',
        ),
      ),
    ),
    timeout: v.optional(
      v.pipe(
        v.string(),
        v.check((text) => (parseDuration(text) ?? 0) > 0, 'write a duration such as 30s or 5m'),
        v.description('How long the command may take for one signature; `60s` where not given.'),
      ),
    ),
  }),
  v.check(
    (given) => given.command === undefined || (given['public-key'] ?? given.certificate) !== undefined,
    'a command needs public-key (or certificate), which its answers are checked with',
  ),
  v.check(
    (given) => given.command !== undefined || (given['public-key'] ?? given.timeout) === undefined,
    'public-key and timeout belong to a command, and there is none',
  ),
)

/** What the section says, with the files that it names read from `file`’s folder. Throws what `readText` throws. */
export async function readSigning(
  given: v.InferOutput<typeof signingOptionsSchema> | undefined,
  file: string,
): Promise<Signing | undefined> {
  if (given === undefined) return undefined
  const folder = dirname(resolve(file))
  const read = async (key: 'public-key' | 'certificate') => {
    if (given[key] === undefined) return undefined
    const path = resolve(folder, given[key])
    return readText(path, undefined, `signing.${key}, ${path}`)
  }
  return {
    command: given.command,
    folder,
    timeoutMs: given.timeout === undefined ? undefined : parseDuration(given.timeout),
    publicKey: await read('public-key'),
    certificate: await read('certificate'),
  }
}
