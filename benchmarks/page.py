"""What a page of a site costs its viewer: the wait for the first list, and bytes on the socket.

`python -m benchmarks.page` serves the sample project as a production build and opens its office
in Chromium. Bytes are those of the messages, before the socket compresses them.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.browsing import ARGUMENTS, async_api
from tests.servers import LEFT_OUT, SAMPLE, Server, _environment, _running

REPEATS = 9
ROWS = 25
LIST = f"/office/products?page_size={ROWS}"


class Measured:
    """A page whose messages are counted."""

    def __init__(self, page: Any) -> None:
        self.page, self.frames = page, []  # type: ignore[var-annotated]
        page.on("websocket", lambda socket: socket.on("framereceived", self.note))

    def note(self, frame: str | bytes) -> None:
        """Keep a message."""
        self.frames.append(frame)

    def received(self, *marks: str) -> int:
        """The bytes of the messages that hold one of these marks."""
        return sum(
            len(frame if isinstance(frame, bytes) else frame.encode())
            for frame in self.frames
            if any(mark in str(frame) for mark in marks)
        )


async def measure(server: Server) -> dict[str, float]:
    """Open the list anew each time, then change one of its rows over the API."""
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        waits = [await first_list(browser, server) for _ in range(REPEATS)]
        page = Measured(await (await browser.new_context()).new_page())
        await page.page.goto(server.url + LIST)
        row = page.page.locator("tbody tr").nth(3)
        await row.wait_for()
        await page.page.wait_for_load_state("networkidle")
        rows, everything = page.received("data_rx_state_"), page.received("")
        page.frames.clear()
        await asyncio.to_thread(change_stock, server)
        await page.page.get_by_text("987,654").first.wait_for()
        changed = page.received("data_rx_state_")
        await browser.close()
    return {
        "first list visible, cold browser cache, ms": statistics.median(waits) * 1000,
        f"bytes of a list of {ROWS} rows": rows,
        "bytes of all messages until then": everything,
        "bytes for one changed row of it, live": changed,
    }


async def first_list(browser: Any, server: Server) -> float:
    """The seconds from the address to the first row."""
    context = await browser.new_context()
    page = await context.new_page()
    start = time.perf_counter()
    await page.goto(server.url + LIST, wait_until="commit")
    await page.locator("tbody tr").first.wait_for()
    seconds = time.perf_counter() - start
    await context.close()
    return seconds


def change_stock(server: Server) -> None:
    """Change the stock of the fourth row over the API."""
    cookies = server.sign_in("admin")
    with httpx.Client(cookies=cookies, base_url=server.url) as client:
        key = client.get("/api/products/?page_size=25").json()["results"][3]["id"]
        answer = client.patch(
            f"/api/products/{key}/",
            json={"stock": 987654},
            headers={"X-CSRFToken": cookies["csrftoken"], "Referer": server.url},
        )
        answer.raise_for_status()


def main() -> None:
    """Serve, measure and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "sample_project"
        shutil.copytree(SAMPLE, directory, ignore=LEFT_OUT)
        environment = _environment()
        for command in (["migrate", "--verbosity", "0"], ["seed_demo", "--verbosity", "0"]):
            subprocess.run(
                [sys.executable, "manage.py", *command], cwd=directory, env=environment, check=True
            )
        with _running(directory, environment) as server:
            figures = asyncio.run(measure(server))
    print("| what | figure |\n|---|---:|")
    for name, value in figures.items():
        print(f"| {name} | {value:,.0f} |")


if __name__ == "__main__":
    main()
