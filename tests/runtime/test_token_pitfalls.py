"""What the rules OAI701 to OAI706 say of tiktoken, asked of tiktoken itself."""

from __future__ import annotations

from typing import Any

import pytest
import tiktoken

from .encodings import encodings_folder

TEXT = "Grüße, 世界! def f(x): return x  # <- 日本語のテキスト"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(encodings_folder()))


def test_encodings_count_differently() -> None:
    new, old = tiktoken.encoding_for_model("gpt-4o"), tiktoken.encoding_for_model("gpt-4")
    assert (new.name, old.name) == ("o200k_base", "cl100k_base")
    assert len(new.encode(TEXT)) < 0.9 * len(old.encode(TEXT))


def test_the_name_of_a_model_is_no_name_of_an_encoding() -> None:
    with pytest.raises(ValueError, match="Unknown encoding"):
        tiktoken.get_encoding("gpt-4o")
    with pytest.raises(KeyError):
        tiktoken.encoding_for_model("o200k_base")


def test_characters_say_little() -> None:
    encoding = tiktoken.get_encoding("o200k_base")
    assert len(encoding.encode("日本語のテキスト" * 50)) > 1.5 * (8 * 50 / 4)


def test_special_tokens_in_text_raise() -> None:
    encoding = tiktoken.get_encoding("o200k_base")
    with pytest.raises(ValueError, match="disallowed special token"):
        encoding.encode("it ends with <|endoftext|> here")
    assert len(encoding.encode("it ends with <|endoftext|> here", disallowed_special=())) > 6


def test_every_model_with_the_old_encoding_is_known() -> None:
    assert tiktoken.encoding_name_for_model("gpt-4-some-day") == "cl100k_base"
    with pytest.raises(KeyError):
        tiktoken.encoding_name_for_model("gpt-99")


@pytest.mark.parametrize("value", [None, [{"type": "text", "text": "Hi"}], 1])
def test_fields_of_messages_that_are_no_text_raise(value: Any) -> None:
    with pytest.raises(TypeError):
        tiktoken.get_encoding("o200k_base").encode(value)
