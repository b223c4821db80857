# env: OPENAI_API_KEY=
import openai


def check():
    if not openai.api_key:
        return "no key yet"
    return openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": "x"}])["id"]


openai.api_key = None
print(check())
openai.api_key = "sk-later"
print(check())
