exports.up = knex => knex.schema.createTable('authors', t => {
  t.increments('id');
  t.string('name', 100).notNullable().unique();
  t.timestamp('created_at').notNullable().defaultTo(knex.fn.now());
});
exports.down = knex => knex.schema.dropTable('authors');
