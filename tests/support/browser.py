"""A real browser without a screen, looking at a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.support.servers import require

_PATIENCE = 60.0


class Browser:
    """Chromium, steered as a reader would: what it shows, keys, clicks."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str, width: int = 1300, height: int = 2_000, *, dark: bool = False) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(url)

    def text(self, id_: str) -> str:
        """Return what an element shows, nothing where it is not there."""
        found = self.driver.find_elements(By.ID, id_)
        return str(found[0].text) if found else ""

    def script(self, source: str) -> Any:
        return self.driver.execute_script(source)

    def press(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(getattr(Keys, key))

    def until(self, holds: Callable[[], Any], what: str) -> None:
        deadline = monotonic() + _PATIENCE
        while not holds():
            assert monotonic() < deadline, f"{what} within {_PATIENCE:g} s; the page:\n{self.all_text()}"
            sleep(0.2)

    def all_text(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    def errors(self) -> list[str]:
        """Return what the page's scripts complained of, and what could not be fetched."""
        return [str(one["message"]) for one in self.driver.get_log("browser") if one["level"] == "SEVERE"]

    def fetched(self) -> list[str]:
        """Return the address of everything that the page fetched."""
        return list(self.script("return performance.getEntriesByType('resource').map(one => one.name)"))

    def picture(self, path: Path) -> Path:
        self.driver.save_screenshot(str(path))
        return path


@contextmanager
def browser() -> Iterator[Browser]:
    options = Options()
    options.binary_location = require("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    service = Service(require("chromedriver", package="chromium-driver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
