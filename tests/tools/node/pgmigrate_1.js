exports.up = pgm => pgm.createTable('authors', {
  id: 'id',
  name: { type: 'varchar(100)', notNull: true, unique: true },
  created_at: { type: 'timestamptz', notNull: true, default: pgm.func('now()') },
});
