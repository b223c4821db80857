import openai

from app import settings


def ask(text, **options):
    return openai.ChatCompletion.create(
        model=settings.MODEL, messages=[{"role": "user", "content": text}], **options
    )


def count_tokens(response):
    return response["usage"]["total_tokens"]


def stream(text):
    for chunk in ask(text, stream=True):
        yield chunk["choices"][0]["delta"].get("content", "")
