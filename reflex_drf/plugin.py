"""`ReflexDjangoPlugin`: the one line in rxconfig.py that puts Django and Reflex together."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import ERROR
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections
from reflex_base.config import get_config
from reflex_base.constants import CompileContext, Endpoint, Env
from reflex_base.environment import environment
from reflex_base.plugins import Plugin
from reflex_base.vars.base import Var
from reflex_components_core.react_router.dom import (  # type: ignore[import-untyped]
    ReactRouterLink,
)

from reflex_drf.checks import check_settings
from reflex_drf.conf import configure_django, settings
from reflex_drf.development import expose_bun, insert_proxy, keep_from_reloading
from reflex_drf.errors import ConfigurationError
from reflex_drf.prefixes import find_prefixes, normalize_prefixes, under

if TYPE_CHECKING:
    from reflex.app import UnevaluatedPage
    from reflex_base.components.component import BaseComponent
    from reflex_base.config import Config
    from reflex_base.plugins import CommonContext, PostCompileContext, PreCompileContext
    from reflex_base.plugins.compiler import ComponentAndChildren
    from typing_extensions import Unpack

    from reflex_drf.asgi import ASGIApp, Dispatcher

__all__ = ["ReflexDjangoPlugin"]

logger = logging.getLogger(__name__)

# Paths that Reflex or the files of its front end need: in production the bundle, in development
# the modules that Vite serves one by one.
FRONTEND_PATHS = (
    "/assets",
    "/app",
    "/app_components",
    "/components",
    "/node_modules",
    "/public",
    "/styles",
    "/utils",
)


class ReflexDjangoPlugin(Plugin):
    """Serves a Django project beside a Reflex app and runs the app's events inside Django.

    Without arguments it takes `DJANGO_SETTINGS_MODULE`, or the module that `manage.py` beside
    rxconfig.py names. `prefixes` replaces the paths read from the URLconf, `extra_prefixes` adds
    to them, such as websocket routes. `database_url` serves a project without DATABASES.
    """

    def __init__(
        self,
        settings_module: str | None = None,
        *,
        prefixes: Iterable[str] | None = None,
        extra_prefixes: Iterable[str] = (),
        database_url: str | None = None,
        base_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.base_dir = Path(base_dir).resolve() if base_dir else config_directory()
        configure_django(settings_module, database_url=database_url, base_dir=self.base_dir)
        check_project()
        self._app: Any = None
        self._prefixes = None if prefixes is None else list(prefixes)
        self._extra_prefixes = list(extra_prefixes)
        expose_bun()
        keep_from_reloading(self.base_dir)

    @property
    def prefixes(self) -> list[str]:
        """Give the path prefixes that Django answers."""
        chosen = settings.DJANGO_PREFIXES if self._prefixes is None else self._prefixes
        found = find_prefixes() if chosen is None else chosen
        return normalize_prefixes([*found, *self._extra_prefixes])

    def pre_compile(self, **context: Unpack[PreCompileContext]) -> None:
        """Look for clashes with pages, and let the development server pass on what is Django's."""
        # The bridge has a state of its own, which the front end has to be compiled with.
        import_module("reflex_drf.seam")
        warn_of_settings()
        warn_of_migrations()
        config = get_config()
        prefixes = self.prefixes
        check_endpoints(prefixes, config)
        check_pages(prefixes, context["unevaluated_pages"], config)
        target = f"http://localhost:{config.backend_port or 8000}"
        passed = [*prefixes, *(endpoint_paths(config) if has_one_origin(config) else ())]
        context["add_modify_task"](
            "vite.config.js", lambda text: insert_proxy(text, passed, target)
        )

    def enter_component(
        self, comp: BaseComponent, /, **context: Any
    ) -> BaseComponent | ComponentAndChildren | None:
        """Let links to Django's URLs leave the app; Reflex would look for a page of that name."""
        if isinstance(comp, ReactRouterLink) and comp.reload_document is None:
            target = getattr(comp.to, "_var_value", None)
            parts = urlsplit(target if isinstance(target, str) else "")
            path = "" if parts.netloc else parts.path
            if any(under(path, prefix) for prefix in self.prefixes):
                comp.reload_document = Var.create(True)
        return None

    def update_env_json(self, **context: Unpack[CommonContext]) -> dict[str, Any] | None:
        """Send events and uploads to the page's own origin, so that they carry its cookies."""
        config = get_config()
        if not has_one_origin(config):
            return None
        port = config.frontend_port or 3000
        urls = {endpoint.name: urlsplit(endpoint.get_url()) for endpoint in Endpoint}
        return {
            name: url._replace(netloc=f"localhost:{port}").geturl() for name, url in urls.items()
        }

    def post_compile(self, **context: Unpack[PostCompileContext]) -> None:
        """Put Django in front of the app, and Django's middleware around its events."""
        from reflex_drf import seam
        from reflex_drf.asgi import hand_over_cors, spare_collector
        from reflex_drf.live.followers import watch_sessions

        app = context["app"]
        transformers = listed(app.api_transformer)
        if any(
            getattr(item, "__func__", None) is ReflexDjangoPlugin.dispatch for item in transformers
        ):
            return
        check_endpoints(self.prefixes, get_config())
        self._app = app
        app.api_transformer = [*transformers, self.dispatch]
        app.register_lifespan_task(hand_over_cors)
        app.register_lifespan_task(spare_collector)
        seam.install(app)
        watch_sessions()

    def _states(self) -> Any:
        assert self._app is not None, "only an app that was compiled is served"
        return self._app.state_manager

    def dispatch(self, reflex: ASGIApp) -> Dispatcher:
        """Wrap Reflex's own ASGI application."""
        from reflex_drf.asgi import Dispatcher
        from reflex_drf.bridge.tickets import EXPORTS
        from reflex_drf.guard import Guard
        from reflex_drf.seam.delivery import PATH

        config = get_config()
        return Dispatcher(
            reflex,
            prefixes=self.prefixes,
            guard=Guard(trusted_origins(config)),
            events=config.prepend_backend_path(str(Endpoint.EVENT)),
            uploads=config.prepend_backend_path(str(Endpoint.UPLOAD)),
            cookies=config.prepend_backend_path(PATH),
            exports=config.prepend_backend_path(EXPORTS),
            states=self._states,
        )


def config_directory() -> Path:
    """Give the directory of the rxconfig.py that is being read."""
    file = getattr(sys.modules.get("rxconfig"), "__file__", None)
    return Path(file).resolve().parent if file else Path.cwd()


def check_project() -> None:
    """Refuse a Django project that cannot work with the plugin, naming the fix."""
    module = django_settings.SETTINGS_MODULE
    if not apps.is_installed("reflex_drf"):
        raise ConfigurationError(f"Add 'reflex_drf' to INSTALLED_APPS in {module}.")
    if not getattr(django_settings, "ROOT_URLCONF", None):
        raise ConfigurationError(f"Set ROOT_URLCONF in {module}, such as 'mysite.urls'.")
    try:
        secret = django_settings.SECRET_KEY
    except ImproperlyConfigured:
        secret = ""
    if not secret:
        raise ConfigurationError(f"Set SECRET_KEY in {module}; sessions are signed with it.")
    for problem in check_settings():
        if problem.is_serious(ERROR):
            raise ConfigurationError(f"{problem.msg} {problem.hint or ''}".strip())


def warn_of_settings() -> None:
    """Say at start what `manage.py check` would say."""
    for problem in check_settings():
        logger.warning("%s %s", problem.msg, problem.hint or "")


def warn_of_migrations() -> None:
    """Say at `reflex run` what Django's own server says: that migrations wait to be applied."""
    if environment.REFLEX_COMPILE_CONTEXT.get() != CompileContext.RUN:
        # An export may be made where no database is.
        return
    try:
        BaseCommand().check_migrations()
    except DatabaseError as error:
        logger.warning("The database does not say whether migrations wait: %s", error)
    finally:
        # This process only starts those that serve.
        connections.close_all()


def check_endpoints(prefixes: Sequence[str], config: Config) -> None:
    """Refuse a Django prefix that takes a path from Reflex itself."""
    own = [*endpoint_paths(config), *map(config.prepend_frontend_path, FRONTEND_PATHS)]
    for prefix in prefixes:
        for path in own:
            if under(path, prefix) or under(prefix, path):
                raise ConfigurationError(
                    f"Django's URLs below {prefix} hide {path}, which Reflex needs. Move them in "
                    "ROOT_URLCONF (or change STATIC_URL), or leave the prefix out with "
                    "ReflexDjangoPlugin(prefixes=[...])."
                )


def check_pages(prefixes: Sequence[str], pages: Iterable[UnevaluatedPage], config: Config) -> None:
    """Refuse a page that no one could open because Django answers its path."""
    for page in pages:
        path = config.prepend_frontend_path(f"/{page.route}")
        for prefix in prefixes:
            if under(path, prefix):
                raise ConfigurationError(
                    f"The Reflex page {path} lies below {prefix}, which Django answers. Give the "
                    "page another route, move Django's URLs in ROOT_URLCONF, or leave the prefix "
                    "out with ReflexDjangoPlugin(prefixes=[...])."
                )


def endpoint_paths(config: Config) -> list[str]:
    """Give the paths of Reflex's own endpoints, and of those that redeem tickets."""
    from reflex_drf.bridge.tickets import EXPORTS
    from reflex_drf.seam.delivery import PATH

    own = (*map(str, Endpoint), PATH, EXPORTS)
    return [config.prepend_backend_path(path) for path in own]


def has_one_origin(config: Config) -> bool:
    """Tell whether the browser shall only know the front end's port.

    That is development with both parts on this machine; with an `api_url` of its own, the project
    has decided where the browser finds the backend.
    """
    backend = config.backend_port or 8000
    local = config.api_url.rstrip("/") == f"http://localhost:{backend}"
    separate = (config.frontend_port or 3000) != backend
    return local and separate and environment.REFLEX_ENV_MODE.get() == Env.DEV


def trusted_origins(config: Config) -> Collection[str]:
    """Give the origins that rxconfig.py trusts, and in development the front end's own."""
    origins = {origin for origin in config.cors_allowed_origins if origin != "*"}
    deployed = urlsplit(config.deploy_url or "")
    local = deployed.hostname in ("localhost", "127.0.0.1", None)
    if environment.REFLEX_ENV_MODE.get() == Env.DEV:
        port = config.frontend_port or 3000
        origins |= {f"http://{name}:{port}" for name in ("localhost", "127.0.0.1")}
    elif local:
        # The default of `deploy_url`; in production it would trust whatever runs on a visitor's
        # own machine.
        return origins
    return origins | ({f"{deployed.scheme}://{deployed.netloc}"} if deployed.hostname else set())


def listed(transformers: Any) -> list[Any]:
    """Bring `App.api_transformer`, one or several, into a list."""
    if transformers is None:
        return []
    return list(transformers) if isinstance(transformers, Sequence) else [transformers]
