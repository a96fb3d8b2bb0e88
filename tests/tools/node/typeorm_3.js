const { TableColumn } = require('typeorm');

exports.Rows1700000000003 = class Rows1700000000003 {
  async up(runner) {
    await runner.query("INSERT INTO authors (name) VALUES ($1), ($2)", ['Ursula', 'Stanislaw']);
    await runner.addColumn('authors', new TableColumn({ name: 'email', type: 'varchar', length: '200', isNullable: true }));
    await runner.query("UPDATE authors SET email = lower(name) || '@example.org'");
  }
  async down(runner) {
    await runner.dropColumn('authors', 'email');
    await runner.query('DELETE FROM authors');
  }
};
