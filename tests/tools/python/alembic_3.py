import sqlalchemy as sa
from alembic import op

revision, down_revision = "3", "2"


def upgrade():
    authors = sa.table("authors", sa.column("name"), sa.column("email"))
    op.bulk_insert(authors, [{"name": "Ursula"}, {"name": "Stanislaw"}])
    op.add_column("authors", sa.Column("email", sa.String(200)))
    op.execute(authors.update().values(email=sa.func.lower(authors.c.name) + "@example.org"))


def downgrade():
    op.drop_column("authors", "email")
    op.execute("DELETE FROM authors")
