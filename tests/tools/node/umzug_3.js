const { DataTypes } = require('sequelize');

exports.up = ({ context: sequelize }) => sequelize.transaction(async transaction => {
  const schema = sequelize.getQueryInterface();
  await schema.bulkInsert('authors', [{ name: 'Ursula' }, { name: 'Stanislaw' }], { transaction });
  await schema.addColumn('authors', 'email', { type: DataTypes.STRING(200) }, { transaction });
  await sequelize.query("UPDATE authors SET email = lower(name) || '@example.org'", { transaction });
});
exports.down = ({ context: sequelize }) => sequelize.transaction(async transaction => {
  const schema = sequelize.getQueryInterface();
  await schema.removeColumn('authors', 'email', { transaction });
  await schema.bulkDelete('authors', {}, { transaction });
});
