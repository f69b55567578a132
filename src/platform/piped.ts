import { spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { lastWords } from './exec.ts'
import { Failure, messageOf } from './failure.ts'
import { environment, pathOf } from './programs.ts'

export interface PipedOptions {
  /** What messages call the work. */
  what: string
  /** Added to the environment of this process. */
  env?: Record<string, string> | undefined
  reason?: Failure['reason'] | undefined
  /** On abort the program is killed. */
  signal?: AbortSignal | undefined
}

/**
 * Sends `input` through a program, from its standard input to its standard output, as fast as the slower side takes it.
 * Throws what `input` throws, `missing-tool`, the signal's reason, and a failure of `options.reason` (`internal` unless
 * given) where the exit status isn't 0 or the program didn't read all of it. Whoever stops reading ends the program.
 */
export async function* piped(
  program: string,
  args: readonly string[],
  input: AsyncIterable<Uint8Array>,
  { what, env, reason = 'internal', signal }: PipedOptions,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted()
  const child = spawn(pathOf(program), args, { env: { ...environment(), ...env }, stdio: 'pipe' })
  const kill = () => void child.kill('SIGKILL')
  signal?.addEventListener('abort', kill, { once: true })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4096)))
  const ended = new Promise<number>((resolve, reject) => {
    child.once('close', (code) => resolve(code ?? 128))
    child.once('error', (error) =>
      reject(new Failure('missing-tool', `can't start ${program}: ${messageOf(error)}`, { cause: error })),
    )
  })
  ended.catch(() => {}) // thrown below
  let inputError: unknown
  const fed = pipeline(
    watched(input, (error) => (inputError = error)),
    child.stdin,
  ).then(
    () => true,
    () => false,
  )
  try {
    for await (const chunk of child.stdout) yield asBuffer(chunk)
    const [isFed, code] = [await fed, await ended]
    signal?.throwIfAborted()
    if (inputError !== undefined) throw inputError
    if (!isFed || code !== 0) throw new Failure(reason, `${what} failed: ${lastWords(said, program, code)}`)
  } finally {
    signal?.removeEventListener('abort', kill)
    kill()
    await ended.catch(() => {})
  }
}

async function* watched(
  input: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* input
  } catch (error) {
    onError(error)
    throw error
  }
}

function asBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  throw new TypeError('a stream of bytes gave something else')
}
