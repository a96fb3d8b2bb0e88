exports.up = pgm => {
  pgm.sql("INSERT INTO authors (name) VALUES ('Ursula'), ('Stanislaw')");
  pgm.addColumn('authors', { email: 'varchar(200)' });
  pgm.sql("UPDATE authors SET email = lower(name) || '@example.org'");
};
exports.down = pgm => {
  pgm.dropColumn('authors', 'email');
  pgm.sql('DELETE FROM authors');
};
