import { stat } from 'node:fs/promises'
import { type Context, Failure, lastWords, start } from '../../platform/platform.ts'

const tellEveryMs = 10_000

/** Runs rauc until it has made `output`, and tells how that grows. Throws a failure that names what went wrong. */
export async function runRauc(args: readonly string[], output: string, context: Context): Promise<void> {
  const program = start('rauc', args, {
    signal: context.signal,
    onLine: (line) => context.log.debug(line),
  })
  const ticker = setInterval(() => {
    void stat(output).then(
      ({ size }) => context.log.info(`rauc goes on: ${(size / 1e6).toFixed(0)} MB so far`),
      () => {},
    )
  }, tellEveryMs)
  try {
    const { code, stdout, stderr } = await program.done
    if (code !== 0) throw failed(`${stdout}\n${stderr}`, code, output)
  } finally {
    clearInterval(ticker)
  }
}

function failed(said: string, code: number, output: string): Failure {
  const words = lastWords(said, 'rauc', code)
  if (/no space left|out of space|disk quota/i.test(said))
    return new Failure('disk-full', `no space left to write ${output}: free some and run again (${words})`)
  if (/must be larger than 4096/.test(said)) {
    return new Failure(
      'bad-input',
      'the images are too small for a bundle with a hash tree: write `bundle-format: plain` in the section `rauc` of the options file',
    )
  }
  if (/failed to parse (key|cert)|failed to load (key|cert)|pkcs11|engine|create signature/i.test(said))
    return new Failure('bad-key', `rauc can't sign with the key: ${words}`)
  return new Failure('build-failed', `rauc failed: ${words}`)
}
