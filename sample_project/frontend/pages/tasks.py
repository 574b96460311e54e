"""Tasks: a plain Reflex state with functional helpers."""

from __future__ import annotations

import reflex as rx

from frontend.components.layout import page_header, shell, sign_in_link
from frontend.components.ui import code_behind, empty_state, panel, problem
from frontend.states.tasks import TaskState
from frontend.states.user import UserState


def tasks() -> rx.Component:
    return shell(
        page_header(
            "Tasks",
            "Your own list. A plain rx.State: it asks Django who you are and uses the async ORM.",
        ),
        rx.cond(
            UserState.is_authenticated,
            _list(),
            panel(
                empty_state(
                    "lock",
                    "Your tasks are waiting",
                    "Every user has a list of their own. Sign in to see yours.",
                    sign_in_link("/tasks"),
                )
            ),
        ),
        code_behind(TaskState),
        path="/tasks",
    )


def _list() -> rx.Component:
    return rx.box(
        problem(TaskState.error_message),
        panel(
            _new_task(),
            rx.cond(
                TaskState.tasks,
                rx.el.ul(rx.foreach(TaskState.tasks, _task), class_name="rows"),
                rx.cond(
                    TaskState.loaded,
                    empty_state("circle-check", "Nothing to do", "Add a task above."),
                    rx.box(*(_skeleton() for _ in range(4))),
                ),
            ),
        ),
        rx.text(
            TaskState.open_count,
            " open of ",
            TaskState.tasks.length(),
            size="2",
            color="var(--gray-11)",
            margin_top="12px",
            role="status",
        ),
        max_width="720px",
    )


def _new_task() -> rx.Component:
    return rx.form(
        rx.flex(
            rx.box(
                rx.input(
                    placeholder="What needs doing?",
                    value=TaskState.new_title,
                    on_change=TaskState.set_new_title,
                    max_length=200,
                    size="3",
                    custom_attrs={"aria-label": "Title of the new task"},
                ),
                flex="1",
                min_width="0",
            ),
            rx.button(rx.icon("plus", size=16), "Add", type="submit", size="3"),
            spacing="3",
        ),
        on_submit=lambda _: TaskState.add_task(),
        padding="16px",
        border_bottom="1px solid var(--gray-a4)",
    )


def _task(task: rx.Var[dict]) -> rx.Component:
    return rx.el.li(
        rx.flex(
            rx.el.label(
                rx.checkbox(
                    checked=task["done"].to(bool),
                    on_change=lambda _: TaskState.toggle_task(task["id"].to(int)),
                    size="3",
                ),
                rx.text(
                    task["title"].to(str),
                    as_="span",
                    color=rx.cond(task["done"], "var(--gray-10)", "var(--gray-12)"),
                    text_decoration=rx.cond(task["done"], "line-through", "none"),
                ),
                style={
                    "display": "flex",
                    "alignItems": "center",
                    "gap": "12px",
                    "flex": "1",
                    "cursor": "pointer",
                    "padding": "12px 0",
                },
            ),
            rx.icon_button(
                rx.icon("trash-2", size=16),
                on_click=TaskState.delete_task(task["id"].to(int)),
                variant="ghost",
                color_scheme="gray",
                custom_attrs={"aria-label": f"Delete {task['title']}"},
            ),
            align="center",
            spacing="3",
            padding="0 20px",
        ),
    )


def _skeleton() -> rx.Component:
    return rx.box(rx.skeleton(height="20px", width="60%"), padding="16px 20px")
