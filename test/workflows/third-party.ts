/**
 * The actions of others that the project uses: the commit that their version's tag names, and the inputs that the project
 * gives them (read in their action.yml at that commit). A new version is a change here, looked at by a person.
 */
export const thirdParty: Record<string, { commit: string; version: string; inputs: readonly string[] }> = {
  'actions/checkout': {
    commit: '3d3c42e5aac5ba805825da76410c181273ba90b1',
    version: 'v7.0.1',
    inputs: ['fetch-depth', 'persist-credentials'],
  },
  'actions/setup-node': {
    commit: '820762786026740c76f36085b0efc47a31fe5020',
    version: 'v7.0.0',
    inputs: ['node-version', 'package-manager-cache'],
  },
  'actions/upload-artifact': {
    commit: 'bbbca2ddaa5d8feaa63e36b76fdaad77386f024f',
    version: 'v7.0.0',
    inputs: ['name', 'path', 'retention-days'],
  },
  'actions/download-artifact': {
    commit: '3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c',
    version: 'v8.0.1',
    inputs: ['name', 'path'],
  },
  'actions/cache/restore': {
    commit: '27d5ce7f107fe9357f9df03efb73ab90386fccae',
    version: 'v5.0.5',
    inputs: ['path', 'key', 'restore-keys'],
  },
  'actions/cache/save': {
    commit: '27d5ce7f107fe9357f9df03efb73ab90386fccae',
    version: 'v5.0.5',
    inputs: ['path', 'key'],
  },
  'actions/create-github-app-token': {
    commit: '1b10c78c7865c340bc4f6099eb2f838309f1e8c3',
    version: 'v3.1.1',
    inputs: ['client-id', 'private-key', 'permission-administration'],
  },
  'actions/attest': {
    commit: '1e69f48acb82d1966a394da916b4c1698aa569d6',
    version: 'v4.2.2',
    inputs: ['subject-checksums', 'subject-path', 'predicate-type', 'predicate-path'],
  },
}
