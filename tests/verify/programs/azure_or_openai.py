# env: USE_AZURE=1
# env: AZURE_OPENAI_ENDPOINT=https://switch.openai.azure.com
# env: AZURE_OPENAI_KEY=azure-key-0123456789abcdef
import os

import openai

if os.getenv("USE_AZURE") == "1":
    openai.api_type = "azure"
    openai.api_base = os.environ["AZURE_OPENAI_ENDPOINT"]
    openai.api_version = "2023-05-15"
    openai.api_key = os.environ["AZURE_OPENAI_KEY"]
else:
    openai.api_key = os.environ["OPENAI_API_KEY"]


def ask(text):
    if os.getenv("USE_AZURE") == "1":
        return openai.ChatCompletion.create(engine="gpt-35", messages=[{"role": "user", "content": text}])
    return openai.ChatCompletion.create(model="gpt-3.5-turbo", messages=[{"role": "user", "content": text}])


print(ask("which?")["choices"][0]["message"]["content"])
