def summarise(text):
    import openai

    openai.api_key = "sk-lazy"
    reply = openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": f"Summarise: {text}"}])
    return reply["choices"][0]["message"]["content"]


def main():
    for text in ("first", "second"):
        print(summarise(text))


main()
