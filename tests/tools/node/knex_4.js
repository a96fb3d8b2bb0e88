exports.up = async knex => {
  await knex.schema.createTable('half', t => t.integer('id').primary());
  await knex('authors').insert({ name: null });
};
exports.down = knex => knex.schema.dropTable('half');
