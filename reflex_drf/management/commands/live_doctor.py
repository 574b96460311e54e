"""`manage.py live_doctor`: "I subscribed, and nothing arrives"."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from reflex_drf.errors import ConfigurationError
from reflex_drf.live.changes import model_label
from reflex_drf.live.doctor import Findings, examine
from reflex_drf.live.openrows import is_user
from reflex_drf.live.registry import find_model


class Command(BaseCommand):
    """Says where a change gets lost between a write and a page."""

    help = "Say why a change does not arrive at a page: models, transport, workers, viewers."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what can be asked for."""
        parser.add_argument("--model", help="Only the viewers of a model, such as shop.Product.")
        parser.add_argument("--user", help="Only the viewers who are this user, by name.")
        parser.add_argument(
            "--wait", type=float, default=2.0, help="Seconds that workers have to answer."
        )
        parser.add_argument("--json", action="store_true", help="Print what was found as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine, print, and end with 1 if something keeps changes from arriving."""
        label, owner = self._label(options["model"]), self._owner(options["user"])
        findings = examine(options["wait"])
        findings.viewers = findings.about(label, owner)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(findings), indent=2))
        else:
            self._print(findings)
        if findings.problems:
            raise SystemExit(1)

    def _label(self, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            return model_label(find_model(name))
        except ConfigurationError as error:
            raise CommandError(f"--model names no model: {name!r}.") from error

    def _owner(self, name: str | None) -> str | None:
        if name is None:
            return None
        users = get_user_model()._default_manager
        user = users.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"--user names nobody: {name!r}.")
        return f"user {user.pk}"

    def _print(self, findings: Findings) -> None:
        trip = findings.round_trip
        health = (
            ""
            if not findings.shared
            else (", does not answer" if trip is None else f", a message is back in {trip:.0f} ms")
        )
        self._line("Transport", (findings.transport or "none") + health)
        self._line("Published here", ", ".join(findings.models) or "no model")
        for alias, labels in findings.triggers.items():
            self._line(f"Triggers in {alias!r}", ", ".join(labels))
        for worker in findings.workers:
            self._print_worker(worker)
        names = user_names({viewer["owner"] for viewer in findings.viewers})
        for viewer in findings.viewers:
            who = f"{viewer['state']} of {names.get(viewer['owner'], viewer['owner'])}"
            when = f" ({ago(viewer['at'])})" if viewer["at"] else ""
            self._line(who, viewer["outcome"] + when)
        for hint in findings.hints:
            self.stdout.write(self.style.WARNING(f"Note: {hint}"))
        for problem in findings.problems:
            self.stdout.write(self.style.ERROR(f"Problem: {problem}"))
        if not findings.problems:
            self.stdout.write(self.style.SUCCESS("Nothing found that keeps changes away."))

    def _print_worker(self, worker: dict[str, Any]) -> None:
        counts = ", ".join(f"{number} of {name}" for name, number in worker["subscribers"].items())
        self._line(f"Worker {worker['process']}", f"subscribers: {counts or 'none'}")
        for what in ("published", "received"):
            for at, text in worker[what].values():
                self._line(f"  last {what}", f"{text} ({ago(at)})")

    def _line(self, name: str, text: str) -> None:
        self.stdout.write(f"{name}: {text}")


def user_names(owners: set[str]) -> dict[str, str]:
    """Give the names that users log in with, by what a tab's owner is called."""
    keys = [owner.removeprefix("user ") for owner in owners if is_user(owner)]
    users = get_user_model()._default_manager.filter(pk__in=keys) if keys else []
    return {f"user {user.pk}": user.get_username() for user in users}


def ago(at: float) -> str:
    """Say how long ago something was."""
    seconds = max(time.time() - at, 0)
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.0f} h ago"
