// What Mender's management API answers, as far as it is read here. Loose: servers grow.
import * as v from 'valibot'

const name = v.pipe(v.string(), v.maxLength(4096))
const time = v.pipe(v.string(), v.isoTimestamp())
const scalar = v.union([v.string(), v.number(), v.boolean()])

export const inventoryDevice = v.object({
  id: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  updated_ts: v.nullish(time),
  attributes: v.nullish(
    v.array(
      v.object({
        name,
        scope: v.optional(v.string(), 'inventory'),
        value: v.nullish(v.union([scalar, v.array(v.nullable(scalar))])),
      }),
    ),
  ),
})
export type InventoryDevice = v.InferOutput<typeof inventoryDevice>

export const deviceStatus = v.picklist(['accepted', 'pending', 'rejected', 'preauthorized', 'noauth'])

export const authDevice = v.object({
  id: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  status: deviceStatus,
  identity_data: v.nullish(v.record(v.string(), v.union([scalar, v.array(scalar)]))),
  check_in_time: v.nullish(v.string()),
  decommissioning: v.nullish(v.boolean()),
  auth_sets: v.nullish(v.array(v.object({ id: v.string(), status: v.string() }))),
})
export type AuthDevice = v.InferOutput<typeof authDevice>

export const artifact = v.object({
  id: v.pipe(v.string(), v.nonEmpty()),
  name: v.pipe(v.string(), v.nonEmpty()),
  device_types_compatible: v.array(name),
  signed: v.nullish(v.boolean()),
  size: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0))),
  updates: v.nullish(
    v.array(
      v.object({
        type_info: v.nullish(v.object({ type: v.nullish(v.string()) })),
        files: v.nullish(
          v.array(
            v.object({ name, checksum: v.string(), size: v.nullish(v.pipe(v.number(), v.minValue(0))) }),
          ),
        ),
        metadata: v.nullish(v.unknown()),
        // an object on older servers, a list without a use on newer ones
        meta_data: v.nullish(v.unknown()),
      }),
    ),
  ),
  artifact_provides: v.nullish(v.record(v.string(), v.string())),
})
export type MenderArtifact = v.InferOutput<typeof artifact>

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const counts = v.record(v.string(), count)

/** How many devices of a deployment stand how. */
export const deploymentStatistics = v.object({ id: v.string(), stats: counts })

export const deployment = v.object({
  id: v.pipe(v.string(), v.nonEmpty()),
  name,
  statistics: v.nullish(v.object({ status: v.nullish(counts) })),
  /** Devices that have asked for it, and all that it is for. */
  device_count: v.nullish(count),
  max_devices: v.nullish(count),
  artifact_name: v.nullish(v.string()),
  created: time,
  finished: v.nullish(time),
  status: v.picklist(['scheduled', 'pending', 'inprogress', 'finished']),
})
export type MenderDeployment = v.InferOutput<typeof deployment>

const deviceOfDeployment = v.object({
  status: v.string(),
  started: v.nullish(time),
  finished: v.nullish(time),
})

/** An entry of a device's history. */
export const deploymentOfDevice = v.object({
  deployment: v.object({ name, created: time }),
  device: v.nullish(deviceOfDeployment),
})

export const deploymentDevice = v.object({
  id: v.pipe(v.string(), v.nonEmpty()),
  ...deviceOfDeployment.entries,
})
export type MenderDevice = v.InferOutput<typeof deploymentDevice>

export const deviceIds = v.array(v.pipe(v.string(), v.nonEmpty()))
