"""`register_admin`: a model in the Django admin, by a decorator or a single call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from reflex_drf.errors import ConfigurationError

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite, ModelAdmin
    from django.db.models import Model

__all__ = ["register_admin"]

AdminClass = TypeVar("AdminClass", bound="type[ModelAdmin[Any]]")


def register_admin(
    *models: type[Model], site: AdminSite | None = None, **options: Any
) -> Callable[[AdminClass], AdminClass]:
    """Register models in the admin at once, with `ModelAdmin` and the given options.

    Used as a decorator of a `ModelAdmin` class, it registers them with that class instead.
    """
    if not models or not all(isinstance(model, type) for model in models):
        raise ConfigurationError(
            "register_admin needs the model classes: @register_admin(Product), or "
            'register_admin(Product, list_display=["name"]).'
        )
    chosen = site or default_site()
    for model in models:
        refuse_duplicate(chosen, model)
    chosen.register(models, **options)

    def decorate(admin_class: AdminClass) -> AdminClass:
        from django.contrib.admin import ModelAdmin

        if not (isinstance(admin_class, type) and issubclass(admin_class, ModelAdmin)):
            raise ConfigurationError(
                f"@register_admin decorates a ModelAdmin class, not {admin_class!r}. Derive it "
                "from django.contrib.admin.ModelAdmin."
            )
        chosen.unregister(models)
        chosen.register(models, admin_class, **options)
        return admin_class

    return decorate


def default_site() -> AdminSite:
    """Give the project's admin site."""
    from django.apps import apps
    from django.contrib import admin

    if not apps.is_installed("django.contrib.admin"):
        raise ConfigurationError(
            "register_admin needs the Django admin: add 'django.contrib.admin' to INSTALLED_APPS "
            "and path('admin/', admin.site.urls) to the URLconf."
        )
    return admin.site


def refuse_duplicate(site: AdminSite, model: type[Model]) -> None:
    """Refuse a model that another admin class shows already."""
    if site.is_registered(model):
        admin_class = type(site.get_model_admin(model))
        raise ConfigurationError(
            f"{model._meta.label} is registered in the admin already, by "
            f"{admin_class.__module__}.{admin_class.__qualname__}. Remove one of the two."
        )
