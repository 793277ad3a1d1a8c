"""The table of the database cache, which the full mode uses (settings.CACHES).

Made here and not by `createcachetable`, so that `migrate` alone leaves a database that is ready.
"""

from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE hydra_cache (
                cache_key varchar(255) NOT NULL PRIMARY KEY,
                value text NOT NULL,
                expires timestamp with time zone NOT NULL
            )
            """,
            "DROP TABLE hydra_cache",
        ),
        migrations.RunSQL(
            "CREATE INDEX hydra_cache_expires ON hydra_cache (expires)",
            "DROP INDEX hydra_cache_expires",
        ),
    ]
