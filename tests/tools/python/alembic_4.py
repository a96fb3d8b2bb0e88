import sqlalchemy as sa
from alembic import op

revision, down_revision = "4", "3"


def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO authors (name) VALUES (NULL)")


def downgrade():
    op.drop_table("half")
