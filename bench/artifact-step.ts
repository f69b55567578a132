// One step of the artifact rows, in a process of its own: `write COMPRESSION SOURCE OUTPUT` or `verify ARTIFACT`.
import { openArtifact, writeMender } from '../src/artifact/artifact.ts'
import { plainContext } from '../src/platform/platform.ts'

const [step, first = '', source = '', output = ''] = process.argv.slice(2)
if (step === 'verify') {
  await openArtifact(first)
} else if (first === 'gzip' || first === 'zstd' || first === 'none') {
  await writeMender(
    { source, output, name: 'bench', deviceTypes: ['board'], compression: first },
    plainContext(),
  )
}
