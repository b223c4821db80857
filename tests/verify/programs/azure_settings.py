# env: AZURE_ENDPOINT=https://tickets.openai.azure.com
import os

import openai

openai.api_type = "azure"
openai.api_base = os.environ["AZURE_ENDPOINT"]
openai.api_version = "2023-05-15"
openai.api_key = "azure-key-0123456789abcdef"

chat = openai.ChatCompletion.create(engine="gpt-35", messages=[{"role": "user", "content": "hello azure"}])
print(chat["choices"][0]["message"]["content"], chat["model"])
embedding = openai.Embedding.create(deployment_id="ada", input="text")
print(embedding["data"][0]["embedding"][:2])
text = openai.Completion.create(engine="davinci", prompt="finish this", max_tokens=9)
print(text["choices"][0]["text"])
