# stdin: What is a lens?
# stdin: And a mirror?
import sys

import openai

openai.api_key = "sk-history"
messages = [{"role": "system", "content": "Explain simply."}]

for line in sys.stdin:
    messages.append({"role": "user", "content": line.strip()})
    response = openai.ChatCompletion.create(model="gpt-4", messages=messages)
    reply = response["choices"][0]["message"]
    messages.append({"role": reply["role"], "content": reply["content"]})
    print(reply["content"])

print(len(messages), messages[-1]["content"])
