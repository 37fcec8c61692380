"""Speech endpoints in each dialect: what goes over the wire, and what is made of the answers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall, Recording
from contracts.transcripts import Transcript
from integrations.inference.chat import ChatEndpoint, Dialect, Phi
from integrations.inference.transcription import SPEECH, TranscriptionClient
from tests.fakes.speech_server import DURATION_S, KEY, MODEL, WORDS, SpeechServer

pytestmark = pytest.mark.integration
AUDIO = bytes(range(256)) + b"\r\n--\n\r" + bytes(range(256))
RECORDING = Recording(blob="b1", media_type="audio/ogg; codecs=opus", hotwords=("metoprolol", "aspirin"))


@pytest.fixture(params=sorted(SPEECH))
def server(request: pytest.FixtureRequest) -> Iterator[SpeechServer]:
    server = SpeechServer(request.param)
    yield server
    server.close()


@pytest.fixture
async def client(server: SpeechServer) -> AsyncIterator[TranscriptionClient]:
    endpoint = ChatEndpoint("transcription", server.url, MODEL, Phi.ALLOWED, Dialect(server.dialect), 5.0, KEY)
    client = TranscriptionClient(endpoint, {"b1": AUDIO}.__getitem__)
    yield client
    await client.close()


async def heard(client: TranscriptionClient, recording: Recording | None = RECORDING) -> ModelCall:
    return await client.ask(ChatRequest(step="hear", messages=(), recording=recording, max_tokens=1000))


async def refusal(client: TranscriptionClient) -> ModelError:
    with pytest.raises(ModelError) as refused:
        await heard(client)
    return refused.value


async def test_the_wire_is_the_dialects_own(server: SpeechServer, client: TranscriptionClient) -> None:
    call = await heard(client)
    assert server.refused == ""
    assert server.audio == [AUDIO]
    assert server.names == ["metoprolol", "aspirin"]
    transcript = Transcript.model_validate_json(call.content)
    assert [(w.text, w.start_s, w.end_s) for w in transcript.words] == [*WORDS]
    assert transcript.duration_s == DURATION_S
    assert {w.probability for w in transcript.words} == {0.5 if server.dialect == "faster_whisper" else None}
    assert (call.model, call.endpoint, call.finish_reason) == (MODEL, "transcription", "stop")


async def test_without_names_none_are_sent(server: SpeechServer, client: TranscriptionClient) -> None:
    await heard(client, RECORDING.model_copy(update={"hotwords": ()}))
    assert (server.refused, server.names) == ("", [])


async def test_the_stand_in_refuses_what_is_sent_otherwise(server: SpeechServer, client: TranscriptionClient) -> None:
    for wrong in ({"model": "other"}, {"api_key": "wrong"}):
        other = TranscriptionClient(replace(client.endpoint, **wrong), lambda _: AUDIO)
        assert (await refusal(other)).kind == Fallback.UNREACHABLE
        await other.close()
    with pytest.raises(ModelError):
        await heard(client, RECORDING.model_copy(update={"media_type": "audio/wav"}))
    with pytest.raises(ModelError):
        await heard(client, RECORDING.model_copy(update={"language": "de"}))
    assert server.audio == []


async def test_what_it_serves_is_asked_with_the_key(server: SpeechServer, client: TranscriptionClient) -> None:
    assert await client.served() == [MODEL]
    stranger = TranscriptionClient(replace(client.endpoint, api_key="wrong"), lambda _: AUDIO)
    with pytest.raises(ModelError) as refused:
        await stranger.served()
    assert refused.value.kind == Fallback.UNREACHABLE
    await stranger.close()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("half", Fallback.NONSENSE), ("cut", Fallback.NONSENSE), ("nonsense", Fallback.NONSENSE),
     ("429", Fallback.UNREACHABLE), ("500", Fallback.UNREACHABLE), ("401", Fallback.UNREACHABLE)],
)  # fmt: skip
async def test_a_bad_answer_is_classified(
    server: SpeechServer, client: TranscriptionClient, mode: str, kind: Fallback
) -> None:
    server.mode = mode
    refused = await refusal(client)
    assert refused.kind == kind
    assert "Zebedee" not in str(refused) and "Metoprolol" not in str(refused)


async def test_one_that_is_too_slow_is_given_up_and_then_left_alone(server: SpeechServer) -> None:
    server.mode = "slow"
    endpoint = ChatEndpoint("transcription", server.url, MODEL, Phi.ALLOWED, Dialect(server.dialect), 0.2, KEY)
    client = TranscriptionClient(endpoint, lambda _: AUDIO)
    kinds = [(await refusal(client)).kind for _ in range(3)]
    assert kinds == [Fallback.TOO_SLOW] * 3
    server.released.set()
    await client.close()


async def test_speech_never_leaves_for_an_endpoint_that_may_not_hear_patients(server: SpeechServer) -> None:
    for phi in (Phi.NONE, Phi.SURROGATES):
        closed = ChatEndpoint("transcription", server.url, MODEL, phi, Dialect(server.dialect), 5.0, KEY)
        client = TranscriptionClient(closed, lambda _: AUDIO)
        assert (await refusal(client)).kind == Fallback.FORBIDDEN
        await client.close()
    assert server.audio == []


async def test_without_times_of_words_those_of_a_stretch_are_shared_out(
    server: SpeechServer, client: TranscriptionClient
) -> None:
    server.mode = "no words"
    transcript = Transcript.model_validate_json((await heard(client)).content)
    assert [w.text for w in transcript.words] == [text for text, *_ in WORDS]
    assert (transcript.words[0].start_s, transcript.words[-1].end_s) == (0.2, pytest.approx(2.0))
    assert all(a.end_s == b.start_s for a, b in zip(transcript.words, transcript.words[1:], strict=False))


async def test_a_request_without_a_recording_is_not_sent(server: SpeechServer, client: TranscriptionClient) -> None:
    with pytest.raises(ModelError):
        await heard(client, None)
    assert server.audio == []
