# host: gateway.example
import openai

openai.api_key = "sk-default"
MESSAGES = [{"role": "user", "content": "hello"}]

print(openai.ChatCompletion.create(model="gpt-4", messages=MESSAGES, api_key="sk-other").choices[0].message.content)
print(openai.ChatCompletion.create(model="gpt-4", messages=MESSAGES, organization="org-b").choices[0].message.content)
r = openai.Completion.create(model="m", prompt="p", headers={"X-Team": "search", "Helicone-Auth": "Bearer h"})
print(r["choices"][0]["text"])
r = openai.ChatCompletion.create(
    model="gpt-4", messages=MESSAGES, api_base="https://gateway.example/openai/v1", api_key="sk-gw", request_timeout=9
)
print(r["choices"][0]["message"]["content"])
print(openai.Embedding.create(model="e", input="x", request_id="req-77")["data"][0]["index"])
print(openai.ChatCompletion.create(model="gpt-4", messages=MESSAGES, request_timeout=(3, 20))["id"])
