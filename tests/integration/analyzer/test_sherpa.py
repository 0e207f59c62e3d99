"""A model folder of the operator's: the tiny English model in the form that sherpa-onnx reads, built here."""

import base64
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.analyzer.model_process.models import open_local_models
from services.analyzer.transcribe.model_folder import ModelFolder, ModelKind, recognise
from services.analyzer.transcribe.sherpa import SherpaTranscriber
from services.analyzer.transcribe.vocabulary import Vocabulary
from shared.domain.errors import Permanent, Unavailable
from tests.integration.analyzer.speech import piece, speech_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    found = importlib.util.find_spec("moonshine_voice")
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).with_name("assets") / "tiny-en"
    made = tmp_path_factory.mktemp("models") / "moonshine-tiny-en"
    made.mkdir()
    for name in ("encoder_model.ort", "decoder_model_merged.ort"):
        (made / name).symlink_to(source / name)
    tokens = Vocabulary(source / "tokenizer.bin").tokens
    lines = (f"{base64.b64encode(token).decode()}\t{number}\n" for number, token in enumerate(tokens))
    (made / "tokens.txt").write_text("".join(lines))
    return recognise(made)


@pytest.fixture(scope="module")
async def transcriber(folder: ModelFolder) -> AsyncIterator[SherpaTranscriber]:
    async with open_local_models(deadline=60) as models:
        yield SherpaTranscriber(models, folder, "en")


async def test_a_folder_of_ones_own_transcribes(transcriber: SherpaTranscriber, folder: ModelFolder) -> None:
    await transcriber.check()
    heard = await transcriber.transcribe(piece(speech_sample()))
    assert folder.kind is ModelKind.MOONSHINE_V2
    assert "no matter, try again" in " ".join(line.text for line in heard.lines).lower()
    assert (transcriber.name, transcriber.languages) == ("sherpa-onnx/moonshine-tiny-en", ("en",))


async def test_without_a_named_language_none_is_claimed(folder: ModelFolder) -> None:
    async with open_local_models(deadline=60) as models:
        transcriber = SherpaTranscriber(models, folder, None)
        assert transcriber.languages == ()
        assert (await transcriber.transcribe(piece(speech_sample()[:96_000]))).language is None


async def test_files_that_are_no_model_fail_with_a_stable_code(folder: ModelFolder, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in ("encoder_model.ort", "decoder_model_merged.ort", "tokens.txt"):
        (broken / file).write_text("no model")
    async with open_local_models(deadline=60) as models:
        with pytest.raises(Permanent, match=r"MODEL_DIR: the model in .* can't be used") as refused:
            await SherpaTranscriber(models, recognise(broken), None).check()
        assert str(broken) in refused.value.message
        assert "moonshine_v2 (decoder_model_merged.ort, encoder_model.ort, tokens.txt)" in refused.value.message
        with pytest.raises((Unavailable, Permanent)) as failed:
            await SherpaTranscriber(models, recognise(broken), None).transcribe(piece(speech_sample()[:32_000]))
        assert failed.value.code in {"model_failed", "model_stopped"}
        assert str(tmp_path) not in failed.value.message
        assert (await SherpaTranscriber(models, folder, None).transcribe(piece(speech_sample()[:96_000]))).lines
