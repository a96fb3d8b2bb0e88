import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("library", "0001_step")]
    operations = [migrations.CreateModel("Book", fields=[
        ("id", models.BigAutoField(primary_key=True)),
        ("author", models.ForeignKey("library.Author", on_delete=django.db.models.deletion.CASCADE)),
        ("title", models.TextField()),
        ("price", models.DecimalField(max_digits=10, decimal_places=2, db_default=0))],
        options={"db_table": "books", "indexes": [models.Index(fields=["title"], name="books_title_idx")]})]
