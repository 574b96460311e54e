"""`register_admin`, as a decorator and as a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import Group, Permission
from django.test import override_settings

from reflex_drf import register_admin
from reflex_drf.errors import ConfigurationError
from tests.throwaway import Project


@pytest.fixture
def site() -> AdminSite:
    return AdminSite("own")


def test_the_decorator_registers_the_class(site: AdminSite) -> None:
    @register_admin(Group, site=site)
    class GroupAdmin(ModelAdmin):  # type: ignore[type-arg]
        list_display = ("name",)

    assert type(site.get_model_admin(Group)) is GroupAdmin


def test_the_decorator_gives_the_class_back(site: AdminSite) -> None:
    class GroupAdmin(ModelAdmin):  # type: ignore[type-arg]
        pass

    assert register_admin(Group, Permission, site=site)(GroupAdmin) is GroupAdmin
    assert type(site.get_model_admin(Permission)) is GroupAdmin


def test_a_call_alone_registers_with_djangos_class(site: AdminSite) -> None:
    register_admin(Group, site=site)
    assert type(site.get_model_admin(Group)) is ModelAdmin


def test_a_call_with_options_needs_no_class(site: AdminSite) -> None:
    register_admin(Group, site=site, list_display=["name"], search_fields=["name"])
    found = site.get_model_admin(Group)
    assert (found.list_display, found.search_fields) == (["name"], ["name"])


def test_options_go_on_top_of_the_class(site: AdminSite) -> None:
    @register_admin(Group, site=site, ordering=["-name"])
    class GroupAdmin(ModelAdmin):  # type: ignore[type-arg]
        list_display = ("name",)

    found = site.get_model_admin(Group)
    assert isinstance(found, GroupAdmin)
    assert (found.list_display, found.ordering) == (("name",), ["-name"])


def test_without_a_site_it_is_the_projects() -> None:
    assert not admin.site.is_registered(Permission)
    register_admin(Permission)
    try:
        assert admin.site.is_registered(Permission)
    finally:
        admin.site.unregister(Permission)


def test_a_duplicate_names_the_model_and_the_other_class(site: AdminSite) -> None:
    @register_admin(Group, site=site)
    class GroupAdmin(ModelAdmin):  # type: ignore[type-arg]
        pass

    with pytest.raises(ConfigurationError, match=r"auth\.Group is registered.*GroupAdmin"):
        register_admin(Permission, Group, site=site)
    assert not site.is_registered(Permission)
    assert type(site.get_model_admin(Group)) is GroupAdmin


@pytest.mark.parametrize("arguments", [(), ("auth.Group",), (ModelAdmin, None)])
def test_without_model_classes_the_error_shows_how(site: AdminSite, arguments: Any) -> None:
    with pytest.raises(ConfigurationError, match="@register_admin\\(Product\\)"):
        register_admin(*arguments, site=site)


@pytest.mark.parametrize("decorated", [Group, "GroupAdmin", lambda: None])
def test_it_decorates_admin_classes_only(site: AdminSite, decorated: Any) -> None:
    with pytest.raises(ConfigurationError, match="ModelAdmin"):
        register_admin(Group, site=site)(decorated)


def test_without_the_admin_the_error_names_the_app(settings: Any) -> None:
    without = [app for app in settings.INSTALLED_APPS if app != "django.contrib.admin"]
    with (
        override_settings(INSTALLED_APPS=without),
        pytest.raises(ConfigurationError, match=r"add 'django\.contrib\.admin' to INSTALLED_APPS"),
    ):
        register_admin(Group)


def test_it_works_beside_the_model_already(tmp_path: Path) -> None:
    """The guide keeps it in admin.py; in models.py Django's apps are still being loaded."""
    project = Project(tmp_path)
    project.extend("mysite/settings.py", "INSTALLED_APPS += ['shop']\n")
    project.write("shop/__init__.py", "")
    project.write(
        "shop/models.py",
        """
        from django.db import models
        from reflex_drf import register_admin

        class Product(models.Model):
            id = models.BigAutoField(primary_key=True)

        register_admin(Product)
        """,
    )
    code = """
    from reflex_drf import configure_django
    configure_django()
    from django.urls import reverse
    print(reverse("admin:shop_product_changelist"))
    """
    assert project.run(code) == "/admin/shop/product/"
