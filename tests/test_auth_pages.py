"""The states of the sign-in pages: Django's forms, asked by events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import django
import pytest
from asgiref.sync import sync_to_async
from django import forms
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.exceptions import DisallowedHost
from django.forms import CharField, ValidationError
from django.test import override_settings
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.throttling import SimpleRateThrottle

from reflex_drf.auth.forms import form_class, read_data
from reflex_drf.auth.options import PAGES, PagesOptions, forget_pages, offer_pages
from reflex_drf.auth.pages import add_pages
from reflex_drf.auth.states.login import LoginState
from reflex_drf.auth.states.logout import LogoutState
from reflex_drf.auth.states.password_change import PasswordChangeState
from reflex_drf.auth.states.password_reset import PasswordResetConfirmState, PasswordResetState
from reflex_drf.auth.states.registration import RegistrationState
from reflex_drf.errors import ConfigurationError
from reflex_drf.testing import Tab
from tests.signing import fetch_cookies, scripts
from tests.test_auth_session import SignInState
from tests.throwaway import Project

pytestmark = pytest.mark.django_db(transaction=True)
User: Any = get_user_model()
RULES = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]


def offer(**changes: Any) -> None:
    offer_pages(PagesOptions(**{"routes": PAGES, **changes}))


@pytest.fixture(autouse=True)
def pages() -> Iterator[None]:
    offer()
    yield
    forget_pages()


@pytest.fixture
def ann() -> Any:
    return User.objects.create_user("ann", "ann@example.com", "pw")


def target(tab: Tab) -> str:
    """Where the tab goes once it has its cookies."""
    ((_, _, changed, where),) = scripts(tab)
    assert changed
    return str(where)


async def user_of(tab: Tab) -> str:
    await fetch_cookies(tab)
    await tab.send(SignInState.look)
    return str(tab.get(SignInState, "result").split()[0])


# -- Signing in -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/login", "/"),
        ("/login?next=/orders%3Fpage%3D2", "/orders?page=2"),
        ("/login?next=https://testserver/x", "/"),
        ("/login?next=http://testserver/x", "http://testserver/x"),
        ("/login?next=https://evil.example/x", "/"),
        ("/login?next=//evil.example/x", "/"),
        ("/login?next=/%5Cevil.example/x", "/"),
        ("/login?next=javascript:alert(1)", "/"),
        ("/login?next=", "/"),
    ],
)
async def test_a_good_login_goes_where_it_may(ann: Any, path: str, expected: str) -> None:
    # A page on TLS is not left for one without; this socket has an Origin of plain HTTP.
    async with Tab(path=path) as tab:
        await tab.send(LoginState.submit({"username": "ann", "password": "pw"}))
        if path.endswith("https://testserver/x"):
            assert target(tab) in ("https://testserver/x", "/")
        else:
            assert target(tab) == expected
        assert await user_of(tab) == "ann"


async def test_a_bad_login_says_so_by_django_and_keeps_the_session(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(SignInState.keep("tea"))
        await fetch_cookies(tab)
        before = dict(tab.cookies)
        await tab.send(LoginState.submit({"username": "ann", "password": "wrong"}))
        assert "Please enter a correct username and password" in tab.seen(LoginState, "error")
        await tab.send(LoginState.submit({"username": "ann", "password": ""}))
        assert tab.seen(LoginState, "field_errors") == {"password": "This field is required."}
        assert not scripts(tab)
        assert tab.cookies == before
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "AnonymousUser ['tea']"


async def test_a_bad_login_keeps_who_is_signed_in(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        await tab.send(LoginState.submit({"username": "ann", "password": "wrong"}))
        assert await user_of(tab) == "ann"


async def test_errors_are_in_the_language_of_the_user(ann: Any) -> None:
    async with Tab(headers={"accept-language": "de"}) as tab:
        await tab.send(LoginState.submit({"username": "ann", "password": ""}))
        assert tab.seen(LoginState, "field_errors") == {
            "password": "Dieses Feld ist zwingend erforderlich."
        }


async def test_inactive_users_do_not_get_in(ann: Any) -> None:
    await User.objects.aupdate(is_active=False)
    async with Tab() as tab:
        await tab.send(LoginState.submit({"username": "ann", "password": "pw"}))
        assert tab.seen(LoginState, "error")
        assert not scripts(tab)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"username": ["ann"], "password": {"a": 1}},
        {"username": None, "password": 3},
        {"username": "ann\x00", "password": "pw"},
        {"username": "x" * 5000, "password": "pw"},
        {str(number): "x" for number in range(1000)},
        [],
        "ann",
        None,
    ],
)
async def test_what_is_no_form_is_a_form_with_errors(sent: Any) -> None:
    async with Tab() as tab:
        await tab.send_name(f"{LoginState.get_full_name()}.submit", {"form_data": sent})
        assert tab.errors == []
        assert "username" in tab.seen(LoginState, "field_errors")


class EveryField(forms.Form):
    terms = forms.BooleanField()
    news = forms.BooleanField(required=False)
    born = forms.DateField()
    seen_at = forms.DateTimeField()
    address = forms.GenericIPAddressField()
    number = forms.IntegerField()


@pytest.mark.parametrize("sent", [True, False])
def test_a_box_is_a_box_and_no_error_of_the_server_elsewhere(sent: bool) -> None:
    form = EveryField(data=read_data(dict.fromkeys(EveryField().fields, sent)))
    wrong = {"born", "seen_at", "address", "number"}
    assert set(form.errors) == (wrong if sent else wrong | {"terms"})
    assert form.cleaned_data["news"] is sent


async def test_passwords_are_kept_nowhere(ann: Any) -> None:
    async with Tab() as tab:
        await tab.send(LoginState.submit({"username": "ann", "password": "sesame-open"}))
        assert "sesame-open" not in str(tab.deltas) + str(tab.state(LoginState).__dict__)


async def test_the_projects_backends_are_asked_with_the_request_of_the_event(ann: Any) -> None:
    seen: list[Any] = []

    def failed(request: Any, credentials: Any, **kwargs: Any) -> None:
        seen.append((request.META["REMOTE_ADDR"], credentials["username"]))

    def entered(request: Any, user: Any, **kwargs: Any) -> None:
        seen.append((request.META["REMOTE_ADDR"], user.backend))

    user_login_failed.connect(failed)
    user_logged_in.connect(entered)
    backends = ["tests.test_auth_pages.NobodyBackend", "tests.test_auth_pages.CardBackend"]
    try:
        with override_settings(AUTHENTICATION_BACKENDS=backends):
            async with Tab() as tab:
                tab.client_ip = "203.0.113.7"
                await tab.send(LoginState.submit({"username": "ann", "password": "no"}))
                await tab.send(LoginState.submit({"username": "ann", "password": "card"}))
                assert await user_of(tab) == "ann"
    finally:
        user_login_failed.disconnect(failed)
        user_logged_in.disconnect(entered)
    assert seen == [("203.0.113.7", "ann"), ("203.0.113.7", backends[1])]


class NobodyBackend:
    """A backend that knows nobody."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        return None


class CardBackend(NobodyBackend):
    """A backend that lets in whoever shows a card."""

    def authenticate(self, request: Any, username: str = "", password: str = "") -> Any:  # type: ignore[override]
        return User.objects.filter(username=username).first() if password == "card" else None

    def get_user(self, pk: Any) -> Any:
        return User.objects.filter(pk=pk).first()


class QuietForm(AuthenticationForm):
    """A project's own form."""

    def confirm_login_allowed(self, user: Any) -> None:
        raise ValidationError("Not on Sundays.")


async def test_the_projects_own_form_decides(ann: Any) -> None:
    offer(forms={"login": QuietForm})
    async with Tab() as tab:
        await tab.send(LoginState.submit({"username": "ann", "password": "pw"}))
        assert tab.seen(LoginState, "error") == "Not on Sundays."
        assert not scripts(tab)


class TwoAMinute(SimpleRateThrottle):
    rate = "2/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"auth-pages-{self.get_ident(request)}"


async def test_throttles_of_drf_are_asked_before_the_password(ann: Any) -> None:
    offer(throttle_classes=(TwoAMinute,))
    async with Tab() as tab:
        tab.client_ip = "203.0.113.99"
        for _ in range(3):
            await tab.send(LoginState.submit({"username": "ann", "password": "wrong"}))
        assert tab.seen(LoginState, "error").startswith("Too many attempts. Try again in ")
        await tab.send(LoginState.submit({"username": "ann", "password": "pw"}))
        assert not scripts(tab)


# -- Signing out ----------------------------------------------------------------------------


async def test_a_sign_out_ends_the_session(ann: Any) -> None:
    async with Tab(user=ann, session={"cart": ["tea"]}) as tab:
        await tab.send(LogoutState.sign_out)
        assert target(tab) == "/"
        assert not await Session.objects.filter(pk=tab.cookies["sessionid"]).aexists()
        assert await user_of(tab) == "AnonymousUser"


async def test_opening_the_sign_out_page_ends_nothing(ann: Any) -> None:
    assert not hasattr(LogoutState, "begin")


# -- Registration ---------------------------------------------------------------------------

NEW = {"username": "cleo", "email": "cleo@example.com"}
PASSWORD = "correct-horse-battery"
GOOD = {**NEW, "password1": PASSWORD, "password2": PASSWORD}


async def test_who_registers_is_signed_in() -> None:
    async with Tab(path="/register?next=/orders") as tab:
        await tab.send(RegistrationState.submit(GOOD))
        assert target(tab) == "/orders"
        assert await user_of(tab) == "cleo"
    user = await User.objects.aget()
    assert (user.email, user.is_staff, user.is_superuser) == ("cleo@example.com", False, False)


async def test_more_than_the_form_has_is_not_written() -> None:
    async with Tab() as tab:
        await tab.send(RegistrationState.submit({**GOOD, "is_staff": "on", "is_superuser": True}))
    user = await User.objects.aget()
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"username": "ANN"}, "username", "A user with that username already exists."),
        ({"username": "a b/c!"}, "username", "Enter a valid username."),
        ({"email": ""}, "email", "This field is required."),
        ({"email": "nothing"}, "email", "Enter a valid email address."),
        ({"password2": "other"}, "password2", "The two password fields didn"),
        ({"password1": "cleo1", "password2": "cleo1"}, "password2", "This password is too short."),
        (
            {"password1": "cleo@example", "password2": "cleo@example"},
            "password2",
            "The password is too similar",
        ),
    ],
)
async def test_what_django_refuses_is_refused_by_field(
    ann: Any, changes: dict[str, str], field: str, text: str
) -> None:
    with override_settings(AUTH_PASSWORD_VALIDATORS=RULES):
        async with Tab() as tab:
            await tab.send(RegistrationState.submit({**GOOD, **changes}))
            assert tab.seen(RegistrationState, "field_errors")[field].startswith(text)
            assert not scripts(tab)
    assert await User.objects.acount() == 1


class HastyForm(UserCreationForm):  # type: ignore[type-arg]
    """A form between whose look and whose save somebody else takes the name."""

    def _post_clean(self) -> None:
        super()._post_clean()
        User.objects.get_or_create(username="cleo")


async def test_of_two_at_a_time_one_is_told_and_nothing_breaks() -> None:
    offer(forms={"registration": HastyForm})
    async with Tab() as tab:
        await tab.send(RegistrationState.submit(GOOD))
        assert tab.errors == []
        assert "already exists" in tab.seen(RegistrationState, "field_errors")["username"]


async def test_several_backends_are_no_obstacle() -> None:
    backends = [
        "django.contrib.auth.backends.RemoteUserBackend",
        "django.contrib.auth.backends.ModelBackend",
    ]
    with override_settings(AUTHENTICATION_BACKENDS=backends):
        async with Tab() as tab:
            await tab.send(RegistrationState.submit(GOOD))
            assert await user_of(tab) == "cleo"


async def test_a_user_who_waits_for_approval_is_not_signed_in() -> None:
    class Waiting(UserCreationForm):  # type: ignore[type-arg]
        def save(self, commit: bool = True) -> Any:
            self.instance.is_active = False
            return super().save(commit)

    offer(forms={"registration": Waiting})
    async with Tab() as tab:
        await tab.send(RegistrationState.submit(GOOD))
        assert tab.seen(RegistrationState, "done") is True
        assert not scripts(tab)


def test_the_form_of_new_users_fits_the_user_model() -> None:
    fields = form_class("registration", PagesOptions(routes=PAGES)).base_fields
    assert list(fields)[:2] == ["username", "email"]


# -- A lost password ------------------------------------------------------------------------


async def ask(address: str, **headers: str) -> Tab:
    async with Tab(path="/password-reset", headers=headers) as tab:
        await tab.send(PasswordResetState.submit({"email": address}), raises=False)
    return tab


def link() -> str:
    (found,) = re.findall(r"\S+/password-reset/confirm\S+", str(mail.outbox[-1].body))
    return str(found)


async def test_the_mail_goes_to_the_stored_address_with_a_link_to_the_page(ann: Any) -> None:
    tab = await ask("ANN@example.com")
    assert tab.seen(PasswordResetState, "done") is True
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]
    parts = urlsplit(link())
    assert (parts.scheme, parts.netloc) == ("http", "testserver")
    assert parts.path == "/password-reset/confirm"


async def test_the_link_has_the_scheme_of_the_page(ann: Any) -> None:
    await ask("ann@example.com", origin="https://testserver")
    assert link().startswith("https://testserver/")


async def test_the_link_is_no_attackers(ann: Any) -> None:
    tab = await ask("ann@example.com", host="evil.example")
    assert isinstance(tab.errors[0], DisallowedHost)
    assert mail.outbox == []


@pytest.mark.parametrize("address", ["nobody@example.com", "ann@example.com "])
async def test_the_answer_is_the_same_for_every_address(ann: Any, address: str) -> None:
    known, other = await ask("ann@example.com"), await ask(address)
    assert (
        known.deltas[-1][PasswordResetState.get_full_name()]
        == (other.deltas[-1][PasswordResetState.get_full_name()])
    )


async def test_an_address_that_only_looks_alike_gets_no_mail() -> None:
    await sync_to_async(User.objects.create_user)("mike", "mike@example.org", "pw")
    # What Unicode folds to the same letters, and a database may take for equal.
    await ask("m\u0131ke@example.org")
    assert mail.outbox == []


async def test_inactive_users_and_those_without_a_password_get_none(ann: Any) -> None:
    await User.objects.aupdate(is_active=False)
    await ask("ann@example.com")
    await User.objects.aupdate(is_active=True, password="!unusable")
    await ask("ann@example.com")
    assert mail.outbox == []


async def test_a_mail_server_that_is_down_changes_nothing_for_the_visitor(
    ann: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(**mails_by("tests.test_auth_pages.BrokenMail")):
        tab = await ask("ann@example.com")
    assert tab.seen(PasswordResetState, "done") is True
    assert "Failed to send password reset email" in caplog.text


def mails_by(backend: str) -> dict[str, Any]:
    """What a project says of its mails to this version of Django."""
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend}}}
    return {"EMAIL_BACKEND": backend}


@pytest.mark.filterwarnings("ignore:The EMAIL_:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The EMAIL_:PendingDeprecationWarning")
async def test_settings_of_the_kind_before_mailers_send_it_too(
    ann: Any, settings: Any, tmp_path: Path
) -> None:
    del settings.MAILERS
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    await ask("ann@example.com")
    (text,) = files_in(tmp_path)
    assert "To: ann@example.com" in text


def files_in(directory: Path) -> list[str]:
    return [file.read_text() for file in directory.iterdir()]


class BrokenMail:
    """A mail server that is down."""

    def __init__(self, **options: Any) -> None:
        pass

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError


async def follow(address: str) -> Tab:
    """Open the link of a mail, as a browser does."""
    path = address.removeprefix("http://testserver")
    async with Tab(path=path) as tab:
        await tab.send(PasswordResetConfirmState.begin)
        await fetch_cookies(tab)
    return tab


async def test_the_link_sets_a_password_once(ann: Any) -> None:
    await ask("ann@example.com")
    query = parse_qs(urlsplit(link()).query)
    async with Tab(path=link().removeprefix("http://testserver")) as tab:
        tab.events.clear()
        await tab.send(PasswordResetConfirmState.begin)
        assert tab.seen(PasswordResetConfirmState, "link") == "good"
        ((_, payload),) = [event for event in tab.events if event[0] == "_redirect"]
        assert query["token"][0] not in payload["path"]
        assert payload["replace"] is True
        await fetch_cookies(tab)
        tab.path = payload["path"]
        await tab.send(PasswordResetConfirmState.begin)
        assert tab.seen(PasswordResetConfirmState, "link") == "good"
        with override_settings(AUTH_PASSWORD_VALIDATORS=RULES):
            short = {"new_password1": "short", "new_password2": "short"}
            await tab.send(PasswordResetConfirmState.submit(short))
        assert "too short" in str(tab.seen(PasswordResetConfirmState, "field_errors"))
        new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        await tab.send(PasswordResetConfirmState.submit(new))
        assert tab.seen(PasswordResetConfirmState, "done") is True
        # Used, by this tab and by any other.
        await tab.send(PasswordResetConfirmState.submit(new))
        assert tab.seen(PasswordResetConfirmState, "link") == "bad"
        assert await user_of(tab) == "AnonymousUser"
    again = await follow(link())
    assert again.seen(PasswordResetConfirmState, "link") == "bad"
    assert await sync_to_async(authenticate)(username="ann", password=PASSWORD) == ann


@pytest.mark.parametrize("query", ["", "?uid=MQ", "?uid=%00&token=x", "?uid=MQ&token=x-y"])
async def test_a_wrong_link_sets_nothing(ann: Any, query: str) -> None:
    async with Tab(path=f"/password-reset/confirm{query}") as tab:
        await tab.send(PasswordResetConfirmState.begin)
        assert tab.seen(PasswordResetConfirmState, "link") == "bad"
        new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        await tab.send(PasswordResetConfirmState.submit(new))
        assert tab.seen(PasswordResetConfirmState, "done") is False
    assert await sync_to_async(authenticate)(username="ann", password="pw") == ann


# -- Changing the password ------------------------------------------------------------------


async def test_a_change_keeps_this_session_and_ends_the_others(ann: Any) -> None:
    async with Tab(user=ann) as tab, Tab(user=ann) as other:
        before = tab.cookies["sessionid"]
        change = {"old_password": "pw", "new_password1": PASSWORD, "new_password2": PASSWORD}
        await tab.send(PasswordChangeState.submit(change))
        assert tab.seen(PasswordChangeState, "done") is True
        # The same socket goes on at once, and the browser gets the new key of its session.
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "ann None"
        await fetch_cookies(tab)
        assert tab.cookies["sessionid"] != before
        await tab.reconnect()
        assert await user_of(tab) == "ann"
        await other.reconnect()
        assert await user_of(other) == "AnonymousUser"


async def test_a_change_needs_the_old_password(ann: Any) -> None:
    async with Tab(user=ann) as tab:
        change = {"old_password": "no", "new_password1": PASSWORD, "new_password2": PASSWORD}
        await tab.send(PasswordChangeState.submit(change))
        assert "entered incorrectly" in str(tab.seen(PasswordChangeState, "field_errors"))
        await tab.reconnect()
        assert await user_of(tab) == "ann"


async def test_a_visitor_changes_no_password(ann: Any) -> None:
    async with Tab() as tab:
        change = {"old_password": "pw", "new_password1": PASSWORD, "new_password2": PASSWORD}
        await tab.send(PasswordChangeState.submit(change))
        assert tab.get(PasswordChangeState, "answers") == 0
    assert await sync_to_async(authenticate)(username="ann", password="pw") == ann


# -- What an app has ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "state"),
    [
        ("registration", RegistrationState),
        ("password_reset", PasswordResetState),
        ("password_reset_confirm", PasswordResetConfirmState),
        ("login", LoginState),
    ],
)
async def test_a_page_nobody_asked_for_takes_no_form(ann: Any, page: str, state: Any) -> None:
    offer(routes={name: route for name, route in PAGES.items() if name != page})
    async with Tab() as tab:
        await tab.send(state.submit({**GOOD, "email": "ann@example.com"}), raises=False)
        assert "add_pages" in str(tab.errors[0])
        assert not scripts(tab)
    assert mail.outbox == []
    assert await User.objects.acount() == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"routes": {"signup": "/x"}},
        {"routes": {"login": "login"}},
        {"routes": {"login": "/login/[id]"}},
        {"forms": {"signup": AuthenticationForm}},
    ],
)
def test_a_mistake_is_named_at_start(arguments: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"signup|slash"):
        add_pages(None, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"forms": {"login": "accounts.forms.Missing"}}, "'accounts.forms.Missing' for the login"),
        ({"forms": {"login": User}}, "login page, which is no form class"),
        ({"throttle_classes": TwoAMinute}, "a list of throttle classes"),
        ({"throttle_classes": ["TwoAMinute"]}, "a list of throttle classes"),
        ({"controls": {"login": {"pasword": None}}}, "'pasword', .* are: username, password"),
        ({"controls": {"logout": {"username": None}}}, "'username', .* are: none"),
    ],
)
def test_a_mistake_about_a_form_is_named_at_start(arguments: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        add_pages(Mock(), **arguments)


OWN_USER = """
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class People(BaseUserManager):
    pass


class Person(AbstractBaseUser):
    address = models.EmailField(unique=True)
    town = models.CharField(max_length=20)
    objects = People()
    USERNAME_FIELD = "address"
    EMAIL_FIELD = "address"
    REQUIRED_FIELDS = ["town"]
"""
TRY_OWN_USER = """
from reflex_drf.conf import configure_django
configure_django("mysite.settings")
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
from reflex_drf.auth.forms import form_class, make_form
from reflex_drf.auth.options import PAGES, PagesOptions
from people.models import Person
chosen = PagesOptions(routes=PAGES)
print(list(form_class("registration", chosen).base_fields))
for address in ("Ann@example.com", "ann@example.com"):
    data = {"address": address, "town": "Ulm"}
    data |= dict.fromkeys(("password1", "password2"), "long-enough")
    form = make_form("registration", chosen, data, request=None)
    print(form.is_valid(), form.errors.as_json())
    form.is_valid() and form.save()
print(Person.objects.get().check_password("long-enough"))
"""


def test_the_projects_own_user_model_is_registered(tmp_path: Path) -> None:
    project = Project(tmp_path)
    # The admin needs permissions, which this model has not.
    project.extend(
        "mysite/settings.py",
        'INSTALLED_APPS = [a for a in INSTALLED_APPS if "admin" not in a] + ["people"]\n'
        'AUTH_USER_MODEL = "people.Person"\nUSE_TZ = True\n'
        'DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"\n',
    )
    project.write("mysite/urls.py", "urlpatterns = []\n")
    project.write("people/__init__.py", "")
    project.write("people/models.py", OWN_USER)
    fields, first, second, checked = project.run(TRY_OWN_USER).splitlines()
    assert fields == "['address', 'town', 'password1', 'password2']"
    assert first == "True {}"
    # Names that differ only in case are one name, as Django has it for its own model.
    assert second.startswith("False")
    assert "already exists" in second
    assert checked == "True"


PROBE = """
from reflex_drf.conf import configure_django
configure_django("mysite.settings")
import reflex as rx
from reflex_base.registry import RegistrationContext
import reflex_drf.seam, reflex_drf.ui, reflex_drf.state
from reflex_drf.auth import login_required
app = rx.App()
{added}
names = RegistrationContext.get().event_handlers
print(sorted({{name.split(".")[-2].rsplit("____", 1)[-1] for name in names if ".auth" in name or
    "drf___auth" in name}}))
"""


@pytest.mark.parametrize(
    ("added", "states"),
    [
        ("", []),
        (
            "from reflex_drf.auth import add_pages; add_pages(app, password_change=False)",
            ["login_state", "logout_state"],
        ),
        (
            "from reflex_drf.auth import add_pages; add_pages(app, registration=True)",
            ["login_state", "logout_state", "password_change_state", "registration_state"],
        ),
        (
            "from reflex_drf.auth import add_pages; add_pages(app, password_reset=True)",
            [
                "login_state",
                "logout_state",
                "password_change_state",
                "password_reset_confirm_state",
                "password_reset_state",
            ],
        ),
    ],
)
def test_an_app_has_the_handlers_it_asked_for_only(
    tmp_path: Path, added: str, states: list[str]
) -> None:
    assert Project(tmp_path).run(PROBE.format(added=added)) == str(states)


def test_all_pages_can_be_drawn_in_several_languages(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.extend("mysite/settings.py", 'LANGUAGES = [("en", "English"), ("de", "German")]\n')
    added = (
        "from reflex_drf.auth import add_pages\n"
        "add_pages(app, registration=True, password_reset=True)\n"
        "drawn = {route: str(page.component()) for route, page in app._unevaluated_pages.items()}\n"
        "assert 'Konto anlegen' in drawn['register'], drawn['register']\n"
        "assert 'Old password' in drawn['password-change']\n"
        "assert len(drawn) == 6"
    )
    assert project.run(PROBE.format(added=added))


def test_a_mail_without_a_template_is_named_at_start(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.extend("mysite/settings.py", 'INSTALLED_APPS.remove("django.contrib.admin")\n')
    project.write("mysite/urls.py", "urlpatterns = []\n")
    added = "from reflex_drf.auth import add_pages; add_pages(app, password_reset=True)"
    error = project.fail(PROBE.format(added=added))
    assert "registration/password_reset_email.html" in error
    assert "django.contrib.admin" in error


async def test_a_one_time_code_is_a_field_of_the_form(ann: Any) -> None:
    """As with django-otp, whose form checks the code and whose signal marks the session."""

    class CodeForm(AuthenticationForm):
        code = CharField()

        def clean_code(self) -> str:
            if self.cleaned_data["code"] != "123456":
                raise ValidationError("Wrong code.")
            return "123456"

    offer(forms={"login": CodeForm})
    async with Tab() as tab:
        for code in ("", "1"):
            await tab.send(LoginState.submit({"username": "ann", "password": "pw", "code": code}))
            assert "code" in tab.seen(LoginState, "field_errors")
        assert not scripts(tab)
        await tab.send(LoginState.submit({"username": "ann", "password": "pw", "code": "123456"}))
        assert await user_of(tab) == "ann"


# -- What a hostile visitor tries -----------------------------------------------------------

NOT_OURS = [
    "///evil.example", "////evil.example", "/\\/evil.example", "\\\\evil.example",
    "http:evil.example",
    "http:///evil.example", "https:///evil.example", "/\t/evil.example", "\x00/evil",
    " //evil.example",
    "//testserver@evil.example", "http://testserver@evil.example/", "http://testserver.evil.example/",
    "http://testserver:80@evil.example", "data:text/html,x", "JaVaScRiPt:alert(1)", "vbscript:x",
    "file:///etc/passwd", "ftp://testserver/x", "/x\r\nSet-Cookie: a=b//", "http://[::1/x",
    "/\t//evil.example", "/\r\n//evil.example", "/\n/\n/evil.example", "/\t\\\\evil.example",
]  # fmt: skip


@pytest.mark.parametrize("page", ["login", "registration"])
@pytest.mark.parametrize("wanted", NOT_OURS)
async def test_the_way_back_leads_to_no_other_site(ann: Any, page: str, wanted: str) -> None:
    async with Tab(path=f"/{page}?{urlencode({'next': wanted})}") as tab:
        if page == "login":
            await tab.send(LoginState.submit({"username": "ann", "password": "pw"}))
        else:
            await tab.send(RegistrationState.submit(GOOD))
        # A browser leaves these out of an address, or takes them for a slash.
        assert not set("\t\r\n\\") & set(target(tab))
        where = urljoin("http://testserver/login", target(tab))
        parts = urlsplit(where)
        assert (parts.scheme, parts.netloc) == ("http", "testserver")
        assert not parts.path.startswith(("//", "/\\"))


NO_FORMS: list[Any] = [
    {}, [], "ann", None, 7, {"email": ["ann@example.com"]}, {"email": {"a": 1}},
    {"email": "\ud800@x"},
    {"email": "ann@example.com\x00"}, {"email": "ann@example.com\r\nBcc: evil@example.com"},
    {"email": "ann@example.com,evil@example.com"}, {"email": "x" * 5000}, {"": "ann@example.com"},
    {"__class__": "x", "user": "1", "pk": 1}, {str(n): "x" for n in range(1000)},
]  # fmt: skip


@pytest.mark.parametrize(
    "state", [PasswordResetState, RegistrationState, PasswordChangeState], ids=lambda s: s.__name__
)
@pytest.mark.parametrize("sent", NO_FORMS, ids=lambda sent: repr(sent)[:40])
async def test_no_page_takes_what_is_no_form_of_its_own(ann: Any, state: Any, sent: Any) -> None:
    before = await User.objects.values().aget()
    async with Tab(user=ann) as tab:
        await tab.send_name(f"{state.get_full_name()}.submit", {"form_data": sent})
        assert tab.errors == []
        assert tab.seen(state, "field_errors")
        assert tab.get(state, "done") is False
        assert not scripts(tab)
    assert await User.objects.values().aget() == before
    assert mail.outbox == []


async def test_a_refused_login_says_nothing_of_the_account(ann: Any) -> None:
    """Whether there is one, whether it is active, and whether it has a password."""
    make = sync_to_async(User.objects.create_user)
    await make("idle", "idle@example.com", "pw", is_active=False)
    await make("bare", "bare@example.com", None)
    answers = set()
    for name, password in (("ann", "no"), ("nobody", "pw"), ("idle", "pw"), ("bare", "pw")):
        async with Tab() as tab:
            await tab.send(LoginState.submit({"username": name, "password": password}))
            vars_of = tab.deltas[-1][LoginState.get_full_name()]
            answers.add(repr(sorted(vars_of.items())))
            assert not scripts(tab)
    assert len(answers) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"user": "2", "user_id": "2", "pk": "2", "id": "2"},
        {"username": "bob"},
        {"user": {"pk": 2}},
        {"uid": "Mg", "token": "x"},
    ],
)
async def test_a_change_is_of_nobody_elses_password(ann: Any, more: Any) -> None:
    bob = await sync_to_async(User.objects.create_user)("bob", "bob@example.com", "pw")
    change = {"old_password": "pw", "new_password1": PASSWORD, "new_password2": PASSWORD}
    async with Tab(user=ann) as tab:
        await tab.send_name(
            f"{PasswordChangeState.get_full_name()}.submit", {"form_data": {**change, **more}}
        )
        assert tab.seen(PasswordChangeState, "done") is True
    check = sync_to_async(authenticate)
    assert await check(username="bob", password="pw") == bob
    assert await check(username="ann", password=PASSWORD) == ann


async def test_who_was_shut_out_changes_no_password(ann: Any) -> None:
    change = {"old_password": "pw", "new_password1": PASSWORD, "new_password2": PASSWORD}
    async with Tab(user=ann) as tab:
        await User.objects.aupdate(is_active=False)
        before = await User.objects.values_list("password", flat=True).aget()
        await tab.send(PasswordChangeState.submit(change), raises=False)
        assert tab.get(PasswordChangeState, "done") is False
    assert await User.objects.values_list("password", flat=True).aget() == before


async def test_a_link_is_good_for_its_own_user_only(ann: Any) -> None:
    bob = await sync_to_async(User.objects.create_user)("bob", "bob@example.com", "pw")
    await ask("ann@example.com")
    query = parse_qs(urlsplit(link()).query)
    other = urlsafe_base64_encode(force_bytes(bob.pk))
    async with Tab(path=link().removeprefix("http://testserver")) as tab:
        await tab.send(PasswordResetConfirmState.begin)
        await fetch_cookies(tab)
        new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        for path in (f"?uid={other}", f"?uid={other}&token={query['token'][0]}", "?uid=", ""):
            tab.path = f"/password-reset/confirm{path}"
            await tab.send(PasswordResetConfirmState.submit(new))
            assert tab.seen(PasswordResetConfirmState, "link") == "bad"
            assert tab.get(PasswordResetConfirmState, "done") is False
    check = sync_to_async(authenticate)
    assert await check(username="bob", password="pw") == bob
    assert await check(username="ann", password="pw") == ann


async def test_a_link_that_was_opened_elsewhere_is_not_open_here(ann: Any) -> None:
    """The address that is left in the history sets nothing in another browser."""
    await ask("ann@example.com")
    uid = parse_qs(urlsplit(link()).query)["uid"][0]
    await follow(link())
    async with Tab(path=f"/password-reset/confirm?uid={uid}") as tab:
        await tab.send(PasswordResetConfirmState.begin)
        assert tab.seen(PasswordResetConfirmState, "link") == "bad"
        new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        await tab.send(PasswordResetConfirmState.submit(new))
        assert tab.get(PasswordResetConfirmState, "done") is False
    assert await sync_to_async(authenticate)(username="ann", password="pw") == ann


@pytest.mark.parametrize("change", ["password", "email", "last_login", "is_active"])
async def test_what_happens_to_the_account_ends_its_links(ann: Any, change: str) -> None:
    await ask("ann@example.com")
    if change == "password":
        await sync_to_async(ann.set_password)("another")
    else:
        new = {"email": "new@example.com", "last_login": timezone.now(), "is_active": False}
        setattr(ann, change, new[change])
    await ann.asave()
    before = await User.objects.values_list("password", flat=True).aget()
    tab = await follow(link())
    seen = tab.seen(PasswordResetConfirmState, "link")
    # Django lets an account that was shut out have its password, and not come in with it.
    assert seen == ("good" if change == "is_active" else "bad")
    assert await User.objects.values_list("password", flat=True).aget() == before


async def test_who_registers_while_another_is_signed_in_has_nothing_of_his(ann: Any) -> None:
    async with Tab(user=ann, session={"cart": ["tea"]}) as tab:
        key = tab.cookies["sessionid"]
        await tab.send(RegistrationState.submit(GOOD))
        await fetch_cookies(tab)
        assert tab.cookies["sessionid"] != key
        await tab.send(SignInState.look)
        assert tab.get(SignInState, "result") == "cleo None"
    rows = [row.get_decoded() async for row in Session.objects.all()]
    assert not any(row.get("cart") for row in rows)
