// The contract of the port, kept by the hawkBit adapter against the real server. Its devices are stand-ins.
import { after } from 'node:test'
import { openHawkbitLab } from '../support/hawkbit-lab.ts'
import { lacksHawkbit, startHawkbit } from '../support/hawkbit-server.ts'
import { contract } from './contract.ts'

const skip = await lacksHawkbit()
const server = skip === false ? await startHawkbit(40) : undefined
after(() => server?.stop())

contract(
  'hawkBit',
  async (t) => {
    if (!server) throw new Error('not started')
    return openHawkbitLab(t, server)
  },
  { skip, letsInWhoItKnows: true },
)
