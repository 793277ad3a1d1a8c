"""An OpenID Connect provider that is not ours: django-allauth's, in a process of its own."""
