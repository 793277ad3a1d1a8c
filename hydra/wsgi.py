"""The WSGI application: everything that asks the database and answers at once."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")

application = get_wsgi_application()
