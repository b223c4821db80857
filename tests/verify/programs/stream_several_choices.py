import collections

import openai

openai.api_key = "sk-stream"
texts = collections.defaultdict(str)
for chunk in openai.ChatCompletion.create(
    model="gpt-4", messages=[{"role": "user", "content": "two ways"}], n=2, stream=True
):
    for choice in chunk["choices"]:
        texts[choice["index"]] += choice["delta"].get("content", "")
print(dict(texts))
