from unittest import mock

import openai

openai.api_key = "sk-mocks"


def ask(text):
    response = openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}])
    return response.choices[0].message.content


print(ask("not mocked"))
with mock.patch("openai.ChatCompletion.create") as create:
    create.return_value.choices[0].message.content = "mocked"
    print(ask("mocked?"), create.call_count, create.call_args.kwargs["model"])
