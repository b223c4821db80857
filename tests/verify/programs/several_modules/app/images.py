import openai

from app import settings  # noqa: F401  makes the settings


def draw(prompt):
    return openai.Image.create(prompt=prompt, n=1)["data"][0]["url"]
