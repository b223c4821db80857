import openai

openai.api_key = "sk-stream"


def stream(prompt):
    for chunk in openai.ChatCompletion.create(
        model="gpt-4", messages=[{"role": "user", "content": prompt}], stream=True
    ):
        delta = chunk["choices"][0]["delta"]
        if "content" in delta:
            yield delta["content"]
        if chunk["choices"][0]["finish_reason"]:
            print("[", chunk["choices"][0]["finish_reason"], "]")


for piece in stream("tell me a story"):
    print(repr(piece), end=" ", flush=True)
print()
