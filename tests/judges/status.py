"""Chromium opens the status page while the gateway is asked, and axe-core reads it: what was refused is
there, redacted and as text; nothing is loaded from elsewhere, no script runs, and nobody is kept out by
colour, size or a missing name. SHOTS=<folder> keeps what it looked like.
"""

import os
import pathlib
import re
import shutil
import threading

from axe_playwright_python.sync_playwright import Axe
from court import CALC, Dev, bearer, check, curl, eventually, key, messages, sit, token
from playwright.sync_api import sync_playwright

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HOSTILE = "/%3Cscript%3Ealert(1)%3C/script%3E/<img/src=x/onerror=alert(1)>"
SHOTS = os.environ.get("SHOTS")
SECRETS = []


class Watched:
    """A browser's page, and everything that it asked for or complained about."""

    def __init__(self, browser, dev, scheme="light", size=DESKTOP, path="/status"):
        self.context = browser.new_context(color_scheme=scheme, viewport=size)
        self.page = self.context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(dev.gateway.admin + path)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.context.close()

    def shot(self, name):
        if SHOTS:
            pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


class World(Dev):
    """`bearergate dev`, a browser, and callers who never stop."""

    def __enter__(self):
        super().__enter__()
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        assert chromium, "chromium is not installed"
        self._playwright = sync_playwright().start()
        self.browser = self._playwright.chromium.launch(
            executable_path=chromium, chromium_sandbox=False, args=["--disable-quic"]
        )
        good, guest = token(self, "calculator"), token(self, "guest")
        SECRETS.extend([good, guest, self.api_key, *good.split("."), *guest.split(".")])
        self._over = threading.Event()
        self._load = threading.Thread(target=self._ask, args=(good, guest))
        self._load.start()
        return self

    def __exit__(self, *why):
        self._over.set()
        self._load.join()
        self.browser.close()
        self._playwright.stop()
        super().__exit__(*why)

    def _ask(self, good, guest):
        calc = f"{self.gateway.apis}{CALC}"
        while not self._over.wait(0.05):
            curl(calc, headers=[bearer(good)])
            curl(calc, headers=[bearer(guest)])
            curl(calc, headers=[bearer("eyJhbGciOiJub25lIn0.e30." + "c2ln" * 10)])
            curl(messages(self, self.mailboxes.readable), headers=[key(self)])
            curl(messages(self, self.mailboxes.forbidden), headers=[key(self)])
            curl(f"{self.gateway.apis}{HOSTILE}", "--globoff", "--path-as-is")


def settled(dev):
    """Waits until the page has what the load makes."""

    def has_all():
        reasons = curl(f"{dev.gateway.admin}/status.json").json()["refusals"]["reasons"]
        return {"role_missing", "parameter_not_allowed", "no_route"} <= reasons.keys()

    eventually(has_all, "the refusals are on the page")


@check
def a_refused_request_is_there_and_opens_to_what_is_to_be_done(dev):
    settled(dev)
    with Watched(dev.browser, dev) as watched:
        page = watched.page
        assert page.locator(".verdict").inner_text().startswith("Ready."), page.locator(".verdict").inner_text()
        line = page.locator("details", has_text="role_missing").first
        advice = line.get_by_text("Assign the app role to the client")
        assert not advice.is_visible(), "it is closed at first"
        line.locator("summary").click()
        assert advice.is_visible(), "it opens without a script"
        assert line.get_by_text("needs one of [invokeRole]").is_visible()
        for section in ("Routes", "Identities", "Issuers", "Upstreams", "Listeners", "Process"):
            assert page.get_by_role("heading", name=re.compile(f"^{section}")).is_visible(), section
        watched.shot("desktop-light-open")


@check
def it_is_redacted_and_holds_no_secret(dev):
    settled(dev)
    mailbox = dev.mailboxes.forbidden
    name, host = mailbox.split("@")
    with Watched(dev.browser, dev) as watched:
        source = watched.page.content()
    said = source + curl(f"{dev.gateway.admin}/status.json").body
    assert f"{name[0]}…@{host}" in said, "the mailbox is shortened"
    assert name not in said, mailbox
    for secret in SECRETS:
        assert len(secret) < 8 or secret not in said, f"{secret[:12]}… is shown"
    assert not re.search(r"eyJ[\w-]{8,}", said), re.search(r"eyJ[\w-]{8,}", said)


@check
def nothing_is_loaded_nothing_runs_and_nothing_is_complained_of(dev):
    settled(dev)
    for scheme in ("light", "dark"):
        with Watched(dev.browser, dev, scheme) as watched:
            assert watched.asked == [f"{dev.gateway.admin}/status"], watched.asked
            assert not watched.complaints, watched.complaints
            assert watched.page.locator("script, link, img, iframe").count() == 0
            assert watched.page.locator("h1").evaluate("it => getComputedStyle(it).fontSize") == "20px"


@check
def light_and_dark_are_two_and_a_phone_needs_no_sideways_scrolling(dev):
    settled(dev)
    grounds = set()
    for scheme in ("light", "dark"):
        for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
            with Watched(dev.browser, dev, scheme, size) as watched:
                page = watched.page
                grounds.add(page.locator("body").evaluate("it => getComputedStyle(it).backgroundColor"))
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= size["width"], f"{device}: {width} wide"
                watched.shot(f"{device}-{scheme}")
    assert len(grounds) == 2, grounds


@check
def axe_finds_nothing(dev):
    settled(dev)
    for scheme in ("light", "dark"):
        for size in (DESKTOP, PHONE):
            with Watched(dev.browser, dev, scheme, size) as watched:
                watched.page.locator("summary").first.click()
                found = Axe().run(watched.page)
                assert found.violations_count == 0, found.generate_report()


@check
def it_is_asked_for_again_where_somebody_wants_that(dev):
    with Watched(dev.browser, dev, path="/status") as watched:
        watched.page.get_by_role("link", name="refresh every 10 s").click()
        assert watched.page.url.endswith("/status?every=10"), watched.page.url
        assert watched.page.get_by_role("link", name="stop refreshing").is_visible()


if __name__ == "__main__":
    sit(World)
