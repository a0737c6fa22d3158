#!/usr/bin/env node
import { Command } from 'commander'
import { migrateCommand } from './db-migrate.js'
import { planCheckCommand } from './plan-check.js'
import { planDiscoverCommand } from './plan-discover.js'

const program = new Command('migration-coverage').description('How much of a PostgreSQL migration has arrived, and whether it arrived right')
const db = program.command('db').description('the tracking schema in the target database')
db.command('migrate').description('create or upgrade the tracking schema and the task queue; needs the right to run DDL').action(migrateCommand)
const plan = program.command('plan').description('the plan file')
plan.command('check').argument('[file]', 'the plan; MIGRATION_PLAN unless given').description('everything that is wrong with the plan or the two schemas, before a run; ends with 1 when an entity cannot be compared').action(planCheckCommand)
plan.command('discover').option('--output <file>', 'write to this file, not to the standard output').option('--force', 'overwrite the file').description('a first plan, found in both databases, with the evidence of each part').action(planDiscoverCommand)

await program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
