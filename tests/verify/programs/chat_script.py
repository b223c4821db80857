import os

import openai

openai.api_key = os.getenv("OPENAI_API_KEY")

response = openai.ChatCompletion.create(
    model="gpt-3.5-turbo",
    messages=[
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "Name a colour."},
    ],
    temperature=0.2,  # nearly always the same
    max_tokens=20,
)
print(response["choices"][0]["message"]["content"])
print(response["usage"]["total_tokens"], response["model"], response["object"])
