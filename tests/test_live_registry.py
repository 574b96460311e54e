"""Which models are live, why, and what that costs the others."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_init, post_save

from reflex_drf.live import is_live_model, register_live_model, unregister_live_model
from reflex_drf.live.registry import live_models
from tests.living import Cable
from tests.shop.models import Category, Product, Task

pytestmark = pytest.mark.django_db(transaction=True)


class TestRegistration:
    def test_signals_are_connected_while_a_model_is_registered(self) -> None:
        before = [len(signal.receivers) for signal in (post_save, post_delete, m2m_changed)]
        assert not is_live_model(Product)
        register_live_model(Product)
        register_live_model(Product)
        assert is_live_model(Product)
        assert post_save.has_listeners(Product)
        unregister_live_model(Product)
        assert not is_live_model(Product)
        after = [len(signal.receivers) for signal in (post_save, post_delete, m2m_changed)]
        assert after == before

    def test_a_model_that_is_not_registered_costs_nothing(self) -> None:
        register_live_model(Product)
        try:
            assert not post_save.has_listeners(Task)
            assert not post_delete.has_listeners(Category)
            assert not post_init.has_listeners(Product)
        finally:
            unregister_live_model(Product)

    def test_the_last_who_watches_disconnects(self) -> None:
        live_models.watch(Product)
        live_models.watch(Product)
        live_models.watch(Product, -1)
        assert is_live_model(Product)
        live_models.watch(Product, -1)
        assert not is_live_model(Product)

    def test_the_end_of_watching_leaves_what_the_project_registered(self) -> None:
        register_live_model(Product)
        live_models.watch(Product)
        live_models.watch(Product, -1)
        assert is_live_model(Product)
        unregister_live_model(Product)

    def test_what_states_show_is_published_where_others_can_hear_it(self, settings: Any) -> None:
        live_models.show(Category)
        try:
            assert not is_live_model(Category)
            settings.REFLEX_DRF = {"LIVE_TRANSPORT": Cable()}
            assert is_live_model(Category)
            settings.REFLEX_DRF = {}
            assert not is_live_model(Category)
        finally:
            unregister_live_model(Category)

    def test_the_settings_name_models(self, settings: Any) -> None:
        settings.REFLEX_DRF = {"LIVE_MODELS": ["shop.Task"]}
        assert is_live_model(Task)
        settings.REFLEX_DRF = {}
        assert not is_live_model(Task)

    def test_a_name_that_is_no_model_says_so(
        self, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.REFLEX_DRF = {"LIVE_MODELS": ["shop.Nothing"]}
        assert "names 'shop.Nothing', which is no model" in caplog.text


def test_every_model_of_the_test_project_can_be_live() -> None:
    # Relations of every kind are among them: to itself, through a table, hidden, generic.
    from django.apps import apps

    for model in apps.get_models():
        assert isinstance(model, type)
        assert issubclass(model, models.Model)
        register_live_model(model)
        unregister_live_model(model)
