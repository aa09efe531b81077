"""Django in this process, with users and sessions in memory."""

from __future__ import annotations

from http.cookies import SimpleCookie

import django
from django.conf import settings


def configure() -> None:
    """Configure Django once for the whole process."""
    if settings.configured:
        return
    apps = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(
        SECRET_KEY="a secret", INSTALLED_APPS=apps, DATABASES={"default": database}, USE_TZ=True
    )
    django.setup()


def create_tables() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def session_cookie(name: str, is_staff: bool) -> str:
    """Create a user, and return the Cookie header of a session of that user."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create(username=name, is_staff=is_staff))
    cookies: SimpleCookie = client.cookies
    return f"sessionid={cookies['sessionid'].value}"
