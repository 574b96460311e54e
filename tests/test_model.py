"""`Model`: importable from anywhere, with a big primary key, and shown by pk and text alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.test.utils import isolate_apps
from reflex_base.utils.format import json_dumps
from reflex_base.utils.serializers import get_serializer, serialize

from reflex_drf.model import Model, serialize_django_model
from tests.throwaway import Project


@pytest.fixture(autouse=True)
def own_apps() -> Iterator[Any]:
    with isolate_apps("tests.shop") as isolated:
        yield isolated


# The field


def test_the_primary_key_is_big() -> None:
    class Plain(Model):
        name = models.CharField(max_length=9)

        class Meta:
            app_label = "shop"

    assert isinstance(Plain._meta.pk, models.BigAutoField)
    assert [field.name for field in Plain._meta.fields] == ["id", "name"]


def test_the_default_of_the_project_does_not_matter() -> None:
    label = apps.get_app_config("shop")
    before, label.default_auto_field = label.default_auto_field, "django.db.models.AutoField"
    try:

        class Small(Model):
            class Meta:
                app_label = "shop"

        assert type(Small._meta.pk) is models.BigAutoField
    finally:
        label.default_auto_field = before


def test_a_primary_key_of_the_models_own_takes_its_place() -> None:
    class Coded(Model):
        code = models.CharField(max_length=9, primary_key=True)

        class Meta:
            app_label = "shop"

    assert [field.name for field in Coded._meta.fields] == ["code"]
    assert Coded.check() == []


def test_the_id_can_be_of_another_kind() -> None:
    class Unique(Model):
        id = models.UUIDField(primary_key=True)

        class Meta:
            app_label = "shop"

    assert isinstance(Unique._meta.pk, models.UUIDField)


def test_it_is_abstract_and_mixes_with_others() -> None:
    class Stamped(Model):
        created = models.DateTimeField(auto_now_add=True)

        class Meta:
            abstract = True

    class Note(Stamped):
        class Meta(Stamped.Meta):
            app_label = "shop"
            abstract = False

    assert Model._meta.abstract
    assert [field.name for field in Note._meta.fields] == ["id", "created"]


def test_a_child_of_a_concrete_model_has_one_primary_key() -> None:
    class Parent(Model):
        class Meta:
            app_label = "shop"

    class Child(Parent):
        class Meta:
            app_label = "shop"

    assert Child._meta.pk.name == "parent_ptr"
    assert Child.check() == []


# What a state shows of an instance


def account() -> Any:
    class Account(AbstractBaseUser, Model):
        email = models.EmailField()
        USERNAME_FIELD = "email"

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return f"Account {self.pk}"

    return Account(pk=7, email="a@b.example", password="pbkdf2$hash")


def test_only_pk_and_text_are_shown() -> None:
    """Guards against a serializer that sends every field, the password's hash among them."""
    instance, shown = account(), {"pk": 7, "str": "Account 7"}
    assert serialize(instance) == shown
    assert json.loads(json_dumps({"rows": [instance]})) == {"rows": [shown]}


def test_djangos_own_models_are_not_touched() -> None:
    from django.contrib.auth.models import User

    assert get_serializer(User) is None
    assert get_serializer(models.Model) is None
    assert get_serializer(Model) is serialize_django_model


@pytest.mark.parametrize("pk", [None, 3, "abc"])
def test_the_pk_is_plain(pk: Any) -> None:
    instance = account()
    instance.pk = pk
    assert serialize_django_model(instance)["pk"] == pk


def test_a_uuid_is_shown_as_text() -> None:
    from uuid import UUID

    class Unique(Model):
        id = models.UUIDField(primary_key=True)

        class Meta:
            app_label = "shop"

    key = UUID(int=5)
    assert serialize_django_model(Unique(pk=key))["pk"] == str(key)


async def test_on_the_event_loop_no_query_is_made() -> None:
    class Lined(Model):
        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return str(type(self).objects.count())

    assert serialize_django_model(Lined(pk=5)) == {"pk": 5, "str": "Lined object (5)"}


# Importing


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.extend("mysite/settings.py", "INSTALLED_APPS += ['shop']\n")
    project.write("shop/__init__.py", "")
    project.write(
        "shop/models.py",
        """
        from django.db import models
        from reflex_drf.model import Model

        class Product(Model):
            name = models.CharField(max_length=9)
        """,
    )
    return project


@pytest.mark.parametrize(
    "code",
    [
        "from reflex_drf.model import Model; from shop.models import Product",
        "import reflex_drf.model; from shop.models import Product; Model = reflex_drf.model.Model",
        "from shop.models import Product; from reflex_drf.model import Model",
        "import django; django.setup(); from shop.models import Product, Model",
    ],
)
def test_any_order_of_imports_works(project: Project, code: str) -> None:
    """Importing the module configures Django, which imports models that import this module."""
    code += "; print(issubclass(Product, Model), Product._meta.label, Model.__module__)"
    environ = {"DJANGO_SETTINGS_MODULE": "mysite.settings"} if "setup()" in code else {}
    assert project.run(code, **environ) == "True shop.Product reflex_drf._model"


def test_manage_py_and_migrations_work(project: Project) -> None:
    for command in ("makemigrations shop", "migrate", "makemigrations --check", "check"):
        result = project.python("-W", "error", "manage.py", *command.split())
        assert result.returncode == 0, result.stderr
    migration = (project.path / "shop/migrations/0001_initial.py").read_text()
    assert "models.BigAutoField(auto_created=True, primary_key=True" in migration
    assert "reflex_drf" not in migration


def test_an_unknown_name_is_an_attribute_error() -> None:
    import reflex_drf.model

    with pytest.raises(AttributeError, match="Models"):
        _ = reflex_drf.model.Models  # type: ignore[attr-defined]
