from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("library", "0003_step")]
    operations = [
        migrations.CreateModel("Half", fields=[("id", models.IntegerField(primary_key=True))], options={"db_table": "half"}),
        migrations.RunSQL("INSERT INTO authors (name) VALUES (NULL)")]
