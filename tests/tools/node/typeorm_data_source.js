require('reflect-metadata');
const { DataSource } = require('typeorm');

module.exports = new DataSource({
  type: 'postgres', host: process.env.PGHOST, port: Number(process.env.PGPORT), username: process.env.PGUSER,
  password: process.env.PGPASSWORD, database: process.env.PGDATABASE, installExtensions: false,
  migrations: ['migrations/*.js'], migrationsTableName: 'typeorm_migrations', migrationsTransactionMode: 'each',
});
