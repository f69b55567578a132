// Generated from actions/*/action.yml by npm run generate; don't edit.
export const manifest = {
  'build-image': {
    description: 'Builds an OS image and its root file system from a recipe',
    inputs: {
      recipe: { required: true },
      arch: { required: false, default: '' },
      variant: { required: false, default: '' },
      output: { required: false, default: 'image' },
      cache: { required: false, default: '' },
    },
    outputs: [
      'image',
      'rootfs',
      'manifest',
      'sbom',
      'version',
      'sha256',
      'cache-hit',
      'failure-reason',
      'changed',
    ],
  },
  'dispatch-artifact': {
    description: 'Updates one device and waits until the device itself reports the release',
    inputs: {
      server: { required: true },
      'server-type': { required: false, default: 'mender' },
      token: { required: true },
      release: { required: true },
      device: { required: true },
      timeout: { required: false, default: '30m' },
      lease: { required: false, default: '' },
      'github-token': { required: false, default: '${{ github.token }}' },
    },
    outputs: ['deployment', 'device', 'address', 'result', 'log', 'failure-reason', 'changed'],
  },
  'gather-facts': {
    description: "Reads all devices' facts from the OTA server",
    inputs: {
      fleet: { required: false, default: '' },
      server: { required: false, default: '' },
      'server-type': { required: false, default: '' },
      token: { required: true },
      'max-age': { required: false, default: '' },
      output: { required: false, default: 'facts.json' },
    },
    outputs: ['facts', 'devices', 'silent', 'failure-reason', 'changed'],
  },
  'lease-device': {
    description: 'Takes a lab device for the steps and jobs that follow, or returns it',
    inputs: {
      server: { required: true },
      'server-type': { required: false, default: 'mender' },
      token: { required: true },
      device: { required: true },
      lease: { required: false, default: '' },
      timeout: { required: false, default: '1h' },
      'github-token': { required: false, default: '${{ github.token }}' },
    },
    outputs: ['device', 'lease', 'expires', 'failure-reason', 'changed'],
  },
  'package-artifact': {
    description: 'Makes one signed update file from an image, files or containers',
    inputs: {
      source: { required: false, default: '' },
      format: { required: false, default: 'mender' },
      name: { required: false, default: '' },
      'device-types': { required: false, default: '' },
      output: { required: false, default: '' },
      'signing-key': { required: false, default: '' },
      compression: { required: false, default: 'gzip' },
      options: { required: false, default: '' },
    },
    outputs: ['artifact', 'name', 'sha256', 'content-digest', 'size', 'failure-reason', 'changed'],
  },
  'plan-updates': {
    description: 'Says what a merge would do to the fleet, device by device',
    inputs: {
      fleet: { required: false, default: '.' },
      stage: { required: false, default: '' },
      token: { required: false, default: '' },
      facts: { required: false, default: '' },
      comment: { required: false, default: 'true' },
      output: { required: false, default: 'plan.json' },
      'github-token': { required: false, default: '${{ github.token }}' },
    },
    outputs: ['plan', 'digest', 'changes', 'blocked', 'summary', 'failure-reason', 'changed'],
  },
  'schedule-updates': {
    description: 'Does the next thing that is due in a stage, and says what it did',
    inputs: {
      fleet: { required: false, default: '.' },
      stage: { required: false, default: '' },
      token: { required: true },
      plan: { required: false, default: '' },
      'dry-run': { required: false, default: 'false' },
      'github-token': { required: false, default: '${{ github.token }}' },
    },
    outputs: ['state', 'scheduled', 'wave', 'waves', 'halted-by', 'next-due', 'failure-reason', 'changed'],
  },
  'serve-ota': {
    description: "Starts the embedded OTA server for a job and stops it at the job's end",
    inputs: {
      'data-dir': { required: false, default: 'drover-ota' },
      port: { required: false, default: '0' },
      accept: { required: false, default: 'none' },
    },
    outputs: ['url', 'token', 'failure-reason', 'changed'],
  },
  'simulate-fleet': {
    description: 'Lets many simulated devices, with what goes wrong in the field, talk to an OTA server',
    inputs: {
      server: { required: true },
      devices: { required: false, default: '10' },
      faults: { required: false, default: '' },
      seed: { required: false, default: '1' },
    },
    outputs: ['report', 'failure-reason', 'changed'],
  },
  'test-device': {
    description: 'Runs a test suite on a device that must run the expected release',
    inputs: {
      device: { required: true },
      tests: { required: true },
      'ssh-key': { required: false, default: '' },
      'host-key': { required: false, default: '' },
      'expect-release': { required: false, default: '' },
      output: { required: false, default: 'test-results' },
      'signing-key': { required: false, default: '' },
    },
    outputs: ['result', 'passed', 'failed', 'skipped', 'junit', 'receipt', 'failure-reason', 'changed'],
  },
  'upload-artifact': {
    description: 'Puts an update file on the OTA server; the same content twice is one upload',
    inputs: {
      server: { required: true },
      'server-type': { required: false, default: 'mender' },
      token: { required: true },
      artifact: { required: true },
      'verify-key': { required: false, default: '' },
    },
    outputs: ['release', 'artifact-id', 'sha256', 'content-digest', 'url', 'failure-reason', 'changed'],
  },
  'verify-artifact': {
    description: 'Refuses an update file with named reasons, or says that nothing speaks against it',
    inputs: {
      artifact: { required: true },
      'verify-key': { required: false, default: '' },
      'device-types': { required: false, default: '' },
      'min-version': { required: false, default: '' },
      receipt: { required: false, default: '' },
      'receipt-key': { required: false, default: '' },
      fleet: { required: false, default: '' },
    },
    outputs: ['verdict', 'reasons', 'failure-reason', 'changed'],
  },
} as const

export type ActionName = keyof typeof manifest
export type InputName<N extends ActionName> = keyof (typeof manifest)[N]['inputs'] & string
export type OutputName<N extends ActionName> = (typeof manifest)[N]['outputs'][number]
