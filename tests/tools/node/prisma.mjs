// What `prisma migrate deploy` and `prisma migrate status` do, by Prisma's own schema engine as WebAssembly (its command downloads a
// binary instead). The engine's catalogue queries return "char", which its adapter does not know: here it is bpchar.
import fs from 'node:fs';
import pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';

const { PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password, PGDATABASE: database } = process.env;
const CHAR = 18, BPCHAR = 1042;
const charColumns = new WeakMap();
const known = result => {
  const at = (result?.fields ?? []).flatMap((field, i) => (field.dataTypeID === CHAR ? [i] : []));
  for (const i of at) result.fields[i].dataTypeID = BPCHAR;
  if (at.length) charColumns.set(result.rows, at);
  return result;
};
class Client extends pg.Client {
  query(...a) { const result = super.query(...a); return typeof result?.then === 'function' ? result.then(known) : result; }
}
const pool = new pg.Pool({ host, port: Number(port), user, password, database, max: 2, Client });
const query = pool.query.bind(pool);
pool.query = async (...a) => known(await query(...a));
class Factory extends PrismaPg {
  async connect() {
    const adapter = await super.connect(), ask = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async q => {
      const result = await ask(q);
      for (const i of charColumns.get(result.rows) ?? []) result.columnTypes[i] = ColumnTypeEnum.Character;
      return result;
    };
    return adapter;
  }
}

const engineModule = await import('@prisma/schema-engine-wasm/schema_engine_bg');
const wasm = fs.readFileSync('node_modules/@prisma/schema-engine-wasm/schema_engine_bg.wasm');
const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': engineModule });
engineModule.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();
const datamodel = 'datasource db {\n  provider = "postgresql"\n}\n';
const engine = await engineModule.SchemaEngine.new({ datamodels: [['schema.prisma', datamodel]] }, () => {},
  bindMigrationAwareSqlAdapterFactory(new Factory(pool)));
const migrationsList = {
  baseDir: 'migrations', lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' }, shadowDbInitScript: '',
  migrationDirectories: fs.readdirSync('migrations').sort().map(path => (
    { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: fs.readFileSync(`migrations/${path}/migration.sql`, 'utf8') } } })),
};
const filters = { externalTables: [], externalEnums: [] };
try {
  if (process.argv[2] === 'deploy') {
    console.log(await engine.applyMigrations({ migrationsList, filters }));
  } else {
    const status = await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters });
    console.log(status);
    if (status.history || status.failedMigrationNames.length) process.exitCode = 1;
  }
} catch (error) {
  console.log(error);
  process.exitCode = 1;
}
await pool.end();
