import openai

openai.api_key = "sk-kwargs"
DEFAULTS = {"temperature": 0.1, "max_tokens": 12}


def ask(text, **options):
    params = {**DEFAULTS, **options}
    return openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}], **params)


print(ask("plain")["choices"][0]["message"]["content"])
for choice in ask("many", n=3, top_p=0.5)["choices"]:
    print(choice["index"], choice["message"]["content"])
