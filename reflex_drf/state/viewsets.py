"""The viewset behind a `ModelState`: built from a model or a serializer, or one that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, FieldError, ImproperlyConfigured
from django.db.models import Field, ForeignKey, Model, QuerySet
from rest_framework import filters, pagination, serializers, viewsets
from rest_framework.authentication import SessionAuthentication
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.views import APIView

from reflex_drf.errors import ConfigurationError

if TYPE_CHECKING:
    from reflex_drf.state.options import Options

__all__ = [
    "build_viewset",
    "chosen_serializer",
    "describe_serializer",
    "keeps_order",
    "prefetch",
    "scope_field",
    "viewset_model",
]

# What only shapes a viewset that is built here; an existing one has its own.
_BUILDING_OPTIONS = (
    "search_fields",
    "ordering_fields",
    "filterset_fields",
    "filterset_class",
    "filter_backends",
    "pagination_class",
    "authentication_classes",
    "throttle_classes",
    "lookup_field",
    "model",
    "fields",
)


def build_viewset(owner: str, options: Options, *, read_only: bool) -> type[Any]:
    """The declared viewset, or one built around the serializer or the model."""
    _check_serializer(owner, options.serializer_class)
    if options.viewset is not None:
        return _existing(owner, options)
    if options.serializer_class is not None and options.fields:
        raise ConfigurationError(
            f"{owner} reuses {options.serializer_class.__name__}, which decides on 'fields' by "
            "itself: set them there, or leave out `serializer_class` to have one built."
        )
    serializer = options.serializer_class or _model_serializer(owner, options)
    model = _serializer_model(owner, options, serializer)
    base = viewsets.ReadOnlyModelViewSet if read_only else viewsets.ModelViewSet
    namespace: dict[str, Any] = {
        "__module__": __name__,
        "queryset": _queryset(owner, model, options),
        "serializer_class": serializer,
        "permission_classes": _permissions(options),
        "authentication_classes": _authentication(options),
        "filter_backends": _filter_backends(options),
        "search_fields": options.search_fields,
        "ordering_fields": _ordering_fields(options, serializer),
        "filterset_fields": options.filterset_fields,
        "filterset_class": options.filterset_class,
        "pagination_class": _pagination(model, options),
    }
    if options.throttle_classes is not None:
        namespace["throttle_classes"] = list(options.throttle_classes)
    if options.lookup_field is not None:
        namespace["lookup_field"] = _lookup_field(owner, model, options.lookup_field)
    return type(f"{owner}ViewSet", (base,), namespace)


def _check_serializer(owner: str, serializer: Any) -> None:
    is_class = isinstance(serializer, type) and issubclass(serializer, serializers.BaseSerializer)
    if serializer is not None and not is_class:
        raise ConfigurationError(
            f"{owner}.serializer_class is {serializer!r}; it has to be a serializer class."
        )


def _lookup_field(owner: str, model: type[Model], name: Any) -> Any:
    try:
        if name != "pk":
            model._meta.get_field(str(name).split("__")[0])
    except FieldDoesNotExist as error:
        raise ConfigurationError(f"{owner}.lookup_field is {name!r}: {error}.") from error
    return name


def _existing(owner: str, options: Options) -> type[Any]:
    viewset = options.viewset
    if not (isinstance(viewset, type) and issubclass(viewset, viewsets.ViewSetMixin)):
        raise ConfigurationError(f"{owner}.viewset is {viewset!r}; it has to be a viewset class.")
    for name in _BUILDING_OPTIONS:
        if getattr(options, name) is not None:
            raise ConfigurationError(
                f"{owner} reuses {viewset.__name__}, which decides on {name!r} by itself: "
                f"set it there, or leave out `viewset` to have one built."
            )
    return viewset


def _model_serializer(owner: str, options: Options) -> type[serializers.ModelSerializer[Any]]:
    if options.model is None:
        raise ConfigurationError(
            f"{owner} shows nothing yet: give it `viewset`, `serializer_class`, or `model` "
            "and `fields`. A class that is only subclassed says `abstract = True` in its Meta."
        )
    if not options.fields:
        raise ConfigurationError(f"{owner} has a model but no `fields`: name those it may show.")
    model, names = _model(owner, options.model), options.fields
    if names != "__all__":
        # Without its key a row could be shown, but not edited or deleted.
        names = list(dict.fromkeys([model._meta.pk.name, *names]))
    meta = {"model": model, "fields": names, "read_only_fields": list(options.read_only_fields)}
    namespace = {"__module__": __name__, "Meta": type("Meta", (), meta)}
    serializer = type(f"{owner}Serializer", (serializers.ModelSerializer,), namespace)
    try:
        # DRF names a class that stands in no file of the project's.
        serializer().get_fields()
    except ImproperlyConfigured as error:
        raise ConfigurationError(f"{owner}.fields: {error}") from error
    return serializer


def _model(owner: str, model: Any) -> type[Model]:
    if isinstance(model, str):
        try:
            model = apps.get_model(model)
        except (LookupError, ValueError) as error:
            raise ConfigurationError(
                f"{owner}.model is {model!r}, which is no 'app.Model' that is installed: {error}"
            ) from error
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise ConfigurationError(f"{owner}.model is {model!r}; it has to be a model class.")
    return model


def _serializer_model(owner: str, options: Options, serializer: Any) -> type[Model]:
    model = options.model or getattr(getattr(serializer, "Meta", None), "model", None)
    if model is None:
        raise ConfigurationError(
            f"{owner}.serializer_class has no model, so `model` has to name the one to query."
        )
    return _model(owner, model)


def _queryset(owner: str, model: type[Model], options: Options) -> QuerySet[Any]:
    queryset = prefetch(model._default_manager.all(), options)
    try:
        return queryset.order_by(*_ordering(model, options))
    except FieldError as error:
        raise ConfigurationError(f"{owner}.ordering: {error}") from error


def keeps_order(model: type[Model], options: Options) -> bool:
    """Whether a row that is saved stays where it is: sorted by what no save changes."""
    return all(_is_fixed(model, term) for term in _ordering(model, options))


def _is_fixed(model: type[Model], term: Any) -> bool:
    name = str(term).lstrip("-") if isinstance(term, str) else ""
    if name == "pk":
        return True
    field = {field.name: field for field in model._meta.concrete_fields}.get(name)
    return field is not None and (field.primary_key or getattr(field, "auto_now_add", False))


def _ordering(model: type[Model], options: Options) -> Any:
    # Pages of an unordered table may repeat and skip rows.
    return options.ordering or model._meta.ordering or ("-pk",)


def prefetch(queryset: QuerySet[Any], options: Options) -> QuerySet[Any]:
    """The queryset with the related rows that the state's options name."""
    if options.queryset_select_related:
        queryset = queryset.select_related(*options.queryset_select_related)
    return queryset.prefetch_related(*options.queryset_prefetch)


def _permissions(options: Options) -> list[Any]:
    if options.permission_classes is not None:
        return list(options.permission_classes)
    return [*APIView.permission_classes, IsAuthenticatedOrReadOnly]


def _authentication(options: Options) -> list[Any]:
    if options.authentication_classes is not None:
        return list(options.authentication_classes)
    classes = list(APIView.authentication_classes)
    if not any(isinstance(c, type) and issubclass(c, SessionAuthentication) for c in classes):
        # The viewer of a page has a session, whatever the project's API asks of its clients.
        classes.append(SessionAuthentication)
    return classes


def _filter_backends(options: Options) -> list[Any]:
    if options.filter_backends is not None:
        return list(options.filter_backends)
    stock: Any = GenericAPIView
    backends = list(stock.filter_backends)
    wanted: list[Any] = [filters.OrderingFilter]
    if options.search_fields:
        wanted.append(filters.SearchFilter)
    if options.filterset_fields or options.filterset_class:
        wanted.append(_django_filter_backend())
    for backend in wanted:
        if not any(issubclass(known, backend) for known in backends):
            backends.append(backend)
    return backends


def _django_filter_backend() -> Any:
    try:
        from django_filters.rest_framework import DjangoFilterBackend
    except ImportError as error:
        raise ConfigurationError(
            "`filterset_fields` needs django-filter: install reflex-drf[filters]."
        ) from error
    return DjangoFilterBackend


def _ordering_fields(options: Options, serializer: Any) -> Any:
    if options.ordering_fields is not None or not options.exclude_from_row:
        # None is DRF's own choice: the fields that the rows show.
        return options.ordering_fields
    shown = serializer().fields.items()
    hidden = options.exclude_from_row
    # The order of rows would tell what the rows do not show.
    return [field.source for name, field in shown if name not in hidden and _is_column(field)]


def _is_column(field: Any) -> bool:
    return not field.write_only and field.source != "*" and "." not in field.source


def _pagination(model: type[Model], options: Options) -> Any:
    base: Any = options.pagination_class or GenericAPIView.pagination_class
    if base is not None and issubclass(base, pagination.CursorPagination):
        return _cursor(base, model, options)
    if options.paginate_by is None and (base is None or base.page_size is None):
        return options.pagination_class
    if base is None or not issubclass(base, pagination.PageNumberPagination):
        if options.paginate_by is None or options.pagination_class is not None:
            return base
        base = pagination.PageNumberPagination
    size = options.paginate_by or base.page_size
    namespace = {
        "page_size": size,
        "page_size_query_param": base.page_size_query_param or "page_size",
        "max_page_size": max(options.max_page_size, size),
    }
    return type(base.__name__, (base,), {"__module__": __name__, **namespace})


def _cursor(base: Any, model: type[Model], options: Options) -> Any:
    own = base.ordering != pagination.CursorPagination.ordering
    if own and options.paginate_by is None:
        return base
    # A cursor goes by the order of the list, and its keyset has to tell any two rows apart.
    ordering = [*_ordering(model, options)]
    if not {"pk", "-pk", model._meta.pk.name, f"-{model._meta.pk.name}"} & set(ordering):
        ordering.append("-pk" if str(ordering[-1]).startswith("-") else "pk")
    size = options.paginate_by or base.page_size
    namespace = {"page_size": size, "ordering": base.ordering if own else tuple(ordering)}
    return type(base.__name__, (base,), {"__module__": __name__, **namespace})


def viewset_model(viewset: type[Any]) -> type[Model] | None:
    """The model a viewset is about, as far as it says so without a request."""
    queryset = getattr(viewset, "queryset", None)
    if queryset is not None:
        model: type[Model] = queryset.model
        return model
    serializer = getattr(viewset, "serializer_class", None)
    return getattr(getattr(serializer, "Meta", None), "model", None)


def describe_serializer(
    owner: str, options: Options, viewset: type[Any], action: str
) -> serializers.BaseSerializer[Any] | None:
    """An instance of the serializer that the viewset uses for the action, without a request."""
    serializer: Any = options.serializer_class or getattr(viewset, "serializer_class", None)
    chooses = viewset.get_serializer_class is not GenericAPIView.get_serializer_class
    if options.serializer_class is None and chooses:
        serializer = chosen_serializer(viewset, action) or serializer
    if serializer is None:
        raise ConfigurationError(
            f"{viewset.__name__} chooses its serializer by the request; tell {owner} with "
            "`serializer_class` which one describes its rows and form."
        )
    instance: serializers.BaseSerializer[Any] = serializer()
    return instance


def chosen_serializer(
    viewset: type[Any], action: str, given: Mapping[str, Any] | None = None
) -> Any:
    """The class that `get_serializer_class` gives for an action, or None where it needs a request.

    `given` is what the action's decorator or a URL gives to the view.
    """
    view = viewset(**(given or {}))
    view.action, view.request, view.format_kwarg = action, None, None
    view.args, view.kwargs = (), {}
    try:
        return view.get_serializer_class()
    except (AttributeError, KeyError, TypeError, AssertionError):
        # It asked for the request or has none to choose from; the caller knows what is left.
        return None


def scope_field(owner: str, model: type[Model], name: str | None) -> Field[Any, Any]:
    """The field of a model that says whose a row is."""
    candidates = [
        field
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey)
        and (name in (field.name, field.attname) if name else _is_user_key(field))
    ]
    if len(candidates) != 1:
        raise ConfigurationError(
            f"{owner} cannot tell which field of {model.__name__} is the row's user: "
            "name the foreign key in `scope_field`."
        )
    return candidates[0]


def _is_user_key(field: ForeignKey[Any, Any]) -> bool:
    related: Any = field.related_model
    return bool(related._meta.label == settings.AUTH_USER_MODEL)
