exports.up = knex => knex.schema.createTable('books', t => {
  t.bigIncrements('id');
  t.integer('author_id').notNullable().references('authors.id').onDelete('CASCADE').index();
  t.text('title').notNullable();
  t.decimal('price', 10, 2).notNullable().defaultTo(0);
});
exports.down = knex => knex.schema.dropTable('books');
