// The form of `image.yml`; schemas/image.json is made of it.
import * as v from 'valibot'

const text = (pattern: RegExp, message: string) => v.pipe(v.string(), v.regex(pattern, message))
const packageName = text(
  /^[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+:~-]+)?$/,
  'this is no package: write its name, or name=version to have just that version',
)
const targetPath = text(
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  /^\/(?!.*\/\.{1,2}(\/|$))[^\u0000-\u001f]*$/,
  'write an absolute path in the image, without . and .. in it',
)
const size = text(/^[1-9][0-9]{0,5}(MiB|GiB)$/, 'write a size such as 512MiB or 2GiB')
const mode = text(/^0[0-7]{3,4}$/, "write four octal digits, as in '0755'")
const unit = text(
  /^[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|target|mount)$/,
  'write the name of a unit with its ending, such as ssh.service',
)
const url = text(/^https?:\/\/[^\s[\]]+$/, 'write the http(s) URL of a Debian mirror')
const suite = text(/^[a-z][a-z0-9.-]*$/, 'write the code name of a suite, such as bookworm')
/** One line of authorized_keys without options. Private keys have other beginnings, and more lines. */
const sshKey = text(
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/=]{40,16000}( [^\r\n]{0,200})?$/,
  'write a public ssh key on one line: ssh-ed25519 AAAA… and a comment',
)
const word = (what: string) =>
  text(/^[a-z_][a-z0-9_-]{0,30}$/, `write ${what} in lower-case letters, digits, - and _`)

const components = v.pipe(
  v.array(text(/^[a-z0-9][a-z0-9./-]*$/, 'write a component, such as main')),
  v.minLength(1),
)

/** A colon would begin the next field of /etc/passwd. */
const accountPath = text(
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  /^\/(?!.*\/\.{1,2}(\/|$))[^:\u0000-\u001f]*$/,
  'write an absolute path in the image, without a colon, . and ..',
)

const user = v.strictObject({
  name: word("the account's name"),
  uid: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(59_999))),
  groups: v.optional(v.array(word('groups'))),
  shell: v.optional(accountPath),
  home: v.optional(accountPath),
  'ssh-keys': v.optional(v.array(sshKey)),
})

const command = v.pipe(
  v.array(v.pipe(v.string(), v.regex(/^[^\0]*$/, 'no zero bytes'))),
  v.minLength(1, 'write the program and its arguments, each on its own'),
)

const yamlFile = text(/^[^\0]+\.ya?ml$/, 'name a file beside the recipe that ends in .yml or .yaml')

const parts = {
  packages: v.optional(v.array(packageName)),
  folders: v.optional(v.array(targetPath)),
  files: v.optional(
    v.array(
      v.strictObject({
        source: v.pipe(v.string(), v.minLength(1)),
        path: targetPath,
        mode: v.optional(mode),
      }),
    ),
  ),
  links: v.optional(
    v.array(v.strictObject({ path: targetPath, target: v.pipe(v.string(), v.minLength(1)) })),
  ),
  remove: v.optional(v.array(targetPath)),
  users: v.optional(v.array(user)),
  services: v.optional(
    v.strictObject({
      enable: v.optional(v.array(unit)),
      disable: v.optional(v.array(unit)),
      mask: v.optional(v.array(unit)),
    }),
  ),
  hooks: v.optional(
    v.array(
      v.strictObject({
        command,
      }),
    ),
  ),
  playbooks: v.optional(v.array(v.strictObject({ playbook: yamlFile, vars: v.optional(yamlFile) }))),
}

const disk = v.strictObject({
  table: v.optional(v.picklist(['gpt', 'mbr'])),
  boot: v.optional(v.strictObject({ size, from: v.optional(targetPath) })),
  slots: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2))),
  data: v.optional(v.strictObject({ size, from: v.optional(targetPath) })),
  compression: v.optional(v.picklist(['xz', 'zstd'])),
})

/** The form of `image.yml`. */
export const recipeSchema = v.strictObject({
  name: v.pipe(
    v.string(),
    v.maxLength(64),
    v.regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, 'use lower-case letters, digits, dots and dashes'),
  ),
  suite,
  mirror: v.optional(url),
  components: v.optional(components),
  repositories: v.optional(
    v.array(
      v.strictObject({
        url,
        suite: v.optional(suite),
        components: v.optional(components),
        key: v.pipe(v.string(), v.regex(/\.(asc|gpg|pgp)$/, 'name a file that ends in .asc or .gpg')),
      }),
    ),
  ),
  builder: v.optional(
    v.strictObject({
      command,
      rootfs: text(
        // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
        /^(?!.*(^|\/)\.{1,2}(\/|$))[^/\u0000-\u001f][^\u0000-\u001f]*$/,
        'write a path below the folder $IMAGE_OUTPUT',
      ),
    }),
  ),
  size: v.optional(size),
  ...parts,
  disk: v.optional(disk),
  variants: v.optional(
    v.record(
      text(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'use lower-case letters, digits and dashes'),
      v.strictObject(parts),
    ),
  ),
})

/** What stands in `image.yml`. */
export type RecipeFile = v.InferOutput<typeof recipeSchema>

/** What a recipe and each of its variants may list. */
export type RecipeParts = NonNullable<RecipeFile['variants']>[string]
