from django.db import migrations, models


def add_rows(apps, schema_editor):
    author = apps.get_model("library", "Author")
    author.objects.bulk_create([author(name="Ursula"), author(name="Stanislaw")])


def remove_rows(apps, schema_editor):
    apps.get_model("library", "Author").objects.all().delete()


def fill(apps, schema_editor):
    for author in apps.get_model("library", "Author").objects.order_by("id"):
        author.email = f"{author.name.lower()}@example.org"
        author.save()


class Migration(migrations.Migration):
    dependencies = [("library", "0002_step")]
    operations = [
        migrations.RunPython(add_rows, remove_rows),
        migrations.AddField("Author", "email", models.CharField(max_length=200, null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop)]
