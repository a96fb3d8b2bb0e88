import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", "1"


def upgrade():
    op.create_table(
        "books",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("authors.id", ondelete="CASCADE"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False, server_default="0"))
    op.create_index("books_author_id_idx", "books", ["author_id"])


def downgrade():
    op.drop_table("books")
