exports.up = async knex => {
  await knex('authors').insert([{ name: 'Ursula' }, { name: 'Stanislaw' }]);
  await knex.schema.alterTable('authors', t => t.string('email', 200));
  await knex('authors').update({ email: knex.raw("lower(name) || '@example.org'") });
};
exports.down = async knex => {
  await knex.schema.alterTable('authors', t => t.dropColumn('email'));
  await knex('authors').del();
};
