# reply: {"contains": "busy", "times": 2, "status": 429, "error": "Rate limit reached"}
import openai

KEYS = ["sk-a", "sk-b", "sk-c"]
current = 0


def ask(text):
    global current
    for _ in KEYS:
        try:
            reply = openai.ChatCompletion.create(
                api_key=KEYS[current], model="gpt-4", messages=[{"role": "user", "content": text}]
            )
            return reply["choices"][0]["message"]["content"]
        except openai.error.RateLimitError:
            print("limit of", KEYS[current])
            current = (current + 1) % len(KEYS)
    raise SystemExit("all keys are used up")


print(ask("quiet"))
print(ask("busy"))
print(ask("quiet again"))
