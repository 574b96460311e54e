"""Event handlers for writing: the form, saving and deleting."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import reflex as rx
from django.core.files.uploadedfile import UploadedFile
from django.http.multipartparser import MultiPartParser
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Call, Reply
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.calls import MESSAGES, Key, operation
from reflex_drf.state.detail import DETAIL_PARAM
from reflex_drf.state.draft import CLEARED, DraftHandlers
from reflex_drf.state.forms import FormField, InvalidValueError
from reflex_drf.state.handlers import Wanted
from reflex_drf.state.hooks import is_overridden

__all__ = ["WriteHandlers", "make_setter", "make_upload"]


class WriteHandlers(DraftHandlers):
    """Handlers for writing: the form, saving and deleting."""

    @operation
    async def save(self, form_data: dict[str, Any] | None = None) -> Any:
        """Save the form: as a new row, or to the row that is being edited."""
        return await self._submit(self.editing_id, form_data)

    @operation
    async def create(self, form_data: dict[str, Any] | None = None) -> Any:
        """Save the form as a new row."""
        return await self._submit(None, form_data)

    @operation
    async def update(self, pk: Key) -> Any:
        """Save the form to a row."""
        if (key := self._key_of(pk)) is None:
            return None
        return await self._submit(key, None)

    @operation
    async def delete(self, pk: Key) -> Any:
        """Delete a row."""
        if (key := self._key_of(pk)) is None:
            return None
        wanted = self._wanted()
        replies = await self._run(*self._with_list(self._make("destroy", key), wanted))
        if replies is None:
            return drop_tab()
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self.error, self.field_errors = "", {}
        if self.editing_id is not None and str(self.editing_id) == str(key):
            self._reset_form()
            await self._edits()
        settled = await self._settle(wanted, replies[1]) if len(replies) > 1 else None
        if len(replies) == 1 and self._replace_row(key, None):
            self.total_count = max(self.total_count - 1, 0)
        answer = await self._then(self.on_deleted, str(key), settled)
        if self._is_open(key):
            # Not before the hook, which may ask what was open.
            self._close_row()
        return answer

    @operation
    async def start_edit(self, pk: Key) -> Any:
        """Fill the form with a row, to save to it."""
        if (key := self._key_of(pk)) is None:
            return None
        replies = await self._or_give_up(self._read_row(key))
        if replies is None:
            return drop_tab()
        self._take_rights(replies[0])
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self._edit(key, replies[0].data)
        await self._edits()
        return None

    @operation
    async def load_row(self, pk: Key) -> Any:
        """Fill the form with a row, to save to it."""
        return await WriteHandlers.start_edit(self, pk)

    @operation
    async def load_edit(self) -> Any:
        """Fill the form with the row that the page's route names as `[row_key]`."""
        return await WriteHandlers.start_edit(self, self.rx_router_page.params.get(DETAIL_PARAM))

    # -- Saving -----------------------------------------------------------------------------

    async def _submit(
        self, key: Key | None, form_data: Any, files: Mapping[str, Any] | None = None
    ) -> Any:
        # Whatever comes of it: the answer to a form that was sent is known by its number.
        self.save_count += 1
        if self._is_outdated(form_data) or not self._fill(form_data):
            return None
        action = "create" if key is None else self._plan.update_action
        if action is None or action not in self._plan.actions:
            return self._fail(MESSAGES[405])
        values = functools.partial(_plain_var, self)
        data, errors = self._plan.form.data(values, partial=action == "partial_update")
        if errors:
            self.error, self.field_errors = "", errors
            return None
        wanted, files = self._wanted(), files or {}
        call = self._make(action, key, data=data | self._cleared(form_data, files), files=files)
        calls = self._with_list(call, wanted)
        opened = self._detail_calls() if key is not None else []
        replies = await self._run_save(key, *calls, *opened)
        if replies is None:
            return drop_tab()
        if not replies:
            return None
        if not replies[0].ok:
            return await self._refuse(replies[0])
        self._saved(form_data, key, replies[0])
        await self._edits()
        await self._take_opened(key, replies[0].data, *replies[len(calls) :])
        settled = await self._settle(wanted, replies[1]) if len(calls) > 1 else None
        row = replies[0].data if isinstance(replies[0].data, Mapping) else {}
        return await self._then(self.on_saved, row, settled)

    def _cleared(self, form_data: Any, files: Mapping[str, Any]) -> dict[str, None]:
        """The files that are to be taken off the row, where the serializer lets one."""
        if not isinstance(form_data, Mapping):
            return {}
        names = sorted(self._plan.form.clearable - set(files))
        return {name: None for name in names if form_data.get(f"{CLEARED}{name}")}

    @operation
    async def save_files(self, files: list[rx.UploadFile], form_data: dict[str, Any]) -> Any:
        """Save the form with its files, each of which has its field for a folder."""
        chosen: dict[str, Any] = {}
        for file in files if isinstance(files, list) else []:
            path = getattr(file, "path", None)
            name = path.parts[0] if path is not None and len(path.parts) > 1 else ""
            if name not in self._plan.form.files or name in chosen:
                return self._fail(_("A file was sent that the form has no place for."))
            chosen[name] = _django_file(file)
        return await self._submit(self.editing_id, form_data, chosen)

    async def _upload(self, name: str, files: Any) -> Any:
        given = files if isinstance(files, list) else []
        chosen = [file for file in given if isinstance(file, rx.UploadFile)]
        if len(chosen) != 1:
            return self._fail(_("Choose one file."))
        return await self._submit(self.editing_id, None, {name: _django_file(chosen[0])})

    def _with_list(self, call: Call, wanted: Wanted) -> list[Call]:
        if "list" not in self._plan.actions or self._patches(call):
            return [call]
        return [call, self._list_call(wanted)]

    def _patches(self, call: Call) -> bool:
        """Whether the row can be changed where it stands, with nothing else to move."""
        if not self._plan.options.incremental_updates or not self._plan.generated:
            return False
        if call.action == "destroy":
            return self.page_count <= 1
        # A new or changed row may belong elsewhere in a list that is searched, sorted or filtered,
        # or in none where a hook says which rows there are.
        if call.action == "create" or self.search or self.ordering or self.filters:
            return False
        hooks = ("get_queryset", "filter_queryset")
        return self._plan.keeps_order and not any(is_overridden(type(self), h) for h in hooks)

    def _saved(self, form_data: Any, key: Key | None, reply: Reply) -> None:
        self.error, self.field_errors = "", {}
        if key is not None and self._plan.options.incremental_updates and self._plan.generated:
            self._replace_row(key, reply.data)
        self._leave_form(form_data, key, reply)


def _django_file(upload: rx.UploadFile) -> UploadedFile[Any]:
    upload.file.seek(0, os.SEEK_END)
    size = upload.file.tell()
    upload.file.seek(0)
    # As Django's own parser reads what a browser says of a file.
    kind = parse_header_parameters(upload.content_type or "")[0]
    clean: Any = MultiPartParser.sanitize_file_name
    return UploadedFile(upload.file, clean(None, upload.filename or "") or "file", kind, size)


def _plain_var(state: Any, name: str) -> Any:
    # Reflex hands lists and dicts out in wrappers that note changes.
    return copy.deepcopy(getattr(state, name))


# -- Handlers made for one state ------------------------------------------------------------


def make_setter(field: FormField) -> Callable[..., Any]:
    """The setter of a form var."""

    def setter(self: Any, value: Any) -> None:
        try:
            setattr(self, field.var, field.accept(value))
        except InvalidValueError as error:
            self.field_errors = {**self.field_errors, field.name: str(error)}
            return
        if field.name in self.field_errors:
            errors = {k: v for k, v in self.field_errors.items() if k != field.name}
            self.field_errors = errors

    return setter


def make_upload(name: str) -> Callable[..., Any]:
    """The handler that saves the form together with a file."""

    async def upload(self: Any, files: list[rx.UploadFile]) -> Any:
        return await self._upload(name, files)

    return upload
