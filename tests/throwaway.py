"""A Django project in a temporary directory, tried in a Python process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent

SETTINGS = """
SECRET_KEY = "only-for-tests"
DEBUG = True
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "reflex_drf",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
STATIC_URL = "/static/"
"""

URLS = """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""

MANAGE = """
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""

RXCONFIG = """
import reflex as rx
from reflex_drf import ReflexDjangoPlugin

config = rx.Config(
    app_name="front", plugins=[ReflexDjangoPlugin(), rx.plugins.SitemapPlugin()],
)
"""


class Project:
    """A project on disk; every file of it can be replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("mysite/__init__.py", "")
        self.write("mysite/settings.py", SETTINGS)
        self.write("mysite/urls.py", URLS)
        self.write("manage.py", MANAGE)

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")

    def extend(self, name: str, text: str) -> None:
        file = self.path / name
        file.write_text(file.read_text(encoding="utf-8") + dedent(text), encoding="utf-8")

    def python(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "REFLEX_"))}
        env = {**kept, "PYTHONPATH": str(ROOT), "REFLEX_TELEMETRY_ENABLED": "false", **environ}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def run(self, code: str, **environ: str) -> str:
        """Run code that has to succeed, and give what it printed."""
        result = self.python("-c", dedent(code), **environ)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def fail(self, code: str, **environ: str) -> str:
        """Run code that has to fail, and give the last line of its traceback."""
        result = self.python("-c", dedent(code), **environ)
        assert result.returncode != 0, result.stdout
        return result.stderr.strip().splitlines()[-1]
