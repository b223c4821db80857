# env: OPENAI_ORGANIZATION=org-from-env
# env: MY_KEY=sk-from-my-env
import os

import openai

openai.api_key = os.environ["MY_KEY"]
openai.organization = os.getenv("OPENAI_ORGANIZATION")
model = os.environ.get("MODEL", "gpt-4")
print(openai.ChatCompletion.create(model=model, messages=[{"role": "user", "content": "env"}]).choices[0].message.content)
