# host: gateway.example
# host: local.example:8443
import openai

openai.api_key = "EMPTY"
openai.api_base = "https://gateway.example/llm/v1"

models = openai.Model.list()
print([m["id"] for m in models["data"]][:2])
reply = openai.ChatCompletion.create(
    model="vicuna-7b", messages=[{"role": "user", "content": "hello gateway"}], temperature=0, top_k=5
)
print(reply.choices[0].message.content)
