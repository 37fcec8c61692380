"""Which links are the server's own, and what is kept of an address and of a refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import FhirError, FhirFault
from integrations.fhir import addresses

BASE = "http://chart.example/fhir"


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("/fhir/Observation?page=2", f"{BASE}/Observation?page=2"),
        ("Observation?page=2", f"{BASE}/Observation?page=2"),
        ("http://chart.example:80/fhir?_getpages=x", f"{BASE}?_getpages=x"),
        ("HTTP://Chart.Example/fhir/Observation?page=2", f"{BASE}/Observation?page=2"),
        ("http://chart.example./fhir?page=2", f"{BASE}?page=2"),
        (f"{BASE}?page=2", f"{BASE}?page=2"),
        ("http://someone:secret@chart.example/fhir?page=2", f"{BASE}?page=2"),
    ],
)
def test_a_link_in_another_spelling_of_our_address_is_followed_at_ours(link: str, followed: str) -> None:
    assert addresses.followed(BASE, link) == followed


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LocalHost"])
def test_all_names_of_this_machine_are_one_host(host: str) -> None:
    assert addresses.followed("http://localhost:9000/fhir", f"http://{host}:9000/fhir?p=2") == (
        "http://localhost:9000/fhir?p=2"
    )


@pytest.mark.parametrize(
    "link",
    [
        "http://chart.svc.cluster.local/fhir?_getpages=x",
        "https://chart.example/fhir?page=2",
        "http://chart.example:8080/fhir?page=2",
        "//elsewhere.example/fhir?page=2",
        "http://chart.example/fhir.evil.example/?page=2",
        "http://chart.example@elsewhere.example/fhir?page=2",
        "http://chart.example/fhir/../admin",
        "/other?page=2",
        "file:///fhir",
    ],
)
def test_a_link_to_another_address_is_refused_with_both_and_the_setting(link: str) -> None:
    with pytest.raises(FhirError) as refused:
        addresses.followed(BASE, link)
    assert refused.value.kind == FhirFault.REFUSED
    assert BASE in str(refused.value) and "fhir_url" in str(refused.value)
    assert "page=2" not in str(refused.value) and "_getpages" not in str(refused.value)


@given(st.text() | st.sampled_from(["http://[::1", "http://chart.example:port/fhir"]))
def test_any_link_is_under_our_address_or_refused(link: str) -> None:
    try:
        assert addresses.followed(BASE, link).startswith(BASE)
    except FhirError as refused:
        assert refused.kind == FhirFault.REFUSED


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        (f"{BASE}/Encounter?_lastUpdated=ge2026-01-05&_count=10", "/Encounter?_lastUpdated=ge2026-01-05&_count=10"),
        (f"{BASE}/Patient/mrn-4711", "/Patient/*"),
        (f"{BASE}/Observation?encounter=Encounter/mrn-4711&_count=500", "/Observation?encounter=*&_count=500"),
        (f"{BASE}?_getpages=mrn-4711", "?_getpages=*"),
        (f"{BASE}/Subscription/wardflow-ehr-media", "/Subscription/wardflow-ehr-media"),
        (f"{BASE}/metadata", "/metadata"),
        (BASE, ""),
    ],
)
def test_an_address_is_kept_without_what_names_a_patient(target: str, kept: str) -> None:
    assert addresses.impersonal(BASE, target) == BASE + kept


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        ({"issue": [{"code": "invalid", "diagnostics": "Invalid id"}]}, "Invalid id", "invalid"),
        ({"issue": [{"code": "invalid", "details": {"text": "No\nsuch"}}]}, "No such", "invalid"),
        ({"issue": [{"code": "login"}, {"code": "x", "diagnostics": "y"}]}, "login; y", "login; x"),
        ({"issue": [{"code": "Zebedee Quillfeather", "diagnostics": "z" * 900}]}, "z" * 200, ""),
        ({"issue": [7]}, "", ""),
        ({"issue": {}}, "", ""),
        ([], "", ""),
    ],
)
def test_the_servers_words_are_kept_short_and_where_they_may_quote_a_patient_only_its_code(
    body: object, said: str, code: str
) -> None:
    content = json.dumps(body).encode()
    assert addresses.words(content, may_quote=False) == said
    assert addresses.words(content, may_quote=True) == code


@pytest.mark.parametrize(
    "link",
    [
        "/fhir/../admin?page=2", "/fhir/%2e%2e/admin", "/fhir/%252e%252e/admin", "/fhir/..%2fadmin", "/fhir/./../../x",
        "/fhir/x/..", "/fhir/..%5cadmin", "/fhirs/Patient",
    ],
)  # fmt: skip
def test_a_link_does_not_climb_out_of_the_base_address(link: str) -> None:
    with pytest.raises(FhirError, match="the next page is at"):
        addresses.followed(BASE, f"http://chart.example{link}")
    assert addresses.followed(BASE, f"{BASE}/Patient?_page=../2&x=..") == f"{BASE}/Patient?_page=../2&x=.."
