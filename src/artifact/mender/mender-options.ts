// The keys of an options file that are about Mender artifacts, and what they mean for each kind of payload.
import { basename } from 'node:path'
import * as v from 'valibot'
import { optionText as text } from '../option-text.ts'
import { fitName, fitNames } from '../archive/source-image.ts'
import { isScriptName } from './state-scripts.ts'
import { payloadKinds } from './payload-choice.ts'

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
/** It is a part of a key such as `rootfs-image.app.version`. */
const keyPart = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'it can have letters, digits and ._- only, at most 128'),
)
const moduleType = v.pipe(
  keyPart,
  v.check(
    (type) => type !== 'rootfs-image',
    'that is no update module: choose payload: rootfs-image instead',
  ),
)
// The module `directory` gives it to a shell without quotes, and removes what is there.
const folder = v.pipe(
  text,
  v.regex(
    /^\/(?:[A-Za-z0-9_.,+@:=-]+\/)*[A-Za-z0-9_.,+@:=-]*$/,
    'it is an absolute path, of letters, digits and _.,+@:=- only',
  ),
  v.check(
    (path) => !path.split('/').some((part) => part === '.' || part === '..'),
    'it may not have . or ..',
  ),
)
const fileName = v.pipe(text, v.regex(fitName, `it can have ${fitNames}`))
const permissions = v.pipe(
  v.string("write them as text, in quotes, such as '0644'"),
  v.regex(/^0?[0-7]{3,4}$/, 'these are no permissions; write them in octal digits, such as 0644'),
)
const container = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$/, 'it is no reference of a container image'),
)
const runArgs = v.pipe(v.string(), v.maxLength(4096), v.regex(/^[^\n\r\0]*$/, 'it is one line'))
const flag = v.optional(v.boolean('it can be true or false'))

const number = v.pipe(
  v.number(),
  v.check(
    (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
    'a device would read another number: write it as text, in quotes',
  ),
)
const scalar = v.union([v.string(), number, v.boolean()], 'it can be text, a number, true or false')
type Setting = v.InferOutput<typeof scalar> | Setting[] | { [key: string]: Setting }
const listed = v.array(scalar)
const setting: v.GenericSchema<Setting> = v.lazy((input) => {
  // without an input it is asked what there can be at all, for the published schema
  if (input === undefined) return v.union([scalar, listed, settings])
  if (Array.isArray(input)) return listed
  return typeof input === 'object' && input !== null ? settings : scalar
})
const settings = v.record(v.string(), setting)

const described = <const S extends v.GenericSchema>(schema: S, description: string) =>
  v.optional(v.pipe(schema, v.description(description)))

/** Keys at the top of an options file. */
export const menderOptionsEntries = {
  payload: described(
    v.picklist(payloadKinds, `it can be ${payloadKinds.join(', ')}`),
    'What kind of update it is. Default: directory for a folder, deb for a *.deb, else rootfs-image.',
  ),
  'state-scripts': described(
    v.array(script),
    'Scripts that a device runs around the states of the update; paths relative to this file.',
  ),
  provides: described(v.record(text, text), 'What a device has after the update, besides the release.'),
  depends: described(
    v.record(needed, v.union([text, v.pipe(v.array(text), v.minLength(1))])),
    'What a device must have to install it: one value, or a list of which it has one.',
  ),
  'clears-provides': described(
    v.array(text),
    'Patterns of what a device no longer has after it, besides those that its kind clears by default.',
  ),
  'artifact-group': described(text, 'The artifact group that a device is in after the update.'),
  'software-filesystem': described(
    keyPart,
    'First part of the key that says what is installed. Default: rootfs-image.',
  ),
  'software-name': described(
    keyPart,
    'Next part of that key. Default: the update module, and none for a root file system.',
  ),
  'software-version': described(text, 'Value of that key. Default: the name of the release.'),
  'no-default-software-version': described(
    flag,
    'Leave that key out, and with it what the update clears by default.',
  ),
  'no-default-clears-provides': described(flag, 'Leave out what the update clears by default.'),
  'no-checksum-provide': described(flag, 'Leave out rootfs-image.checksum (rootfs-image, bootstrap).'),
  type: described(moduleType, 'Name of the update module (module-image).'),
  files: described(
    v.array(text),
    'More files of the payload; paths relative to this file (module-image, script, deb).',
  ),
  'meta-data': described(settings, 'Settings for the update module (module-image).'),
  'dest-dir': described(folder, 'Folder on the device (directory, single-file).'),
  filename: described(fileName, 'Name of the file on the device. Default: the source’s (single-file).'),
  permissions: described(
    permissions,
    'Permissions of the file on the device. Default: 755 where the source can be executed, else 644 (single-file).',
  ),
  keep: described(
    v.array(v.picklist(['modes', 'owners', 'times'], 'it can be modes, owners, times')),
    'What of the folder’s files is kept as it is on this machine, and so can differ from one to the next (directory).',
  ),
  containers: described(
    v.pipe(v.array(container), v.minLength(1, 'name at least one')),
    'Container images, best pinned by their digests: name@sha256:… (docker).',
  ),
  'run-args': described(runArgs, 'Arguments of docker run for each container (docker).'),
}

/** Every key of which a value is right; the others are undefined. */
export type MenderOptionValues = v.InferOutput<ReturnType<typeof objectOf>>

function objectOf() {
  return v.object(menderOptionsEntries)
}
