"""The plugin: one line in rxconfig.py, and errors at start that name the fix."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.test import override_settings
from reflex.app import UnevaluatedPage
from reflex_base.config import Config
from reflex_base.constants import Env
from reflex_base.environment import environment

from reflex_drf.errors import ConfigurationError
from reflex_drf.plugin import (
    ReflexDjangoPlugin,
    check_endpoints,
    check_pages,
    has_one_origin,
    trusted_origins,
)
from tests.throwaway import RXCONFIG, Project

FRONT = """
import reflex as rx


class State(rx.State):
    count: int = 0


def index():
    return rx.text("front")


app = rx.App()
app.add_page(index)
"""

# Builds the app as a production worker does, and asks it without a server in between.
SERVE = """
import asyncio
import gc

import httpx
from reflex_base.config import get_config
from reflex_base.environment import environment

environment.REFLEX_SKIP_COMPILE.set(True)
get_config()
from front.front import app

asgi = app()
again = app()


async def ask(path, **headers):
    transport = httpx.ASGITransport(asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get(path, headers=headers)
        print(path, answer.status_code, answer.headers.get("access-control-allow-origin"))


async def main():
    incoming, started = asyncio.Queue(), asyncio.Event()

    async def send(message):
        assert message["type"].endswith(".complete"), message
        started.set()

    life = asyncio.create_task(asgi({"type": "lifespan"}, incoming.get, send))
    await incoming.put({"type": "lifespan.startup"})
    await started.wait()
    evil = {"Origin": "http://evil.example", "Cookie": "a=b"}
    await ask("/admin")
    await ask("/admin/login/", **evil)
    await ask("/static/admin/css/base.css")
    await ask("/ping", **evil)
    await ask("/ping", Origin="http://localhost")
    await ask("/_event/?EIO=4&transport=polling", **evil)
    await ask("/administration")
    print(type(app.event_processor).__name__)
    print(gc.get_freeze_count() > 50_000)
    await incoming.put({"type": "lifespan.shutdown"})
    await life
    print(gc.get_freeze_count())


asyncio.run(main())
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("rxconfig.py", RXCONFIG)
    project.write("front/__init__.py", "")
    project.write("front/front.py", FRONT)
    return project


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the plugin sets for its process from the other tests."""
    for name in ("PATH", "REFLEX_HOT_RELOAD_EXCLUDE_PATHS", "REFLEX_HOT_RELOAD_INCLUDE_PATHS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


def config(**options: Any) -> Config:
    return Config(app_name="front", _skip_plugins_checks=True, **options)


def page(route: str) -> UnevaluatedPage:
    return UnevaluatedPage(component=lambda: None, route=route)  # type: ignore[arg-type,return-value]


# The whole


def test_one_line_serves_django_beside_a_real_reflex_app(project: Project) -> None:
    project.run("from reflex_drf import configure_django; configure_django()")
    assert project.python("manage.py", "migrate", "-v0").returncode == 0
    assert project.run(SERVE).splitlines() == [
        "/admin 301 None",
        "/admin/login/ 200 None",
        "/static/admin/css/base.css 200 None",
        "/ping 200 None",
        "/ping 200 http://localhost",
        "/_event/?EIO=4&transport=polling 403 None",
        "/administration 404 None",
        "ReflexDRFEventProcessor",
        # What was imported, which the garbage collector need not go through for each event.
        "True",
        "0",
    ]


def test_models_import_anywhere_below_rxconfig(project: Project) -> None:
    project.write("front/front.py", "from django.contrib.auth.models import User\n" + FRONT)
    code = "import rxconfig\nimport front.front\nfrom django.apps import apps\nprint(apps.ready)"
    assert project.run(code) == "True"


def test_the_project_stays_importable_after_reflex_has_read_rxconfig(project: Project) -> None:
    """Reflex takes its own entry in sys.path away again."""
    code = """
    import os, sys
    from pathlib import Path
    from reflex_base.config import get_config
    sys.path.remove("")
    get_config()
    import mysite.urls
    print(sys.path.count(os.getcwd()))
    get_config()
    print(sys.path.count(os.getcwd()))
    """
    assert project.run(code).split() == ["1", "1"]


def test_options_reach_django(project: Project, tmp_path: Path) -> None:
    project.write("mysite/other.py", "from mysite.settings import *")
    project.write(
        "rxconfig.py",
        RXCONFIG.replace(
            "Plugin()", 'Plugin("mysite.other", database_url="sqlite:///opt.db", prefixes=["x"])', 1
        ),
    )
    code = """
    from rxconfig import config
    from django.conf import settings
    from django.db import connection
    print(settings.SETTINGS_MODULE, connection.settings_dict["NAME"], config.plugins[0].prefixes)
    """
    assert project.run(code) == f"mysite.other {tmp_path / 'opt.db'} ['/x']"


# Wrong set-up

READ = "from reflex_base.config import get_config; get_config()"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("INSTALLED_APPS.remove('reflex_drf')", "Add 'reflex_drf' to INSTALLED_APPS in mysite"),
        ("SECRET_KEY = ''", "Set SECRET_KEY in mysite.settings"),
        ("del SECRET_KEY", "Set SECRET_KEY in mysite.settings"),
        ("del ROOT_URLCONF", "Set ROOT_URLCONF in mysite.settings"),
        ("REFLEX_DRF = {'THREADS': 2}", "REFLEX_DRF['THREADS'] is not a setting"),
        ("REFLEX_DRF = {'DATABASE_THREADS': 0}", "has to be a number above zero"),
        ("REFLEX_DRF = ['DATABASE_THREADS']", "must be a dictionary"),
    ],
)
def test_wrong_settings_are_an_error_at_start(project: Project, change: str, named: str) -> None:
    project.extend("mysite/settings.py", f"{change}\n")
    message = project.fail(READ)
    assert message.startswith("reflex_drf.errors.ConfigurationError")
    assert named in message


def test_no_settings_at_all_is_an_error_at_start(project: Project) -> None:
    (project.path / "manage.py").unlink()
    assert 'ReflexDjangoPlugin("mysite.settings")' in project.fail(READ)


def test_a_pattern_that_matches_anything_is_an_error_at_start(project: Project) -> None:
    project.extend("mysite/urls.py", "urlpatterns += [path('<slug:s>/', admin.site.urls)]\n")
    assert "ReflexDjangoPlugin(prefixes=" in project.fail(SERVE)


def test_a_clash_with_reflexs_own_paths_is_an_error_at_start(project: Project) -> None:
    project.extend("mysite/settings.py", "STATIC_URL = '/assets/'\n")
    message = project.fail(SERVE)
    assert "Django's URLs below /assets hide /assets" in message
    assert "STATIC_URL" in message


NEEDED = ["/_event", "/_upload", "/ping", "/_health", "/assets", "/app", "/_reflex_drf/cookies"]


@pytest.mark.parametrize("prefix", NEEDED)
def test_every_path_reflex_needs_is_guarded_against_clashes(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"below {prefix} hide {prefix}.*prefixes="):
        check_endpoints(["/admin", prefix], config())


def test_clashes_follow_the_paths_of_the_configuration() -> None:
    moved = config(backend_path="/back", frontend_path="/front")
    check_endpoints(["/_event", "/assets", "/backyard"], moved)
    for prefix in ("/back", "/back/_event", "/front"):
        with pytest.raises(ConfigurationError):
            check_endpoints([prefix], moved)


@pytest.mark.parametrize("route", ["admin", "admin/reports", "api/[id]"])
def test_a_page_below_a_prefix_is_an_error(route: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_pages(["/admin", "/api"], [page("index"), page(route)], config())
    message = str(caught.value)
    assert f"The Reflex page /{route} lies below /{route.partition('/')[0]}" in message
    assert "prefixes=" in message


@pytest.mark.parametrize("route", ["index", "administration", "[slug]", "shop/admin", "404"])
def test_pages_beside_a_prefix_are_fine(route: str) -> None:
    check_pages(["/admin"], [page(route)], config())


def test_pages_below_a_frontend_path_do_not_clash() -> None:
    check_pages(["/admin"], [page("admin")], config(frontend_path="/front"))
    with pytest.raises(ConfigurationError):
        check_pages(["/front/admin"], [page("admin")], config(frontend_path="/front"))


# Prefixes


def test_prefixes_come_from_the_urlconf(tmp_path: Path) -> None:
    assert ReflexDjangoPlugin(base_dir=tmp_path).prefixes == ["/admin", "/api", "/static"]


def test_the_setting_replaces_the_urlconfs_prefixes(tmp_path: Path) -> None:
    with override_settings(REFLEX_DRF={"DJANGO_PREFIXES": ["api"]}):
        assert ReflexDjangoPlugin(base_dir=tmp_path).prefixes == ["/api"]
        assert ReflexDjangoPlugin(base_dir=tmp_path, prefixes=["x"]).prefixes == ["/x"]


def test_extra_prefixes_are_added(tmp_path: Path) -> None:
    plugin = ReflexDjangoPlugin(base_dir=tmp_path, prefixes=["api"], extra_prefixes=["ws", "api/x"])
    assert plugin.prefixes == ["/api", "/ws"]


# Origins


@pytest.fixture(params=[Env.DEV, Env.PROD])
def env(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Env:
    monkeypatch.setenv(environment.REFLEX_ENV_MODE.name, request.param.value)
    return Env(request.param)


def test_one_origin_is_for_development_on_this_machine(env: Env) -> None:
    assert has_one_origin(config(frontend_port=3100, backend_port=8100)) is (env == Env.DEV)
    assert not has_one_origin(config(frontend_port=3100, backend_port=3100))
    assert not has_one_origin(config(api_url="https://api.example"))


def test_origins_of_rxconfig_are_trusted(env: Env) -> None:
    found = set(trusted_origins(config(cors_allowed_origins=["https://a.example"])))
    assert "https://a.example" in found
    assert found == {"https://a.example"} or env == Env.DEV


def test_the_development_server_is_trusted_in_development_only(env: Env) -> None:
    found = set(trusted_origins(config(frontend_port=3100)))
    own = {"http://localhost:3100", "http://127.0.0.1:3100"}
    assert found == (own if env == Env.DEV else set())
    assert "*" not in found


def test_the_deployed_front_end_is_trusted(env: Env) -> None:
    found = trusted_origins(config(deploy_url="https://www.shop.example/path"))
    assert "https://www.shop.example" in found


# Development


def compile_with(plugin: ReflexDjangoPlugin, *pages: UnevaluatedPage) -> dict[str, Any]:
    tasks: dict[str, Any] = {}
    plugin.pre_compile(
        add_save_task=lambda *args: None,
        add_modify_task=tasks.__setitem__,
        radix_themes_plugin=None,
        unevaluated_pages=pages,
    )
    return tasks


def test_the_development_server_passes_on_djangos_paths_and_reflexs(tmp_path: Path) -> None:
    tasks = compile_with(ReflexDjangoPlugin(base_dir=tmp_path), page("index"))
    written = tasks["vite.config.js"]("  server: {\n    port: 1\n")
    reflex = ("/_event", "/_upload", "/ping", "/_reflex_drf/cookies")
    for prefix in ("/admin", "/api", "/static", *reflex):
        assert f'"^{prefix}(/|$|\\\\?)"' in written
    assert "http://localhost:8000" in written


def test_a_clashing_page_stops_the_compilation(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="/api/x lies below /api"):
        compile_with(ReflexDjangoPlugin(base_dir=tmp_path), page("api/x"))


def test_the_front_end_is_compiled_with_the_state_of_the_bridge(project: Project) -> None:
    """A state made known later would reach a front end that has no place for it."""
    code = """
    from rxconfig import config
    import reflex as rx
    config.plugins[0].pre_compile(
        add_save_task=print, add_modify_task=lambda *a: None,
        radix_themes_plugin=None, unevaluated_pages=[],
    )
    print([s.__name__ for s in rx.State.get_substates() if "reflex_drf" in s.__module__])
    """
    assert "TabOwner" in project.run(code).splitlines()[-1]


def link(href: Any) -> Any:
    import reflex as rx

    return rx.el.a("x", href=href)


@pytest.mark.parametrize(
    ("href", "leaves"),
    [
        ("/admin/", True),
        ("/admin", True),
        ("/api/products/?page=2#top", True),
        ("/apicture", False),
        ("/", False),
        ("https://elsewhere.example/admin/", False),
    ],
)
def test_links_to_django_leave_the_app(tmp_path: Path, href: str, leaves: bool) -> None:
    """Reflex would look for a page of that name, and show its own 404."""
    component = link(href)
    ReflexDjangoPlugin(base_dir=tmp_path).enter_component(component, page_context=None)
    assert ("reloadDocument:true" in str(component)) is leaves


def test_a_links_own_choice_is_kept(tmp_path: Path) -> None:
    import reflex as rx

    component: Any = rx.el.a("x", href="/admin/", reload_document=False)
    ReflexDjangoPlugin(base_dir=tmp_path).enter_component(component)
    assert "reloadDocument:false" in str(component)


def test_links_that_are_computed_and_other_components_are_left_alone(tmp_path: Path) -> None:
    import reflex as rx

    plugin = ReflexDjangoPlugin(base_dir=tmp_path)
    for component in (link(rx.Var("somewhere")), rx.el.div("/admin/"), rx.fragment()):
        before = str(component)
        assert plugin.enter_component(component) is None
        assert str(component) == before


def test_warnings_are_said_at_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(SESSION_COOKIE_HTTPONLY=False):
        compile_with(ReflexDjangoPlugin(base_dir=tmp_path))
    assert "SESSION_COOKIE_HTTPONLY" in caplog.text


STARTED = """
    from rxconfig import config
    from django.db import connections
    config.plugins[0].pre_compile(
        add_save_task=print, add_modify_task=lambda *a: None,
        radix_themes_plugin=None, unevaluated_pages=[],
    )
    print("open" if connections["default"].connection else "closed")
"""


def started(project: Project, command: str) -> str:
    """What is said before `reflex run`, or another command, compiles the pages."""
    done = project.python(
        "-c", dedent(STARTED), **{environment.REFLEX_COMPILE_CONTEXT.name: command}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_migrations_that_wait_are_said_at_start(project: Project) -> None:
    said = started(project, "run")
    assert "unapplied migration(s)" in said
    assert "auth" in said
    assert said.splitlines()[-1] == "closed"
    # Who exports may have no database, and makes none.
    assert started(project, "export").splitlines() == ["closed"]
    assert project.python("manage.py", "migrate", "-v0").returncode == 0
    assert started(project, "run").splitlines() == ["closed"]


def test_a_database_that_is_away_stops_no_start(project: Project) -> None:
    project.write("db.sqlite3/no_database.txt", "")
    assert "does not say whether migrations wait: unable to open" in started(project, "run")


def test_events_and_uploads_go_to_the_pages_own_origin(
    tmp_path: Path, env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = ReflexDjangoPlugin(base_dir=tmp_path).update_env_json()
    if env == Env.PROD:
        assert urls is None
    else:
        assert urls is not None
        assert urls["EVENT"] == "ws://localhost:3000/_event"
        assert urls["UPLOAD"] == "http://localhost:3000/_upload"
