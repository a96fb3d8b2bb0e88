exports.up = pgm => {
  pgm.createTable('books', {
    id: { type: 'bigserial', primaryKey: true },
    author_id: { type: 'integer', notNull: true, references: 'authors', onDelete: 'CASCADE' },
    title: { type: 'text', notNull: true },
    price: { type: 'numeric(10,2)', notNull: true, default: 0 },
  });
  pgm.createIndex('books', 'author_id');
};
