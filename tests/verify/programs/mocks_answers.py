from unittest import mock

import openai

openai.api_key = "sk-mocks"
REPLY = {"choices": [{"message": {"content": "a dict by name"}}]}


def ask(text):
    response = openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}])
    return response["choices"][0]["message"]["content"]


def stream():
    chunks = openai.ChatCompletion.create(model="gpt-4", messages=[], stream=True)
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


def fake(**options):
    return {"choices": [{"message": {"content": options["model"]}}]}


print(ask("not mocked"))
with mock.patch.object(openai.ChatCompletion, "create", fake):
    print(ask("a function"))
with mock.patch.object(openai.ChatCompletion, "create", return_value=REPLY) as create:
    print(ask("a name"), create.call_count)
with mock.patch("openai.ChatCompletion.create") as create:
    create.side_effect = [{"choices": [{"message": {"content": "first"}}]}, ValueError("second")]
    print(ask("one"))
    try:
        ask("two")
    except ValueError as error:
        print(error)
with mock.patch("openai.ChatCompletion.create", lambda **options: [{"choices": [{"delta": {"content": "in parts"}}]}]):
    print(stream())
print(ask("not mocked any more"))
