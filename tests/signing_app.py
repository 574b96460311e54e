"""A small app with a login of its own, as a server process: for the wire and for Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.servers import Server, _environment, _free_port, _stop
from tests.throwaway import ROOT, Project
from tests.ui_project import RXCONFIG

APP = """
import reflex as rx

from reflex_drf.bridge import current_response
from reflex_drf.auth import add_pages, login_required, next_url, staff_required
from reflex_drf.state import AppState


class SignInState(AppState):
    result: str = ""
    held: str = ""
    loaded: str = ""

    @rx.event
    async def sign_in(self, username: str, password: str):
        self.result = "in" if await self.login(username, password) else "refused"

    @rx.event
    async def sign_in_and_go(self):
        if await self.login("ann", "ann-demo"):
            return rx.redirect("/inside?tab=2")

    @rx.event
    async def enter(self):
        if await self.login("ann", "ann-demo"):
            return rx.redirect(next_url())

    @rx.event
    async def sign_in_as_bob(self):
        await self.login("bob", "bob-demo")

    @rx.event
    async def sign_out(self):
        await self.logout()

    @rx.event
    def verify(self):
        self.held = "with code" if self.user.is_verified() else "without code"

    @rx.event
    def choose_language(self):
        current_response().set_cookie("django_language", "de")

    @rx.event
    def hold(self):
        self.held = f"held by {self.user}"

    @rx.event
    def count(self):
        self.session["count"] = self.session.get("count", 0) + 1
        self.held = str(self.session["count"])

    @rx.event
    def load(self):
        self.loaded = f"loaded for {self.user}"


def buttons():
    return rx.box(
        rx.text("user ", SignInState.username, id="user"),
        rx.text(SignInState.held, id="held"),
        rx.text(SignInState.loaded, id="loaded"),
        rx.el.button("Go", on_click=SignInState.sign_in_and_go),
        rx.el.button("Bob", on_click=SignInState.sign_in_as_bob),
        rx.el.button("Ann", on_click=SignInState.sign_in("ann", "ann-demo")),
        rx.el.button("Wrong", on_click=SignInState.sign_in("ann", "wrong")),
        rx.el.button("Out", on_click=SignInState.sign_out),
        rx.el.button("Verify", on_click=SignInState.verify),
        rx.el.button("Language", on_click=SignInState.choose_language),
        rx.el.button("Hold", on_click=SignInState.hold),
        rx.el.button("Count", on_click=SignInState.count),
        rx.el.input(id="typed"),
        links(),
    )


def links():
    return rx.box(rx.link("to secret", href="/secret"), rx.link("to office", href="/office"))


def enter():
    return rx.box(rx.el.button("Enter", on_click=SignInState.enter), rx.el.input(id="typed"))


@login_required
def secret():
    return rx.box(buttons(), rx.text("the secret page", id="secret"), rx.link("home", href="/"))


@staff_required
def office():
    return rx.text("the office", id="office")


@login_required(login_url="/login")
def vault():
    return rx.box(buttons(), rx.text("the vault", id="secret"))


app = rx.App(html_lang="en")
add_pages(
    app,
    registration=True,
    password_reset=True,
    forms={"login": "front.forms.CodeForm"},
)
app.add_page(vault, route="/vault")
app.add_page(secret, route="/secret", on_load=SignInState.load)
app.add_page(office, route="/office")
app.add_page(enter, route="/enter")
app.add_page(buttons, route="/")
app.add_page(buttons, route="/inside", on_load=SignInState.load)
"""
# A one-time code for those users who have a device, with the form of django-otp.
FORMS = """
from django_otp import devices_for_user
from django_otp.forms import OTPAuthenticationForm


class CodeForm(OTPAuthenticationForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.fields["otp_device"], self.fields["otp_challenge"]

    def clean_otp(self, user):
        device = next(devices_for_user(user), None) if user is not None else None
        if device is not None:
            self.cleaned_data["otp_device"] = device.persistent_id
            super().clean_otp(user)
"""
SETTINGS = """
from pathlib import Path

import django

ALLOWED_HOSTS = ["localhost"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": "db.sqlite3",
    "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
}}
LOGIN_URL = "/enter"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
]
MAILS = Path(__file__).resolve().parent.parent / "mails"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {
        "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "OPTIONS": {"file_path": MAILS},
    }}
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = MAILS

# django-axes as its documentation sets it up.
MIDDLEWARE.insert(1, "django.middleware.locale.LocaleMiddleware")
INSTALLED_APPS += ["axes", "django_otp", "django_otp.plugins.otp_static"]
MIDDLEWARE += ["django_otp.middleware.OTPMiddleware"]
MIDDLEWARE += ["axes.middleware.AxesMiddleware"]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 3
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
SILENCED_SYSTEM_CHECKS = ["axes.W006"]
"""
USERS = """
from django.contrib.auth import get_user_model
for name in ("ann", "bob", "dan", "eve", "fay", "gus", "hal"):
    get_user_model().objects.create_user(name, f"{name}@example.com", f"{name}-demo")
hal = get_user_model().objects.get(username="hal")
hal.staticdevice_set.create(name="codes").token_set.create(token="123456")
get_user_model().objects.create_superuser("root", "root@example.com", "root-demo")
"""


@pytest.fixture(scope="session")
def signing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The production build of the app, with two users."""
    project = Project(tmp_path_factory.mktemp("signing"))
    project.extend("mysite/settings.py", SETTINGS)
    options = {"LIVE_CHANNEL": f"signing-{os.getpid()}"}
    if has_redis():
        # What another process does is heard of then.
        options["LIVE_TRANSPORT"] = "redis"
    project.extend("mysite/settings.py", f"REFLEX_DRF = {options!r}\n")
    project.write("rxconfig.py", RXCONFIG)
    project.write("front/__init__.py", "")
    # Chromium asks for it, and would note that it is not there.
    project.write("assets/favicon.ico", "")
    project.write("front/front.py", APP)
    project.write("front/forms.py", FORMS)
    environment = {**_environment(), "PYTHONPATH": str(ROOT)}
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", USERS]):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=project.path,
            env=environment,
            check=True,
        )
    yield from serve(project.path, environment)


def has_redis() -> bool:
    with socket.socket() as probe:
        return find_spec("redis") is not None and probe.connect_ex(("127.0.0.1", 6379)) == 0


def serve(directory: Path, environment: dict[str, str]) -> Iterator[Server]:
    port = _free_port()
    server = Server(f"http://localhost:{port}", directory, directory / "server.log")
    command = [sys.executable, "-m", "reflex", "run", "--env", "prod", "--frontend-port", str(port)]
    with server.log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 240
        while not answers(f"{server.url}/"):
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
                pytest.fail(f"The app ended by itself:\n{server.log.read_text()}")
            assert time.monotonic() < deadline, server.log.read_text()
        yield server
    finally:
        _stop(process)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
