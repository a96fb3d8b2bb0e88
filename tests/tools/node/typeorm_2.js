const { Table } = require('typeorm');

exports.Books1700000000002 = class Books1700000000002 {
  async up(runner) {
    await runner.createTable(new Table({
      name: 'books',
      columns: [
        { name: 'id', type: 'bigint', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'author_id', type: 'int' },
        { name: 'title', type: 'text' },
        { name: 'price', type: 'numeric', precision: 10, scale: 2, default: '0' },
      ],
      foreignKeys: [{ columnNames: ['author_id'], referencedTableName: 'authors', referencedColumnNames: ['id'], onDelete: 'CASCADE' }],
      indices: [{ name: 'books_author_id_idx', columnNames: ['author_id'] }],
    }));
  }
  async down(runner) {
    await runner.dropTable('books');
  }
};
