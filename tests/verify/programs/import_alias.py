import openai as ai
from openai import ChatCompletion, Completion as TextCompletion

ai.api_key = "sk-alias"


def ask(text):
    return ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}])


print(ask("aliased")["choices"][0]["message"]["content"])
print(TextCompletion.create(model="davinci", prompt="more")["choices"][0]["text"])
print(ai.Moderation.create("fine")["results"][0]["flagged"])
