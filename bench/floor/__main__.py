"""Make the floor's tables and its key; the token comes in by FLOOR_TOKEN."""

import hashlib
import os

import django
from django.core.management import call_command

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.floor.settings"
django.setup()

from bench.floor.models import Key  # noqa: E402  # models need the set-up above

call_command("migrate", run_syncdb=True, verbosity=0)
Key.objects.create(digest=hashlib.sha256(os.environ["FLOOR_TOKEN"].encode()).hexdigest())
