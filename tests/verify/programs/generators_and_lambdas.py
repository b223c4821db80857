import openai

openai.api_key = "sk-lambda"
ask = lambda text: openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}])  # noqa: E731
content = lambda r: r["choices"][0]["message"]["content"]  # noqa: E731


def answers(questions):
    for question in questions:
        yield openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": question}])


print(content(ask("lambda")))
for answer in answers(["g1", "g2"]):
    print(answer["choices"][0]["message"]["content"])
print(max((a["usage"]["total_tokens"] for a in answers(["a b c", "d"])), default=0))
