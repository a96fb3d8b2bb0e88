const { DataTypes } = require('sequelize');

exports.up = ({ context: sequelize }) => sequelize.transaction(async transaction => {
  const schema = sequelize.getQueryInterface();
  await schema.createTable('half', { id: { type: DataTypes.INTEGER, primaryKey: true } }, { transaction });
  await schema.bulkInsert('authors', [{ name: null }], { transaction });
});
exports.down = ({ context: sequelize }) => sequelize.getQueryInterface().dropTable('half');
