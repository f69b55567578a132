// The contract of the port, kept by the hawkBit adapter against the real server, and what is hawkBit's own.
import { contract } from './contract.ts'
import { hawkbitFaults } from './hawkbit-faults.ts'
import './hawkbit-configuration.ts'
import './hawkbit-crowd.ts'
import './hawkbit-orders.ts'
import './hawkbit-rauc.ts'
import './hawkbit-swupdate.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'
import './hawkbit-things.ts'
import './hawkbit-tick.ts'
import './hawkbit-variants.ts'
import { leaseRaces } from './lease-races.ts'

contract('hawkBit', (t) => openTenant(t), { skip, letsInWhoItKnows: true })

leaseRaces('hawkbit', (t) => openTenant(t), { skip, rounds: 30 })

hawkbitFaults(30)
