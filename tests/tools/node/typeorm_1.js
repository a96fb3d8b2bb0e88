const { Table } = require('typeorm');

exports.Authors1700000000001 = class Authors1700000000001 {
  async up(runner) {
    await runner.createTable(new Table({
      name: 'authors',
      columns: [
        { name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
        { name: 'name', type: 'varchar', length: '100', isUnique: true },
        { name: 'created_at', type: 'timestamptz', default: 'now()' },
      ],
    }));
  }
  async down(runner) {
    await runner.dropTable('authors');
  }
};
