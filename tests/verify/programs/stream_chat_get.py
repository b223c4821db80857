import sys

import openai

openai.api_key = "sk-stream"
response = openai.ChatCompletion.create(
    model="gpt-4", messages=[{"role": "user", "content": "some more words"}], stream=True
)
collected_chunks = []
collected_messages = []
for chunk in response:
    collected_chunks.append(chunk)
    chunk_message = chunk["choices"][0]["delta"]
    collected_messages.append(chunk_message)
    sys.stdout.write(chunk_message.get("content", ""))
print()
full = "".join([m.get("content", "") or "" for m in collected_messages])
print(len(collected_chunks), full)
