import openai

openai.api_key = "sk-passed"
cache = {}


def request(prompt):
    if prompt not in cache:
        cache[prompt] = openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": prompt}])
    return cache[prompt]


def text_of(response):
    return response["choices"][0]["message"]["content"]


def tokens_of(response):
    return response["usage"]["total_tokens"]


class Log:
    def __init__(self):
        self.responses = []

    def add(self, response):
        self.responses.append(response)

    def total(self):
        return sum(tokens_of(r) for r in self.responses)


log = Log()
for prompt in ("x", "y z", "x"):
    answer = request(prompt)
    log.add(answer)
    print(text_of(answer))
print(log.total(), len(cache))
