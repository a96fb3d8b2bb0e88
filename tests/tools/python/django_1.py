from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.CreateModel("Author", fields=[
        ("id", models.AutoField(primary_key=True)),
        ("name", models.CharField(max_length=100, unique=True)),
        ("created_at", models.DateTimeField(db_default=Now()))], options={"db_table": "authors"})]
