const { PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password, PGDATABASE: database } = process.env;

module.exports = { client: 'pg', connection: { host, port: Number(port), user, password, database }, migrations: { directory: './migrations' } };
