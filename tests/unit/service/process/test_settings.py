"""A wrong configuration is refused in words, and secrets stay secret."""

import json
import stat
import zoneinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from contracts.errors import ConfigurationError
from service.process import settings
from service.process.secrets import create_secrets, load_secrets
from service.process.state_folder import open_to_others, repair_rights, write_private
from tests.fakes.parts import PARTS

BLOCK = b"""
feed = "ehr"
roles = []
deadline_s = 1
ladder_s = []
triggers = []
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with the packaged configuration and good parts."""
    (tmp_path / "wardflow.toml").write_text(settings.DEFAULT_CONFIG.read_text())
    (tmp_path / "parts.json").write_text(json.dumps(PARTS))
    return tmp_path


def refusal(state: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        settings.load(state).pathway_objects()
    return str(refused.value)


def edit(state: Path, old: str, new: str) -> None:
    config = state / "wardflow.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def test_a_configuration_of_before_that_names_a_unit_still_loads(state: Path) -> None:
    loaded = settings.load(state)
    edit(state, 'feed = "ehr"\n', 'feed = "ehr"\nunit = "Emergency department"\n')
    assert settings.load(state) == loaded
    edit(state, "unit = ", "units = ")
    assert "units: Extra inputs are not permitted" in refusal(state)


def test_the_packaged_configuration_is_good(state: Path) -> None:
    loaded = settings.load(state)
    (state / "wardflow.toml").unlink()
    assert settings.load(state) == loaded
    assert loaded.pathway_objects().keys() == {"ed_triage", "result_followup", "dictation"}
    assert loaded.pathways["ed_triage"].deadline.total_seconds() == 300
    reviewer = loaded.reviewer("n-okafor")
    assert reviewer is not None
    assert reviewer.role in loaded.pathways["ed_triage"].roles
    assert loaded.reviewer("nobody") is None


def test_models_of_the_parts_stand_beside_those_of_the_configuration(state: Path) -> None:
    model = {"url": "http://127.0.0.1:8000/v1", "model": "small"}
    (state / "parts.json").write_text(json.dumps(PARTS | {"models": {"reasoning": model}}))
    loaded = settings.load(state).models["reasoning"]
    assert (loaded.model, loaded.phi) == ("small", "none")  # may see no patient until someone says so


def test_a_role_that_the_configuration_names_is_not_the_parts_to_serve(state: Path) -> None:
    ours = {"url": "http://127.0.0.1:8000/v1", "model": "embedded"}
    (state / "parts.json").write_text(json.dumps(PARTS | {"models": {"code": ours}}))
    assert settings.roles(state) == set() and settings.load(state).models["code"].model == "embedded"
    edit(state, "[users.n-okafor]", '[models.code]\nurl = "http://gpu/v1"\nmodel = "large"\n[users.n-okafor]')
    assert settings.roles(state) == {"code"} and settings.load(state).models["code"].model == "large"


@pytest.mark.parametrize(("role", "dialect"), [("transcription", "openai"), ("reasoning", "azure_speech")])
def test_a_dialect_that_can_not_do_what_the_role_is_for_is_refused(state: Path, role: str, dialect: str) -> None:
    block = f'[models.{role}]\nurl = "http://gpu/v1"\nmodel = "m"\ndialect = "{dialect}"\n'
    edit(state, "[users.n-okafor]", f"{block}[users.n-okafor]")
    assert f"{role}: dialect {dialect}" in refusal(state)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('feed = "ehr"', 'feeed = "ehr"', "pathways.ed_triage.feed"),
        ("deadline_s = 300", 'deadline_s = "soon"', "pathways.ed_triage.deadline_s"),
        ('role = "triage_nurse"', "", "users.n-okafor.role"),
        ("opens = true", "opens = true\nopenz = 1", "openz"),
        ('scale = "esi"', 'scale = "apgar"', "apgar"),
        ("[users.n-okafor]", "[users.n-okafor", "line 4"),
    ],
)
def test_a_mistake_is_named_with_its_place(state: Path, old: str, new: str, said: str) -> None:
    edit(state, old, new)
    assert said in refusal(state)


def test_traces_go_where_the_configuration_says_else_where_the_environment_does(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert settings.load(state).tracing.endpoint == ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert settings.load(state).tracing.endpoint == "http://collector:4318"
    edit(state, "[users.n-okafor]", '[tracing]\nendpoint = ""\n[users.n-okafor]')
    assert settings.load(state).tracing.endpoint == ""


def test_a_missing_address_is_named(state: Path) -> None:
    (state / "parts.json").write_text(json.dumps(PARTS | {"fhir_url": None}))
    assert "parts.fhir_url" in refusal(state)


def test_a_folder_that_was_never_started_says_how_to_start(tmp_path: Path) -> None:
    assert "wardflow up" in refusal(tmp_path)
    with pytest.raises(ConfigurationError, match="wardflow up"):
        load_secrets(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("parts.json", b"{half"),
        ("parts.json", b"[]"),
        ("parts.json", b""),
        ("wardflow.toml", b"models = 5"),
        ("wardflow.toml", "# Übersicht".encode("latin-1")),
        ("wardflow.toml", b"[pathways.sepsis]" + BLOCK),
        ("wardflow.toml", b"[pathways.ed_triage]" + BLOCK + b'[pathways.ed_triage.options]\nscal="esi"'),
    ],
    ids=["half JSON", "a list", "empty", "models", "latin-1", "unknown pathway", "unknown option"],
)  # fmt: skip
def test_every_other_mistake_is_said_in_words_too(state: Path, file: str, content: bytes) -> None:
    (state / file).write_bytes(content)
    refusal(state)


def test_secrets_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    create_secrets(tmp_path)
    path = tmp_path / "keys.json"
    first = path.read_text()
    create_secrets(tmp_path)
    assert path.read_text() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = load_secrets(tmp_path)
    assert made.keyring().open(made.keyring().seal(b"x", "p"), "p") == b"x"
    assert made.signer().sign(b"x")
    values = [v for v in json.loads(first).values() if isinstance(v, str) and len(v) == 64]
    assert len(set(values)) == 6
    cookie = made.session_keyring().seal(b"n-okafor", "cookie")
    assert made.session_keyring().open(cookie, "cookie") == b"n-okafor"
    for other in (made.keyring(), made.model_copy(update={"session_key": made.audit_key}).session_keyring()):
        with pytest.raises(ConfigurationError):
            other.open(cookie, "cookie")
    assert not [v for v in values if v in f"{made!r} {made.keyring()!r} {made.model_dump_json()}"]


def test_broken_secrets_are_refused_without_being_shown(tmp_path: Path) -> None:
    create_secrets(tmp_path)
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"more": "5ecre7"}))
    with pytest.raises(ConfigurationError) as refused:
        load_secrets(tmp_path)
    assert "5ecre7" not in str(refused.value)


def test_the_hospitals_time_zone_reaches_every_pathway_and_one_may_have_its_own(state: Path) -> None:
    edit(state, 'time_zone = "UTC"', 'time_zone = "Europe/Berlin"')
    edit(state, "[pathways.dictation.options]", '[pathways.dictation.options]\ntime_zone = "Asia/Tokyo"')
    zones = {name: vars(made)["options"].time_zone for name, made in settings.load(state).pathway_objects().items()}
    assert zones == {"ed_triage": "Europe/Berlin", "result_followup": "Europe/Berlin", "dictation": "Asia/Tokyo"}


def test_a_pathway_that_knows_no_zone_goes_on_while_the_hospital_names_none(state: Path) -> None:
    edit(state, "[hospital]\n", "")
    edit(state, "time_zone = ", "# time_zone = ")
    loaded = settings.load(state)
    assert loaded.hospital.time_zone == "UTC"
    assert vars(loaded.pathway_objects()["ed_triage"])["options"].time_zone == "UTC"


@pytest.mark.parametrize("name", ["Europe/Berln", "", "+01:00", "../../etc/passwd", "Europe", "localtime", "\\u0000"])
def test_a_time_zone_that_is_none_is_refused_by_the_name_of_its_setting(state: Path, name: str) -> None:
    edit(state, 'time_zone = "UTC"', f'time_zone = "{name}"')
    told = refusal(state)
    assert "hospital.time_zone: " in told and "such as Europe/Berlin" in told
    edit(state, f'time_zone = "{name}"', 'time_zone = "UTC"')
    edit(state, "[pathways.dictation.options]", f'[pathways.dictation.options]\ntime_zone = "{name}"')
    assert "[pathways.dictation.options] time_zone: " in refusal(state)


def test_utc_needs_no_zone_database(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.time_zones.ZoneInfo", ZoneInfo.no_cache)
    zoneinfo.reset_tzpath(to=())
    try:
        assert settings.load(state).pathway_objects()
        edit(state, 'time_zone = "UTC"', 'time_zone = "Europe/Berlin"')
        assert "hospital.time_zone: " in refusal(state)
    finally:
        zoneinfo.reset_tzpath()


def test_a_port_that_names_no_model_is_refused(state: Path) -> None:
    edit(
        state,
        "[pathways.ed_triage.options]",
        '[pathways.ed_triage.ports]\nreasoning = "labs"\n[pathways.ed_triage.options]',
    )
    assert "[pathways.ed_triage.ports] names labs" in refusal(state)


@pytest.mark.parametrize("phi", ["allowed", "surrogates"])
def test_patients_are_sent_in_clear_to_no_other_machine(state: Path, phi: str) -> None:
    config = (state / "wardflow.toml").read_text()

    def block(url: str) -> None:
        told = f'\n[models.reasoning]\nurl = "{url}"\nmodel = "m"\nphi = "{phi}"\n'
        (state / "wardflow.toml").write_text(config + told)

    for url in ("http://gpu.test/v1", "http://10.0.0.5:8000/v1"):
        block(url)
        told = refusal(state)
        assert "[models.reasoning]" in told and "use https://" in told
    for url in ("https://gpu.test/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1", "http://localhost/v1"):
        block(url)
        settings.load(state)


def test_an_older_state_is_closed_to_others_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "logs").mkdir(parents=True)
    (state / "mine").mkdir()
    files = [state / "ledger.db", state / "logs" / "worker.log", state / "wardflow.toml", state / "fhir"]
    for path in (*files, state / "mine" / "notes"):
        path.write_text("x")
        path.chmod(0o644)
    state.chmod(0o755)
    (state / "logs").chmod(0o755)
    assert set(open_to_others(state)) == {state, state / "logs", *files}
    repair_rights(state)
    assert list(open_to_others(state)) == []
    assert [stat.S_IMODE(path.stat().st_mode) for path in (state, files[0])] == [0o700, 0o600]
    assert stat.S_IMODE((state / "mine" / "notes").stat().st_mode) == 0o644


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.yaml"
    seen: list[int] = []
    monkeypatch.setattr(
        settings.os, "fchmod", lambda fd, mode: seen.append(stat.S_IMODE(settings.os.fstat(fd).st_mode))
    )
    before = settings.os.umask(0)
    try:
        write_private(path, "token")
    finally:
        settings.os.umask(before)
    assert (seen, path.read_text()) == ([0o600], "token")


def test_where_a_model_was_measured_names_pathways_that_are_there(state: Path) -> None:
    block = '[models.reasoning]\nurl = "http://gpu/v1"\nmodel = "m"\nmeasured_on = ["%s"]\n[users.n-okafor]'
    edit(state, "[users.n-okafor]", block % "ed_triage")
    assert settings.load(state).models["reasoning"].endpoint("reasoning").measured_on == ("ed_triage",)
    edit(state, 'measured_on = ["ed_triage"]', 'measured_on = ["ed_triagge"]')
    with pytest.raises(ConfigurationError, match=r"measured_on names ed_triagge, and there is no \[pathways"):
        settings.load(state)


def test_a_model_was_measured_nowhere_unless_that_is_said(state: Path) -> None:
    edit(state, "[users.n-okafor]", '[models.reasoning]\nurl = "http://gpu/v1"\nmodel = "m"\n[users.n-okafor]')
    assert settings.load(state).models["reasoning"].endpoint("reasoning").measured_on == ()
