#!/usr/bin/env node
import { Command } from 'commander'
import { migrateCommand } from './db-migrate.js'

const program = new Command('migration-coverage').description('How much of a PostgreSQL migration has arrived, and whether it arrived right')
const db = program.command('db').description('the tracking schema in the target database')
db.command('migrate').description('create or upgrade the tracking schema and the task queue; needs the right to run DDL').action(migrateCommand)

await program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
