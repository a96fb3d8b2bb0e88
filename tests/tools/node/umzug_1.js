const { DataTypes } = require('sequelize');

exports.up = ({ context: sequelize }) => sequelize.transaction(transaction => sequelize.getQueryInterface().createTable('authors', {
  id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
  name: { type: DataTypes.STRING(100), allowNull: false, unique: true },
  created_at: { type: DataTypes.DATE, allowNull: false, defaultValue: sequelize.fn('now') },
}, { transaction }));
exports.down = ({ context: sequelize }) => sequelize.getQueryInterface().dropTable('authors');
