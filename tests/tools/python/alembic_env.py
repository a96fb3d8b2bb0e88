from alembic import context
from sqlalchemy import engine_from_config

with engine_from_config(context.config.get_section("alembic")).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
