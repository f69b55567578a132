import { basename, dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { readYaml } from '../platform/platform.ts'
import type { ArtifactFormat } from './artifact-info.ts'
import type { Signing } from './signing.ts'
import { readSigning, signingOptionsSchema } from './signing-options.ts'
import { type RaucOptions, raucOptionsSchema } from './rauc/rauc-options.ts'
import { type SwupdateOptions, swupdateOptionsSchema } from './swupdate/swupdate-options.ts'
import { type ChosenFacts, isOwnProvide } from './mender/mender-facts.ts'
import { isScriptName } from './mender/state-scripts.ts'

const text = v.pipe(
  v.string('write it as text, in quotes where it looks like a number'),
  v.nonEmpty('it is empty'),
  v.maxLength(1024),
)
const provided = v.pipe(
  text,
  v.check((key) => !isOwnProvide(key), 'it is set from what the artifact holds and can’t be given'),
)
const needed = v.pipe(
  text,
  v.check((key) => key !== 'device_type', 'the device types are an input of their own'),
)
const script = v.pipe(
  text,
  v.check(
    (path) => isScriptName(basename(path)),
    'a state script is named <State>_<Enter|Leave|Error>_NN[_text], such as ArtifactInstall_Leave_10_check',
  ),
)

/** The options file of `package-artifact`. */
export const artifactOptionsSchema = v.strictObject({
  'state-scripts': v.optional(
    v.pipe(
      v.array(script),
      v.description(
        'Scripts that a device runs around the states of the update; paths relative to this file.',
      ),
    ),
  ),
  provides: v.optional(
    v.pipe(
      v.record(provided, text),
      v.description('What a device has after the update, besides the release.'),
    ),
  ),
  depends: v.optional(
    v.pipe(
      v.record(needed, v.union([text, v.pipe(v.array(text), v.minLength(1))])),
      v.description('What a device must have to install it: one value, or a list of which it has one.'),
    ),
  ),
  'artifact-group': v.optional(
    v.pipe(text, v.description('The artifact group that a device is in after the update.')),
  ),
  signing: v.optional(
    v.pipe(
      signingOptionsSchema,
      v.description(
        'Who signs, where the key itself is not at hand, and the certificate that belongs to a key.',
      ),
    ),
  ),
  swupdate: v.optional(
    v.pipe(swupdateOptionsSchema, v.description('What only a .swu file has (`format: swupdate`).')),
  ),
  rauc: v.optional(v.pipe(raucOptionsSchema, v.description('What only a RAUC bundle has (`format: rauc`).'))),
})

/** An options file, by what reads it. */
export interface ArtifactOptions {
  mender?: Pick<ChosenFacts, 'stateScripts' | 'provides' | 'depends' | 'artifactGroup'>
  swupdate?: SwupdateOptions
  rauc?: RaucOptions
  signing?: Signing | undefined
}

/** Reads an options file. Throws `file-missing`, and `invalid-file` with every problem and its line. */
export async function readArtifactOptions(path: string, format: ArtifactFormat): Promise<ArtifactOptions> {
  const { value } = await readYaml(path, artifactOptionsSchema)
  const signing = await readSigning(value.signing, path)
  switch (format) {
    case 'mender':
      return {
        signing,
        mender: {
          stateScripts: value['state-scripts']?.map((given) => ({
            name: basename(given),
            path: resolve(dirname(path), given),
          })),
          provides: value.provides,
          depends: value.depends,
          artifactGroup: value['artifact-group'],
        },
      }
    case 'swupdate':
      return { signing, swupdate: {} }
    case 'rauc':
      return { signing, rauc: {} }
  }
}

/** Of an options file the section `signing`, and which other options it has. Throws as `readArtifactOptions` does. */
export async function readSigningOptions(
  path: string,
): Promise<{ signing: Signing | undefined; others: string[] }> {
  const { value } = await readYaml(path, artifactOptionsSchema)
  const { signing, ...others } = value
  return { signing: await readSigning(signing, path), others: Object.keys(others) }
}
