#!/usr/bin/env node
import { Command, Option } from 'commander'
import { repairClasses } from '../core/repair.js'
import { migrateCommand } from './db-migrate.js'
import { gateCommand, unknownCode } from './gate.js'
import { planCheckCommand } from './plan-check.js'
import { planDiscoverCommand } from './plan-discover.js'
import { repairCommand } from './repair.js'

const program = new Command('migration-coverage').description('How much of a PostgreSQL migration has arrived, and whether it arrived right')
const db = program.command('db').description('the tracking schema in the target database')
db.command('migrate').description('create or upgrade the tracking schema and the task queue; needs the right to run DDL').action(migrateCommand)
const plan = program.command('plan').description('the plan file')
plan.command('check').argument('[file]', 'the plan; MIGRATION_PLAN unless given').description('everything that is wrong with the plan or the two schemas, before a run; ends with 1 when an entity cannot be compared').action(planCheckCommand)
plan.command('discover').option('--output <file>', 'write to this file, not to the standard output').option('--force', 'overwrite the file').description('a first plan, found in both databases, with the evidence of each part').action(planDiscoverCommand)
program
  .command('repair')
  .argument('[job]', 'id of a validation job; the newest completed one unless given')
  .description('the keys of the rows that are missing, differ, are extra or duplicate, by script, entity, class and cause; nothing is run')
  .addOption(new Option('--format <format>', 'sql is for one database, that of --side; the source unless given').choices(['json', 'csv', 'sql']).default('json'))
  .option('--script <name>', 'only rows of entities that this script fills')
  .option('--entity <name>', 'only rows of this entity')
  .addOption(new Option('--class <class>', 'only rows of this class').choices(repairClasses))
  .option('--cause <cause>', 'only rows of this cause')
  .addOption(new Option('--side <side>', 'only rows that are to be read there').choices(['source', 'target']))
  .option('--limit <keys>', 'keys listed at most', '1000000')
  .action(repairCommand)
program
  .command('gate')
  .argument('[file]', 'the plan; MIGRATION_PLAN unless given')
  .description('holds the newest figures against the gates of the plan; ends with 0 when all limits hold, 1 when one is not met, 2 when nobody can tell')
  .addOption(new Option('--format <format>', 'how it is told').choices(['text', 'json']).default('text'))
  // a misspelt option is no limit that is not met
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : unknownCode))
  .action(gateCommand)

await program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
