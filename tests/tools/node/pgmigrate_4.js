exports.up = pgm => {
  pgm.createTable('half', { id: { type: 'integer', primaryKey: true } });
  pgm.sql('INSERT INTO authors (name) VALUES (NULL)');
};
