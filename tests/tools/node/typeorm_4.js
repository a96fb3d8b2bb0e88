const { Table } = require('typeorm');

exports.Broken1700000000004 = class Broken1700000000004 {
  async up(runner) {
    await runner.createTable(new Table({ name: 'half', columns: [{ name: 'id', type: 'int', isPrimary: true }] }));
    await runner.query('INSERT INTO authors (name) VALUES (NULL)');
  }
  async down(runner) {
    await runner.dropTable('half');
  }
};
