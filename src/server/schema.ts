// The tables. Times are ISO 8601 in UTC with milliseconds, lists and maps are JSON. `seq` is the order of creation, which
// times are too coarse for.

/** Each entry brings the database one version further; entries are only ever added. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE device (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    identity_digest TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    checked_in TEXT,
    facts_updated TEXT,
    tags_version INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX device_status ON device (status);

  CREATE TABLE auth_set (
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    public_key TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (device, public_key)
  ) STRICT;

  CREATE TABLE attribute (
    device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    description TEXT,
    updated TEXT NOT NULL,
    PRIMARY KEY (device, scope, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX attribute_value ON attribute (scope, name, value);

  CREATE TABLE artifact (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    device_types TEXT NOT NULL,
    depends TEXT NOT NULL,
    content TEXT NOT NULL,
    modified TEXT NOT NULL
  ) STRICT;
  CREATE INDEX artifact_name ON artifact (name);
  CREATE INDEX artifact_sha256 ON artifact (sha256);

  -- what makes two artifacts of one release the same to a device: name and each combination of what they depend on
  CREATE TABLE artifact_fit (
    name TEXT NOT NULL,
    depends TEXT NOT NULL,
    artifact TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
    PRIMARY KEY (name, depends)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX artifact_fit_artifact ON artifact_fit (artifact);

  CREATE TABLE release_note (
    name TEXT PRIMARY KEY,
    tags TEXT NOT NULL,
    notes TEXT NOT NULL
  ) STRICT;

  CREATE TABLE deployment (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    artifact_name TEXT NOT NULL,
    constructor TEXT NOT NULL,
    groups TEXT NOT NULL,
    is_forced INTEGER NOT NULL,
    max_devices INTEGER NOT NULL,
    created TEXT NOT NULL,
    finished TEXT
  ) STRICT;
  CREATE INDEX deployment_name ON deployment (name);
  CREATE UNIQUE INDEX deployment_unfinished ON deployment (constructor) WHERE finished IS NULL;

  -- one device of one deployment; it counts as taken up (and is listed) from its first poll on
  CREATE TABLE target (
    deployment INTEGER NOT NULL REFERENCES deployment (seq) ON DELETE CASCADE,
    device TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    substate TEXT,
    is_final INTEGER NOT NULL DEFAULT 0,
    is_taken INTEGER NOT NULL DEFAULT 0,
    is_forgotten INTEGER NOT NULL DEFAULT 0,
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    request TEXT,
    device_type TEXT,
    artifact TEXT,
    log TEXT,
    PRIMARY KEY (deployment, device)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX target_device ON target (device, deployment);
  `,
  `
  -- tokens that people made for programs; a token itself is nowhere, only its SHA-256
  CREATE TABLE access_token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL UNIQUE,
    is_read_only INTEGER NOT NULL,
    created TEXT NOT NULL,
    expires TEXT,
    last_used TEXT
  ) STRICT;

  -- logins that were ended before their time, until they would have ended by themselves
  CREATE TABLE ended_login (
    id TEXT PRIMARY KEY,
    expires TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
]
