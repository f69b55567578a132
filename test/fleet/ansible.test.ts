import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { compareWithAnsible } from './ansible.ts'

test(
  'fifty random inventories are what ansible-inventory makes of them',
  {
    skip: needs('ansible-inventory'),
  },
  async (t) => {
    await compareWithAnsible(
      t,
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
  },
)
