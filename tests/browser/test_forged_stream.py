"""Whoever writes to Redis changes nothing in a page: nothing from there is ever HTML, in a real Chromium."""

import json
import re

import pytest
import redis
from playwright.sync_api import Page, expect

from integrations.live.worklist import STREAM
from tests.ward import Resource, Ward

pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.fixture
def page(page: Page) -> Page:
    expect(page.locator("#live")).to_have_text("Live")
    return page


def approval(row: Resource) -> str:
    """Return markup by which htmx, had it any power, would approve the case without a click."""
    form = {
        "kind": "approve", "version": row["version"], "shown_hash": row["suggestion_hash"], "decision_id": "forged",
        "selected": "", "reason": "",
    }  # fmt: skip
    values = json.dumps(form).replace('"', "&quot;")
    post = f'hx-post="/cases/{row["case_id"]}/decision" hx-trigger="load" hx-vals="{values}"'
    return f'<div id="forged" {post}>forged</div><div hx-on:click="1" hx-live="document.title = 1"></div>'


def poison(ward: Ward, row: Resource) -> None:
    client = redis.Redis.from_url(ward.settings.parts.redis_url)
    html = approval(row)
    for value in (
        f"x\n\ndata: {html}\n\n",
        f"x\r\rdata: {html}\r\r",
        html,
        "\udcff".encode("utf-8", "surrogateescape"),
    ):
        client.xadd(STREAM, {"case": value})
    client.xadd(STREAM, {"other": "field"})
    client.close()


def test_a_poisoned_entry_is_never_in_the_page_and_honest_changes_still_arrive(page: Page, ward: Ward) -> None:
    row = ward.suggested(ward.admit("stream-1", "sore throat", hr=80))
    expect(page.get_by_role("link", name=re.compile("sore throat"))).to_be_visible()
    for path in ("/", f"/cases/{row['case_id']}"):
        page.goto(path)
        expect(page.locator("#live")).to_have_text("Live")
        poison(ward, row)
        page.wait_for_timeout(1000)
        assert page.locator("#forged").count() == 0
    page.goto("/")
    ward.admit("stream-2", "itching eyes", hr=80)
    expect(page.get_by_role("link", name=re.compile("itching eyes"))).to_be_visible()
    listed = ward.listed("stream-1")
    assert listed and listed["state"] == "open", "nobody decided"


def test_markup_that_reached_the_page_all_the_same_has_no_power(page: Page, ward: Ward) -> None:
    """The wall behind that: the stream itself is forged between us and the browser."""
    row = ward.suggested(ward.admit("stream-3", "blister", hr=80))
    html = approval(row)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    stream = f"data: {html}\n\nevent: heartbeat\ndata:\n\n"
    page.route("**/events*", lambda route: route.fulfill(body=stream, content_type="text/event-stream"))
    page.route("**/*fragment*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("/")
    page.wait_for_timeout(1000)
    assert page.locator("#forged").count() == 0, "a message without a name is not taken"
    page.evaluate("htmx.ajax('GET', '/?fragment=true', '#rows')")
    expect(page.locator("#forged")).to_have_count(1)
    page.evaluate("htmx.ajax('POST', '/login', '#rows')")
    page.wait_for_timeout(1000)
    assert posts == []
    listed = ward.listed("stream-3")
    assert listed and listed["state"] == "open"
    headers = {"HX-Request": "true"}
    refused = ward.page().post(f"/cases/{row['case_id']}/decision", data={"kind": "approve"}, headers=headers)
    assert refused.status_code == 403
