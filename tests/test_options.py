"""Options of a state: where they may stand, what they inherit, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.options import (
    OPTION_NAMES,
    Options,
    combine_options,
    inherited_options,
    lookup_order,
    resolve_options,
    take_options,
)


def declared(**options: Any) -> type:
    """A class that was made with these options."""
    return type("Declared", (), {"_declared_options": options})


class TestTaking:
    def test_options_leave_the_class_body_with_their_annotations(self) -> None:
        namespace: dict[str, Any] = {
            "__annotations__": {"paginate_by": int, "count": int},
            "paginate_by": 5,
            "count": 0,
            "fields": ["name"],
        }
        assert take_options("S", namespace) == {"paginate_by": 5, "fields": ["name"]}
        assert namespace == {"__annotations__": {"count": int}, "count": 0}

    def test_meta_counts_more_than_an_attribute(self) -> None:
        class Meta:
            paginate_by = 7

        assert take_options("S", {"paginate_by": 5, "Meta": Meta}) == {"paginate_by": 7}

    def test_a_meta_may_derive_from_another(self) -> None:
        class Base:
            paginate_by = 7
            list_var = "rows"

        class Meta(Base):
            paginate_by = 8

        assert take_options("S", {"Meta": Meta}) == {"paginate_by": 8, "list_var": "rows"}

    def test_a_method_of_an_options_name_stays(self) -> None:
        def ordering(self: Any) -> str:
            return "name"

        namespace = {"ordering": ordering, "fields": property(ordering)}
        assert take_options("S", namespace) == {}
        assert set(namespace) == {"ordering", "fields"}

    @pytest.mark.parametrize(
        ("name", "near"),
        [("paginate", "paginate_by"), ("list_vars", "list_var"), ("permision_classes", "perm")],
    )
    def test_an_unknown_option_names_the_class_and_a_near_match(self, name: str, near: str) -> None:
        meta = type("Meta", (), {name: 1})
        with pytest.raises(
            ConfigurationError, match=rf"Shop\.Meta.*'{name}'; did you mean '{near}"
        ):
            take_options("Shop", {"Meta": meta})

    def test_an_unknown_option_like_no_other_lists_the_known(self) -> None:
        meta = type("Meta", (), {"xyzzy": 1})
        with pytest.raises(ConfigurationError, match=r"known are .*viewset"):
            take_options("Shop", {"Meta": meta})


class TestInheriting:
    def test_the_first_base_counts_most(self) -> None:
        first, second = declared(paginate_by=1), declared(paginate_by=2, list_var="rows")
        assert inherited_options([first, second]) == {"paginate_by": 1, "list_var": "rows"}

    def test_a_subclass_overrides_what_its_base_shares_with_a_mixin(self) -> None:
        base = declared(paginate_by=1)
        mixin = type("Mixin", (base,), {"_declared_options": {}})
        below = type("Below", (base,), {"_declared_options": {"paginate_by": 2}})
        assert inherited_options([mixin, below]) == {"paginate_by": 2}

    def test_a_plain_class_carries_options_as_written(self) -> None:
        plain = type("Plain", (), {"paginate_by": 3, "other": 4})
        assert inherited_options([plain]) == {"paginate_by": 3}

    def test_being_abstract_is_not_inherited(self) -> None:
        assert inherited_options([declared(abstract=True, paginate_by=1)]) == {"paginate_by": 1}

    def test_the_order_is_pythons(self) -> None:
        class A: ...

        class B(A): ...

        class C(A): ...

        class D(B, C): ...

        assert [D, *lookup_order([B, C])][1:] == list(D.__mro__)[1:]

    def test_bases_without_an_order_are_left_to_python(self) -> None:
        class A: ...

        class B(A): ...

        assert isinstance(lookup_order([A, B]), list)
        with pytest.raises(TypeError):
            type("C", (A, B), {})


class TestCombining:
    @pytest.mark.parametrize(
        ("inherited", "own", "result"),
        [
            ({"model": 1, "fields": 2}, {"viewset": 3}, {"viewset": 3}),
            ({"viewset": 1}, {"model": 2, "fields": 3}, {"model": 2, "fields": 3}),
            ({"model": 1, "fields": 2}, {"fields": 3}, {"model": 1, "fields": 3}),
            ({"model": 1, "fields": 2}, {"serializer_class": 3}, {"serializer_class": 3}),
            ({"viewset": 1}, {"serializer_class": 2}, {"viewset": 1, "serializer_class": 2}),
            ({"model": 1, "list_var": "a"}, {"viewset": 2}, {"viewset": 2, "list_var": "a"}),
        ],
    )
    def test_an_own_way_of_declaring_replaces_an_inherited_one(
        self, inherited: Any, own: Any, result: Any
    ) -> None:
        assert combine_options(inherited, own) == result


class TestResolving:
    def test_defaults(self) -> None:
        options = resolve_options("S", {})
        assert (options.list_var, options.reset_after_save, options.max_page_size) == (
            "data",
            True,
            100,
        )
        assert options.permission_classes is None

    def test_sequences_become_tuples(self) -> None:
        options = resolve_options("S", {"search_fields": ["a", "b"], "ordering": ["-a"]})
        assert options.search_fields == ("a", "b")
        assert options.ordering == ("-a",)

    def test_one_name_without_its_comma_is_a_list_of_one(self) -> None:
        options = resolve_options("S", {"search_fields": "name", "ordering": "-created"})
        assert options.search_fields == ("name",)
        assert options.ordering == ("-created",)

    def test_an_empty_list_of_permissions_is_not_the_default(self) -> None:
        assert resolve_options("S", {"permission_classes": []}).permission_classes == ()

    @pytest.mark.parametrize("name", ["list_var", "save_event", "delete_event"])
    @pytest.mark.parametrize("value", ["", "_hidden", "two words", 3, None])
    def test_names_have_to_be_public_names(self, name: str, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=rf"S\.{name}"):
            resolve_options("S", {name: value})

    @pytest.mark.parametrize("value", [0, -1, "5", 2.5, True])
    def test_sizes_have_to_be_numbers(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"S\.paginate_by"):
            resolve_options("S", {"paginate_by": value})

    def test_every_option_is_in_the_docs(self) -> None:
        from tests.test_docs import ROOT

        page = (ROOT / "docs" / "options.md").read_text()
        assert [name for name in sorted(OPTION_NAMES) if f"`{name}`" not in page] == []

    def test_options_cannot_be_changed_afterwards(self) -> None:
        with pytest.raises(AttributeError):
            Options().list_var = "x"  # type: ignore[misc]
