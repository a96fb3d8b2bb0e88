const { Sequelize } = require('sequelize');
const { SequelizeStorage, Umzug } = require('umzug');

const sequelize = new Sequelize(process.env.PGDATABASE, process.env.PGUSER, process.env.PGPASSWORD,
  { host: process.env.PGHOST, port: Number(process.env.PGPORT), dialect: 'postgres', logging: false });
const umzug = new Umzug({
  migrations: { glob: 'migrations/*.js' },
  context: sequelize,
  storage: new SequelizeStorage({ sequelize }),
  logger: console,
});

umzug.runAsCLI(process.argv.slice(2)).then(async done => {
  await sequelize.close();
  process.exit(done ? 0 : 1);
});
