import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { compareWithAnsible } from './ansible.ts'

test(
  'five hundred random inventories are what ansible-inventory makes of them',
  {
    skip: needs('ansible-inventory'),
  },
  async (t) => {
    await compareWithAnsible(
      t,
      Array.from({ length: 500 }, (_, index) => index + 1001),
    )
  },
)
