"""The `REFLEX_DRF` settings, and the one function that makes Django ready outside `manage.py`."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import ENVIRONMENT_VARIABLE
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from reflex_drf.errors import ConfigurationError

__all__ = ["DEFAULTS", "configure_django", "settings"]

NAMESPACE = "REFLEX_DRF"
DATABASE_URL_VARIABLE = "REFLEX_DJANGO_DATABASE_URL"

DEFAULTS: dict[str, Any] = {
    # How many threads, and so database connections, the events of one worker share.
    "DATABASE_THREADS": 8,
    # How long their connections live where CONN_MAX_AGE is 0; with 0, no longer than an event.
    "CONNECTION_SECONDS": 10,
    # Middleware that only concerns HTTP transport; it does not see events.
    "EXCLUDED_MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        "django.middleware.cache.UpdateCacheMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
        "django.middleware.common.CommonMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "corsheaders.middleware.CorsMiddleware",
    ],
    # Where the HTTP backend finds the API, such as "https://api.example.com".
    "API_BASE_URL": None,
    # Seconds after which the HTTP backend gives up on an answer.
    "HTTP_TIMEOUT": 10.0,
    # Whether the HTTP backend tells the API the viewer's address, as X-Forwarded-For.
    "FORWARD_CLIENT_ADDRESS": False,
    # Path prefixes that Django answers, such as ["admin", "api"]; None reads the URLconf.
    "DJANGO_PREFIXES": None,
    # Largest body of one upload to Reflex, in bytes; None leaves it to the server in front.
    "MAX_UPLOAD_BYTES": 100 * 1024 * 1024,
    # Whether rows are made by a compiled plan wherever that gives what DRF's serializer gives.
    "COMPILED_REPRESENTATION": True,
    # Whether rows that a serializer reads through relations are fetched for all rows together.
    "FETCH_RELATED": True,
    # Whether the log names serializer fields that ask the database for each row; None: with DEBUG.
    "WARN_OF_QUERIES": None,
    # How long the browser may take to fetch the cookies that an event has set.
    "TICKET_SECONDS": 30,
    # Whether open tabs are told when their session ends or their user changes.
    "FOLLOW_SESSIONS": True,
    # How changes reach other processes: "memory" (not at all), "redis", "postgres", or a class.
    "LIVE_TRANSPORT": "memory",
    # Where that is; None is Redis on this machine, or the default database.
    "LIVE_URL": None,
    # The channel there; projects that share a server need one each.
    "LIVE_CHANNEL": "reflex_drf",
    # Models whose changes every process publishes, such as ["shop.Product"].
    "LIVE_MODELS": [],
    # Milliseconds between two live refreshes of one list, from 50 to 500.
    "LIVE_REFRESH_INTERVAL": 200,
    # Whether those who have the same row open may see each other's names.
    "LIVE_PRESENCE": True,
    # Milliseconds after which a tab is shown that its call still runs; None for never.
    "PROGRESS_DELAY": 1000,
}

# Keys whose value may be a dotted path, or a list of them, to what is meant.
IMPORT_STRINGS: frozenset[str] = frozenset()


class Settings:
    """The `REFLEX_DRF` dictionary of the Django settings, with defaults for what it leaves out."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in DEFAULTS:
            raise ConfigurationError(unknown_key(name))
        if name not in self._values:
            self._values[name] = self._read(name)
        return self._values[name]

    def reload(self) -> None:
        """Forget what was read, so that the next access reads the Django settings again."""
        self._values = {}

    def unknown_keys(self) -> list[str]:
        """Give the keys of the project's dictionary that mean nothing."""
        return sorted(str(key) for key in self._user if key not in DEFAULTS)

    @property
    def _user(self) -> dict[str, Any]:
        user = getattr(django_settings, NAMESPACE, None) or {}
        if not isinstance(user, dict):
            raise ConfigurationError(f"{NAMESPACE} in the Django settings must be a dictionary.")
        return user

    def _read(self, name: str) -> Any:
        unknown = self.unknown_keys()
        if unknown:
            raise ConfigurationError(unknown_key(unknown[0]))
        value = self._user.get(name, DEFAULTS[name])
        return resolve(value) if name in IMPORT_STRINGS else value


def unknown_key(name: str) -> str:
    """Say that a key does not exist and which do."""
    known = ", ".join(sorted(DEFAULTS))
    return f"{NAMESPACE}[{name!r}] is not a setting of reflex_drf. Known settings: {known}."


def resolve(value: Any) -> Any:
    """Import what a dotted path names; anything else is already the thing itself."""
    if isinstance(value, str):
        return import_string(value)
    if isinstance(value, (list, tuple)):
        return [resolve(item) for item in value]
    return value


settings = Settings()


def reload_settings(*, setting: str, **kwargs: Any) -> None:
    """Follow Django's `override_settings`."""
    if setting == NAMESPACE:
        settings.reload()


setting_changed.connect(reload_settings, dispatch_uid="reflex_drf.conf.reload_settings")


def configure_django(
    settings_module: str | None = None,
    *,
    database_url: str | None = None,
    base_dir: str | os.PathLike[str] | None = None,
) -> str:
    """Make Django ready for use and give the name of its settings module; safe to repeat.

    `DJANGO_SETTINGS_MODULE` comes first, then the argument, then the module that a `manage.py`
    in `base_dir` (by default the working directory) names.
    """
    from django.apps import apps

    directory = Path(base_dir or Path.cwd()).resolve()
    if not django_settings.configured:
        module = os.environ.get(ENVIRONMENT_VARIABLE) or settings_module or read_manage(directory)
        os.environ[ENVIRONMENT_VARIABLE] = check_module(module, directory)
        make_importable(directory)
    use_database(database_url, directory)
    if not apps.ready:
        populate_apps()
    return str(getattr(django_settings, "SETTINGS_MODULE", ""))


def populate_apps() -> None:
    """Run `django.setup()`, unless this very call comes from a model it is importing."""
    import django

    try:
        django.setup()
    except RuntimeError as error:
        # Loading the apps imports models, models import `reflex_drf.model`, and that configures
        # Django: the outer call finishes the work. Other threads wait on Django's own lock.
        if "reentrant" not in str(error):
            raise


def check_module(module: str | None, directory: Path) -> str:
    """Insist on a settings module."""
    if module:
        return module
    raise ConfigurationError(
        "reflex_drf does not know the Django settings: set DJANGO_SETTINGS_MODULE, write "
        'ReflexDjangoPlugin("mysite.settings") in rxconfig.py, or put manage.py into '
        f"{directory}."
    )


def make_importable(directory: Path) -> None:
    """Let the project's packages be imported, whichever script was started."""
    # While Reflex reads rxconfig.py it has an entry of its own here and takes it away afterwards,
    # so one entry is not enough to rely on.
    if sys.path.count(str(directory)) < 2:
        sys.path.append(str(directory))


def read_manage(directory: Path) -> str | None:
    """Read the settings module out of `manage.py` without running it."""
    script = directory / "manage.py"
    if not script.is_file():
        return None
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"), str(script))):
        if isinstance(node, ast.Call) and len(node.args) == 2:
            values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            if len(values) == 2 and values[0] == ENVIRONMENT_VARIABLE:
                return str(values[1])
    return None


def use_database(url: str | None = None, directory: Path | None = None) -> None:
    """Give a project that configures no database one: the given or named URL, else SQLite."""
    if has_database():
        return
    url = url or os.environ.get(DATABASE_URL_VARIABLE)
    base = Path(getattr(django_settings, "BASE_DIR", None) or directory or Path.cwd())
    default = (
        parse_database_url(url, base)
        if url
        else {"ENGINE": ENGINES["sqlite"], "NAME": base / "db.sqlite3"}
    )
    django_settings.DATABASES = {**django_settings.DATABASES, "default": default}


def has_database() -> bool:
    """Tell whether the project's own settings name a database."""
    engine = (django_settings.DATABASES.get("default") or {}).get("ENGINE", "")
    return engine not in ("", "django.db.backends.dummy") or (
        # Some projects leave `default` empty on purpose and route everything elsewhere.
        len(django_settings.DATABASES) > 1
    )


ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "sqlite3": "django.db.backends.sqlite3",
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "oracle": "django.db.backends.oracle",
}


def parse_database_url(url: str, base: Path) -> dict[str, Any]:
    """Turn `scheme://user:password@host:port/name?option=value` into a DATABASES entry."""
    parts = urlsplit(url)
    engine = ENGINES.get(parts.scheme)
    if engine is None:
        # The URL itself may hold a password, so the message names only its scheme.
        raise ConfigurationError(
            f"A database URL cannot begin with {parts.scheme!r}. Use one of: "
            f"{', '.join(sorted(ENGINES))}; or write DATABASES in the Django settings."
        )
    name = unquote(parts.path[1:])
    entry: dict[str, Any] = {
        "ENGINE": engine,
        "NAME": name,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
    if engine == ENGINES["sqlite"]:
        return {**entry, "NAME": ":memory:" if name in ("", ":memory:") else base / name}
    account = {"USER": unquote(parts.username or ""), "PASSWORD": unquote(parts.password or "")}
    return {**entry, **account, "HOST": parts.hostname or "", "PORT": str(parts.port or "")}
