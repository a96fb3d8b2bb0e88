const { DataTypes } = require('sequelize');

exports.up = ({ context: sequelize }) => sequelize.transaction(async transaction => {
  const schema = sequelize.getQueryInterface();
  await schema.createTable('books', {
    id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
    author_id: { type: DataTypes.INTEGER, allowNull: false, references: { model: 'authors', key: 'id' }, onDelete: 'CASCADE' },
    title: { type: DataTypes.TEXT, allowNull: false },
    price: { type: DataTypes.DECIMAL(10, 2), allowNull: false, defaultValue: 0 },
  }, { transaction });
  await schema.addIndex('books', ['author_id'], { name: 'books_author_id_idx', transaction });
});
exports.down = ({ context: sequelize }) => sequelize.getQueryInterface().dropTable('books');
