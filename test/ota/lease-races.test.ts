import { openLab } from '../support/mender-lab.ts'
import { leaseRaces } from './lease-races.ts'

leaseRaces('mender', (t) => openLab(t), { rounds: 60 })
